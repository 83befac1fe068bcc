/* Runs in virtual time: the same every time, right where theory knows, and faults take effect. */
#include <math.h>

#include "base/memory.h"
#include "simulate/run.h"
#include "unit.h"

#define TYPES                                                                          \
    "clusters_of_type:\n"                                                              \
    "  one: {prefill_tps_one: 5000, itl_base_s: 0.01, itl_per_seq_s: 0, batch: 4096, " \
    "cache_tokens: 1000000}\n"

static const char pair_text[] =
    TYPES "pair:\n"
          "  regions:\n"
          "    - {name: Here, latitude: 31, longitude: 121, weight: 1, tz: 0}\n"
          "  clusters:\n"
          "    - {name: near, type: one, instances: 2, efficiency: 1, price: 1, latitude: 31, "
          "longitude: 121}\n"
          "    - {name: far, type: one, instances: 2, efficiency: 1, price: 0.5, latitude: 40, "
          "longitude: 116}\n";

static const char single_text[] =
    TYPES "single:\n"
          "  regions:\n"
          "    - {name: Here, latitude: 31, longitude: 121, weight: 1, tz: 0}\n"
          "  clusters:\n"
          "    - {name: only, type: one, instances: 1, efficiency: 1, price: 1, latitude: 31, "
          "longitude: 121}\n";

struct scene {
    struct arena arena;
    struct scenario scenario;
    struct sizes sizes;
    struct plugin_dir *plugins;
    struct chain *chain;
    struct run_setup setup;
};

static void scene_open(struct scene *scene, const char *text, const char *policy)
{
    struct config_problems problems;
    struct problem_first problem;
    const struct policy_ref ref = {.plugin = policy, .place = "test"};
    memset(scene, 0, sizeof *scene);
    arena_init(&scene->arena);
    config_problems_init(&problems);
    assert_true(scenario_load_text("test.yaml", slice_of(text), NULL, &scene->arena, &problems,
                                   &scene->scenario));
    config_problems_finish(&problems);
    problem_first_init(&problem);
    scene->plugins = plugin_dir_create(PLUGIN_DIR);
    scene->chain = chain_create(&ref, 1, scene->plugins, &problem.sink);
    assert_non_null(scene->chain);
    scene->setup = (struct run_setup){
        .workload = {.scenario = &scene->scenario,
                     .sizes = &scene->sizes,
                     .load = 0.5,
                     .seed = 1,
                     .warm_s = 60,
                     .measured_s = 600},
        .chain = scene->chain,
        .routers = 2,
        .report_interval_ms = 2000,
        .slo_ms = scene->scenario.workload.slo_ms,
        .flex_slo_ms = scene->scenario.workload.flex_slo_ms,
    };
}

static void scene_close(struct scene *scene)
{
    chain_drop(&scene->chain);
    plugin_dir_destroy(&scene->plugins);
    sizes_finish(&scene->sizes);
    arena_finish(&scene->arena);
}

static double p99_ms(const struct run_result *result)
{
    const struct score_class *class = &result->score.classes[SCORE_INTERACTIVE];
    return score_percentile(&class->ttft_ns, class->requests, 99) / 1e6;
}

static void a_run_is_the_same_every_time(void **state)
{
    struct scene scene;
    struct run_result one, two, other;
    (void)state;
    scene_open(&scene, pair_text, "least_latency");
    run_make(&scene.setup, &one);
    run_make(&scene.setup, &two);
    assert_memory_equal(&one.score, &two.score, sizeof one.score);
    assert_int_equal(one.simulated, two.simulated);
    scene.setup.workload.seed = 2;
    run_make(&scene.setup, &other);
    assert_true(memcmp(&one.score, &other.score, sizeof one.score) != 0);
    assert_int_equal(one.score.failed + one.score.unfinished, 0);
    run_result_finish(&one);
    run_result_finish(&two);
    run_result_finish(&other);
    scene_close(&scene);
}

