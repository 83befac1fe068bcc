#include "fleet/cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct fleet_config *fleet_config_create(void)
{
    struct fleet_config *config = memory_zalloc(sizeof *config);
    atomic_init(&config->references, 1);
    arena_init(&config->arena);
    config->edge_latitude = config->edge_longitude = NAN;
    return config;
}

void *fleet_config_alloc(struct fleet_config *config, size_t size)
{
    return arena_zalloc(&config->arena, size > 0 ? size : 1);
}

const char *fleet_config_text(struct fleet_config *config, struct slice text)
{
    return arena_printf(&config->arena, "%.*s", SLICE_ARG(text)).ptr;
}

void pool_init(struct pool *pool)
{
    *pool = (struct pool){
        .name = FLEET_POOL_DEFAULT,
        .capacity = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN},
    };
}

void cluster_init(struct cluster *cluster)
{
    *cluster = (struct cluster){
        .name = "",
        .region = "",
        .country = "",
        .accelerator = "",
        .latitude = NAN,
        .longitude = NAN,
        .price_per_mtok = NAN,
        .weight = 100,
    };
}

void endpoint_init(struct endpoint *endpoint)
{
    *endpoint = (struct endpoint){.url = "", .host = "", .verify = true, .path = ""};
}

struct fleet_config *fleet_config_hold(struct fleet_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

/* The arena's memory is ours to write until it goes; the pointers are const for everybody else. */
static void credentials_wipe(struct fleet_config *config)
{
    for (uint32_t i = 0; i < config->cluster_count; i++) {
        const char *value = config->clusters[i].credential_value;
        if (value != NULL)
            explicit_bzero((void *)(uintptr_t)value, strlen(value));
    }
}

void fleet_config_drop(struct fleet_config **config)
{
    struct fleet_config *old = *config;
    *config = NULL;
    if (old == NULL || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    credentials_wipe(old);
    arena_finish(&old->arena);
    free(old);
}

static bool name_is_sound(const char *name)
{
    const size_t len = strlen(name);
    return len > 0 && len <= FLEET_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static bool cluster_check(const struct cluster *cluster, struct error *error)
{
    if (!name_is_sound(cluster->name))
        return error_set(error, "cluster name \"%s\" may have 1 to %d of a-z 0-9 . _ -",
                         cluster->name, FLEET_NAME_MAX);
    if (cluster->pool_count == 0)
        return error_set(error, "cluster %s has no pool", cluster->name);
    for (uint32_t p = 0; p < cluster->pool_count; p++) {
        const struct pool *pool = &cluster->pools[p];
        if (!name_is_sound(pool->name))
            return error_set(error,
                             "cluster %s: pool name \"%s\" may have 1 to %d of a-z 0-9 . _ -",
                             cluster->name, pool->name, FLEET_NAME_MAX);
        if (pool->endpoint_count == 0)
            return error_set(error, "cluster %s: pool %s has no endpoint", cluster->name,
                             pool->name);
    }
    return true;
}

/* A name that stands twice, or NULL. */
static const char *targets_twice(const struct target_config *targets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (targets[i].id == targets[k].id)
                return targets[i].name;
    return NULL;
}

static bool targets_build(struct fleet_config *config, struct error *error)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < config->cluster_count; i++) {
        if (!cluster_check(&config->clusters[i], error))
            return false;
        count += config->clusters[i].pool_count;
    }
    if (count > FLEET_SLOTS_MAX)
        return error_set(error, "%llu pools in all clusters; there may be %d",
                         (unsigned long long)count, FLEET_SLOTS_MAX);
    struct target_config *targets = fleet_config_alloc(config, count * sizeof *targets);
    uint32_t at = 0;
    for (uint32_t i = 0; i < config->cluster_count; i++) {
        const struct cluster *cluster = &config->clusters[i];
        for (uint32_t p = 0; p < cluster->pool_count; p++) {
            const struct slice name =
                arena_printf(&config->arena, "%s:%s", cluster->name, cluster->pools[p].name);
            targets[at++] = (struct target_config){cluster, &cluster->pools[p], name.ptr,
                                                   XXH3_64bits(name.ptr, name.len)};
        }
    }
    const char *twice = targets_twice(targets, at);
    if (twice != NULL)
        return error_set(error, "%s is declared twice", twice);
    config->targets = targets;
    config->target_count = at;
    return true;
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All declared names, ascending, once each; the any-name is left out. */
static uint32_t names_collect(struct fleet_config *config, const char ***out)
{
    size_t room = 0;
    for (uint32_t i = 0; i < config->target_count; i++)
        room += config->targets[i].pool->model_count;
    const char **names = fleet_config_alloc(config, room * sizeof *names);
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->target_count; i++) {
        const struct pool *pool = config->targets[i].pool;
        for (uint32_t m = 0; m < pool->model_count; m++)
            if (strcmp(pool->models[m].ours, FLEET_MODEL_ANY) != 0)
                names[count++] = pool->models[m].ours;
    }
    qsort(names, count, sizeof *names, name_order);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    *out = names;
    return kept;
}

static const struct model_alias *pool_alias(const struct pool *pool, const char *name)
{
    for (uint32_t m = 0; m < pool->model_count; m++)
        if (strcmp(pool->models[m].ours, name) == 0)
            return &pool->models[m];
    return NULL;
}

/* Who serves `name`: those that declare it, and those that take anything. */
static struct model model_build(struct fleet_config *config, const char *name)
{
    const uint32_t count = config->target_count;
    uint64_t *served = fleet_config_alloc(config, (count / 64 + 1) * sizeof *served);
    const char **theirs = fleet_config_alloc(config, count * sizeof *theirs);
    struct model model = {.name = name, .served_by = served, .theirs = theirs};
    for (uint32_t i = 0; i < count; i++) {
        const struct pool *pool = config->targets[i].pool;
        const struct model_alias *alias = pool_alias(pool, name);
        if (alias == NULL && pool->model_count > 0 && pool_alias(pool, FLEET_MODEL_ANY) == NULL)
            continue;
        served[i / 64] |= UINT64_C(1) << (i % 64);
        theirs[i] = alias != NULL ? alias->theirs : NULL;
        model.served_count++;
    }
    return model;
}

static void models_build(struct fleet_config *config)
{
    const char **names;
    config->model_count = names_collect(config, &names);
    struct model *models = fleet_config_alloc(config, config->model_count * sizeof *models);
    for (uint32_t i = 0; i < config->model_count; i++)
        models[i] = model_build(config, names[i]);
    config->models = models;

    struct model *any = fleet_config_alloc(config, sizeof *any);
    *any = model_build(config, FLEET_MODEL_ANY);
    config->any_model = any->served_count > 0 ? any : NULL;
}

bool fleet_config_finish(struct fleet_config *config, struct error *error)
{
    if (!targets_build(config, error))
        return false;
    models_build(config);
    return true;
}

static int model_compare(struct slice name, const char *other)
{
    const size_t len = strlen(other);
    const int order = memcmp(name.ptr, other, name.len < len ? name.len : len);
    return order != 0 ? order : (name.len > len) - (name.len < len);
}

const struct model *fleet_config_model(const struct fleet_config *config, struct slice name)
{
    uint32_t low = 0, high = config->model_count;
    while (low < high && name.len > 0) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = model_compare(name, config->models[middle].name);
        if (order == 0)
            return &config->models[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return config->any_model;
}

struct slice model_theirs(const struct model *model, uint32_t i, struct slice asked)
{
    return model->theirs[i] != NULL ? slice_of(model->theirs[i]) : asked;
}
