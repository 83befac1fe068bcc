#include "cluster/scenario.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml_net.h"
#include "fleet/cluster.h"
#include "fleet/geo.h"

#define TEXT_MAX 200
#define FILE_NAME_MAX 4096
#define TYPES_KEY "clusters_of_type"
#define ISOSIM_KEY "isosim"

struct named_type {
    const char *name;
    struct cluster_type type;
};

struct reader {
    const char *path;
    struct arena *arena;
    struct config_problems *problems;
    struct named_type *types;
    uint32_t type_count;
    struct scenario *out;
};

/* ---- kinds of clusters ---- */

static void read_type(struct yaml_node *node, struct cluster_type *out)
{
    int64_t batch = 1, cache_tokens = 1;
    if (!yaml_as_map(node))
        return;
    yaml_need_number(node, "prefill_tps_one", &out->prefill_tps_one, 1, 1e7);
    yaml_need_number(node, "itl_base_s", &out->itl_base_s, 1e-6, 10);
    yaml_need_number(node, "itl_per_seq_s", &out->itl_per_seq_s, 0, 1);
    yaml_need_int(node, "batch", &batch, 1, 4096);
    yaml_need_int(node, "cache_tokens", &cache_tokens, 1, 100000000);
    out->batch = (uint32_t)batch;
    out->cache_tokens = (uint64_t)cache_tokens;
    yaml_finish_map(node);
}

static void read_types(struct reader *r, struct yaml_node *root)
{
    struct yaml_node *map = yaml_need_map(root, TYPES_KEY);
    if (!map)
        return;
    yaml_use_all(map);
    r->types = arena_zalloc(r->arena, (map->count + 1) * sizeof(*r->types));
    YAML_EACH(node, map)
    {
        struct named_type *type = &r->types[r->type_count++];
        type->name = node->key;
        read_type(node, &type->type);
    }
}

static void find_type(const struct reader *r, struct yaml_node *map, struct scenario_cluster *out)
{
    if (!yaml_need_text(map, "type", &out->type_name, TEXT_MAX))
        return;
    for (uint32_t i = 0; i < r->type_count; i++) {
        if (strcmp(r->types[i].name, out->type_name) == 0) {
            out->setup.type = r->types[i].type;
            return;
        }
    }
    yaml_problem(yaml_get(map, "type"), "there is no type %s under %s", out->type_name, TYPES_KEY);
}

/* ---- places ---- */

static void read_coordinates(struct yaml_node *map, struct network_point *out)
{
    yaml_need_number(map, "latitude", &out->latitude, -90, 90);
    yaml_need_number(map, "longitude", &out->longitude, -180, 180);
}

static void read_region(struct yaml_node *node, struct scenario_region *out)
{
    if (!yaml_as_map(node))
        return;
    yaml_need_text(node, "name", &out->point.name, TEXT_MAX);
    read_coordinates(node, &out->point);
    yaml_get_number(node, "weight", &out->weight, 0, 1e6, 1);
    yaml_get_number(node, "tz", &out->tz_hours, -14, 14, 0);
    yaml_finish_map(node);
}

static void read_regions(struct reader *r, struct yaml_node *map)
{
    struct yaml_node *list = yaml_need_list(map, "regions");
    if (!list)
        return;
    if (list->count > 255)
        yaml_problem(list, "expected at most 255 regions, found %zu", list->count);
    r->out->regions = arena_zalloc(r->arena, (list->count + 1) * sizeof(*r->out->regions));
    YAML_EACH(node, list)
    read_region(node, &r->out->regions[r->out->region_count++]);
}

/* ---- edges ---- */

static uint32_t find_region(const struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->region_count; i++)
        if (s->regions[i].point.name && strcmp(s->regions[i].point.name, name) == 0)
            return i;
    return UINT32_MAX;
}

static void read_edge(struct reader *r, struct yaml_node *node)
{
    const char *name = NULL;
    if (!yaml_as_text(node, &name, TEXT_MAX))
        return;
    const uint32_t region = find_region(r->out, name);
    if (region == UINT32_MAX)
        yaml_problem(node, "there is no region %s for an edge to stand in", name);
    else
        r->out->edges[r->out->edge_count++] = region;
}

static double edge_distance_km(const struct scenario *s, uint32_t edge,
                               const struct network_point *at)
{
    const struct network_point *stands = &s->regions[s->edges[edge]].point;
    return geo_distance_km(at->latitude, at->longitude, stands->latitude, stands->longitude);
}

