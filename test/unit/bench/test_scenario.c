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
    expect_problem("clusters_of_type: {}\n", NULL, "expected a scenario");
    expect_problem("[]\n", NULL, "s.yaml");
}

static void reads_what_is_shipped(void **state)
{
    (void)state;
    static const char *const files[] = {"global", "china", "demo"};
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

UNIT_MAIN(reads_figures_and_defaults, files_stand_beside_the_scenario, names_what_is_wrong,
          reads_what_is_shipped)
