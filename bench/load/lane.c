#include "load/lane.h"

#include <stdio.h>

#include "base/clock.h"

/* An idle HTTP/1.1 connection older than this is looked at before it is used. */
#define FRESH_NS NS_PER_S

enum { CONNECT_TIMEOUT_MS = 10000 };

static bool has_room(const struct lane *lane, const struct upstream_connection *connection)
{
    return upstream_connection_capacity(connection) > 0 &&
           codec_stream_count(connection->codec) < lane->settings.streams;
}

static void pump_later(struct lane *lane)
{
    if (!lane->closed)
        loop_flush_later(lane->settings.loop, &lane->pump);
}

static void fail_all(struct lane *lane)
{
    /* Who is told may wait again, or let another one wait. */
    for (uint32_t count = lane->waiting_count; count > 0 && lane->waiting_count > 0; count--) {
        struct list *link = list_pop(&lane->waiting);
        struct lane_waiter *waiter = LIST_ENTRY(link, struct lane_waiter, link);
        lane->waiting_count--;
        waiter->on_failed(waiter, lane->failure);
    }
}

/* ---- connections ---- */

static void on_open(void *owner, struct upstream_connection *connection)
{
    struct lane *lane = owner;
    lane->dialling_count--;
    lane->addresses_failed = 0;
    list_remove(&connection->link);
    list_append(&lane->free, &connection->link);
    pump_later(lane);
}

static void on_capacity(void *owner, struct upstream_connection *connection)
{
    lane_release(owner, connection);
}

/* A connection could not be made: on to the next address.  Others that were dialled to the same one
 * will say the same. */
static void dial_failed(struct lane *lane, const char *why)
{
    lane->dialling_count--;
    lane->dial_failures++;
    snprintf(lane->failure, sizeof(lane->failure), "%s", why);
    if (lane->stale_dials > 0) {
        lane->stale_dials--;
    } else {
        const struct target *target = lane->settings.target;
        lane->address_at = (lane->address_at + 1) % target->address_count;
        lane->dial.address = target->addresses[lane->address_at];
        lane->addresses_failed++;
        lane->stale_dials = lane->dialling_count;
    }
    if (lane->connection_count > 0)
        return;
    if (lane->addresses_failed < lane->settings.target->address_count) {
        if (lane->warm)
            lane_warm(lane);
        return; /* who waits is served by the pump */
    }
    /* Nothing is left to wait for; the next request tries again. */
    lane->addresses_failed = 0;
    fail_all(lane);
}

static void on_ended(void *owner, struct upstream_connection *connection, const char *why)
{
    struct lane *lane = owner;
    list_remove(&connection->link);
    lane->connection_count--;
    if (!connection->open)
        dial_failed(lane, why);
    pump_later(lane);
}

static const struct upstream_connection_events connection_events = {
    .on_open = on_open,
    .on_capacity = on_capacity,
    .on_ended = on_ended,
};

static void dial(struct lane *lane)
{
    struct upstream_connection *connection =
        upstream_connection_dial(lane->settings.loop, &lane->dial, &connection_events, lane);
    list_append(&lane->dialling, &connection->link);
    lane->dialling_count++;
    lane->connection_count++;
    lane->dialled++;
}

static void drop(struct lane *lane, struct upstream_connection *connection)
{
    list_remove(&connection->link);
    lane->connection_count--;
    upstream_connection_close(connection);
}

static bool is_stale(const struct lane *lane, const struct upstream_connection *connection)
{
    return !lane->settings.h2 &&
           loop_now_ns(lane->settings.loop) - connection->idle_since_ns > FRESH_NS &&
           !upstream_connection_alive(connection);
}

/* The connection used longest ago that has room; NULL none. */
static struct upstream_connection *take_free(struct lane *lane)
{
    while (!list_empty(&lane->free)) {
        struct upstream_connection *connection =
            LIST_ENTRY(lane->free.next, struct upstream_connection, link);
        list_remove(&connection->link);
        if (!has_room(lane, connection)) {
            list_append(&lane->busy, &connection->link);
        } else if (is_stale(lane, connection)) {
            drop(lane, connection);
        } else {
            list_append(&lane->free, &connection->link);
            return connection;
        }
    }
    return NULL;
}

/* ---- waiting ---- */

static void serve(struct lane *lane)
{
    struct upstream_connection *connection;
    while (lane->waiting_count > 0 && (connection = take_free(lane)) != NULL) {
        struct list *link = list_pop(&lane->waiting);
        struct lane_waiter *waiter = LIST_ENTRY(link, struct lane_waiter, link);
        lane->waiting_count--;
        waiter->on_connection(waiter, connection);
    }
    const uint64_t room = lane->settings.streams;
    while (lane->waiting_count > lane->dialling_count * room &&
           lane->connection_count < lane->settings.connections)
        dial(lane);
}

static void pump(struct loop_task *task)
{
    serve(CONTAINER_OF(task, struct lane, pump));
}

void lane_init(struct lane *lane, const struct lane_settings *settings)
{
    *lane = (struct lane){.settings = *settings};
    list_init(&lane->dialling);
    list_init(&lane->free);
    list_init(&lane->busy);
    list_init(&lane->waiting);
    loop_task_init(&lane->pump, pump);
    lane->dial = (struct upstream_dial){
        .address = settings->target->addresses[0],
        .preface = settings->preface,
        .source = settings->source,
        .tls = settings->tls,
        .server_name = settings->target->host,
        .protocol = settings->h2 ? UPSTREAM_H2 : UPSTREAM_H1,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .eager = settings->eager,
    };
}

static void drop_all(struct lane *lane, struct list *connections)
{
    LIST_EACH_SAFE (node, connections)
        drop(lane, LIST_ENTRY(node, struct upstream_connection, link));
}

void lane_finish(struct lane *lane)
{
    CHECK(list_empty(&lane->waiting));
    lane->closed = true;
    loop_task_cancel(&lane->pump);
    drop_all(lane, &lane->dialling);
    drop_all(lane, &lane->free);
    drop_all(lane, &lane->busy);
}

void lane_warm(struct lane *lane)
{
    lane->warm = true;
    while (lane->connection_count < lane->settings.connections)
        dial(lane);
}

void lane_wait(struct lane *lane, struct lane_waiter *waiter, bool front)
{
    if (front)
        list_prepend(&lane->waiting, &waiter->link);
    else
        list_append(&lane->waiting, &waiter->link);
    lane->waiting_count++;
    if (lane->settings.eager && !lane->closed)
        serve(lane);
    else
        pump_later(lane);
}

void lane_leave(struct lane *lane, struct lane_waiter *waiter)
{
    if (list_empty(&waiter->link))
        return;
    list_remove(&waiter->link);
    lane->waiting_count--;
}

void lane_release(struct lane *lane, struct upstream_connection *connection)
{
    if (lane->closed || !connection->open || connection->ended)
        return;
    list_remove(&connection->link);
    list_append(&lane->free, &connection->link);
    if (lane->waiting_count > 0)
        pump_later(lane);
}
