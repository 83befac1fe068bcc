#include "control/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* NULL after telling every problem. */
static struct chain *make_chain(const struct config_policies *policies, struct plugin_dir *plugins,
                                struct config_problems *problems)
{
    struct sink sink = {.face.tell = tell, .problems = problems};
    return chain_create(policies->refs, policies->count, plugins, &sink.face);
}

static bool make_chains(struct tables_ground *ground, struct plugin_dir *plugins,
                        struct config_problems *problems)
{
    const struct config *config = ground->config;
    const size_t count = config->route_count;
    ground->chains = arena_zalloc(&ground->arena, (count + 1) * sizeof(struct chain *));
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        if (config->routes[i].policies.count == 0)
            continue;
        ground->chains[i] = make_chain(&config->routes[i].policies, plugins, problems);
        fine = fine && ground->chains[i] != NULL;
    }
    ground->chains[count] = make_chain(&config->policies, plugins, problems);
    if (config->shadow.count > 0)
        ground->shadow_chain = make_chain(&config->shadow, plugins, problems);
    return fine && ground->chains[count] != NULL &&
           (config->shadow.count == 0 || ground->shadow_chain != NULL);
}

static bool same_words(const struct word_list *a, const struct word_list *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++)
        same = strcmp(a->words[i], b->words[i]) == 0;
    return same;
}

/* The first route that requires the same as the n-th. */
static uint32_t requirement_of(const struct route *routes, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && !(same_words(&routes[i].need_countries, &routes[n].need_countries) &&
                      same_words(&routes[i].need_regions, &routes[n].need_regions) &&
                      same_words(&routes[i].need_accelerators, &routes[n].need_accelerators) &&
                      same_words(&routes[i].need_clusters, &routes[n].need_clusters)))
        i++;
    return i;
}

/* The default route is the last: everything, to every cluster. */
static void lay_routes(struct tables *tables)
{
    const struct config *config = tables->config;
    const size_t count = config->route_count;
    struct route *routes = arena_zalloc(&tables->arena, (count + 1) * sizeof *routes);
    for (size_t i = 0; i < count; i++) {
        struct chain *own = tables->ground->chains[i];
        routes[i] =
            make_route(&config->routes[i], arena_printf(&tables->arena, "route-%zu", i + 1).ptr,
                       own != NULL ? own : tables->usual_chain);
        routes[i].shadowed = own == NULL;
    }
    routes[count] =
        (struct route){.name = "default", .chain = tables->usual_chain, .shadowed = true};
    for (uint32_t i = 0; i <= count; i++)
        routes[i].requirement = requirement_of(routes, i);
    tables->face.routes = routes;
    tables->face.route_count = count + 1;
}

static bool open_geoip(struct tables_ground *ground, struct config_problems *problems)
{
    const struct config_geoip *geoip = &ground->config->geoip;
    if (geoip->database_count == 0)
        return true;
    struct error error;
    ground->geoip = geoip_open(geoip->databases, geoip->database_count, &error);
    if (ground->geoip == NULL)
        config_problems_add(problems, "%s: %s", geoip->place, error.text);
    return ground->geoip != NULL;
}

static bool load_keys(struct tables_ground *ground, struct proxy_tables *face, uint32_t workers,
                      struct config_problems *problems)
{
    const struct config *config = ground->config;
    if (config->keys_file == NULL)
        return true;
    struct error error;
    if (keys_load(config->keys_file, &ground->arena, workers, &ground->keys, &ground->key_count,
                  &error)) {
        face->keys = ground->keys;
        face->key_count = ground->key_count;
        return true;
    }
    config_problems_add(problems, "%s: auth.keys_file: %s", config->keys_place, error.text);
    return false;
}

static bool make_tls(struct tables_ground *ground, struct config_problems *problems)
{
    struct error error;
    ground->tls = tls_set_create(ground->config->fleet, &error);
    if (ground->tls == NULL)
        config_problems_add(problems, "%s: %s", ground->config->path, error.text);
    return ground->tls != NULL;
}

static struct edge_place edge_place(const struct config_edge *edge)
{
    return (struct edge_place){edge->name, edge->url, edge->latitude, edge->longitude};
}

static void list_edges(struct tables_ground *ground, struct proxy_tables *face)
{
    const struct config *config = ground->config;
    struct edge_place *edges =
        arena_zalloc(&ground->arena, (config->edge_count + 1) * sizeof *edges);
    edges[0] = edge_place(&config->edge);
    for (size_t i = 0; i < config->edge_count; i++)
        edges[i + 1] = edge_place(&config->edges[i]);
    face->edges = edges;
    face->edge_count = config->edge_count + 1;
}

