#include "upstream/pool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
    SWEEP_MS = 1000,
    SPARE_STREAMS = 8, /* open the next HTTP/2 connection when fewer are left */
};

const struct connection_pool_settings connection_pool_default_settings = {
    .connect_timeout_ms = 2000,
    .idle_timeout_h1_ms = 4000,
    .idle_timeout_h2_ms = 60000,
    .connections_h1 = 4096,
    .connections_h2 = 64,
};

struct connection_pool {
    struct list link; /* of the retired */
    struct loop *loop;
    struct upstream_dial dial;
    char *server_name;
    struct connection_pool_settings settings;
    /* A connection is in exactly one of these. */
    struct list dialling;
    struct list ready; /* capacity left; the fullest (h2) or warmest (h1) first */
    struct list full;
    struct list waiting; /* pool_request */
    size_t dialling_count;
    size_t open_count;
    size_t waiting_count;
    bool protocol_known;
    bool retired;
    struct timer sweep;
    struct loop_task serve;
    struct loop_task destroy;
};

static bool is_h2(const struct connection_pool *pool)
{
    return pool->dial.protocol == UPSTREAM_H2;
}

static void place(struct connection_pool *pool, struct upstream_connection *connection)
{
    list_remove(&connection->link);
    if (upstream_connection_capacity(connection) == 0)
        list_append(&pool->full, &connection->link);
    else
        list_prepend(&pool->ready, &connection->link);
}

static void start_on(struct connection_pool *pool, struct upstream_connection *connection,
                     struct pool_request *request)
{
    struct stream *stream = codec_open(connection->codec, request->head, request->body_parts,
                                       request->body_part_count, request->events, request->user);
    CHECK(stream != NULL); /* it had capacity */
    place(pool, connection);
    request->on_started(request, stream);
}

static struct upstream_connection *find_ready(struct connection_pool *pool)
{
    LIST_EACH_SAFE (node, &pool->ready) {
        struct upstream_connection *connection = LIST_ENTRY(node, struct upstream_connection, link);
        if (upstream_connection_capacity(connection) == 0) {
            place(pool, connection);
            continue;
        }
        if (codec_is_h2(connection->codec) || upstream_connection_alive(connection))
            return connection;
        list_remove(&connection->link);
        pool->open_count--;
        upstream_connection_close(connection);
    }
    return NULL;
}

/* Those without a stream that have been idle too long at `now_ns`. */
static void close_idle(struct connection_pool *pool, struct list *list, int64_t now_ns)
{
    LIST_EACH_SAFE (node, list) {
        struct upstream_connection *connection = LIST_ENTRY(node, struct upstream_connection, link);
        if (codec_stream_count(connection->codec) > 0)
            continue;
        const int64_t idle_ms = (now_ns - connection->idle_since_ns) / NS_PER_MS;
        const int64_t most = codec_is_h2(connection->codec) ? pool->settings.idle_timeout_h2_ms
                                                            : pool->settings.idle_timeout_h1_ms;
        if (idle_ms < most)
            continue;
        list_remove(&connection->link);
        pool->open_count--;
        upstream_connection_close(connection);
    }
}

/* Streams still open hear that they are lost. */
static void close_all(struct list *list)
{
    struct list *node;
    while ((node = list_pop(list)) != NULL) {
        struct upstream_connection *connection = LIST_ENTRY(node, struct upstream_connection, link);
        upstream_connection_close(connection);
        if (connection->codec != NULL)
            codec_end_of_input(connection->codec, false);
    }
}

static size_t dials_wanted(const struct connection_pool *pool)
{
    const size_t total = pool->open_count + pool->dialling_count;
    if (is_h2(pool) || !pool->protocol_known) {
        if (pool->waiting_count == 0 || total >= pool->settings.connections_h2)
            return 0;
        return pool->dialling_count == 0 ? 1 : 0;
    }
    if (pool->waiting_count <= pool->dialling_count || total >= pool->settings.connections_h1)
        return 0;
    const size_t missing = pool->waiting_count - pool->dialling_count;
    const size_t room = pool->settings.connections_h1 - total;
    return missing < room ? missing : room;
}

static const struct upstream_connection_events connection_events;

