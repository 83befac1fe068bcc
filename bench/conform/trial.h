/*
 * One policy asked about one example, as the chain would ask it, and what it
 * says judged by the ABI.  trial_run asks about many.
 */
#ifndef CONFORM_TRIAL_H
#define CONFORM_TRIAL_H

#include <stdint.h>

#include "conform/example.h"
#include "conform/finding.h"
#include "isochrone/policy.h"
#include "policy/plugin.h"

struct answer {
    uint8_t said[EXAMPLE_CLUSTERS_MAX]; /* filter's verdicts */
    bool kept[EXAMPLE_CLUSTERS_MAX];    /* for cost and pick */
    uint32_t kept_count;
    double ms[EXAMPLE_CLUSTERS_MAX * PLUGIN_PARTS_MAX];
    uint32_t picked; /* ISO_NONE when nobody was asked */
    uint64_t allocations;
    int64_t took_ns;
};

void trial_ask(const struct iso_policy *policy, struct example *example, struct findings *findings,
               struct answer *answer);

/* `fleets` examples from `seed` on, each twice, and some again later. */
void trial_run(const struct iso_policy *policy, struct example *example, uint64_t seed,
               uint64_t fleets, struct findings *findings);

#endif
