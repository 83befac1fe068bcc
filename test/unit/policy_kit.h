/*
 * A chain of shipped policies over a few made-up clusters, for the tests of
 * the policies themselves: everything goes through the loader.
 */
#ifndef POLICY_KIT_H
#define POLICY_KIT_H

#include <math.h>

#include "policy/chain.h"
#include "unit.h"

#define KIT_CLUSTERS 8

struct kit {
    struct plugin_dir *dir;
    struct chain *chain;
    struct decision decision;
    struct iso_cluster clusters[KIT_CLUSTERS];
};

/* A chain from the build's plugins. */
static inline void kit_open_chain(struct kit *kit, const struct policy_ref *refs, size_t count)
{
    struct problem_first problem;
    problem_first_init(&problem);
    kit->dir = plugin_dir_create(PLUGIN_DIR);
    kit->chain = chain_create(refs, count, kit->dir, &problem.sink);
    if (!kit->chain)
        fail_msg("%s", problem.error.text);
    decision_init(&kit->decision);
}

/* `name` alone, with `count` settings. */
static inline void kit_open(struct kit *kit, const char *name, const struct setting_text *settings,
                            size_t count)
{
    const struct policy_ref ref = {.plugin = name,
                                   .place = "test",
                                   .settings = settings,
                                   .setting_count = count};
    kit_open_chain(kit, &ref, 1);
}

static inline void kit_close(struct kit *kit)
{
    decision_finish(&kit->decision);
    chain_drop(&kit->chain);
    plugin_dir_destroy(&kit->dir);
}

/* `count` idle, equal clusters and an interactive request of 1000 tokens. */
static inline void kit_begin(struct kit *kit, uint32_t count)
{
    static const char *const names[KIT_CLUSTERS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct decision *decision = &kit->decision;
    decision_begin(decision, count, kit->chain->part_count);
    decision->clusters = kit->clusters;
    decision->request.stream = 1;
    decision->request.prompt_tokens = 1000;
    decision->request.output_tokens = 200;
    decision->request.slo_ms = 1000;
    for (uint32_t i = 0; i < count; i++) {
        kit->clusters[i] = (struct iso_cluster){
            .id = i,
            .name = names[i],
            .region = "",
            .country = "",
            .accelerator = "",
            .weight = 100,
            .rtt_ms = 10,
            .prefill_tokens_per_s = 10000,
            .prefill_tokens_per_s_one = 5000,
            .itl_ms = 20,
            .itl_idle_ms = 20,
            .slots = 64,
            .hold_ms = 5000,
            .mean_tokens = 800,
            .price_per_mtok = NAN,
            .price_ratio = 1,
        };
        decision->estimates[i] = (struct iso_estimate){
            .distance_km = 1000,
            .correction = 1,
            .service_ms = 215,
            .ttft_ms = 225,
        };
    }
}

static inline uint32_t kit_decide(struct kit *kit)
{
    chain_decide(kit->chain, &kit->decision);
    return kit->decision.chosen;
}

#endif
