#include "control/control.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/admin_server.h"
#include "control/front_sockets.h"
#include "control/signals.h"

enum {
    TICK_MS = 100,
    DRAIN_LOOK_MS = 20,
    AFFINITY_ENTRIES = 1 << 17, /* 8 MiB */
    DECISIONS_KEPT = 256,       /* of each worker */
};

/* --- publishing --- */

struct retired_snapshot {
    struct epoch_item item;
    struct snapshot *snapshot;
};

static void free_snapshot(struct epoch_item *item)
{
    struct retired_snapshot *retired = CONTAINER_OF(item, struct retired_snapshot, item);
    snapshot_destroy(&retired->snapshot);
    free(retired);
}

static void free_tables(struct epoch_item *item)
{
    struct tables *tables = CONTAINER_OF(item, struct tables, item);
    tables_destroy(&tables);
}

static void publish_snapshot(struct control *control, int64_t now_ns)
{
    struct snapshot *old = control->snapshot;
    control->snapshot = fleet_tick(control->fleet, control->ledgers, control->worker_count, now_ns);
    control->counters.snapshots++;
    for (uint32_t w = 0; w < control->worker_count; w++)
        atomic_store_explicit(&worker_proxy(control->workers[w])->snapshot, control->snapshot,
                              memory_order_release);
    if (old == NULL)
        return;
    struct retired_snapshot *retired = memory_zalloc(sizeof *retired);
    retired->snapshot = old;
    epoch_retire(&control->epoch, &retired->item, free_snapshot);
}

static void publish_tables(struct control *control, struct tables *tables)
{
    struct tables *old = control->tables;
    control->tables = tables;
    for (uint32_t w = 0; w < control->worker_count; w++)
        atomic_store_explicit(&worker_proxy(control->workers[w])->tables, &tables->face,
                              memory_order_release);
    if (old != NULL)
        epoch_retire(&control->epoch, &old->item, free_tables);
}

void control_publish_policies(struct control *control)
{
    publish_tables(control, policy_life_tables(&control->policies, control->tables));
}

/* A policy that is too slow, again and again, delays every request of its worker. */
static void watch_policies(struct control *control, int64_t now_ns)
{
    LIST_EACH (node, plugin_dir_list(control->plugins)) {
        const struct plugin *plugin = LIST_ENTRY(node, struct plugin, node);
        uint64_t strikes = 0;
        for (uint32_t w = 0; w < control->worker_count; w++) {
            const struct policy_metrics *metrics =
                policy_time_of(&worker_proxy(control->workers[w])->policy_time, plugin->number);
            strikes += metrics != NULL ? counter_get(&metrics->strikes) : 0;
        }
        if (policy_life_strike(&control->policies, plugin, strikes, now_ns) &&
            policy_life_take_out(&control->policies, plugin, control->tables))
            control_publish_policies(control);
    }
}

static void watch_bodies(struct control *control, int64_t now_ns)
{
    int64_t bytes = 0;
    for (uint32_t w = 0; w < control->worker_count; w++)
        bytes += level_get(&worker_proxy(control->workers[w])->metrics.body_bytes);
    if (burst_is_over(&control->bodies, bytes, now_ns))
        memory_return();
}

static void wake_workers(struct control *control)
{
    for (uint32_t w = 0; w < control->worker_count; w++)
        worker_wake(control->workers[w]);
}

static void tick(struct timer *timer)
{
    struct control *control = CONTAINER_OF(timer, struct control, tick);
    publish_snapshot(control, loop_now_ns(control->loop));
    watch_policies(control, loop_now_ns(control->loop));
    watch_bodies(control, loop_now_ns(control->loop));
    if (control->probes_outdated) {
        prober_update(control->prober, control->snapshot, control->tables->ground->tls);
        control->probes_outdated = false;
    }
    if (epoch_reclaim(&control->epoch))
        wake_workers(control); /* an idle worker marks when it is woken */
    bool all_ended = true;
    for (uint32_t w = 0; w < control->worker_count; w++)
        all_ended = all_ended && worker_ended(control->workers[w]);
    if (control->draining && all_ended) {
        loop_stop(control->loop);
        return;
    }
    timer_start(&control->tick, control->loop, control->draining ? DRAIN_LOOK_MS : TICK_MS);
}

/* --- what feeds the fleet --- */

static enum report_fate on_report(void *owner, struct slice cluster, struct slice pool,
                                  const struct report *report, double age_ms)
{
    struct control *control = owner;
    return fleet_apply_report(control->fleet, cluster, pool, report, age_ms,
                              loop_now_ns(control->loop));
}

static size_t shares(void *owner, struct fleet_share *out, size_t most)
{
    struct control *control = owner;
    return fleet_shares(control->fleet, out, most);
}