static void copy_settings(const struct config *config, struct proxy_tables *face, uint32_t workers)
{
    face->trusted = config->trusted;
    face->trusted_count = config->trusted_count;
    face->access_log = config->access_log != CONFIG_ACCESS_LOG_OFF;
    face->default_location = (struct geo_point){.latitude = config->geoip.default_latitude,
                                                .longitude = config->geoip.default_longitude,
                                                .known = !isnan(config->geoip.default_latitude)};
    for (int c = 0; c < CLASS_COUNT; c++)
        face->classes[c] =
            (struct class_promise){config->classes[c].slo_ms, config->classes[c].queue_ms};
    face->limits = (struct proxy_limits){
        .body_bytes = config->limits.body_bytes,
        .body_memory_bytes = config->limits.body_memory_bytes / workers,
        .queue = (config->limits.queue + workers - 1) / workers,
        .body_timeout_ms = (int64_t)config->timeouts.body_ms,
        .connect_timeout_ms = (int64_t)config->timeouts.connect_ms,
        .first_byte_timeout_ms = (int64_t)config->timeouts.first_byte_ms,
        .stall_timeout_ms = (int64_t)config->timeouts.idle_ms,
        .client_stall_ms = (int64_t)config->timeouts.idle_ms,
        .stream_most_ms = (int64_t)config->timeouts.stream_ms,
    };
}

static struct tables *tables_over(struct tables_ground *ground, struct chain *usual_chain)
{
    struct tables *tables = memory_zalloc(sizeof *tables);
    arena_init(&tables->arena);
    tables->ground = ground;
    tables->config = ground->config;
    tables->usual_chain = chain_hold(usual_chain);
    return tables;
}

static void ground_drop(struct tables_ground **ground)
{
    struct tables_ground *dropped = *ground;
    *ground = NULL;
    if (--dropped->holders > 0)
        return;
    for (size_t i = 0; dropped->chains != NULL && i <= dropped->config->route_count; i++)
        chain_drop(&dropped->chains[i]);
    chain_drop(&dropped->shadow_chain);
    tls_set_destroy(&dropped->tls);
    geoip_drop(&dropped->geoip);
    keys_release(dropped->keys, dropped->key_count);
    config_drop(&dropped->config);
    arena_finish(&dropped->arena);
    free(dropped);
}

struct tables *tables_create(struct config *config, struct plugin_dir *plugins, uint64_t generation,
                             uint32_t workers, struct config_problems *problems)
{
    struct tables_ground *ground = memory_zalloc(sizeof *ground);
    struct proxy_tables face = {.generation = generation};
    ground->holders = 1;
    arena_init(&ground->arena);
    ground->config = config_hold(config);
    copy_settings(config, &face, workers);
    list_edges(ground, &face);
    bool fine = make_chains(ground, plugins, problems);
    fine = open_geoip(ground, problems) && fine;
    fine = load_keys(ground, &face, workers, problems) && fine;
    fine = make_tls(ground, problems) && fine;
    if (!fine) {
        ground_drop(&ground);
        return NULL;
    }
    face.geoip = ground->geoip;
    face.tls = ground->tls;
    struct tables *tables = tables_over(ground, ground->chains[config->route_count]);
    tables->face = face;
    lay_routes(tables);
    return tables;
}

void tables_carry_over(const struct tables *old, struct tables *fresh)
{
    keys_carry_over(old->ground->keys, old->ground->key_count, fresh->ground->keys,
                    fresh->ground->key_count);
}

struct chain *tables_file_chain(const struct tables *tables)
{
    return tables->ground->chains[tables->config->route_count];
}

struct tables *tables_vary(const struct tables *from, struct chain *usual_chain,
                           struct shadow *const *shadows, uint32_t shadow_count)
{
    CHECK_LE(shadow_count, SHADOWS_MOST);
    struct tables *tables =
        tables_over(from->ground, usual_chain != NULL ? usual_chain : tables_file_chain(from));
    from->ground->holders++;
    tables->face = from->face;
    for (uint32_t s = 0; s < shadow_count; s++)
        tables->shadows[s] = shadow_hold(shadows[s]);
    tables->face.shadows = tables->shadows;
    tables->face.shadow_count = shadow_count;
    lay_routes(tables);
    return tables;
}

void tables_destroy(struct tables **tables)
{
    if (*tables == NULL)
        return;
    struct tables *gone = *tables;
    for (uint32_t s = 0; s < gone->face.shadow_count; s++)
        shadow_drop(&gone->shadows[s]);
    chain_drop(&gone->usual_chain);
    ground_drop(&gone->ground);
    arena_finish(&gone->arena);
    free(gone);
    *tables = NULL;
}
