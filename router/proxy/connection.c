#include "proxy/connection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { READS_PER_EVENT = 4 };

const struct connection_settings connection_default_settings = {
    .limits = {.streams = 100, .head_fields = 100, .head_bytes = 64 * 1024},
    .handshake_timeout_ms = 5000,
    .head_timeout_ms = 10000,
    .idle_timeout_ms = 90000,
    .requests_most = 100000,
};

void connection_host_init(struct connection_host *host, struct loop *loop,
                          const struct connection_handler *handler, void *owner)
{
    *host = (struct connection_host){.loop = loop, .handler = handler, .owner = owner};
    host->settings = connection_default_settings;
    list_init(&host->connections);
}

static void destroy(struct loop_task *task)
{
    struct connection *connection = CONTAINER_OF(task, struct connection, destroy);
    codec_destroy(&connection->codec);
    if (connection->user_free != NULL)
        connection->user_free(connection->user);
    free(connection);
}

static void end(struct connection *connection, bool abort)
{
    if (connection->ended)
        return;
    connection->ended = true;
    struct connection_host *host = connection->host;
    timer_stop(&connection->timer);
    loop_task_cancel(&connection->flush);
    if (abort)
        wire_abort(&connection->wire);
    else
        wire_close(&connection->wire);
    list_remove(&connection->link);
    host->count--;
    counter_add(&host->counters.closed, 1);
    loop_destroy_later(host->loop, &connection->destroy);
    if (host->draining && host->count == 0 && host->on_drained != NULL)
        host->on_drained(host->owner);
}

/* Tells the streams that their client is gone, then ends. */
static void lose(struct connection *connection, bool clean)
{
    if (connection->codec != NULL && !connection->ended)
        codec_end_of_input(connection->codec, clean);
    end(connection, !clean);
}

void connection_abort(struct connection *connection)
{
    lose(connection, false);
}

static int64_t phase_timeout_ms(const struct connection *connection)
{
    const struct connection_settings *settings = &connection->host->settings;
    switch (connection->phase) {
    case CONNECTION_NEW:
        return settings->handshake_timeout_ms;
    case CONNECTION_HEAD:
        return settings->head_timeout_ms;
    case CONNECTION_IDLE:
        return settings->idle_timeout_ms;
    case CONNECTION_BUSY:
        break;
    }
    return 0;
}

static void enter(struct connection *connection, int phase)
{
    if ((int)connection->phase == phase && phase != CONNECTION_IDLE)
        return;
    connection->phase = phase;
    const int64_t timeout_ms = phase_timeout_ms(connection);
    if (timeout_ms > 0)
        timer_start(&connection->timer, connection->host->loop, timeout_ms);
    else
        timer_stop(&connection->timer);
}

static void timed_out(struct timer *timer)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);
    counter_add(&connection->host->counters.timed_out, 1);
    if (connection->codec == NULL || connection->phase == CONNECTION_NEW) {
        end(connection, false);
        return;
    }
    codec_timed_out(
        connection->codec); /* a 408 for a half-sent HTTP/1.1 head, a GOAWAY for HTTP/2 */
    loop_flush_later(connection->host->loop, &connection->flush);
    connection->phase = CONNECTION_NEW; /* the farewell has the handshake's time to leave */
    timer_start(&connection->timer, connection->host->loop,
                connection->host->settings.handshake_timeout_ms);
}

/* An HTTP/2 client has said what it must say first: it may take its time with its request. */
static bool greeted(const struct connection *connection)
{
    enum { PREFACE_AND_SETTINGS_BYTES = 24 + 9 };
    return codec_is_h2(connection->codec) &&
           connection->wire.bytes_in >= PREFACE_AND_SETTINGS_BYTES;
}

static void update_phase(struct connection *connection)
{
    if (connection->codec == NULL)
        return;
    if (codec_stream_count(connection->codec) > 0)
        enter(connection, CONNECTION_BUSY);
    else if (codec_head_begun(connection->codec))
        enter(connection, CONNECTION_HEAD);
    else if (connection->phase != CONNECTION_NEW || connection->requests > 0 || greeted(connection))
        enter(connection, CONNECTION_IDLE);
}

static void flush(struct loop_task *task)
{
    struct connection *connection = CONTAINER_OF(task, struct connection, flush);
    if (connection->codec == NULL)
        return;
    char *out = loop_write_scratch(connection->host->loop);
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
    if (codec_finished(connection->codec) && wire_pending(&connection->wire) == 0) {
        end(connection, codec_aborted(connection->codec));
        return;
    }
    update_phase(connection);
}

static void on_dirty(void *owner)
{
    struct connection *connection = owner;
    if (!connection->ended)
        loop_flush_later(connection->host->loop, &connection->flush);
}

static void on_codec_request(void *owner, struct stream *stream, const struct request_head *head)
{
    struct connection *connection = owner;
    struct connection_host *host = connection->host;
    connection->requests++;
    host->handler->on_request(host->owner, connection, stream, head);
    if (host->settings.requests_most > 0 && connection->requests == host->settings.requests_most)
        codec_shutdown(connection->codec);
}

