/*
 * From a request to a cluster: route, model, verdicts, estimates, chain.  The
 * data plane and the dry run of /explain share it.  Synchronous: nothing of
 * tables or snapshot is held when it returns, but through the decision's
 * pointers, which are good for the rest of the callback.
 */
#ifndef PROXY_DECIDE_H
#define PROXY_DECIDE_H

#include "fleet/estimate.h"
#include "fleet/snapshot.h"
#include "http/fault.h"
#include "policy/decision.h"
#include "proxy/tables.h"

/* What a decision depends on beside tables and snapshot. */
struct decide_input {
    struct slice model, path, tenant;
    uint32_t service_class;
    bool stream;
    uint32_t attempt;
    const struct geo_point *place;
    double prompt_tokens, output_tokens;
    uint64_t session;
    const struct affinity_prefix *prefixes;
    uint32_t prefix_count;
    const struct slot_set *tried; /* NULL: none */
    uint64_t id, seed, sequence;
    int64_t now_ns;
    int64_t (*clock_ns)(void); /* to take the policies' time with; NULL: it is not taken */
};

/* Memory of the verdicts, made larger when a snapshot needs it, and the estimates that stand. */
struct decide_room {
    uint8_t *verdicts;
    uint8_t *reasons;
    uint32_t targets;
    struct standing standing;
};

/* What came of it. */
struct decide_outcome {
    enum fault fault; /* FAULT_NONE: decision->chosen is a target */
    const struct route *route;
    const struct model *model;
    struct fleet_query query;
};

void decide(const struct proxy_tables *tables, const struct snapshot *snapshot,
            const struct ledger *ledger, const struct affinity *affinity,
            const struct decide_input *input, struct decide_room *room, struct decision *decision,
            struct decide_outcome *outcome);
void decide_room_finish(struct decide_room *room);

/* The first that matches; the last of the tables matches everything. */
const struct route *route_find(const struct proxy_tables *tables, const struct decide_input *input);

#endif
