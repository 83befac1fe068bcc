/*
 * What came of the requests that arrived in the measured time.  One that
 * failed or was not finished in the end counts as having taken for ever.
 */
#ifndef SIMULATE_SCORE_H
#define SIMULATE_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/json.h"

/* Of one class. */
struct score_class {
    uint64_t requests;
    uint64_t under_slo;
    struct histogram ttft_ns, e2e_ns; /* of those that came */
};

enum score_of { SCORE_INTERACTIVE, SCORE_FLEX, SCORE_CLASSES };

struct score {
    struct score_class classes[SCORE_CLASSES];
    uint64_t failed;           /* of all classes; the unfinished are not among them */
    uint64_t failed_unstarted; /* ... of these, the ones that no cluster had taken */
    uint64_t unfinished;
    double flex_tokens, flex_paid; /* tokens, and tokens x price */
    double prompt_tokens, cached_tokens;
    uint64_t fault_sent, fault_sent_there; /* from 5 s into a fault: all, and to its cluster */
};

/* NAN when there were no requests; INFINITY when so many never came. */
double score_percentile(const struct histogram *came, uint64_t requests, double percent);
double score_mean(const struct histogram *came, uint64_t requests);
/* {"mean": ms, "p50": ms, ...}; what is infinite is null. */
void score_write_times(struct json *json, const char *key, const struct histogram *came,
                       uint64_t requests);
/* Adds `from` to `into`. */
void score_merge(struct score *into, const struct score *from);

#endif
