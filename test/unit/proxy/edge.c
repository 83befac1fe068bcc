#include "edge.h"

#include <dirent.h>
#include <unistd.h>

#include "../net/net_kit.h"
#include "unit.h"

#include "base/clock.h"
#include "base/memory.h"

struct connection_pool_settings edge_pool;

const char *edge_path(const struct edge *edge, const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", edge->folder, name);
    return path;
}

void edge_write(const struct edge *edge, const char *name, const char *text)
{
    FILE *file = fopen(edge_path(edge, name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct config *load(struct edge *edge, const char *yaml)
{
    char *text =
        memory_printf("listen: [{address: \"127.0.0.1:0\"}]\nplugin_dir: %s\n%s", PLUGIN_DIR, yaml);
    edge_write(edge, "edge.yaml", text);
    free(text);
    struct config_problems problems;
    config_problems_init(&problems);
    struct config *config;
    if (!config_load(edge_path(edge, "edge.yaml"), &config, &problems)) {
        config_problems_print(&problems, stderr);
        fail();
    }
    config_problems_finish(&problems);
    return config;
}

static void resolve(struct edge *edge, const struct fleet_config *config)
{
    for (uint32_t t = 0; t < config->target_count; t++) {
        const struct target_config *target = &config->targets[t];
        const uint32_t slot = fleet_slot_find(edge->fleet, slice_of(target->cluster->name),
                                              slice_of(target->pool->name));
        for (uint32_t e = 0; e < target->pool->endpoint_count; e++) {
            struct address address;
            if (!address_parse_ip(slice_of(target->pool->endpoints[e].host), &address))
                continue; /* a name that has no address yet */
            address_set_port(&address, target->pool->endpoints[e].port);
            fleet_set_endpoint_addresses(edge->fleet, slot, e, &address.storage, 1);
        }
    }
}

void edge_tick(struct edge *edge)
{
    struct snapshot *old = edge->snapshot;
    edge->snapshot = fleet_tick(edge->fleet, &edge->proxy->ledger, 1, clock_monotonic_ns());
    atomic_store(&edge->proxy->snapshot, edge->snapshot);
    snapshot_destroy(&old);
}

void edge_reload(struct edge *edge, const char *yaml)
{
    struct config *config = load(edge, yaml);
    struct config_problems problems;
    config_problems_init(&problems);
    struct tables *old = edge->tables;
    edge->tables = tables_create(config, edge->plugins, ++edge->generation, 1, &problems);
    if (edge->tables == NULL)
        config_problems_print(&problems, stderr);
    assert_non_null(edge->tables);
    if (old != NULL)
        tables_carry_over(old, edge->tables);
    config_problems_finish(&problems);
    struct error error;
    assert_true(fleet_configure(edge->fleet, config->fleet, clock_monotonic_ns(), &error));
    resolve(edge, config->fleet);
    edge_tick(edge);
    atomic_store(&edge->proxy->tables, &edge->tables->face);
    proxy_turn(edge->proxy);
    tables_destroy(&old);
    config_drop(&config);
}

static void on_accept(void *owner, int fd, const struct address *peer)
{
    struct edge *edge = owner;
    connection_accept(&edge->proxy->host, fd, peer, NULL);
}

static const struct listener_events listener_upcalls = {.on_accept = on_accept};

void edge_open(struct edge *edge, struct loop *loop, const char *yaml)
{
    *edge = (struct edge){.loop = loop};
    strcpy(edge->folder, "/tmp/isochrone-edge-XXXXXX");
    assert_non_null(mkdtemp(edge->folder));
    edge_write(edge, "keys.txt", "");
    edge_write(edge, "cluster.key", "our-secret");
    edge->plugins = plugin_dir_create(PLUGIN_DIR);
    edge->fleet = fleet_create(1);
    edge->affinity = affinity_create(1024);
    const struct proxy_settings settings = {.pool = edge_pool.connections_h1 > 0
                                                        ? edge_pool
                                                        : connection_pool_default_settings,
                                            .decisions_kept = 16};
    edge->proxy = proxy_create(loop, 0, &settings, edge->affinity, NULL);
    edge_reload(edge, yaml);
    edge->listener = listener_create(loop, kit_listen(&edge->bound), &listener_upcalls, edge);
}

void edge_log_open(struct edge *edge)
{
    struct error error;
    edge->log = access_log_open(edge_path(edge, "access.log"), &error);
    assert_non_null(edge->log);
    edge->proxy->log = edge->log;
}

char *edge_log_text(struct edge *edge)
{
    access_log_hand_over(edge->log, &edge->proxy->log_lines, 0, true);
    access_log_close(&edge->log);
    edge->proxy->log = NULL;
    FILE *file = fopen(edge_path(edge, "access.log"), "r");
    assert_non_null(file);
    char *text = memory_zalloc(1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void remove_folder(const struct edge *edge)
{
    DIR *dir = opendir(edge->folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(edge_path(edge, entry->d_name));
    closedir(dir);
    rmdir(edge->folder);
}

void edge_close(struct edge *edge)
{
    listener_destroy(&edge->listener);
    connection_host_finish(&edge->proxy->host);
    loop_turn(edge->loop);
    assert_int_equal(edge->proxy->budget.active, 0);
    assert_int_equal(edge->proxy->budget.retrying, 0);
    assert_int_equal(level_get(&edge->proxy->metrics.active), 0);
    assert_int_equal(level_get(&edge->proxy->metrics.body_bytes), 0);
    proxy_destroy(&edge->proxy);
    loop_turn(edge->loop);
    access_log_close(&edge->log);
    snapshot_destroy(&edge->snapshot);
    tables_destroy(&edge->tables);
    fleet_destroy(&edge->fleet);
    affinity_destroy(&edge->affinity);
    plugin_dir_destroy(&edge->plugins);
    remove_folder(edge);
}

char *edge_two_clusters(const struct engine *near, const struct engine *far, const char *options,
                        const char *more)
{
    return memory_printf(
        "edge: {name: test, latitude: 50, longitude: 8}\n"
        "geoip: {default_location: {latitude: 50, longitude: 8}}\n"
        "policies: [{plugin: nearest}]\n"
        "clusters:\n"
        "  - {name: near, country: DE, latitude: 50, longitude: 8, models: {m: m, a: theirs/a}, "
        "endpoints: [{url: \"%s\"%s}]}\n"
        "  - {name: far, country: CN, latitude: 31, longitude: 121, models: [m], "
        "endpoints: [{url: \"%s\"%s}]}\n"
        "%s",
        near->url, options, far->url, options, more);
}
