#include "control/tables.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "control/keys.h"

struct sink {
    struct problem_sink face;
    struct config_problems *problems;
};

static void tell(struct problem_sink *face, const char *place, const char *sentence)
{
    struct sink *sink = CONTAINER_OF(face, struct sink, face);
    config_problems_add(sink->problems, "%s: %s", place, sentence);
}

static struct word_list words(const struct config_texts *texts)
{
    return (struct word_list){.words = texts->items, .count = (uint32_t)texts->count};
}

static struct route make_route(const struct config_route *from, const char *name,
                               struct chain *chain)
{
    return (struct route){
        .name = name,
        .models = words(&from->match.models),
        .paths = words(&from->match.paths),
        .tenants = words(&from->match.tenants),
        .countries = words(&from->match.countries),
        .continents = words(&from->match.continents),
        .classes = from->match.classes,
        .need_countries = words(&from->require.countries),
        .need_regions = words(&from->require.regions),
        .need_accelerators = words(&from->require.accelerators),
        .need_clusters = words(&from->require.clusters),
        .retry_refused = from->retry_refused,
        .chain = chain,
    };
}

/* The default route is the last: everything, to every cluster. */
static bool make_routes(struct tables *tables, struct plugin_dir *plugins,
                        struct config_problems *problems)
{
    const struct config *config = tables->config;
    struct sink sink = {.face.tell = tell, .problems = problems};
    const size_t count = config->route_count + 1;
    struct route *routes = arena_zalloc(&tables->arena, count * sizeof *routes);
    tables->chains = arena_zalloc(&tables->arena, count * sizeof(struct chain *));
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        const bool last = i == config->route_count;
        const struct config_route *from = last ? NULL : &config->routes[i];
        const struct config_policies *policies =
            last || from->policies.count == 0 ? &config->policies : &from->policies;
        tables->chains[i] = chain_create(policies->refs, policies->count, plugins, &sink.face);
        fine = fine && tables->chains[i] != NULL;
        routes[i] = last ? (struct route){.name = "default", .chain = tables->chains[i]}
                         : make_route(from, arena_printf(&tables->arena, "route-%zu", i + 1).ptr,
                                      tables->chains[i]);
    }
    tables->face.routes = routes;
    tables->face.route_count = count;
    return fine;
}

static bool open_geoip(struct tables *tables, struct config_problems *problems)
{
    const struct config_geoip *geoip = &tables->config->geoip;
    struct geo_point *place = &tables->face.default_location;
    *place = (struct geo_point){.latitude = geoip->default_latitude,
                                .longitude = geoip->default_longitude,
                                .known = !isnan(geoip->default_latitude)};
    if (geoip->database_count == 0)
        return true;
    struct error error;
    tables->geoip = geoip_open(geoip->databases, geoip->database_count, &error);
    if (tables->geoip == NULL) {
        config_problems_add(problems, "%s: %s", geoip->place, error.text);
        return false;
    }
    tables->face.geoip = tables->geoip;
    return true;
}

static bool load_keys(struct tables *tables, struct config_problems *problems)
{
    const struct config *config = tables->config;
    if (config->keys_file == NULL)
        return true;
    struct error error;
    if (keys_load(config->keys_file, &tables->arena, &tables->face.keys, &tables->face.key_count,
                  &error))
        return true;
    config_problems_add(problems, "%s: auth.keys_file: %s", config->keys_place, error.text);
    return false;
}

static bool make_tls(struct tables *tables, struct config_problems *problems)
{
    struct error error;
    tables->tls = tls_set_create(tables->config->fleet, &error);
    tables->face.tls = tables->tls;
    if (tables->tls == NULL)
        config_problems_add(problems, "%s: %s", tables->config->path, error.text);
    return tables->tls != NULL;
}

static struct edge_place edge_place(const struct config_edge *edge)
{
    return (struct edge_place){edge->name, edge->url, edge->latitude, edge->longitude};
}

static void list_edges(struct tables *tables)
{
    const struct config *config = tables->config;
    struct edge_place *edges =
        arena_zalloc(&tables->arena, (config->edge_count + 1) * sizeof *edges);
    edges[0] = edge_place(&config->edge);
    for (size_t i = 0; i < config->edge_count; i++)
        edges[i + 1] = edge_place(&config->edges[i]);
    tables->face.edges = edges;
    tables->face.edge_count = config->edge_count + 1;
}

static void copy_settings(struct tables *tables, uint64_t generation, uint32_t workers)
{
    const struct config *config = tables->config;
    struct proxy_tables *face = &tables->face;
    face->generation = generation;
    face->trusted = config->trusted;
    face->trusted_count = config->trusted_count;
    face->access_log = config->access_log != CONFIG_ACCESS_LOG_OFF;
    for (int c = 0; c < CLASS_COUNT; c++)
        face->classes[c] =
            (struct class_promise){config->classes[c].slo_ms, config->classes[c].queue_ms};
    face->limits = (struct proxy_limits){
        .body_bytes = config->limits.body_bytes,
        .body_memory_bytes = config->limits.body_memory_bytes / workers,
        .body_timeout_ms = (int64_t)config->timeouts.body_ms,
        .connect_timeout_ms = (int64_t)config->timeouts.connect_ms,
        .first_byte_timeout_ms = (int64_t)config->timeouts.first_byte_ms,
        .stall_timeout_ms = (int64_t)config->timeouts.idle_ms,
        .client_stall_ms = (int64_t)config->timeouts.idle_ms,
        .stream_most_ms = (int64_t)config->timeouts.stream_ms,
    };
}

struct tables *tables_create(struct config *config, struct plugin_dir *plugins, uint64_t generation,
                             uint32_t workers, struct config_problems *problems)
{
    struct tables *tables = memory_zalloc(sizeof *tables);
    arena_init(&tables->arena);
    tables->config = config_hold(config);
    copy_settings(tables, generation, workers);
    list_edges(tables);
    bool fine = make_routes(tables, plugins, problems);
    fine = open_geoip(tables, problems) && fine;
    fine = load_keys(tables, problems) && fine;
    fine = make_tls(tables, problems) && fine;
    if (!fine)
        tables_destroy(&tables);
    return tables;
}

void tables_destroy(struct tables **tables)
{
    if (*tables == NULL)
        return;
    struct tables *gone = *tables;
    for (size_t i = 0; gone->chains != NULL && i <= gone->config->route_count; i++)
        if (gone->chains[i] != NULL)
            chain_drop(&gone->chains[i]);
    tls_set_destroy(&gone->tls);
    geoip_drop(&gone->geoip);
    config_drop(&gone->config);
    arena_finish(&gone->arena);
    free(gone);
    *tables = NULL;
}
