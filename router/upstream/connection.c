#include "upstream/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"

enum { READS_PER_EVENT = 4, WHY_BYTES = 160 };

static void destroy(struct loop_task *task)
{
    struct upstream_connection *connection =
        CONTAINER_OF(task, struct upstream_connection, destroy);
    codec_destroy(&connection->codec);
    free(connection);
}

/* Nothing is called after this; the memory stays until the end of the turn. */
static void end_quietly(struct upstream_connection *connection)
{
    if (connection->ended)
        return;
    connection->ended = true;
    timer_stop(&connection->dial_timer);
    loop_task_cancel(&connection->flush);
    wire_close(&connection->wire);
    loop_destroy_later(connection->loop, &connection->destroy);
}

static void end(struct upstream_connection *connection, const char *why)
{
    if (connection->ended)
        return;
    char text[WHY_BYTES]; /* the wire takes its words with it */
    snprintf(text, sizeof text, "%s", why);
    end_quietly(connection);
    connection->events->on_ended(connection->owner, connection, text);
}

static void flush(struct loop_task *task)
{
    struct upstream_connection *connection = CONTAINER_OF(task, struct upstream_connection, flush);
    char *out = loop_write_scratch(connection->loop);
    while (wire_pending(&connection->wire) == 0) {
        const size_t len = codec_produce(connection->codec, out, LOOP_SCRATCH_BYTES);
        if (len == 0)
            break;
        wire_write(&connection->wire, out, len);
        if (len < LOOP_SCRATCH_BYTES)
            break;
    }
    if (connection->ended)
        return;
    wire_want_read(&connection->wire, codec_wants_read(connection->codec));
    if (codec_finished(connection->codec) && wire_pending(&connection->wire) == 0)
        end(connection, "finished");
}

static void on_dirty(void *owner)
{
    struct upstream_connection *connection = owner;
    if (!connection->ended)
        loop_flush_later(connection->loop, &connection->flush);
}

static void on_codec_capacity(void *owner)
{
    struct upstream_connection *connection = owner;
    if (connection->ended)
        return;
    if (codec_stream_count(connection->codec) == 0)
        connection->idle_since_ns = loop_now_ns(connection->loop);
    connection->events->on_capacity(connection->owner, connection);
}

static void on_codec_pong(void *owner)
{
    struct upstream_connection *connection = owner;
    if (!connection->ended && connection->events->on_pong != NULL)
        connection->events->on_pong(connection->owner, connection);
}

static const struct codec_events codec_upcalls = {
    .on_dirty = on_dirty,
    .on_capacity = on_codec_capacity,
    .on_pong = on_codec_pong,
};

static void on_open(void *owner)
{
    struct upstream_connection *connection = owner;
    timer_stop(&connection->dial_timer);
    if (wire_alpn(&connection->wire) == TLS_ALPN_H2)
        connection->protocol = UPSTREAM_H2;
    else if (wire_alpn(&connection->wire) == TLS_ALPN_H1 || connection->protocol == UPSTREAM_AUTO)
        connection->protocol = UPSTREAM_H1;
    connection->open = true;
    connection->idle_since_ns = loop_now_ns(connection->loop);
    connection->codec = connection->protocol == UPSTREAM_H2
                            ? h2_client_create(&codec_default_limits, &codec_upcalls, connection)
                            : h1_client_create(&codec_default_limits, &codec_upcalls, connection);
    on_dirty(connection);
    connection->events->on_open(connection->owner, connection);
}

/* The wire ended: tell the streams first, then the pool. */
static void input_ended(struct upstream_connection *connection)
{
    const char *why = wire_end_text(&connection->wire);
    connection->ending = true; /* a stream that is told of its end may look for another at once */
    if (connection->codec != NULL)
        codec_end_of_input(connection->codec, connection->wire.end == WIRE_EOF);
    end(connection, why);
}

static void read_all(struct upstream_connection *connection)
{
    char *in = loop_read_scratch(connection->loop);
    for (int i = 0; i < READS_PER_EVENT && !connection->ended; i++) {
        const ssize_t len = wire_read(&connection->wire, in, LOOP_SCRATCH_BYTES);
        if (len == 0)
            return;
        if (len < 0) {
            input_ended(connection);
            return;
        }
        if (!codec_feed(connection->codec, slice_make(in, (size_t)len),
                        loop_now_ns(connection->loop))) {
            const char *why = codec_failure(connection->codec);
            if (!connection->ended)
                flush(&connection->flush); /* a GOAWAY that says why */
            connection->ending = true;
            codec_end_of_input(connection->codec, false);
            end(connection, why != NULL ? why : "finished");
            return;
        }
        if (connection->ended || !codec_wants_read(connection->codec))
            break;
        if (len < LOOP_SCRATCH_BYTES / 4)
            break; /* most likely all there was: spare the call that says so */
    }
    if (!connection->ended)
        wire_want_read(&connection->wire, codec_wants_read(connection->codec));
}

static void on_readable(void *owner)
{
    struct upstream_connection *connection = owner;
    read_all(connection);
    if (connection->eager && !connection->ended) {
        loop_task_cancel(&connection->flush);
        flush(&connection->flush);
    }
}

static void on_writable(void *owner)
{
    on_dirty(owner);
}

static const struct wire_events wire_upcalls = {
    .on_open = on_open,
    .on_readable = on_readable,
    .on_writable = on_writable,
};

static void dial_timed_out(struct timer *timer)
{
    end(CONTAINER_OF(timer, struct upstream_connection, dial_timer), "connect timed out");
}

struct upstream_connection *
upstream_connection_dial(struct loop *loop, const struct upstream_dial *dial,
                         const struct upstream_connection_events *events, void *owner)
{
    struct upstream_connection *connection = memory_zalloc(sizeof *connection);
    list_init(&connection->link);
    connection->loop = loop;
    connection->events = events;
    connection->owner = owner;
    connection->protocol = dial->protocol;
    connection->eager = dial->eager;
    loop_task_init(&connection->flush, flush);
    loop_task_init(&connection->destroy, destroy);
    timer_init(&connection->dial_timer, dial_timed_out);
    timer_start(&connection->dial_timer, loop, dial->connect_timeout_ms);
    const struct wire_target target = {
        .address = &dial->address,
        .source = dial->source.len > 0 ? &dial->source : NULL,
        .tls = dial->tls,
        .server_name = dial->server_name,
        .preface = dial->preface,
    };
    wire_connect(&connection->wire, loop, &target, &wire_upcalls, connection);
    return connection;
}

void upstream_connection_close(struct upstream_connection *connection)
{
    end_quietly(connection);
}

size_t upstream_connection_capacity(const struct upstream_connection *connection)
{
    if (!connection->open || connection->ended || connection->ending)
        return 0;
    return codec_capacity(connection->codec);
}

bool upstream_connection_alive(const struct upstream_connection *connection)
{
    char byte;
    if (connection->ended || connection->wire.fd < 0)
        return false;
    const ssize_t len = recv(connection->wire.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    /* Bytes, an end or a reset on an idle connection: it is not to be used. */
    return len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}
