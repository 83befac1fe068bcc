#include "control/redis_feed.h"

#include <math.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "control/redis_rows.h"
#include "net/redis_reader.h"
#include "net/redis_schema.h"

#define TICK_LEAST_MS 100.0
#define TICK_MOST_MS 60000.0 /* the most that iso1_exchange takes */
#define CALL_MS 0.1
#define CALL_TARGET_MS 0.006
#define REDIS_SHARE 0.2
#define RESYNC_MS 5000.0
#define COMPLAIN_NS (10 * NS_PER_S)

/* A reply of which we wait, so that at most one of each kind is under way. */
enum errand { ERRAND_SNAPSHOT, ERRAND_EXCHANGE, ERRAND_LOAD, ERRANDS };

struct redis_feed {
    const struct redis_feed_events *events;
    void *owner;
    struct redis_schema schema;
    char router_name[REDIS_NAME_BYTES + 1];
    struct redis_client *commands;
    struct redis_client *subscriber;
    struct event *exchange_timer;
    struct event *resync_timer;
    struct random random;
    struct arena scratch; /* of one call or one reply */
    bool under_way[ERRANDS];

    struct arena sent_arena; /* names of what was sent, until the reply */
    struct fleet_share *sent;
    struct fleet_share *others;
    size_t sent_count;

    struct arena router_arena; /* of the last snapshot */
    struct redis_router *routers;
    size_t router_count;

    bool clock_known;
    double clock_offset_ms; /* server's clock minus our monotonic one */
    int64_t snapshot_ns, exchange_ns;
    int64_t complained_ns;
    struct redis_feed_status status;
};

static void snapshot_ask(struct redis_feed *feed);

static double now_ms(void)
{
    return ns_to_ms(clock_monotonic_ns());
}

static void timer_arm(struct redis_feed *feed, struct event *timer, double delay_ms)
{
    const double jittered = delay_ms * (0.9 + 0.2 * random_unit(&feed->random));
    const struct timeval delay = {.tv_sec = (time_t)(jittered / 1000),
                                  .tv_usec = (suseconds_t)(fmod(jittered, 1000) * 1000)};
    evtimer_add(timer, &delay);
}

static void complain(struct redis_feed *feed, const char *event, const char *what)
{
    const int64_t now = clock_monotonic_ns();
    if (feed->complained_ns && now - feed->complained_ns < COMPLAIN_NS)
        return;
    feed->complained_ns = now;
    log_event(LOG_WARN, event, "%s", what);
}

/* ---- the server's clock --------------------------------------------- */

static void clock_set(struct redis_feed *feed, int64_t server_ms)
{
    feed->clock_known = true;
    feed->clock_offset_ms = (double)server_ms - now_ms();
}

static double age_of(const struct redis_feed *feed, uint64_t ts_ms)
{
    if (!feed->clock_known)
        return 0;
    return fmax(0, now_ms() + feed->clock_offset_ms - (double)ts_ms);
}

/* ---- library -------------------------------------------------------- */

static void on_loaded(void *user, const struct redisReply *reply)
{
    struct redis_feed *feed = user;
    feed->under_way[ERRAND_LOAD] = false;
    if (!reply)
        return;
    if (!redis_library_loaded(reply)) {
        complain(feed, "redis_library_refused", "redis did not take the function library");
        return;
    }
    feed->status.library_loads++;
    snapshot_ask(feed);
}

/* True when that was what the reply was about. */
static bool library_missed(struct redis_feed *feed, const struct redisReply *reply)
{
    if (!redis_library_missing(reply))
        return false;
    if (!feed->under_way[ERRAND_LOAD])
        feed->under_way[ERRAND_LOAD] = redis_library_load(feed->commands, on_loaded, feed);
    return true;
}

/* ---- reports -------------------------------------------------------- */

static void row_apply(struct redis_feed *feed, const struct redis_row *row)
{
    const enum report_fate fate =
        feed->events->on_report(feed->owner, row->cluster, row->pool, &row->report,
                                age_of(feed, row->report.ts_ms));
    feed->status.fates[fate]++;
}

static void routers_keep(struct redis_feed *feed, const struct redis_snapshot *snapshot)
{
    arena_reset(&feed->router_arena);
    feed->routers =
        arena_alloc(&feed->router_arena, (snapshot->router_count + 1) * sizeof *feed->routers);
    feed->router_count = snapshot->router_count;
    for (size_t i = 0; i < snapshot->router_count; i++) {
        const struct redis_router *router = &snapshot->routers[i];
        feed->routers[i] = *router;
        feed->routers[i].name = arena_printf(&feed->router_arena, "%.*s", SLICE_ARG(router->name));
    }
}

