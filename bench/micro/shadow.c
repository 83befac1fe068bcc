/*
 * What a shadow costs a request: one chain asked beside, its time taken and its
 * answer counted, and, for at most a thousand requests a second, recorded.
 *
 *     meson test -C build --benchmark shadow -v
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "policy/decision_ring.h"
#include "proxy/policy_time.h"
#include "proxy/shadow.h"

enum { ROUNDS = 200000, RECORDS = 20000, TARGETS_MOST = 64 };

static struct chain *load(struct plugin_dir *dir)
{
    struct problem_first problem;
    const struct policy_ref ref = {.plugin = "least_latency", .place = ""};
    problem_first_init(&problem);
    struct chain *chain = chain_create(&ref, 1, dir, &problem.sink);
    if (chain == NULL) {
        fprintf(stderr, "%s\n", problem.error.text);
        exit(2);
    }
    return chain;
}

static void fill(struct decision *decision, struct iso_cluster *clusters, uint32_t targets)
{
    decision->clusters = clusters;
    decision->clock_ns = clock_monotonic_ns;
    for (uint32_t i = 0; i < targets; i++) {
        clusters[i] = (struct iso_cluster){.name = "somewhere",
                                           .region = "",
                                           .country = "",
                                           .accelerator = "",
                                           .rtt_ms = i,
                                           .prefill_tokens_per_s = 40000,
                                           .prefill_tokens_per_s_one = 4500,
                                           .itl_ms = 20,
                                           .itl_idle_ms = 10,
                                           .slots = 256,
                                           .hold_ms = 8000,
                                           .utilisation = 0.4,
                                           .mean_tokens = 1200,
                                           .price_ratio = 1,
                                           .weight = 100};
        decision->estimates[i] = (struct iso_estimate){.inflight = 20 + i,
                                                       .service_ms = 100,
                                                       .wait_ms = i,
                                                       .ttft_ms = 100 + 2 * i};
    }
}

static void measure(struct plugin_dir *dir, uint32_t targets)
{
    static struct iso_cluster clusters[TARGETS_MOST];
    struct policy_time *times = memory_zalloc(sizeof *times);
    struct decision_ring *ring = decision_ring_create(256);
    struct shadow *shadow = shadow_create(load(dir), 1, false);
    struct decision live, room;
    decision_init(&live);
    decision_init(&room);
    decision_begin(&live, targets, shadow->chain->part_count);
    fill(&live, clusters, targets);
    chain_decide(shadow->chain, &live);

    const int64_t began_ns = clock_monotonic_ns();
    for (int i = 0; i < ROUNDS; i++) {
        policy_time_begin(times, began_ns);
        shadow_ask(shadow, 0, &live, &room);
        policy_time_end(times, &room);
    }
    const int64_t asked_ns = clock_monotonic_ns();
    for (int i = 0; i < RECORDS; i++)
        decision_ring_add(ring, &room);
    const int64_t ended_ns = clock_monotonic_ns();
    printf("%3u clusters: a shadow %4.0f ns, its record %4.0f ns\n", targets,
           (double)(asked_ns - began_ns) / ROUNDS, (double)(ended_ns - asked_ns) / RECORDS);
    decision_finish(&live);
    decision_finish(&room);
    shadow_drop(&shadow);
    decision_ring_destroy(&ring);
    policy_time_finish(times);
    free(times);
}

int main(int argc, char **argv)
{
    static const uint32_t targets[] = {8, 16, TARGETS_MOST};
    if (argc != 2) {
        fprintf(stderr, "usage: shadow FOLDER-OF-PLUGINS\n");
        return 2;
    }
    struct plugin_dir *dir = plugin_dir_create(argv[1]);
    for (size_t i = 0; i < COUNT_OF(targets); i++)
        measure(dir, targets[i]);
    plugin_dir_destroy(&dir);
    return 0;
}