static void dial_one(struct connection_pool *pool)
{
    struct upstream_connection *connection =
        upstream_connection_dial(pool->loop, &pool->dial, &connection_events, pool);
    list_append(&pool->dialling, &connection->link);
    pool->dialling_count++;
}

static void dial_missing(struct connection_pool *pool)
{
    for (size_t n = dials_wanted(pool); n > 0; n--)
        dial_one(pool);
}

/* The next shared connection is opened while the last one still has room. */
static void dial_ahead(struct connection_pool *pool, const struct upstream_connection *connection)
{
    if (!codec_is_h2(connection->codec) || pool->retired || pool->dialling_count > 0 ||
        codec_stream_count(connection->codec) < SPARE_STREAMS ||
        upstream_connection_capacity(connection) >= SPARE_STREAMS ||
        pool->open_count >= pool->settings.connections_h2)
        return;
    LIST_EACH (node, &pool->ready) {
        if (LIST_ENTRY(node, struct upstream_connection, link) != connection)
            return;
    }
    dial_one(pool);
}

static void serve_waiting(struct connection_pool *pool)
{
    while (!list_empty(&pool->waiting)) {
        struct upstream_connection *connection = find_ready(pool);
        if (connection == NULL)
            break;
        struct pool_request *request =
            LIST_ENTRY(list_pop(&pool->waiting), struct pool_request, link);
        pool->waiting_count--;
        start_on(pool, connection, request);
        dial_ahead(pool, connection);
    }
    dial_missing(pool);
}

/* Lets go of what a retired pool has no use for any more; of the pool too when that was all. */
static void wind_up(struct connection_pool *pool)
{
    if (!pool->retired || pool->waiting_count > 0)
        return;
    close_all(&pool->dialling);
    pool->dialling_count = 0;
    close_idle(pool, &pool->ready, INT64_MAX);
    close_idle(pool, &pool->full, INT64_MAX);
    if (pool->open_count == 0)
        loop_destroy_later(pool->loop, &pool->destroy);
}

static void serve_task(struct loop_task *task)
{
    struct connection_pool *pool = CONTAINER_OF(task, struct connection_pool, serve);
    serve_waiting(pool);
    wind_up(pool);
}

static void on_open(void *owner, struct upstream_connection *connection)
{
    struct connection_pool *pool = owner;
    pool->dial.protocol = connection->protocol;
    pool->protocol_known = true;
    pool->dialling_count--;
    pool->open_count++;
    place(pool, connection);
    serve_waiting(pool);
}

static void on_capacity(void *owner, struct upstream_connection *connection)
{
    struct connection_pool *pool = owner;
    place(pool, connection);
    if (!list_empty(&pool->waiting) || pool->retired)
        loop_flush_later(pool->loop, &pool->serve);
}

/* A failed dial fails one waiting HTTP/1.1 request, or all that waited for the shared connection.
 */
static void fail_waiting(struct connection_pool *pool, const char *why)
{
    const bool one = pool->protocol_known && !is_h2(pool);
    struct list failed;
    list_init(&failed);
    if (one) {
        struct list *first = list_pop(&pool->waiting);
        if (first != NULL)
            list_append(&failed, first);
    } else if (pool->dialling_count == 0) {
        list_move_all(&failed, &pool->waiting);
    }
    LIST_EACH (node, &failed)
        pool->waiting_count--;
    struct list *node;
    while ((node = list_pop(&failed)) != NULL) {
        struct pool_request *request = LIST_ENTRY(node, struct pool_request, link);
        request->on_failed(request, why);
    }
}

static void on_ended(void *owner, struct upstream_connection *connection, const char *why)
{
    struct connection_pool *pool = owner;
    list_remove(&connection->link);
    if (connection->open) {
        pool->open_count--;
    } else {
        pool->dialling_count--;
        fail_waiting(pool, why);
    }
    if (!list_empty(&pool->waiting))
        loop_flush_later(pool->loop, &pool->serve);
    wind_up(pool);
}

static const struct upstream_connection_events connection_events = {
    .on_open = on_open,
    .on_capacity = on_capacity,
    .on_ended = on_ended,
};

static void sweep(struct timer *timer)
{
    struct connection_pool *pool = CONTAINER_OF(timer, struct connection_pool, sweep);
    const int64_t now_ns = loop_now_ns(pool->loop);
    close_idle(pool, &pool->ready, now_ns);
    close_idle(pool, &pool->full, now_ns);
    timer_start(&pool->sweep, pool->loop, SWEEP_MS);
}