/* Clients are steered to the nearest. */
static void read_edges(struct reader *r, struct yaml_node *map)
{
    struct scenario *s = r->out;
    struct yaml_node *list = yaml_get_list(map, "edges");
    s->edges = arena_zalloc(r->arena, ((list ? list->count : 0) + 1) * sizeof(*s->edges));
    YAML_EACH(node, list)
    read_edge(r, node);
    for (uint32_t i = 0; i < s->region_count; i++)
        for (uint32_t e = 1; e < s->edge_count; e++) {
            struct scenario_region *region = &s->regions[i];
            if (edge_distance_km(s, e, &region->point) <
                edge_distance_km(s, region->edge, &region->point))
                region->edge = e;
        }
}

/* ---- clusters ---- */

/* Model names end up inside quotes in metrics and JSON. */
static bool model_name_valid(const char *name)
{
    return strpbrk(name, "\"\\") == NULL;
}

static void read_models(struct reader *r, struct yaml_node *map, struct scenario_cluster *out)
{
    struct yaml_node *list = yaml_get_list(map, "models");
    out->models = arena_zalloc(r->arena, ((list ? list->count : 0) + 1) * sizeof(*out->models));
    YAML_EACH(node, list)
    {
        const char *name = "";
        if (yaml_as_text(node, &name, TEXT_MAX) && !model_name_valid(name))
            yaml_problem(node, "expected a model name without quotes and backslashes");
        out->models[out->model_count++] = name;
    }
    if (!out->model_count)
        out->models[out->model_count++] = "*";
}

static void read_serving(struct reader *r, struct yaml_node *map, struct scenario_cluster *out)
{
    static const char *const protocols[] = {"h1", "h2c", "h2", NULL};
    int protocol = SCENARIO_H1;
    struct yaml_address listen = {0};
    yaml_get_address(map, "listen", &listen);
    out->listen = listen.address;
    yaml_get_choice(map, "protocol", &protocol, protocols, SCENARIO_H1);
    out->protocol = (enum scenario_protocol)protocol;
    if (out->protocol == SCENARIO_H2 && !r->out->certificate_file)
        yaml_problem(yaml_get(map, "protocol"),
                     "h2 is over TLS and needs %s: {tls: {certificate: ..., key: ...}}",
                     ISOSIM_KEY);
    read_models(r, map, out);
}

static void name_check(struct reader *r, struct yaml_node *node, const char *name)
{
    for (uint32_t i = 0; i < r->out->cluster_count; i++)
        if (name && r->out->clusters[i].point.name &&
            strcmp(r->out->clusters[i].point.name, name) == 0)
            yaml_problem(node, "there are two clusters named %s", name);
}

/* The same cluster so many times: NAME-1, NAME-2 and so on. */
static void add_copies(struct reader *r, struct yaml_node *node,
                       const struct scenario_cluster *first, uint32_t copies)
{
    if (first->listen.len && address_port(&first->listen))
        yaml_problem(node, "copies of a cluster cannot all listen on one address");
    for (uint32_t i = 0; i < copies; i++) {
        struct scenario_cluster *copy = &r->out->clusters[r->out->cluster_count];
        *copy = *first;
        copy->point.name = arena_printf(r->arena, "%s-%u", first->point.name, i + 1).ptr;
        name_check(r, node, copy->point.name);
        r->out->cluster_count++;
    }
}

static void read_cluster(struct reader *r, struct yaml_node *node)
{
    struct scenario_cluster cluster = {0};
    int64_t instances = 1, copies = 1;
    if (!yaml_as_map(node))
        return;
    yaml_need_name(node, "name", &cluster.point.name);
    find_type(r, node, &cluster);
    yaml_need_int(node, "instances", &instances, 1, 4096);
    cluster.setup.instances = (uint32_t)instances;
    yaml_get_number(node, "efficiency", &cluster.setup.efficiency, 0.001, 1, 1);
    yaml_get_number(node, "time_scale", &cluster.setup.speed, 0.001, 1000, 1);
    yaml_get_number(node, "price", &cluster.price, 0, 1e6, 1);
    read_coordinates(node, &cluster.point);
    read_serving(r, node, &cluster);
    yaml_get_int(node, "copies", &copies, 1, FLEET_SLOTS_MAX, 1);
    yaml_finish_map(node);
    if (r->out->cluster_count + copies > FLEET_SLOTS_MAX) {
        yaml_problem(node, "expected at most %d clusters", FLEET_SLOTS_MAX);
    } else if (copies > 1 && cluster.point.name) {
        add_copies(r, node, &cluster, (uint32_t)copies);
    } else {
        name_check(r, node, cluster.point.name);
        r->out->clusters[r->out->cluster_count++] = cluster;
    }
}