static struct slice on_codec_refused(void *owner, enum fault fault)
{
    struct connection *connection = owner;
    struct connection_host *host = connection->host;
    connection->requests++;
    counter_add(&host->counters.refused_heads, 1);
    if (host->handler->on_refused == NULL)
        return SLICE_NONE;
    return host->handler->on_refused(host->owner, connection, fault);
}

static const struct codec_events codec_upcalls = {
    .on_request = on_codec_request,
    .on_refused = on_codec_refused,
    .on_dirty = on_dirty,
};

static void choose_codec(struct connection *connection, bool h2)
{
    struct codec_limits limits = connection->host->settings.limits;
    limits.secure = connection->secure || connection->behind_tls;
    limits.believes_scheme = connection->behind_tls;
    connection->codec = h2 ? h2_server_create(&limits, &codec_upcalls, connection)
                           : h1_server_create(&limits, &codec_upcalls, connection);
    if (connection->host->draining)
        codec_shutdown(connection->codec);
    on_dirty(connection);
}

static void on_open(void *owner)
{
    struct connection *connection = owner;
    if (connection->secure)
        choose_codec(connection, wire_alpn(&connection->wire) == TLS_ALPN_H2);
}

static void feed(struct connection *connection, struct slice bytes)
{
    if (codec_feed(connection->codec, bytes, loop_now_ns(connection->host->loop)))
        return;
    if (codec_failure(connection->codec) != NULL)
        counter_add(&connection->host->counters.protocol_errors, 1);
    loop_flush_later(connection->host->loop,
                     &connection->flush); /* the farewell; then it is finished */
}

/* Cleartext: gathers bytes until it is clear whether they are the HTTP/2 preface. */
static struct slice sniff(struct connection *connection, struct slice bytes)
{
    const size_t room = sizeof connection->first - connection->first_len;
    const size_t taken = bytes.len < room ? bytes.len : room;
    memcpy(connection->first + connection->first_len, bytes.ptr, taken);
    connection->first_len = (uint8_t)(connection->first_len + taken);
    const struct slice first = slice_make(connection->first, connection->first_len);
    const enum http_sniff kind = http_sniff(first);
    if (kind == SNIFF_MORE)
        return SLICE_NONE;
    choose_codec(connection, kind == SNIFF_H2);
    feed(connection, first);
    return slice_make(bytes.ptr + taken, bytes.len - taken);
}

static void on_readable(void *owner)
{
    struct connection *connection = owner;
    char *in = loop_read_scratch(connection->host->loop);
    for (int i = 0; i < READS_PER_EVENT && !connection->ended; i++) {
        const ssize_t len = wire_read(&connection->wire, in, LOOP_SCRATCH_BYTES);
        if (len == 0)
            break;
        if (len < 0) {
            if (connection->wire.end == WIRE_TLS_FAILED && connection->codec == NULL)
                counter_add(&connection->host->counters.tls_failed, 1);
            lose(connection, connection->wire.end == WIRE_EOF);
            return;
        }
        struct slice bytes = slice_make(in, (size_t)len);
        if (connection->codec == NULL)
            bytes = sniff(connection, bytes);
        if (connection->codec != NULL && bytes.len > 0)
            feed(connection, bytes);
        if (connection->ended || connection->codec == NULL)
            break;
        if (!codec_wants_read(connection->codec) || len < LOOP_SCRATCH_BYTES / 4)
            break;
    }
    if (connection->ended || connection->codec == NULL)
        return;
    wire_want_read(&connection->wire, codec_wants_read(connection->codec));
    update_phase(connection);
}

static const struct wire_events wire_upcalls = {
    .on_open = on_open,
    .on_readable = on_readable,
    .on_writable = on_dirty,
};

struct connection *connection_accept(struct connection_host *host, int fd,
                                     const struct address *peer, struct tls_server *tls)
{
    if (host->settings.connections_most > 0 && host->count >= host->settings.connections_most) {
        counter_add(&host->counters.too_many, 1);
        close(fd);
        return NULL;
    }
    struct connection *connection = memory_zalloc(sizeof *connection);
    connection->host = host;
    connection->peer = *peer;
    connection->secure = tls != NULL;
    loop_task_init(&connection->flush, flush);
    loop_task_init(&connection->destroy, destroy);
    timer_init(&connection->timer, timed_out);
    timer_start(&connection->timer, host->loop, host->settings.handshake_timeout_ms);
    list_append(&host->connections, &connection->link);
    host->count++;
    counter_add(&host->counters.accepted, 1);
    wire_accept(&connection->wire, host->loop, fd, tls, &wire_upcalls, connection);
    return connection;
}

void connection_host_drain(struct connection_host *host)
{
    host->draining = true;
    LIST_EACH_SAFE (node, &host->connections) {
        struct connection *connection = LIST_ENTRY(node, struct connection, link);
        if (connection->codec == NULL)
            continue;
        codec_shutdown(connection->codec);
        loop_flush_later(host->loop, &connection->flush);
    }
    if (host->count == 0 && host->on_drained != NULL)
        host->on_drained(host->owner);
}

void connection_host_finish(struct connection_host *host)
{
    LIST_EACH_SAFE (node, &host->connections)
        lose(LIST_ENTRY(node, struct connection, link), false);
}
