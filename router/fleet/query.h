/*
 * What the fleet has to know of one request to predict it.  The proxy fills
 * it once per decision; it lives on the stack and points into the exchange.
 */
#ifndef FLEET_QUERY_H
#define FLEET_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/affinity.h"
#include "fleet/cluster.h"

struct fleet_query {
    const struct model
        *model;           /* snapshot_model_find, of the same snapshot; NULL: nobody serves it */
    double prompt_tokens; /* estimate, >= 1 */
    double output_tokens; /* estimate, >= 0 */
    uint64_t session;     /* hash of the conversation key; 0 none */
    const struct affinity_prefix *prefixes; /* longest last; may be NULL */
    uint32_t prefix_count;                  /* <= AFFINITY_PREFIXES_MAX, more are not looked at */
    uint32_t service_class;                 /* enum iso_class */
    bool stream;
    double latitude, longitude;      /* of the client, degrees; NAN unknown */
    const struct affinity *affinity; /* NULL: nothing is expected to be cached */
    const double *rtt_ms; /* per target, in place of what was measured; NULL usual (a simulated
                             router that stands for several edges) */
};

/* Targets by slot, e.g. those already tried.  Slots, because the retry may see another snapshot. */
struct slot_set {
    uint64_t words[FLEET_SLOTS_MAX / 64];
};

static inline void slot_set_add(struct slot_set *set, uint32_t slot)
{
    set->words[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static inline void slot_set_remove(struct slot_set *set, uint32_t slot)
{
    set->words[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static inline bool slot_set_has(const struct slot_set *set, uint32_t slot)
{
    return (set->words[slot / 64] >> (slot % 64)) & 1;
}

#endif
