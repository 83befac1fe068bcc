/*
 * Writes metrics as Prometheus text 0.0.4 or OpenMetrics 1.0.0 into a buffer:
 * a family (name, type, help), then its samples, then the next family.
 *
 *     metrics_begin(&metrics, &page, METRICS_PROMETHEUS);
 *     metrics_family(&metrics, METRIC_COUNTER, "isochrone_requests_total", "Requests answered.");
 *     metrics_uint(&metrics, n, METRIC_LABELS({"cluster", name}, {"code", "200"}));
 *     metrics_end(&metrics);
 *
 * A family begun twice, a series written twice or a bad name is a bug of ours
 * and CHECKed; label values are escaped and cut, whoever chose them.  Knows no
 * metric by name: the pages are made in control/.
 */
#ifndef BASE_METRICS_TEXT_H
#define BASE_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/counter.h"

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABEL_BYTES_MAX 256

struct metric_label {
    const char *name;
    const char *value; /* NULL counts as "" */
};

/* Label pairs for one sample; METRIC_NO_LABELS for none. */
#define METRIC_LABELS(...) ((const struct metric_label[]){__VA_ARGS__, {NULL, NULL}})
#define METRIC_NO_LABELS ((const struct metric_label[]){{NULL, NULL}})

struct metrics_text {
    struct buffer *out;
    enum metrics_format format;
    enum metric_type type; /* of the present family */
    const char *name;      /* of the present family, NULL before the first */
    uint64_t *seen;        /* hashes of families and series */
    size_t seen_size;
    size_t seen_count;
};

void metrics_begin(struct metrics_text *metrics, struct buffer *out, enum metrics_format format);
/* The last line of OpenMetrics; frees what was needed on the way. */
void metrics_end(struct metrics_text *metrics);

/* A counter's name ends in _total.  `name` must live until the next family. */
void metrics_family(struct metrics_text *metrics, enum metric_type type, const char *name,
                    const char *help);
void metrics_uint(struct metrics_text *metrics, uint64_t value, const struct metric_label *labels);
/* NAN is unknown and leaves the series out. */
void metrics_number(struct metrics_text *metrics, double value, const struct metric_label *labels);
void metrics_histogram(struct metrics_text *metrics, const struct distribution_total *total,
                       const struct metric_label *labels);

/* For the content-type field. */
const char *metrics_content_type(enum metrics_format format);

#endif
