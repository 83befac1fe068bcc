/*
 * The prediction for one request, for every target, whatever the policy:
 * which may be used, and what would come back when.  Pure functions of a
 * snapshot, the worker's own ledger and the clock.  Policies price what stands here.
 *
 * Two things were found by trying, with `isobench simulate`: the wait for
 * prefill counts pending requests m, each as a mean one, in place of their
 * tokens, and of what is pending the part in the M lanes is taken for half done.
 * With l = 1 - min(1, M/m) / 2:
 *
 *     B  = l (Bg + Br) / 2
 *     Wp = l m mean_x / R * min(1, m / M)
 */
#ifndef FLEET_ESTIMATE_H
#define FLEET_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/ledger.h"
#include "fleet/query.h"
#include "fleet/snapshot.h"
#include "isochrone/policy.h"

/* The floor of a prefill: what an engine takes for the smallest prompt. */
#define FLEET_SERVICE_FLOOR_MS 15.0

const char *fleet_reason_name(enum fleet_reason reason);

/*
 * Sets verdict[i] to ISO_CLOSED for the targets that may not be used, and
 * reason[i] to why.  What is not ISO_KEEP on entry (residency, say) stays as
 * it is.  When nothing would be left, first those in slow start or silent,
 * then the ejected and the down are let in again: better a try than an error.
 * Never those that lack the model, were tried, are drained, closed or without weight.
 * `tried` may be NULL.  Returns how many are ISO_KEEP.  [worker]
 */
uint32_t fleet_verdicts(const struct snapshot *snapshot, const struct ledger *ledger,
                        const struct fleet_query *query, const struct slot_set *tried,
                        int64_t now_ns, uint8_t *verdict, uint8_t *reason);

/* Nothing speaks against any target but the verdicts on entry. */
static inline bool fleet_all_usable(const struct snapshot *snapshot,
                                    const struct fleet_query *query, const struct slot_set *tried)
{
    return snapshot->all_usable && tried == NULL && query->model != NULL &&
           query->model->served_count == snapshot->count;
}

/* Fills out[0 .. snapshot->count-1].  Allocates nothing.  [worker] */
void fleet_estimate(const struct snapshot *snapshot, const struct ledger *ledger,
                    const struct fleet_query *query, int64_t now_ns, struct iso_estimate *out);

/*
 * The same, bit for bit, for a worker that asks at one moment for many requests:
 * what no request has a say in stands from one to the next, and is counted again
 * only for the slots whose books have changed, or at another moment.  Zero it to begin.
 */
struct standing {
    const struct snapshot *snapshot; /* of that generation, ... */
    uint64_t generation;
    const struct ledger *ledger;
    int64_t now_ns; /* ... and that moment */
    uint32_t room;
    struct standing_target {
        uint32_t changes; /* ledger_changes, when it was counted */
        struct iso_estimate estimate;
    } * targets;
};

void standing_finish(struct standing *standing);
/* [worker] */
void standing_estimate(struct standing *standing, const struct snapshot *snapshot,
                       const struct ledger *ledger, const struct fleet_query *query, int64_t now_ns,
                       struct iso_estimate *out);

/* r: observed over predicted, pulled towards 1 by half a second of each.  Sums in seconds. */
static inline double fleet_ratio(double observed_s, double predicted_s)
{
    return (observed_s + 0.5) / (predicted_s + 0.5);
}

/* c, the factor on wait and service: r outside a dead band that grows with the report's age. */
double fleet_correction(double observed_s, double predicted_s, double age_ms);

#endif