static void on_exchange(void *owner, const struct fleet_share *others, size_t count,
                        uint32_t routers, double tick_ms, double age_ms)
{
    struct control *control = owner;
    fleet_apply_exchange(control->fleet, others, count, routers, tick_ms, age_ms,
                         loop_now_ns(control->loop));
}

static const struct redis_feed_events feed_events = {
    .on_report = on_report,
    .shares = shares,
    .on_exchange = on_exchange,
};

static void on_rtt(void *owner, uint32_t slot, uint32_t endpoint, double rtt_ms)
{
    struct control *control = owner;
    fleet_observe_rtt(control->fleet, slot, endpoint, rtt_ms, loop_now_ns(control->loop));
}

static void on_probe(void *owner, uint32_t slot, uint32_t endpoint, bool ok, const char *why)
{
    struct control *control = owner;
    (void)why;
    control->counters.probes++;
    control->counters.probes_failed += !ok;
    fleet_observe_probe(control->fleet, slot, endpoint, ok, loop_now_ns(control->loop));
}

static const struct prober_events prober_events = {.on_rtt = on_rtt, .on_result = on_probe};

static void on_addresses(void *owner)
{
    struct control *control = owner;
    control->probes_outdated = true;
}

static bool make_feed(const struct config *config, struct control *control, struct redis_feed **out,
                      struct config_problems *problems)
{
    const struct config_redis *redis = &config->redis;
    *out = NULL;
    if (redis->url_count == 0)
        return true;
    const struct redis_feed_settings settings = {
        .urls = redis->urls,
        .url_count = redis->url_count,
        .prefix = slice_of(redis->prefix),
        .router_name = slice_of(config->edge.name),
        .connect_ms = (unsigned)redis->connect_timeout_ms,
        .reply_ms = (unsigned)redis->timeout_ms,
    };
    struct error error;
    *out = redis_feed_create(loop_base(control->loop), &settings, &feed_events, control, &error);
    if (*out == NULL)
        config_problems_add(problems, "%s: redis: %s", config->path, error.text);
    return *out != NULL;
}

static struct prober *make_prober(const struct config *config, struct control *control)
{
    const struct prober_settings settings = {
        .interval_ms = (int64_t)config->upstream.probe_interval_ms,
        .timeout_ms = (int64_t)config->upstream.probe_timeout_ms,
        .path = config->upstream.probe_path,
        .source = config->source_address,
    };
    return prober_create(control->loop, &settings, &prober_events, control);
}

/* --- configuration --- */

static void set_connections(struct control *control, const struct config *config)
{
    struct connection_settings settings = connection_default_settings;
    settings.limits.streams = config->limits.streams;
    settings.head_timeout_ms = (int64_t)config->timeouts.head_ms;
    settings.idle_timeout_ms = (int64_t)config->timeouts.keep_alive_ms;
    settings.connections_most =
        (config->limits.connections + control->worker_count - 1) / control->worker_count;
    for (uint32_t w = 0; w < control->worker_count; w++)
        worker_set_connections(control->workers[w], &settings);
}

/* Everything of a configuration, built aside. */
struct prepared {
    struct config *config;
    struct tables *tables;
    struct redis_feed *feed;
};

static void prepared_drop(struct prepared *prepared)
{
    redis_feed_destroy(&prepared->feed);
    tables_destroy(&prepared->tables);
    config_drop(&prepared->config);
}

static bool prepare(struct control *control, struct config *config, struct prepared *out,
                    struct config_problems *problems)
{
    *out = (struct prepared){.config = config};
    struct error error;
    out->tables = tables_create(config, control->plugins, control->generation + 1,
                                control->worker_count, problems);
    bool fine = out->tables != NULL;
    fine = make_feed(config, control, &out->feed, problems) && fine;
    fine = fine && front_sockets_prepare(control->sockets, config, problems);
    if (fine && !fleet_configure(control->fleet, config->fleet, clock_monotonic_ns(), &error)) {
        config_problems_add(problems, "%s: %s", config->path, error.text);
        fine = false;
    }
    if (!fine) {
        front_sockets_forget(control->sockets);
        prepared_drop(out);
    }
    return fine;
}

/* From here nothing can fail. */
static void commit(struct control *control, struct prepared *prepared)
{
    const struct config *config = prepared->config;
    control->generation++;
    log_set_level(config->log_level);
    /* The snapshot goes first: tables name only targets that a snapshot must have. */
    resolver_follow(control->resolver, config->fleet);
    publish_snapshot(control, clock_monotonic_ns());
    if (control->tables != NULL)
        tables_carry_over(control->tables, prepared->tables);
    policy_life_reload(&control->policies, control->tables, prepared->tables);
    publish_tables(control, policy_life_tables(&control->policies, prepared->tables));
    tables_destroy(&prepared->tables); /* the ground is held by what was made of it */
    redis_feed_destroy(&control->feed);
    control->feed = prepared->feed;
    prober_destroy(&control->prober);
    control->prober = make_prober(config, control);
    control->probes_outdated = true;
    set_connections(control, config);
    front_sockets_commit(control->sockets, control->workers);
    config_drop(&prepared->config);
}