static void on_snapshot(void *user, const struct redisReply *reply)
{
    struct redis_feed *feed = user;
    feed->under_way[ERRAND_SNAPSHOT] = false;
    if (!reply || library_missed(feed, reply))
        return;
    arena_reset(&feed->scratch);
    struct redis_snapshot snapshot;
    if (!redis_snapshot_read(reply, &feed->scratch, &snapshot, &feed->status.refusals) ||
        2 * snapshot.refused > snapshot.refused + snapshot.row_count) {
        feed->status.snapshots_refused++;
        complain(feed, "redis_snapshot_refused",
                 reply->type == REDIS_REPLY_ERROR ? reply->str
                                                  : "no snapshot, or more than half of its reports "
                                                    "refused; the last good ones stand");
        return;
    }
    clock_set(feed, snapshot.now_ms);
    feed->status.snapshots++;
    feed->snapshot_ns = clock_monotonic_ns();
    for (size_t i = 0; i < snapshot.row_count; i++)
        row_apply(feed, &snapshot.rows[i]);
    routers_keep(feed, &snapshot);
    if (snapshot.refused > 0)
        complain(feed, "redis_report_refused",
                 "a report in redis is not what the contract says; the last good one stands");
}

static void snapshot_ask(struct redis_feed *feed)
{
    if (feed->under_way[ERRAND_SNAPSHOT] || !redis_client_ready(feed->commands))
        return;
    arena_reset(&feed->scratch);
    const struct redis_command command = redis_command_snapshot(&feed->scratch, &feed->schema);
    feed->under_way[ERRAND_SNAPSHOT] =
        redis_command_send(&command, feed->commands, on_snapshot, feed);
}

static void on_message(void *owner, struct slice payload)
{
    struct redis_feed *feed = owner;
    struct redis_row row;
    arena_reset(&feed->scratch);
    if (redis_message_read(payload, &feed->scratch, &row, &feed->status.refusals))
        row_apply(feed, &row);
    else
        complain(feed, "redis_report_refused",
                 "a message from redis is not what the contract says; the last good report stands");
}

static void on_resync(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis_feed *feed = arg;
    snapshot_ask(feed);
    timer_arm(feed, feed->resync_timer, RESYNC_MS);
}

/* ---- exchange ------------------------------------------------------- */

double redis_feed_tick_ms(uint32_t routers, size_t targets)
{
    const double call_ms = CALL_MS + CALL_TARGET_MS * (double)targets;
    return fmin(fmax(TICK_LEAST_MS, routers * call_ms / REDIS_SHARE), TICK_MOST_MS);
}

static void on_exchanged(void *user, const struct redisReply *reply)
{
    struct redis_feed *feed = user;
    feed->under_way[ERRAND_EXCHANGE] = false;
    if (!reply || library_missed(feed, reply))
        return;
    struct redis_exchange exchange;
    if (!redis_exchange_read(reply, feed->sent, feed->sent_count, feed->others, &exchange)) {
        feed->status.exchanges_refused++;
        complain(feed, "redis_exchange_refused",
                 reply->type == REDIS_REPLY_ERROR ? reply->str
                                                  : "the reply to iso1_exchange has another shape");
        return;
    }
    clock_set(feed, exchange.now_ms);
    feed->status.exchanges++;
    feed->exchange_ns = clock_monotonic_ns();
    feed->status.routers = exchange.routers;
    feed->events->on_exchange(feed->owner, feed->others, feed->sent_count, exchange.routers,
                              feed->status.tick_ms, 0);
}

static uint64_t counter_of(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

/* What is sent is kept, with names of its own, to be taken off the totals that come back. */
static void shares_take(struct redis_feed *feed)
{
    feed->sent_count = feed->events->shares(feed->owner, feed->sent, FLEET_SLOTS_MAX);
    arena_reset(&feed->sent_arena);
    size_t kept = 0;
    for (size_t i = 0; i < feed->sent_count; i++) {
        struct slice cluster, pool;
        struct fleet_share share = feed->sent[i];
        if (!redis_target_split(slice_of(share.name), &cluster, &pool))
            continue; /* a name that Redis cannot carry is not exchanged */
        share.name = arena_printf(&feed->sent_arena, "%s", share.name).ptr;
        feed->sent[kept++] = share;
    }
    feed->sent_count = kept;
}

static void exchange_ask(struct redis_feed *feed)
{
    shares_take(feed);
    feed->status.tick_ms = redis_feed_tick_ms(feed->status.routers, feed->sent_count);
    arena_reset(&feed->scratch);
    struct redis_command command =
        redis_command_exchange(&feed->scratch, &feed->schema, slice_of(feed->router_name),
                               (uint64_t)feed->status.tick_ms);
    for (size_t i = 0; i < feed->sent_count; i++) {
        const struct fleet_share *share = &feed->sent[i];
        redis_command_add(&command, slice_of(share->name));
        redis_command_add_number(&command, counter_of(share->inflight));
        redis_command_add_number(&command, counter_of(share->pending));
        redis_command_add_number(&command, counter_of(share->pending_tokens));
    }
    feed->under_way[ERRAND_EXCHANGE] =
        redis_command_send(&command, feed->commands, on_exchanged, feed);
}

static void on_exchange_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis_feed *feed = arg;
    if (!feed->under_way[ERRAND_EXCHANGE] && redis_client_ready(feed->commands))
        exchange_ask(feed);
    timer_arm(feed, feed->exchange_timer, feed->status.tick_ms);
}

