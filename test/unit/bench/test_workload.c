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
    double count = 0;
    for (int64_t at_ns = 0; workload_next_ns(w) != INT64_MAX; count++) {
        assert_true(workload_next_ns(w) >= at_ns);
        at_ns = workload_next_ns(w);
        const uint32_t place = workload_begin(w);
        struct conversation *c = workload_at(w, place);
        assert_int_equal(c->id, count + 1);
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
        workload_end(w, place);
        assert_int_equal(place, 0); /* one at a time takes no more room */
    }
    requests = turns[KIND_CHAT] + turns[KIND_CODE] + turns[KIND_FLEX];
    near(kinds[KIND_CODE] / (kinds[KIND_CODE] + kinds[KIND_CHAT]), 0.3, 0.03);
    near(turns[KIND_CHAT] / kinds[KIND_CHAT], 3, 0.03);
    near(turns[KIND_CODE] / kinds[KIND_CODE], 5, 0.03);
    near(turns[KIND_FLEX] / requests, 0.1, 0.05);
    near(think_s / thinks, 20, 0.03);
    near(sqrt(known / count), 0.15, 0.03);
    near(east / count, 0.7, 0.03);
    near(requests / 2520, workload_requests_per_s(w), 0.05);
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
    near(workload_requests_per_s(a), 2 * workload_requests_per_s(b), 1e-9);
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
    while (workload_next_ns(w) != INT64_MAX) {
        const int64_t begins_ns = workload_next_ns(w);
        const uint32_t place = workload_begin(w);
        const bool east = workload_at(w, place)->region == 0;
        workload_end(w, place);
        if (east)
            continue;
        /* local time of the West, from the beginning of the measured time */
        const double at = fmod(((double)begins_ns / 1e9 - 600) / 600 - 5 / 24.0 + 10, 1);
        if (at < 0.5)
            day++;
        else
            night++;
    }
    /* half a sine on either side: 1 + 0.6/pi to 1 - 0.6/pi */
    near(day / night, (1 + 0.6 / M_PI) / (1 - 0.6 / M_PI), 0.06);
    workload_destroy(&w);
}

/* Recorded requests come in their order, at the pace that makes the load. */
static void recorded_requests_are_paced_to_the_load(void **state)
{
    struct arrival list[] = {
        {.at_ns = 0, .conversation = 7, .prompt_tokens = 100, .output_tokens = 10, .region = 1},
        {.at_ns = 1000000000, .conversation = 9, .prompt_tokens = 50, .output_tokens = 10},
        {.at_ns = 4000000000,
         .conversation = 7,
         .turn = 1,
         .prompt_tokens = 150,
         .reusable_tokens = 100,
         .output_tokens = 10,
         .region = 1,
         .flex = true},
    };
    const struct arrivals arrivals = {.list = list,
                                      .count = 3,
                                      .requests_per_s = 0.75,
                                      .uncached_tokens = 67,
                                      .output_tokens = 10};
    struct workload_setup setup = setup_of(1, 1);
    double known[3];
    (void)state;
    setup.arrivals = &arrivals;
    struct workload *w = workload_create(&setup);
    const double stretch = 0.75 / workload_requests_per_s(w);
    for (int i = 0; i < 3; i++) {
        near((double)workload_next_ns(w), (double)list[i].at_ns * stretch, 1e-3);
        const struct conversation *c = workload_at(w, workload_begin(w));
        assert_int_equal(c->id, list[i].conversation);
        assert_int_equal(c->prompt_tokens, list[i].prompt_tokens);
        assert_int_equal(c->reusable_tokens, list[i].reusable_tokens);
        assert_int_equal(c->region, list[i].region);
        assert_int_equal(c->kind, list[i].flex ? KIND_FLEX : KIND_CHAT);
        assert_false(c->more);
        known[i] = c->known_factor;
    }
    assert_true(known[0] == known[2] && known[0] != known[1]);
    assert_true(workload_next_ns(w) == INT64_MAX);
    workload_destroy(&w);
}

UNIT_MAIN(recorded_requests_are_paced_to_the_load, conversations_are_of_the_stated_kinds,
          load_one_is_the_capacity_for_a_mean_request, the_day_swings)
