/* The declared fleet: targets, model table, what is refused. */
#include <math.h>

#include "fleet/cluster.h"

#include "declare.h"
#include "unit.h"

struct declared {
    const char *name;
    struct model_alias models[2];
    uint32_t model_count;
};

static struct fleet_config *declare(const struct declared *rows, uint32_t count)
{
    struct fleet_config *config = fleet_config_create();
    struct cluster *clusters = fleet_config_alloc(config, count * sizeof *clusters);
    struct endpoint endpoint;
    endpoint_init(&endpoint);
    for (uint32_t i = 0; i < count; i++) {
        struct pool *pool = declare_cluster(config, &clusters[i], rows[i].name, &endpoint, 1);
        pool->models = rows[i].models;
        pool->model_count = rows[i].model_count;
    }
    config->clusters = clusters;
    config->cluster_count = count;
    return config;
}

static void test_models_of_a_fleet(void **state)
{
    (void)state;
    static const struct declared rows[] = {
        {"a", {{"qwen", "Qwen/Qwen3"}, {"llama", NULL}}, 2},
        {"b", {{"qwen", NULL}}, 1},
        {"c", {{"mixtral", NULL}, {"*", NULL}}, 2},
    };
    struct fleet_config *config = declare(rows, 3);
    struct error error;
    assert_true(fleet_config_finish(config, &error));
    assert_int_equal(config->model_count, 3);
    assert_string_equal(config->models[0].name, "llama");
    assert_string_equal(config->models[2].name, "qwen");

    const struct model *qwen = fleet_config_model(config, SLICE("qwen"));
    assert_true(model_served_by(qwen, 0) && model_served_by(qwen, 1) && model_served_by(qwen, 2));
    assert_int_equal(qwen->served_count, 3);
    assert_true(slice_eq(model_theirs(qwen, 0, SLICE("qwen")), SLICE("Qwen/Qwen3")));
    assert_true(slice_eq(model_theirs(qwen, 1, SLICE("qwen")), SLICE("qwen")));

    const struct model *mixtral = fleet_config_model(config, SLICE("mixtral"));
    assert_false(model_served_by(mixtral, 0) || model_served_by(mixtral, 1));

    const struct model *other = fleet_config_model(config, SLICE("qwe"));
    assert_string_equal(other->name, FLEET_MODEL_ANY);
    assert_int_equal(other->served_count, 1);
    assert_true(slice_eq(model_theirs(other, 2, SLICE("qwe")), SLICE("qwe")));
    fleet_config_drop(&config);
}

static void test_unknown_model_is_nobodys(void **state)
{
    (void)state;
    static const struct declared rows[] = {{"a", {{"qwen", NULL}}, 1}};
    struct fleet_config *config = declare(rows, 1);
    struct error error;
    assert_true(fleet_config_finish(config, &error));
    assert_null(fleet_config_model(config, SLICE("qwen2")));
    assert_null(fleet_config_model(config, SLICE("")));
    assert_null(fleet_config_model(config, SLICE_NONE));
    fleet_config_drop(&config);
}

static void test_no_models_means_any(void **state)
{
    (void)state;
    static const struct declared rows[] = {{"a", {{NULL, NULL}}, 0}};
    struct fleet_config *config = declare(rows, 1);
    struct error error;
    assert_true(fleet_config_finish(config, &error));
    assert_int_equal(config->model_count, 0);
    assert_true(model_served_by(fleet_config_model(config, SLICE("anything")), 0));
    fleet_config_drop(&config);
}

static void test_targets_have_stable_ids(void **state)
{
    (void)state;
    static const struct declared one[] = {{"a", {{NULL, NULL}}, 0}, {"b", {{NULL, NULL}}, 0}};
    static const struct declared two[] = {{"b", {{NULL, NULL}}, 0}};
    struct fleet_config *first = declare(one, 2), *second = declare(two, 1);
    struct error error;
    assert_true(fleet_config_finish(first, &error) && fleet_config_finish(second, &error));
    assert_string_equal(first->targets[1].name, "b:default");
    assert_true(first->targets[1].id == second->targets[0].id);
    assert_true(first->targets[0].id != first->targets[1].id);
    fleet_config_drop(&first);
    fleet_config_drop(&second);
}

static void refused(struct fleet_config *config, const char *says)
{
    struct error error = {""};
    assert_false(fleet_config_finish(config, &error));
    if (strstr(error.text, says) == NULL)
        fail_msg("%s", error.text);
    fleet_config_drop(&config);
}

static void test_refuses_bad_names(void **state)
{
    (void)state;
    static const struct declared bad[] = {{"Ho:t", {{NULL, NULL}}, 0}};
    static const struct declared empty[] = {{"", {{NULL, NULL}}, 0}};
    static const struct declared twice[] = {{"a", {{NULL, NULL}}, 0}, {"a", {{NULL, NULL}}, 0}};
    refused(declare(bad, 1), "\"Ho:t\"");
    refused(declare(empty, 1), "\"\"");
    refused(declare(twice, 2), "a:default is declared twice");
}

static void test_refuses_hollow_clusters(void **state)
{
    (void)state;
    static const struct declared row[] = {{"a", {{NULL, NULL}}, 0}};
    struct fleet_config *config = declare(row, 1);
    struct cluster *cluster = fleet_config_alloc(config, sizeof *cluster);
    cluster_init(cluster);
    cluster->name = "a";
    config->clusters = cluster;
    refused(config, "has no pool");

    config = declare(row, 1);
    cluster = fleet_config_alloc(config, sizeof *cluster);
    struct pool *pool = fleet_config_alloc(config, sizeof *pool);
    *cluster = config->clusters[0];
    pool_init(pool);
    cluster->pools = pool;
    config->clusters = cluster;
    refused(config, "has no endpoint");
}

UNIT_MAIN(test_models_of_a_fleet, test_unknown_model_is_nobodys, test_no_models_means_any,
          test_targets_have_stable_ids, test_refuses_bad_names, test_refuses_hollow_clusters)
