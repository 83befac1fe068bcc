/*
 * The prediction for one request, for every target, whatever the policy:
 * which may be used, and what would come back when.  Pure functions of a
 * snapshot, the worker's own ledger and the clock; DECISION.md has the
 * formulas and the reasons.  Policies price what stands here.
 */
#ifndef FLEET_ESTIMATE_H
#define FLEET_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/ledger.h"
#include "fleet/query.h"
#include "fleet/snapshot.h"
#include "isochrone/policy.h"

/* Bits of iso_estimate.known: set when the input was reported or measured, clear when it is a
 * prior. */
#define FLEET_KNOWN_RTT (UINT64_C(1) << 0)
#define FLEET_KNOWN_PREFILL (UINT64_C(1) << 1)
#define FLEET_KNOWN_PREFILL_ONE (UINT64_C(1) << 2)
#define FLEET_KNOWN_ITL (UINT64_C(1) << 3)
#define FLEET_KNOWN_ITL_IDLE (UINT64_C(1) << 4)
#define FLEET_KNOWN_SLOTS (UINT64_C(1) << 5)
#define FLEET_KNOWN_HOLD (UINT64_C(1) << 6)
#define FLEET_KNOWN_UTILISATION (UINT64_C(1) << 7)
#define FLEET_KNOWN_KV (UINT64_C(1) << 8)
#define FLEET_KNOWN_MEAN_TOKENS (UINT64_C(1) << 9)
#define FLEET_KNOWN_PRICE (UINT64_C(1) << 10)
#define FLEET_KNOWN_INSTANCES (UINT64_C(1) << 11)
#define FLEET_KNOWN_BACKLOG (UINT64_C(1) << 12)  /* a fresh report speaks of its queue */
#define FLEET_KNOWN_EXCHANGE (UINT64_C(1) << 13) /* other routers' counters are there */
#define FLEET_KNOWN_CACHED (UINT64_C(1) << 14)   /* the table knows the session or a prefix here */
#define FLEET_KNOWN_OBSERVED (UINT64_C(1) << 15) /* a TTFT was seen here */

/* The floor of a prefill: what an engine takes for the smallest prompt. */
#define FLEET_SERVICE_FLOOR_MS 15.0

/* Why a target may not be used; the decision record and /explain print the name. */
enum fleet_reason {
    FLEET_USABLE,
    FLEET_NO_MODEL,      /* does not serve the model */
    FLEET_TRIED,         /* this request was there */
    FLEET_DRAINED,       /* by the operator */
    FLEET_CLOSED,        /* its agent says so */
    FLEET_EXISTING_ONLY, /* its agent takes no new conversations, and this is one */
    FLEET_DOWN,          /* no endpoint answers probes */
    FLEET_EJECTED,       /* failed of late */
    FLEET_PROBING,       /* half open, and the probe is out */
    FLEET_SLOW_START,    /* just back: has its share for now */
    FLEET_SILENT,        /* no report, and errors or overdue answers */
    FLEET_EXCLUDED,      /* was not ISO_KEEP on entry: routes, residency */
    FLEET_REASONS
};

const char *fleet_reason_name(enum fleet_reason reason);

/*
 * Sets verdict[i] to ISO_CLOSED for the targets that may not be used, and
 * reason[i] to why.  What is not ISO_KEEP on entry (residency, say) stays as
 * it is.  When nothing would be left, first those in slow start or silent,
 * then the ejected and the down are let in again: better a try than an error.
 * Never those that lack the model, were tried, are drained or closed.
 * `tried` may be NULL.  Returns how many are ISO_KEEP.  [worker]
 */
uint32_t fleet_verdicts(const struct snapshot *snapshot, const struct ledger *ledger,
                        const struct fleet_query *query, const struct slot_set *tried,
                        int64_t now_ns, uint8_t *verdict, uint8_t *reason);

/* Fills out[0 .. snapshot->count-1].  Allocates nothing.  [worker] */
void fleet_estimate(const struct snapshot *snapshot, const struct ledger *ledger,
                    const struct fleet_query *query, int64_t now_ns, struct iso_estimate *out);

/* The factor on wait and service: observed over predicted, outside a dead band that grows with the
 * report's age.  Sums in seconds, age in ms (NAN: no report). */
double fleet_correction(double observed_s, double predicted_s, double age_ms);

#endif
