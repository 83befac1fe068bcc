/*
 * Reads Prometheus text, one sample at a time, in place and without copying.
 * The text comes from an engine and is not trusted: a line that is not a
 * sample is skipped and counted.  Knows no metric by name; see engine.h.
 */
#ifndef AGENT_PROMETHEUS_H
#define AGENT_PROMETHEUS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct prometheus {
    struct slice rest;
    size_t malformed; /* lines skipped, comments and blank lines apart */
};

struct prometheus_sample {
    struct slice name;   /* [a-zA-Z_:][a-zA-Z0-9_:]* */
    struct slice labels; /* what stands between the braces; well-formed */
    double value;        /* finite; NaN and Inf are no samples */
};

static inline struct prometheus prometheus_of(struct slice text)
{
    return (struct prometheus){.rest = text};
}

/* False at the end of the text. */
bool prometheus_next(struct prometheus *prometheus, struct prometheus_sample *out);

/* The value of a label, escapes as they stand; SLICE_NONE when absent. */
struct slice prometheus_label(struct slice labels, struct slice name);

#endif