/* ---- connections ---------------------------------------------------- */

static void on_commands_ready(void *owner)
{
    struct redis_feed *feed = owner;
    struct redis_status status;
    redis_client_status(feed->commands, &status);
    log_event(LOG_INFO, "redis_connected", "%s", status.server);
    snapshot_ask(feed);
}

static void on_commands_lost(void *owner)
{
    struct redis_feed *feed = owner;
    struct redis_status status;
    redis_client_status(feed->commands, &status);
    log_event(LOG_WARN, "redis_lost", "%s; reports age until it is back", status.error);
}

/* Messages may have been missed until now. */
static void on_subscriber_ready(void *owner)
{
    snapshot_ask(owner);
}

static const struct redis_events command_events = {on_commands_ready, on_commands_lost, NULL};
static const struct redis_events subscriber_events = {on_subscriber_ready, NULL, on_message};

static bool clients_create(struct redis_feed *feed, struct event_base *base,
                           const struct redis_feed_settings *settings, struct error *error)
{
    struct redis_settings client = {.urls = settings->urls,
                                    .url_count = settings->url_count,
                                    .name = "isochrone",
                                    .connect_ms = settings->connect_ms,
                                    .reply_ms = settings->reply_ms};
    feed->commands = redis_client_create(base, &client, &command_events, feed, error);
    if (!feed->commands)
        return false;
    client.channel = feed->schema.updates;
    feed->subscriber = redis_client_create(base, &client, &subscriber_events, feed, error);
    return feed->subscriber != NULL;
}

struct redis_feed *redis_feed_create(struct event_base *base,
                                     const struct redis_feed_settings *settings,
                                     const struct redis_feed_events *events, void *owner,
                                     struct error *error)
{
    CHECK(redis_name_valid(settings->router_name));
    struct redis_feed *feed = memory_zalloc(sizeof *feed);
    feed->events = events;
    feed->owner = owner;
    redis_schema_init(&feed->schema, settings->prefix);
    memcpy(feed->router_name, settings->router_name.ptr, settings->router_name.len);
    feed->sent = memory_alloc(FLEET_SLOTS_MAX * sizeof *feed->sent);
    feed->others = memory_alloc(FLEET_SLOTS_MAX * sizeof *feed->others);
    arena_init(&feed->scratch);
    arena_init(&feed->sent_arena);
    arena_init(&feed->router_arena);
    feed->status.routers = 1;
    feed->status.tick_ms = TICK_LEAST_MS;
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    random_seed(&feed->random, seed);
    feed->exchange_timer = evtimer_new(base, on_exchange_due, feed);
    feed->resync_timer = evtimer_new(base, on_resync, feed);
    CHECK(feed->exchange_timer && feed->resync_timer);
    if (!clients_create(feed, base, settings, error)) {
        redis_feed_destroy(&feed);
        return NULL;
    }
    timer_arm(feed, feed->exchange_timer, TICK_LEAST_MS);
    timer_arm(feed, feed->resync_timer, RESYNC_MS);
    return feed;
}

void redis_feed_destroy(struct redis_feed **handle)
{
    struct redis_feed *feed = *handle;
    if (!feed)
        return;
    *handle = NULL;
    redis_client_destroy(&feed->commands);
    redis_client_destroy(&feed->subscriber);
    event_free(feed->exchange_timer);
    event_free(feed->resync_timer);
    arena_finish(&feed->scratch);
    arena_finish(&feed->sent_arena);
    arena_finish(&feed->router_arena);
    free(feed->sent);
    free(feed->others);
    free(feed);
}

/* ---- what can be seen ----------------------------------------------- */

static double since_ms(int64_t then_ns)
{
    return then_ns ? ns_to_ms(clock_monotonic_ns() - then_ns) : NAN;
}

void redis_feed_status(const struct redis_feed *feed, struct redis_feed_status *out)
{
    *out = feed->status;
    redis_client_status(feed->commands, &out->commands);
    redis_client_status(feed->subscriber, &out->subscriber);
    out->snapshot_ms = since_ms(feed->snapshot_ns);
    out->exchange_ms = since_ms(feed->exchange_ns);
    out->clock_skew_ms =
        feed->clock_known ? now_ms() + feed->clock_offset_ms - (double)clock_wall_ms() : NAN;
}

size_t redis_feed_routers(const struct redis_feed *feed, struct redis_feed_router *out, size_t most)
{
    size_t count = feed->router_count < most ? feed->router_count : most;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct redis_feed_router){feed->routers[i].name.ptr,
                                            age_of(feed, (uint64_t)feed->routers[i].ts_ms)};
    return count;
}