static void read_clusters(struct reader *r, struct yaml_node *map)
{
    struct yaml_node *list = yaml_need_list(map, "clusters");
    if (!list)
        return;
    r->out->clusters = arena_zalloc(r->arena, FLEET_SLOTS_MAX * sizeof(*r->out->clusters));
    YAML_EACH(node, list)
    read_cluster(r, node);
}

/* ---- isosim's own ---- */

/* As written when absolute, else beside the scenario file. */
static const char *beside(const struct reader *r, const char *file)
{
    const char *slash = strrchr(r->path, '/');
    if (!file || file[0] == '/' || !slash)
        return file;
    return arena_printf(r->arena, "%.*s/%s", (int)(slash - r->path), r->path, file).ptr;
}

static void read_isosim(struct reader *r, struct yaml_node *root)
{
    int64_t seed = 1;
    struct yaml_node *map = yaml_get_map(root, ISOSIM_KEY);
    r->out->delay = true;
    r->out->seed = 1;
    if (!map)
        return;
    struct yaml_address control = {0};
    yaml_get_address(map, "control", &control);
    r->out->control = control.address;
    yaml_get_bool(map, "delay", &r->out->delay, true);
    yaml_get_int(map, "seed", &seed, 0, INT64_MAX, 1);
    r->out->seed = (uint64_t)seed;
    struct yaml_node *tls = yaml_get_map(map, "tls");
    if (tls) {
        const char *certificate = NULL, *key = NULL;
        yaml_need_text(tls, "certificate", &certificate, FILE_NAME_MAX);
        yaml_need_text(tls, "key", &key, FILE_NAME_MAX);
        r->out->certificate_file = beside(r, certificate);
        r->out->key_file = beside(r, key);
        yaml_finish_map(tls);
    }
    yaml_finish_map(map);
}

/* ---- the file ---- */

static bool is_scenario(const struct yaml_node *node)
{
    return strcmp(node->key, TYPES_KEY) != 0 && strcmp(node->key, ISOSIM_KEY) != 0;
}

static struct yaml_node *find_scenario(struct yaml_node *root, const char *name)
{
    struct yaml_node *found = NULL;
    unsigned count = 0;
    YAML_EACH(node, root)
    {
        if (!is_scenario(node) || (name && strcmp(node->key, name) != 0))
            continue;
        found = node;
        count++;
    }
    if (count == 1)
        return found;
    if (name)
        yaml_problem(root, "there is no scenario %s in this file", name);
    else if (count == 0)
        yaml_problem(root, "expected a scenario: a name with regions and clusters under it");
    else
        yaml_problem(root, "the file holds %u scenarios: say which with --scenario", count);
    return NULL;
}

static bool read_root(struct reader *r, struct yaml_node *root, const char *name)
{
    if (!root || !yaml_as_map(root))
        return false;
    yaml_use_all(root);
    read_types(r, root);
    read_isosim(r, root);
    struct yaml_node *scenario = find_scenario(root, name);
    if (scenario && yaml_as_map(scenario)) {
        r->out->name = scenario->key;
        read_regions(r, scenario);
        read_edges(r, scenario);
        read_clusters(r, scenario);
        scenario_workload_read(yaml_get_section(scenario, "workload"), &r->out->workload);
        yaml_finish_map(scenario);
    }
    return r->problems->count == 0;
}

bool scenario_load(const char *path, const char *name, struct arena *arena,
                   struct config_problems *problems, struct scenario *out)
{
    *out = (struct scenario){0};
    struct reader r = {.path = path, .arena = arena, .problems = problems, .out = out};
    return read_root(&r, yaml_load_file(path, YAML_FILE_MAX, arena, problems), name);
}

bool scenario_load_text(const char *path, struct slice text, const char *name, struct arena *arena,
                        struct config_problems *problems, struct scenario *out)
{
    *out = (struct scenario){0};
    struct reader r = {.path = path, .arena = arena, .problems = problems, .out = out};
    return read_root(&r, yaml_load_text(path, text, arena, problems), name);
}

struct network *scenario_network(const struct scenario *s)
{
    struct network_point *places = memory_alloc((s->region_count + 1) * sizeof(*places));
    struct network_point *clusters = memory_alloc((s->cluster_count + 1) * sizeof(*clusters));
    for (uint32_t i = 0; i < s->region_count; i++)
        places[i] = s->regions[i].point;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        clusters[i] = s->clusters[i].point;
    struct network *network =
        network_create(places, s->region_count, clusters, s->cluster_count, s->seed);
    free(places);
    free(clusters);
    return network;
}
