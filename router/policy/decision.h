/*
 * One decision: what was asked, what was known of each cluster, what each
 * policy said, who was chosen.  A worker (or the control thread, for /explain)
 * keeps one and uses it again and again:
 *
 *     decision_begin(d, targets, parts)   room for that many; clears the answer
 *     fill d's inputs                      caller: fleet estimates, request, seed
 *     chain_decide(chain, d)               fills the answer
 *     decision_write_json, decision_ring_add
 *
 * After decision_reserve for the largest snapshot and chain nothing here
 * allocates.  Clusters are pointed at, not copied: they must outlive its use.
 */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "isochrone/policy.h"
#include "policy/plugin.h"

#define CHAIN_POLICIES_MAX 8
#define CHAIN_PARTS_MAX (CHAIN_POLICIES_MAX * PLUGIN_PARTS_MAX)

/* Why the router itself closes a cluster to a request: code, word, sentence. */
#define DECISION_REASONS(X)                                                                       \
    X(DOWN, "down", "no endpoint of it answers")                                                  \
    X(EJECTED, "ejected", "it failed lately and is given a rest")                                 \
    X(DRAINING, "draining", "an operator takes it out of service")                                \
    X(CLOSED, "closed", "its agent reports that it takes no requests")                            \
    X(EXISTING_ONLY, "existing_only", "its agent reports that it takes known conversations only") \
    X(MODEL, "model", "it does not serve the model")                                              \
    X(RESIDENCY, "residency", "the route requires other places")                                  \
    X(TRIED, "tried", "this request was there already")                                           \
    X(WEIGHT, "weight", "its weight is 0")                                                        \
    X(PROBING, "probing", "it is tried again after a rest, and the probe is out")                 \
    X(SLOW_START, "slow_start", "it is just back and has its share for now")                      \
    X(SILENT, "silent", "it does not report, and requests to it fail or hang")

enum decision_reason {
    DECISION_OPEN,
#define X(code, word, sentence) DECISION_##code,
    DECISION_REASONS(X)
#undef X
        DECISION_REASON_COUNT
};

const char *decision_reason_word(enum decision_reason reason);
const char *decision_reason_text(enum decision_reason reason);

/* Who said what about one cluster.  All zero: kept. */
struct decision_verdict {
    uint8_t by;     /* 0 the router, 1 + k the k-th policy of the chain */
    uint8_t reason; /* enum decision_reason, or an index of that policy's reasons */
    bool avoided;   /* to be taken only if nothing is kept */
    bool rescued;   /* avoided, but nothing was kept: priced and eligible */
};

static inline bool decision_is_kept(struct decision_verdict verdict)
{
    return verdict.reason == 0 || verdict.rescued;
}

/* The policies that answered, as a reader needs them; plugins stay mapped. */
struct decision_policy {
    const struct plugin *plugin;
    uint32_t first_part; /* column of its first part */
    uint32_t faults[PLUGIN_FAULTS];
    int64_t took_ns; /* its turns: its own time and, before it, ours with the one before; 0 when
                      * nobody asked for it */
};

struct decision {
    /* Inputs, the caller's. */
    uint64_t id;               /* unique in this router; 0 for a dry run */
    uint64_t seed;             /* fresh random bits */
    uint64_t sequence;         /* decisions of this route in this worker before this one */
    int64_t now_ns;            /* monotonic */
    int64_t wall_ms;           /* for people; no policy sees it */
    const char *route;         /* its name; "" default */
    int64_t (*clock_ns)(void); /* to take the policies' time with; NULL: it is not taken */
    bool waits;                /* nothing was done by it yet: the request waits for room */
    bool is_shadow;            /* decided beside, and not obeyed ... */
    uint32_t obeyed;           /* ... but this was; ISO_NONE: nothing */
    struct iso_request request;
    uint32_t count;                    /* targets */
    uint32_t cluster_stride;           /* bytes; decision_begin sets sizeof(struct iso_cluster) */
    const void *clusters;              /* struct iso_cluster, `cluster_stride` apart */
    struct iso_estimate *estimates;    /* [count]; the caller fills */
    struct decision_verdict *verdicts; /* [count]; cleared; the caller closes what it must */

    /* The answer, chain_decide's. */
    uint32_t chosen;    /* index; ISO_NONE: no cluster will do */
    uint32_t runner_up; /* cheapest of the others; ISO_NONE when there is none */
    uint32_t kept;      /* how many were eligible */
    int64_t decided_ns; /* by clock_ns, when the last policy had answered */
    uint32_t part_count;
    uint32_t policy_count;
    struct decision_policy policies[CHAIN_POLICIES_MAX];
    double *total_ms; /* [count]; INFINITY when not kept */
    double *ms;       /* policy k: ms[count * first_part + target * its part_count + part] */

    /* Room. */
    uint32_t room_targets;
    uint32_t room_parts;
    uint8_t *scratch_verdicts; /* [room_targets] what a policy is shown */
    double *scratch_ms;        /* [room_targets] the totals that pick is shown */
    void *memory;
};

void decision_init(struct decision *decision);
void decision_finish(struct decision *decision);
/* Room for so many targets and parts; keeps nothing that was in it. */
void decision_reserve(struct decision *decision, uint32_t targets, uint32_t parts);
/* Starts anew with `targets` clusters: inputs and answer cleared, room made if
 * it must (that is the only time it allocates). */
void decision_begin(struct decision *decision, uint32_t targets, uint32_t parts);

static inline const struct iso_cluster *decision_cluster(const struct decision *decision,
                                                         uint32_t i)
{
    return (const struct iso_cluster *)(const void *)((const char *)decision->clusters +
                                                      (size_t)i * decision->cluster_stride);
}

/* Milliseconds that the k-th policy charges a target, by part. */
static inline const double *decision_parts(const struct decision *decision, uint32_t target,
                                           uint32_t k)
{
    const struct decision_policy *policy = &decision->policies[k];
    return decision->ms + (size_t)decision->count * policy->first_part +
           (size_t)target * policy->plugin->policy.part_count;
}

/* For its p-th part. */
static inline double decision_ms(const struct decision *decision, uint32_t target, uint32_t k,
                                 uint32_t p)
{
    return decision_parts(decision, target, k)[p];
}

/* The word for a verdict: the router's or the policy's own; NULL when kept outright. */
const char *decision_verdict_reason(const struct decision *decision,
                                    struct decision_verdict verdict);

/* An object: every cluster with verdict, parts and inputs with ages; /explain and /decisions. */
void decision_write_json(const struct decision *decision, struct json *json);
/* An object for the access log, of one line: the chosen one's parts and the runner-up only. */
void decision_write_compact(const struct decision *decision, struct buffer *out);

/* An id as the header and the logs show it: 16 hex digits. */
#define DECISION_ID_SIZE 17
void decision_id_text(uint64_t id, char text[DECISION_ID_SIZE]);

#endif
