/* Scenario files: the shipped ones read, the bad ones named with place and reason. */
#include "unit.h"

#include "cluster/scenario.h"

#define HEAD                                                                              \
    "clusters_of_type:\n"                                                                 \
    "  h: {prefill_tps_one: 9000, itl_base_s: 0.011, itl_per_seq_s: 0.00022, batch: 96, " \
    "cache_tokens: 200000}\n"                                                             \
    "one:\n"                                                                              \
    "  regions:\n"                                                                        \
    "    - {name: Shanghai, latitude: 31.2, longitude: 121.5, weight: 0.5, tz: 8}\n"      \
    "  clusters:\n"
#define CLUSTER(name, more) \
    "    - {name: " name ", type: h, instances: 2, latitude: 31.2, longitude: 121.5" more "}\n"

struct reading {
    struct arena arena;
    struct config_problems problems;
    struct scenario scenario;
    bool good;
};

static void read_text(struct reading *r, const char *text, const char *name)
{
    arena_init(&r->arena);
    config_problems_init(&r->problems);
    r->good = scenario_load_text("dir/s.yaml", slice_of(text), name, &r->arena, &r->problems,
                                 &r->scenario);
}

static void done(struct reading *r)
{
    config_problems_finish(&r->problems);
    arena_finish(&r->arena);
}

static void expect_problem(const char *text, const char *name, const char *part)
{
    struct reading r;
    read_text(&r, text, name);
    assert_false(r.good);
    bool found = false;
    for (size_t i = 0; i < r.problems.count; i++)
        found = found || strstr(r.problems.items[i].text, part);
    if (!found)
        fail_msg("no problem mentions '%s'; the first is '%s'", part,
                 r.problems.count ? r.problems.items[0].text : "none");
    done(&r);
}

static void copies_are_numbered(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, HEAD CLUSTER("a", ", copies: 3, price: 2") CLUSTER("b", ""), NULL);
    assert_true(r.good);
    assert_int_equal(r.scenario.cluster_count, 4);
    assert_string_equal(r.scenario.clusters[0].point.name, "a-1");
    assert_string_equal(r.scenario.clusters[2].point.name, "a-3");
    assert_true(r.scenario.clusters[2].price == 2);
    assert_string_equal(r.scenario.clusters[3].point.name, "b");
    done(&r);
    expect_problem(HEAD CLUSTER("a-2", "") CLUSTER("a", ", copies: 2"), NULL,
                   "two clusters named a-2");
    expect_problem(HEAD CLUSTER("a", ", copies: 600") CLUSTER("b", ", copies: 600"), NULL,
                   "at most 1024 clusters");
    expect_problem(HEAD CLUSTER("a", ", copies: 2, listen: 127.0.0.1:9001"), NULL,
                   "cannot all listen on one address");
}

static void a_workload_is_the_reference_where_it_says_nothing(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r,
              HEAD CLUSTER("a", "") "  workload: {output_scale: 0.1, think: 5s, burst_every: 1m}\n",
              NULL);
    assert_true(r.good);
    struct scenario_workload expected = scenario_workload_reference();
    assert_true(expected.flex_share == 0.1 && expected.slo_ms == 1000);
    expected.output_scale = 0.1;
    expected.think_ms = 5000;
    expected.burst_every_ms = 60000;
    assert_memory_equal(&r.scenario.workload, &expected, sizeof expected);
    done(&r);
    read_text(&r, HEAD CLUSTER("a", ""), NULL);
    expected = scenario_workload_reference();
    assert_memory_equal(&r.scenario.workload, &expected, sizeof expected);
    done(&r);
    expect_problem(HEAD CLUSTER("a", "") "  workload: {burst: 3m}\n", NULL, "shorter than");
    expect_problem(HEAD CLUSTER("a", "") "  workload: {flex_shar: 1}\n", NULL, "flex_share");
    expect_problem(HEAD CLUSTER("a", "") "  workload: {think: 2}\n", NULL, "think");
}