static void the_series_adds_up_to_the_totals(void **state)
{
    struct scene scene;
    struct run_result result;
    (void)state;
    scene_open(&scene, pair_text, "least_latency");
    scene.setup.series = true;
    run_make(&scene.setup, &result);
    const struct series *series = result.series;
    uint64_t requests = 0, came = 0, sent = 0, flowed = 0;
    double busy_s[2] = {0, 0};
    for (uint32_t k = 0; k < SERIES_STEPS; k++) {
        requests += series->steps[k].requests;
        came += series->steps[k].ttft_ns.count;
        for (uint32_t i = 0; i < 2; i++) {
            sent += series->sent[2 * k + i];
            busy_s[i] += series->busy_s[2 * k + i];
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        flowed += series->flows[i];
        assert_true(fabs(busy_s[i] / 600 / 2 - result.utilisation[i]) < 1e-6);
    }
    const struct score_class *interactive = &result.score.classes[SCORE_INTERACTIVE];
    assert_int_equal(requests, interactive->requests);
    assert_int_equal(came, interactive->ttft_ns.count);
    assert_int_equal(sent, flowed);
    assert_int_equal(sent, interactive->requests + result.score.classes[SCORE_FLEX].requests);
    run_result_finish(&result);
    assert_null(result.series);
    scene_close(&scene);
}

/* Poisson arrivals at one lane, all of one size: M/D/1, mean wait rho s / (2 (1 - rho)). */
static void one_lane_waits_as_theory_says(void **state)
{
    struct scene scene;
    struct run_result result;
    struct size row = {4950, 1}; /* 10 ms and 990 ms: a second */
    (void)state;
    scene_open(&scene, single_text, "least_latency");
    for (int k = 0; k < REQUEST_KINDS; k++) {
        scene.sizes.rows[k] = memory_alloc(sizeof row);
        scene.sizes.rows[k][0] = row;
        scene.sizes.counts[k] = 1;
    }
    scene.setup.workload.independent = true;
    scene.setup.workload.load = 0.5;
    scene.setup.workload.warm_s = 600;
    scene.setup.workload.measured_s = 36000;
    run_make(&scene.setup, &result);
    const struct score_class *class = &result.score.classes[SCORE_INTERACTIVE];
    const double mean_s = score_mean(&class->ttft_ns, class->requests) / 1e9;
    /* A day that swings by 0.3 and bursts make it a little more than 1 + 0.5 / (2 x 0.5). */
    assert_true(mean_s > 1.45 && mean_s < 1.8);
    assert_true(fabs(result.utilisation[0] - 0.5) < 0.03);
    run_result_finish(&result);
    scene_close(&scene);
}

static void least_latency_beats_taking_turns(void **state)
{
    struct scene scene;
    struct run_result best, turns;
    (void)state;
    scene_open(&scene, pair_text, "least_latency");
    run_make(&scene.setup, &best);
    scene_close(&scene);
    scene_open(&scene, pair_text, "round_robin");
    run_make(&scene.setup, &turns);
    scene_close(&scene);
    assert_true(p99_ms(&best) < p99_ms(&turns));
    assert_true(best.score.cached_tokens > 1.2 * turns.score.cached_tokens);
    run_result_finish(&best);
    run_result_finish(&turns);
}

static double p50_ms(const struct run_result *result)
{
    const struct score_class *class = &result->score.classes[SCORE_INTERACTIVE];
    return score_percentile(&class->ttft_ns, class->requests, 50) / 1e6;
}

/* The clients are beside the one cluster, their edge is 2,000 km away: so is every request. */
static void an_edge_stands_where_the_scenario_says(void **state)
{
    struct scene near, far;
    struct run_result here, away;
    (void)state;
    static const char text[] =
        TYPES "single:\n"
              "  regions:\n"
              "    - {name: Here, latitude: 31, longitude: 121, weight: 1, tz: 0}\n"
              "    - {name: There, latitude: 31, longitude: 100, weight: 0, tz: 0}\n"
              "  edges: [There]\n"
              "  clusters:\n"
              "    - {name: only, type: one, instances: 1, latitude: 31, longitude: 121}\n";
    scene_open(&near, single_text, "least_latency");
    run_make(&near.setup, &here);
    scene_open(&far, text, "least_latency");
    run_make(&far.setup, &away);
    assert_true(p50_ms(&away) > p50_ms(&here) + 15);
    run_result_finish(&here);
    run_result_finish(&away);
    scene_close(&near);
    scene_close(&far);
}

static void with_fault(struct scene *scene, const char *text, struct run_result *result)
{
    struct error error;
    struct fault fault;
    if (!fault_parse(text, &scene->scenario, 600, &fault, &error))
        fail_msg("%s", error.text);
    scene->setup.faults = &fault;
    scene->setup.fault_count = 1;
    run_make(&scene->setup, result);
    scene->setup.fault_count = 0;
}

static void a_cluster_that_fails_is_left_alone(void **state)
{
    struct scene scene;
    struct run_result result;
    (void)state;
    scene_open(&scene, pair_text, "least_latency");
    with_fault(&scene, "failure:near@100s+200s", &result);
    assert_true(result.score.failed > 0);
    assert_int_equal(result.score.failed_unstarted, 0);
    assert_true(result.score.fault_sent_there < result.score.fault_sent / 20);
    run_result_finish(&result);
    with_fault(&scene, "error:near@100s+200s", &result);
    assert_true(result.score.failed > 0);
    assert_true(result.score.fault_sent_there < result.score.fault_sent / 20);
    run_result_finish(&result);
    scene_close(&scene);
}

static void a_slow_cluster_gets_less(void **state)
{
    struct scene scene;
    struct run_result plain, slow, silent;
    (void)state;
    scene_open(&scene, pair_text, "least_latency");
    run_make(&scene.setup, &plain);
    with_fault(&scene, "brown_out:near:0.2@100s+400s", &slow);
    assert_true(slow.share[0] < 0.7 * plain.share[0]);
    assert_int_equal(slow.score.failed + slow.score.unfinished, 0);
    with_fault(&scene, "redis@100s+120s", &silent);
    assert_true(p99_ms(&silent) < 1.3 * p99_ms(&plain));
    run_result_finish(&plain);
    run_result_finish(&slow);
    run_result_finish(&silent);
    scene_close(&scene);
}

static void faults_are_read_with_care(void **state)
{
    static const struct {
        const char *text, *complaint;
    } rows[] = {
        {"fire:near", "there is no fault fire"}, {"failure", "needs a cluster"},
        {"failure:moon", "no cluster \"moon\""}, {"brown_out:near:-1", "above 0"},
        {"redis@soon", "START+LASTS"},           {"", "there is no fault"},
    };
    struct scene scene;
    struct fault fault;
    (void)state;
    scene_open(&scene, pair_text, "nearest");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error error = {""};
        assert_false(fault_parse(rows[i].text, &scene.scenario, 600, &fault, &error));
        assert_non_null(strstr(error.text, rows[i].complaint));
    }
    struct error error;
    assert_true(fault_parse("lie:far:3@10s+20s", &scene.scenario, 600, &fault, &error));
    assert_true(fault.kind == FAULT_LIE && fault.cluster == 1 && fault.factor == 3);
    assert_true(fault.start_s == 10 && fault.lasts_s == 20);
    scene_close(&scene);
}

UNIT_MAIN(a_run_is_the_same_every_time, the_series_adds_up_to_the_totals,
          one_lane_waits_as_theory_says, least_latency_beats_taking_turns,
          a_cluster_that_fails_is_left_alone, a_slow_cluster_gets_less,
          an_edge_stands_where_the_scenario_says, faults_are_read_with_care)