static void destroy_task(struct loop_task *task)
{
    struct connection_pool *pool = CONTAINER_OF(task, struct connection_pool, destroy);
    connection_pool_destroy(&pool);
}

struct connection_pool *connection_pool_create(struct loop *loop, const struct upstream_dial *dial,
                                               const struct connection_pool_settings *settings)
{
    struct connection_pool *pool = memory_zalloc(sizeof *pool);
    list_init(&pool->link);
    pool->loop = loop;
    pool->dial = *dial;
    pool->server_name = dial->server_name ? memory_strdup(dial->server_name) : NULL;
    pool->dial.server_name = pool->server_name;
    pool->dial.connect_timeout_ms = settings->connect_timeout_ms;
    if (dial->tls != NULL)
        pool->dial.tls = tls_client_hold(dial->tls);
    else if (dial->protocol == UPSTREAM_AUTO)
        pool->dial.protocol = UPSTREAM_H1;
    pool->protocol_known = pool->dial.protocol != UPSTREAM_AUTO;
    pool->settings = *settings;
    list_init(&pool->dialling);
    list_init(&pool->ready);
    list_init(&pool->full);
    list_init(&pool->waiting);
    loop_task_init(&pool->serve, serve_task);
    loop_task_init(&pool->destroy, destroy_task);
    timer_init(&pool->sweep, sweep);
    timer_start(&pool->sweep, loop, SWEEP_MS);
    return pool;
}

void connection_pool_destroy(struct connection_pool **pool)
{
    if (*pool == NULL)
        return;
    struct connection_pool *gone = *pool;
    CHECK(list_empty(&gone->waiting));
    close_all(&gone->dialling);
    close_all(&gone->ready);
    close_all(&gone->full);
    timer_stop(&gone->sweep);
    loop_task_cancel(&gone->serve);
    loop_task_cancel(&gone->destroy);
    list_remove(&gone->link);
    tls_client_drop(&gone->dial.tls);
    free(gone->server_name);
    free(gone);
    *pool = NULL;
}

void connection_pool_retire(struct connection_pool **pool, struct list *retired)
{
    if (*pool == NULL)
        return;
    struct connection_pool *gone = *pool;
    *pool = NULL;
    gone->retired = true;
    list_append(retired, &gone->link);
    wind_up(gone);
}

void connection_pool_destroy_all(struct list *retired)
{
    LIST_EACH_SAFE (node, retired) {
        struct connection_pool *pool = LIST_ENTRY(node, struct connection_pool, link);
        connection_pool_destroy(&pool);
    }
}

void connection_pool_start(struct connection_pool *pool, struct pool_request *request)
{
    request->pool = pool;
    list_init(&request->link);
    struct upstream_connection *connection = list_empty(&pool->waiting) ? find_ready(pool) : NULL;
    if (connection != NULL) {
        start_on(pool, connection, request);
        dial_ahead(pool, connection);
        return;
    }
    list_append(&pool->waiting, &request->link);
    pool->waiting_count++;
    dial_missing(pool);
}

void connection_pool_cancel(struct pool_request *request)
{
    list_remove(&request->link);
    request->pool->waiting_count--;
    wind_up(request->pool);
}

bool connection_pool_is_full(const struct connection_pool *pool)
{
    if (!list_empty(&pool->ready))
        return false;
    return is_h2(pool) || !pool->protocol_known
               ? pool->open_count >= pool->settings.connections_h2
               : pool->open_count + pool->dialling_count >= pool->settings.connections_h1;
}

struct connection_pool_counts connection_pool_count(const struct connection_pool *pool)
{
    struct connection_pool_counts counts = {.connections = pool->open_count,
                                            .dialling = pool->dialling_count,
                                            .waiting = pool->waiting_count};
    LIST_EACH (node, &pool->ready)
        counts.streams +=
            codec_stream_count(LIST_ENTRY(node, struct upstream_connection, link)->codec);
    LIST_EACH (node, &pool->full)
        counts.streams +=
            codec_stream_count(LIST_ENTRY(node, struct upstream_connection, link)->codec);
    return counts;
}