static void reads_figures_and_defaults(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r,
              HEAD CLUSTER("a", ", efficiency: 0.5, price: 2")
                  CLUSTER("b", ", listen: 127.0.0.1:9001, protocol: h2c, models: [x, y], "
                               "time_scale: 10"),
              NULL);
    assert_true(r.good);
    assert_string_equal(r.scenario.name, "one");
    assert_int_equal(r.scenario.region_count, 1);
    assert_int_equal(r.scenario.cluster_count, 2);
    const struct scenario_cluster *a = &r.scenario.clusters[0], *b = &r.scenario.clusters[1];
    assert_int_equal(a->setup.instances, 2);
    assert_true(a->setup.efficiency == 0.5 && a->price == 2 && a->setup.speed == 1);
    assert_true(a->setup.type.batch == 96 && a->setup.type.prefill_tps_one == 9000);
    assert_int_equal(a->protocol, SCENARIO_H1);
    assert_string_equal(a->models[0], "*");
    assert_int_equal(a->listen.len, 0);
    assert_int_equal(b->protocol, SCENARIO_H2C);
    assert_int_equal(b->model_count, 2);
    assert_int_equal(address_port(&b->listen), 9001);
    assert_true(b->setup.speed == 10);
    assert_true(r.scenario.delay);
    struct network *network = scenario_network(&r.scenario);
    assert_true(network_rtt_ms(network, 0, 1) < 4);
    network_destroy(&network);
    done(&r);
}

static void files_stand_beside_the_scenario(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r,
              "isosim: {control: 127.0.0.1:9900, delay: off, tls: {certificate: c.pem, key: "
              "/k.pem}}\n" HEAD CLUSTER("a", ", protocol: h2"),
              NULL);
    assert_true(r.good);
    assert_string_equal(r.scenario.certificate_file, "dir/c.pem");
    assert_string_equal(r.scenario.key_file, "/k.pem");
    assert_false(r.scenario.delay);
    done(&r);
}

static void clients_are_of_the_nearest_edge(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r,
              HEAD CLUSTER("a", "") "  edges: [Shanghai, Chengdu]\n"
                                    "two:\n"
                                    "  regions:\n"
                                    "    - {name: Shanghai, latitude: 31.2, longitude: 121.5}\n"
                                    "    - {name: Lhasa, latitude: 29.6, longitude: 91.1}\n"
                                    "    - {name: Chengdu, latitude: 30.7, longitude: 104.1}\n"
                                    "  edges: [Shanghai, Chengdu]\n"
                                    "  clusters:\n" CLUSTER("a", ""),
              "two");
    assert_true(r.good);
    assert_int_equal(r.scenario.edge_count, 2);
    assert_int_equal(r.scenario.edges[1], 2);
    assert_int_equal(r.scenario.regions[0].edge, 0);
    assert_int_equal(r.scenario.regions[1].edge, 1);
    assert_int_equal(r.scenario.regions[2].edge, 1);
    done(&r);
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    expect_problem(HEAD CLUSTER("a", "") CLUSTER("a", ""), NULL, "two clusters named a");
    expect_problem(HEAD "    - {name: a, type: x, instances: 1, latitude: 1, longitude: 1}\n", NULL,
                   "no type x under clusters_of_type");
    expect_problem(HEAD CLUSTER("a", ", protocol: h2"), NULL, "needs isosim: {tls:");
    expect_problem(HEAD CLUSTER("a", ", efficency: 1"), NULL, "efficiency");
    expect_problem(HEAD CLUSTER("a", ", efficiency: 0"), NULL, "efficiency");
    expect_problem(HEAD CLUSTER("a", ""), "two", "no scenario two");
    expect_problem(HEAD CLUSTER("a", "") "two: {}\n", NULL, "holds 2 scenarios");
    expect_problem(HEAD CLUSTER("a", "") "  edges: [Lhasa]\n", NULL, "no region Lhasa");
    expect_problem("clusters_of_type: {}\n", NULL, "expected a scenario");
    expect_problem("[]\n", NULL, "s.yaml");
}

static void reads_what_is_shipped(void **state)
{
    (void)state;
    static const char *const files[] = {"global", "china", "china-live", "demo"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct reading r;
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s.yaml", SCENARIOS, files[i]);
        arena_init(&r.arena);
        config_problems_init(&r.problems);
        r.good = scenario_load(path, files[i], &r.arena, &r.problems, &r.scenario);
        if (!r.good)
            fail_msg("%s", r.problems.items[0].text);
        assert_true(r.scenario.cluster_count >= 3);
        done(&r);
    }
}

UNIT_MAIN(copies_are_numbered, a_workload_is_the_reference_where_it_says_nothing,
          reads_figures_and_defaults, files_stand_beside_the_scenario,
          clients_are_of_the_nearest_edge, names_what_is_wrong, reads_what_is_shipped)
