/*
 * --assert: a promise that the run is held to, such as "ttft.p99 < 800ms" or
 * "failed == 0".  Latencies: ttft itl itl_request e2e head slip, and added_ttft
 * added_e2e added_head, with .pN, .mean or .max and a duration; numbers:
 * requests answered cut failed, the outcomes by name, goodput.  Pure.
 */
#ifndef LOAD_ASSERTION_H
#define LOAD_ASSERTION_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "load/tally.h"

enum assertion_metric {
    METRIC_TTFT,
    METRIC_ITL,
    METRIC_ITL_REQUEST,
    METRIC_E2E,
    METRIC_HEAD,
    METRIC_SLIP,
    METRIC_ADDED_TTFT, /* the same statistic of what went --direct taken off */
    METRIC_ADDED_E2E,
    METRIC_ADDED_HEAD,
    METRIC_LATENCIES, /* how many latencies there are */
    METRIC_REQUESTS = METRIC_LATENCIES,
    METRIC_FAILED,
    METRIC_GOODPUT, /* the share that kept its promise, 0 to 1 */
    METRIC_OUTCOME, /* + enum outcome */
};

enum assertion_order { ORDER_LESS, ORDER_LESS_EQUAL, ORDER_MORE, ORDER_MORE_EQUAL, ORDER_EQUAL };

struct assertion {
    struct slice text;
    int metric;
    double percent; /* 0 to 100; -1 the mean */
    enum assertion_order order;
    double bound; /* ms, or a count */
};

/* `text` must outlive it. */
bool assertion_parse(struct slice text, struct assertion *out, struct error *error) ISO_MUST_USE;
/* What a run came to. */
struct assertion_facts {
    const struct tally *total, *direct;
    const struct histogram *slips;
};

/* *found: the measured value, NAN when nothing was measured; that holds no promise. */
bool assertion_holds(const struct assertion *assertion, const struct assertion_facts *facts,
                     double *found);

#endif