static const char *text_or_none(const char *text)
{
    return text != NULL ? text : "";
}

static void warn_unchangeable(const struct control *control, const struct config *config)
{
    const struct config *now = control->tables->config;
    if (config->workers != 0 && config->workers != control->worker_count)
        log_event(LOG_WARN, "reload_partial", "workers: stays %u until a restart",
                  control->worker_count);
    if (strcmp(config->admin.text, now->admin.text) != 0)
        log_event(LOG_WARN, "reload_partial", "admin: stays %s until a restart", now->admin.text);
    if (config->access_log != now->access_log)
        log_event(LOG_WARN, "reload_partial", "access_log: stays as it is until a restart");
    if (strcmp(text_or_none(config->decision_log_file), text_or_none(now->decision_log_file)) != 0)
        log_event(LOG_WARN, "reload_partial", "decision_log: stays as it is until a restart");
}

bool control_reload(struct control *control, struct config_problems *problems)
{
    struct config *config;
    struct prepared prepared;
    if (control->draining)
        config_problems_add(problems, "%s: not read: this router is draining",
                            control->config_path);
    const bool fine = !control->draining && config_load(control->config_path, &config, problems) &&
                      prepare(control, config, &prepared, problems);
    if (!fine) {
        control->counters.reloads_failed++;
        error_set(&control->last_reload_error, "%s",
                  problems->count > 0 ? problems->items[0].text : "unknown");
        for (size_t i = 0; i < problems->count; i++)
            log_event(LOG_ERROR, "reload_refused", "%s", problems->items[i].text);
        return false;
    }
    warn_unchangeable(control, config);
    commit(control, &prepared);
    control->counters.reloads++;
    control->last_reload_error.text[0] = '\0';
    log_event(LOG_INFO, "reloaded", "generation %llu", (unsigned long long)control->generation);
    return true;
}

bool control_check(const char *config_path, struct config_problems *problems)
{
    struct config *config;
    if (!config_load(config_path, &config, problems))
        return false;
    struct plugin_dir *plugins = plugin_dir_create(config->plugin_dir);
    struct tables *tables = tables_create(config, plugins, 1, 1, problems);
    const bool fine = tables != NULL;
    tables_destroy(&tables);
    plugin_dir_destroy(&plugins);
    config_drop(&config);
    return fine;
}

/* --- life --- */

static uint32_t choose_workers(const struct config *config)
{
    if (config->workers > 0)
        return config->workers;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1                   ? 1
           : processors > EPOCH_READERS_MAX ? EPOCH_READERS_MAX
                                            : (uint32_t)processors;
}

static bool open_log(struct control *control, const struct config *config,
                     struct config_problems *problems)
{
    if (config->access_log == CONFIG_ACCESS_LOG_OFF)
        return true;
    struct error error;
    control->log =
        access_log_open(config->access_log == CONFIG_ACCESS_LOG_STDOUT ? "stdout"
                                                                       : config->access_log_file,
                        &error);
    if (control->log == NULL)
        config_problems_add(problems, "%s: %s", config->access_log_place, error.text);
    return control->log != NULL;
}

static bool open_decision_log(struct control *control, const struct config *config,
                              struct config_problems *problems)
{
    struct error error;
    if (config->decision_log_file == NULL)
        return true;
    control->decision_log = access_log_open(config->decision_log_file, &error);
    if (control->decision_log == NULL)
        config_problems_add(problems, "%s: %s", config->decision_log_place, error.text);
    return control->decision_log != NULL;
}

static void make_workers(struct control *control, const struct config *config)
{
    epoch_init(&control->epoch, control->worker_count);
    control->workers = memory_zalloc(control->worker_count * sizeof *control->workers);
    control->ledgers = memory_zalloc(control->worker_count * sizeof *control->ledgers);
    struct connection_pool_settings pool = connection_pool_default_settings;
    pool.connect_timeout_ms = (int64_t)config->timeouts.connect_ms;
    pool.idle_timeout_h1_ms = (int64_t)config->upstream.idle_ms;
    pool.connections_h1 = config->upstream.connections;
    for (uint32_t w = 0; w < control->worker_count; w++) {
        const struct worker_settings settings = {
            .number = w,
            .epoch = &control->epoch,
            .affinity = control->affinity,
            .log = control->log,
            .proxy = {.pool = pool,
                      .source = config->source_address,
                      .decisions_kept = DECISIONS_KEPT,
                      .decision_log = control->decision_log},
        };
        control->workers[w] = worker_create(&settings);
        control->ledgers[w] = worker_proxy(control->workers[w])->ledger;
    }
}

