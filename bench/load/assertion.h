/*
 * --assert: a promise that the run is held to, such as "ttft.p99 < 800ms" or
 * "failed == 0".  Latencies: ttft itl itl_request e2e head slip, with .pN,
 * .mean or .max and a duration; counts: requests answered cut failed and the
 * outcomes by name.  Pure.
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
    METRIC_LATENCIES, /* how many latencies there are */
    METRIC_REQUESTS = METRIC_LATENCIES,
    METRIC_FAILED,
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
/* *found: the measured value, NAN when nothing was measured; that holds no promise. */
bool assertion_holds(const struct assertion *assertion, const struct tally *total,
                     const struct histogram *slips, double *found);

#endif
