/* The workload is what the manual says it is. */
#include <math.h>

#include "base/memory.h"
#include "simulate/workload.h"
#include "unit.h"

static struct scenario_region regions[] = {
    {.point = {"East", 31, 121}, .weight = 0.7, .tz_hours = 8},
    {.point = {"West", 39, -77}, .weight = 0.3, .tz_hours = -5},
};
static struct scenario_cluster clusters[] = {
    {.point = {"c", 31, 121},
     .setup = {.type = {.prefill_tps_one = 9000,
                        .itl_base_s = 0.011,
                        .itl_per_seq_s = 0.00022,
                        .batch = 96,
                        .cache_tokens = 200000},
               .instances = 40,
               .efficiency = 1,
               .speed = 1}},
};
static struct scenario scenario = {
    .name = "w", .regions = regions, .region_count = 2, .clusters = clusters, .cluster_count = 1};
static const struct sizes no_traces;

static struct workload_setup setup_of(double load, uint64_t seed)
{
    scenario.workload = scenario_workload_reference();
    return (struct workload_setup){.scenario = &scenario,
                                   .sizes = &no_traces,
                                   .load = load,
                                   .seed = seed,
                                   .warm_s = 120,
                                   .measured_s = 2400};
}

static void near(double found, double expected, double share)
{
    if (!(fabs(found - expected) <= share * fabs(expected)))
        fail_msg("found %g, expected %g", found, expected);
}

static void conversations_are_of_the_stated_kinds(void **state)
{
    const struct workload_setup setup = setup_of(0.8, 1);
    struct workload *w = workload_create(&setup);
    double kinds[REQUEST_KINDS] = {0}, turns[REQUEST_KINDS] = {0}, think_s = 0, thinks = 0;
    double known = 0, east = 0, requests = 0;
    (void)state;
    for (size_t i = 0; i < w->count; i++) {
        struct conversation *c = &w->list[i];
        assert_true(i == 0 || w->list[i - 1].begins_ns <= c->begins_ns);
        kinds[c->kind]++;
        turns[c->kind]++;
        east += c->region == 0;
        known += log(c->known_factor) * log(c->known_factor);
        for (uint32_t before = c->prompt_tokens; c->more; before = c->prompt_tokens) {
            think_s += (double)conversation_next(c, &setup) / 1e9;
            thinks++;
            turns[c->kind]++;
            assert_true(c->prompt_tokens <= 16000 && c->reusable_tokens < c->prompt_tokens);
            assert_true(c->prompt_tokens >= before);
            assert_in_range(c->output_tokens, 1, 4000);
        }
    }
    requests = turns[KIND_CHAT] + turns[KIND_CODE] + turns[KIND_FLEX];
    near(kinds[KIND_CODE] / (kinds[KIND_CODE] + kinds[KIND_CHAT]), 0.3, 0.03);
    near(turns[KIND_CHAT] / kinds[KIND_CHAT], 3, 0.03);
    near(turns[KIND_CODE] / kinds[KIND_CODE], 5, 0.03);
    near(turns[KIND_FLEX] / requests, 0.1, 0.05);
    near(think_s / thinks, 20, 0.03);
    near(sqrt(known / (double)w->count), 0.15, 0.03);
    near(east / (double)w->count, 0.7, 0.03);
    near(requests / 2520, w->requests_per_s, 0.05);
    workload_destroy(&w);
}

static void load_one_is_the_capacity_for_a_mean_request(void **state)
{
    (void)state;
    const struct mean_request mean = {.uncached_tokens = 890, .output_tokens = 10};
    const struct cluster_setup *c = &clusters[0].setup;
    /* 10 ms + 890/9000 s: by prefill */
    near(cluster_capacity(c, &mean), 40 / (0.010 + 890 / 9000.0), 1e-3);
    /* all slots decode, prefill idle */
    const struct mean_request talk = {.uncached_tokens = 1, .output_tokens = 4000};
    near(cluster_capacity(c, &talk), 40 * 96 / (4000 * (0.011 + 0.00022 * 96)), 0.01);
    const struct workload_setup one = setup_of(1, 1), half = setup_of(0.5, 1);
    struct workload *a = workload_create(&one), *b = workload_create(&half);
    near(a->requests_per_s, 2 * b->requests_per_s, 1e-9);
    workload_destroy(&a);
    workload_destroy(&b);
}

static void the_day_swings(void **state)
{
    struct workload_setup setup = setup_of(0.8, 3);
    double day = 0, night = 0;
    (void)state;
    setup.warm_s = 600;
    struct workload *w = workload_create(&setup);
    for (size_t i = 0; i < w->count; i++) {
        const struct conversation *c = &w->list[i];
        if (c->region != 1)
            continue;
        /* local time of the West, from the beginning of the measured time */
        const double at = fmod(((double)c->begins_ns / 1e9 - 600) / 600 - 5 / 24.0 + 10, 1);
        if (at < 0.5)
            day++;
        else
            night++;
    }
    /* half a sine on either side: 1 + 0.6/pi to 1 - 0.6/pi */
    near(day / night, (1 + 0.6 / M_PI) / (1 - 0.6 / M_PI), 0.06);
    workload_destroy(&w);
}

UNIT_MAIN(conversations_are_of_the_stated_kinds, load_one_is_the_capacity_for_a_mean_request,
          the_day_swings)