struct control *control_create(const char *config_path, struct config_problems *problems)
{
    struct config *config;
    if (!config_load(config_path, &config, problems))
        return NULL;
    struct control *control = memory_zalloc(sizeof *control);
    control->config_path = config_path;
    control->started_ns = clock_monotonic_ns();
    control->loop = loop_create();
    control->plugins = plugin_dir_create(config->plugin_dir);
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    control->fleet = fleet_create(seed);
    control->affinity = affinity_create(AFFINITY_ENTRIES);
    control->worker_count = choose_workers(config);
    control->resolver = resolver_create(control->loop, control->fleet, on_addresses, control);
    control->sockets = front_sockets_create(control->worker_count);
    timer_init(&control->tick, tick);
    bool fine = open_log(control, config, problems);
    fine = open_decision_log(control, config, problems) && fine;
    make_workers(control, config);
    policy_life_init(&control->policies, control->worker_count);
    struct prepared prepared;
    fine = prepare(control, config, &prepared, problems) && fine;
    if (fine) {
        control->admin = admin_server_create(control, prepared.config, problems);
        fine = control->admin != NULL;
        if (!fine)
            prepared_drop(&prepared);
    }
    if (!fine) {
        control_destroy(&control);
        return NULL;
    }
    commit(control, &prepared);
    return control;
}

void control_drain(struct control *control)
{
    if (control->draining)
        return;
    control->draining = true;
    log_event(LOG_INFO, "draining", "no new connections; open exchanges have %.0f s to end",
              control->tables->config->timeouts.drain_ms / 1000);
    front_sockets_close(control->sockets);
    for (uint32_t w = 0; w < control->worker_count; w++)
        worker_drain(control->workers[w], (int64_t)control->tables->config->timeouts.drain_ms);
    timer_start(&control->tick, control->loop, DRAIN_LOOK_MS);
}

static void on_signal(void *owner, int number)
{
    struct control *control = owner;
    struct config_problems problems;
    switch (number) {
    case SIGHUP:
        config_problems_init(&problems);
        (void)control_reload(control, &problems); /* it has said in the log what is wrong */
        config_problems_finish(&problems);
        break;
    case SIGUSR1:
        if (control->log != NULL)
            access_log_reopen(control->log);
        if (control->decision_log != NULL)
            access_log_reopen(control->decision_log);
        break;
    case SIGTERM:
    case SIGINT:
        if (control->draining)
            loop_stop(control->loop); /* asked twice: now */
        control_drain(control);
        break;
    default:
        break;
    }
}

int control_run(struct control *control)
{
    struct signals *signals = signals_create(control->loop, on_signal, control);
    for (uint32_t w = 0; w < control->worker_count; w++)
        worker_start(control->workers[w]);
    timer_start(&control->tick, control->loop, 0);
    log_event(LOG_INFO, "ready", "%u workers, %u targets", control->worker_count,
              control->snapshot->count);
    loop_run(control->loop);
    signals_destroy(&signals);
    log_event(LOG_INFO, "stopped", "all exchanges ended or were given up");
    return 0;
}

static bool has_address(const struct target *target)
{
    for (uint32_t e = 0; e < target->endpoint_count; e++)
        if (target->endpoints[e].addresses != NULL && target->endpoints[e].addresses->count > 0)
            return true;
    return false;
}

bool control_ready(const struct control *control)
{
    if (control->snapshot == NULL || control->tables == NULL || control->draining)
        return false;
    for (uint32_t t = 0; t < control->snapshot->count; t++)
        if (has_address(&control->snapshot->targets[t]))
            return true;
    return false; /* names are still being resolved: nothing could be sent anywhere */
}

void control_destroy(struct control **control)
{
    if (*control == NULL)
        return;
    struct control *gone = *control;
    timer_stop(&gone->tick);
    admin_server_destroy(&gone->admin);
    for (uint32_t w = 0; gone->workers != NULL && w < gone->worker_count; w++)
        worker_destroy(&gone->workers[w]);
    redis_feed_destroy(&gone->feed);
    prober_destroy(&gone->prober);
    resolver_destroy(&gone->resolver);
    front_sockets_destroy(&gone->sockets);
    loop_turn(gone->loop);
    access_log_close(&gone->log);
    access_log_close(&gone->decision_log);
    if (gone->workers != NULL)
        epoch_finish(&gone->epoch);
    snapshot_destroy(&gone->snapshot);
    policy_life_finish(&gone->policies);
    tables_destroy(&gone->tables);
    fleet_destroy(&gone->fleet);
    affinity_destroy(&gone->affinity);
    plugin_dir_destroy(&gone->plugins);
    loop_destroy(&gone->loop);
    free(gone->workers);
    free(gone->ledgers);
    free(gone);
    *control = NULL;
}
