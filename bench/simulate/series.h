/*
 * How a run went over time and over the map: for reports and plots, beside the
 * totals of score.h.  The run fills it when it is asked to; result_json.c
 * writes it.  Only the measured time counts, in equal steps.
 */
#ifndef SIMULATE_SERIES_H
#define SIMULATE_SERIES_H

#include <stdint.h>

#include "base/check.h"
#include "base/histogram.h"

#define SERIES_STEPS 60u

/* Interactive requests that arrived in one step. */
struct series_step {
    uint64_t requests;
    struct histogram ttft_ns; /* of those that came */
};

struct series {
    uint32_t clusters, places;
    int64_t from_ns, step_ns;
    struct series_step *steps; /* [SERIES_STEPS] */
    double *busy_s;            /* [step * clusters + cluster] of prefill lanes */
    uint64_t *sent;            /* [step * clusters + cluster] attempts, all classes */
    uint64_t *flows;           /* [place * clusters + cluster] attempts, all classes */
};

struct series *series_create(uint32_t clusters, uint32_t places, int64_t from_ns,
                             int64_t to_ns) ISO_MUST_USE;
void series_destroy(struct series **series);

/* The rest may be called with a NULL series, and at any time: what lies outside does not count. */
void series_arrive(struct series *series, int64_t at_ns);
/* The first token of an interactive request that arrived then. */
void series_first(struct series *series, int64_t arrived_ns, int64_t ttft_ns);
void series_sent(struct series *series, uint32_t place, uint32_t cluster, int64_t at_ns);
void series_busy(struct series *series, uint32_t cluster, int64_t from_ns, int64_t to_ns);

#endif
