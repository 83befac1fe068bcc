#include "http/h2_session.h"

#include <pthread.h>
#include <stdlib.h>

#include "http/h2_memory.h"

enum { HEADER_TABLE_BYTES = 4096, SEND_BLOCK_BYTES = 65536, HEADS_INDEXED = 64 };

static pthread_once_t option_once = PTHREAD_ONCE_INIT;
static nghttp2_option *option;

/* Each bounds what a peer can make us do, hold or send. */
static void option_create(void)
{
    CHECK_EQ(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_stream_reset_rate_limit(option, 200, 20);
    nghttp2_option_set_max_continuations(option, 64);
    nghttp2_option_set_max_settings(option, 32);
    nghttp2_option_set_max_outbound_ack(option, 200);
    nghttp2_option_set_max_send_header_block_length(option, SEND_BLOCK_BYTES);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, HEADER_TABLE_BYTES);
    nghttp2_option_set_peer_max_concurrent_streams(option, 100);
}

struct h2_session *h2_session_create(const struct h2_role *role, const struct codec_ops *ops,
                                     const struct codec_limits *limits,
                                     const struct codec_events *events, void *owner, bool server)
{
    struct h2_session *session = memory_zalloc(sizeof *session);
    codec_init(&session->codec, ops, limits, events, owner);
    session->role = role;
    session->client = !server;
    list_init(&session->streams);
    frame_meter_init(&session->meter, server);
    CHECK_EQ(pthread_once(&option_once, option_create), 0);
    const nghttp2_session_callbacks *callbacks = h2_callbacks();
    CHECK_EQ(server ? nghttp2_session_server_new3(&session->ng, callbacks, session, option,
                                                  h2_memory())
                    : nghttp2_session_client_new3(&session->ng, callbacks, session, option,
                                                  h2_memory()),
             0);
    return session;
}

void h2_session_submit_settings(struct h2_session *session, const nghttp2_settings_entry *entries,
                                size_t count)
{
    CHECK_EQ(nghttp2_submit_settings(session->ng, NGHTTP2_FLAG_NONE, entries, count), 0);
    CHECK_EQ(nghttp2_session_set_local_window_size(session->ng, NGHTTP2_FLAG_NONE, 0,
                                                   H2_CONNECTION_WINDOW),
             0);
}

struct codec_stream *h2_stream_create(struct h2_session *session, int32_t id)
{
    struct codec_stream *s = codec_stream_take(&session->codec);
    s->stream.id = (uint32_t)id;
    list_append(&session->streams, &s->link);
    session->open_count++;
    return s;
}

void h2_stream_bury(struct h2_session *session, struct codec_stream *s)
{
    if (s->unconsumed > 0)
        (void)nghttp2_session_consume_connection(session->ng, s->unconsumed);
    session->open_count--;
    codec_stream_bury(s);
}

/* The users of all streams learn that it is over; the objects stay, nghttp2 still names them. */
static void close_streams(struct h2_session *session, enum stream_close why)
{
    session->retired = true;
    LIST_EACH (node, &session->streams) {
        struct codec_stream *s = LIST_ENTRY(node, struct codec_stream, link);
        const bool unstarted = session->client && !s->head_sent;
        codec_stream_close(s, unstarted ? STREAM_REFUSED : why);
    }
}

void h2_destroy(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    codec_enter(codec);
    close_streams(session, codec->failure ? STREAM_PROTOCOL : STREAM_LOST);
    nghttp2_session_del(session->ng);
    for (struct list *node; (node = list_pop(&session->streams)) != NULL;)
        codec_stream_bury(LIST_ENTRY(node, struct codec_stream, link));
    codec_leave(codec);
    buffer_release(&session->leftover);
    free(session->nva);
    free(session);
}

void h2_session_fail(struct h2_session *session, uint32_t error, const char *why)
{
    if (session->codec.failure != NULL)
        return;
    session->codec.failure = why;
    session->retired = true;
    (void)nghttp2_session_terminate_session(session->ng, error);
}

static const char *receive_error_text(ssize_t error)
{
    switch (error) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
        return "not an HTTP/2 preface";
    case NGHTTP2_ERR_FLOODED:
        return "too many frames that want an answer";
    default:
        return "HTTP/2 session error";
    }
}

bool h2_feed(struct codec *codec, struct slice bytes, int64_t now_ns)
{
    struct h2_session *session = h2_session_of(codec);
    if (codec->failure == NULL) {
        const char *why = frame_meter_feed(&session->meter, bytes, now_ns);
        if (why != NULL) {
            h2_session_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, why);
        } else {
            const ssize_t n =
                nghttp2_session_mem_recv(session->ng, (const uint8_t *)bytes.ptr, bytes.len);
            if (n < 0)
                h2_session_fail(session, NGHTTP2_PROTOCOL_ERROR, receive_error_text(n));
        }
    }
    if (codec->failure == NULL)
        return true;
    close_streams(session, STREAM_PROTOCOL);
    return false;
}

void h2_end_of_input(struct codec *codec, bool clean)
{
    (void)clean; /* HTTP/2 has no half-open connections */
    close_streams(h2_session_of(codec), STREAM_LOST);
}

static void produce_bytes(struct h2_session *session, const void *data, size_t len)
{
    const size_t n = len < session->room ? len : session->room;
    memcpy(session->out, data, n);
    session->out += n;
    session->room -= n;
    buffer_append(&session->leftover, (const char *)data + n, len - n);
}

static void produce_leftover(struct h2_session *session)
{
    const size_t len = buffer_len(&session->leftover);
    if (len == 0)
        return;
    const size_t n = len < session->room ? len : session->room;
    memcpy(session->out, buffer_slice(&session->leftover).ptr, n);
    session->out += n;
    session->room -= n;
    buffer_consume(&session->leftover, n);
    if (n == len)
        buffer_release(&session->leftover);
}

size_t h2_produce(struct codec *codec, char *out, size_t size)
{
    struct h2_session *session = h2_session_of(codec);
    session->out = out;
    session->room = size;
    produce_leftover(session);
    while (session->room > 0) {
        const uint8_t *data;
        const ssize_t n = nghttp2_session_mem_send(session->ng, &data);
        if (n < 0 && codec->failure == NULL) {
            codec->failure = "HTTP/2 session error";
            session->retired = true;
        }
        if (n > 0)
            produce_bytes(session, data, (size_t)n);
        produce_leftover(session);
        if (n <= 0)
            break; /* nothing left, or the buffer is full: see send_data */
    }
    session->out = NULL;
    return size - session->room;
}

bool h2_wants_read(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    return nghttp2_session_get_outbound_queue_size(session->ng) < H2_QUEUE_MAX;
}

bool h2_has_output(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    return buffer_len(&session->leftover) > 0 || nghttp2_session_want_write(session->ng);
}

bool h2_finished(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    if (h2_has_output(codec))
        return false;
    return codec->failure != NULL || !nghttp2_session_want_read(session->ng);
}

/* A header block without its end. */
bool h2_head_begun(const struct codec *codec)
{
    return h2_session_of_const(codec)->meter.block_bytes > 0;
}

void h2_timed_out(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    session->retired = true;
    (void)nghttp2_session_terminate_session(session->ng, NGHTTP2_NO_ERROR);
}

bool h2_ping(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    return codec->failure == NULL && nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, NULL) == 0;
}

void h2_consumed(struct stream *stream, size_t len)
{
    struct codec_stream *s = codec_stream_of(stream);
    struct h2_session *session = h2_session_of(stream->codec);
    CHECK_LE(len, s->unconsumed);
    s->unconsumed -= len;
    (void)nghttp2_session_consume(session->ng, (int32_t)stream->id, len);
}

void h2_stream_submit_reset(struct h2_session *session, struct codec_stream *s, uint32_t error)
{
    s->own_reset = true;
    (void)nghttp2_submit_rst_stream(session->ng, NGHTTP2_FLAG_NONE, (int32_t)s->stream.id, error);
}

void h2_reset(struct stream *stream, enum h2_error error)
{
    h2_stream_submit_reset(h2_session_of(stream->codec), codec_stream_of(stream), error);
}

void h2_nva_begin(struct h2_session *session, bool stay)
{
    session->nva_count = 0;
    session->nva_flags =
        stay ? NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE : NGHTTP2_NV_FLAG_NONE;
    session->heads++;
}

/* Differs from request to request: would only push others out of the peer's table. But now and then
 * it goes in all the same, so that its name is there to point at. */
static bool is_unique_value(struct slice name)
{
    switch (name.len) {
    case 11:
        return slice_eq(name, SLICE("traceparent"));
    case 12:
        return slice_eq(name, SLICE("x-request-id"));
    case 13:
        return slice_eq(name, SLICE("server-timing"));
    case 14:
        return slice_eq(name, SLICE("content-length"));
    case 15:
        return slice_eq(name, SLICE("x-forwarded-for"));
    default:
        return false;
    }
}

void h2_nva_add(struct h2_session *session, struct slice name, struct slice value)
{
    if (session->nva_count == session->nva_size) {
        session->nva_size = session->nva_size ? session->nva_size * 2 : 32;
        session->nva = memory_realloc(session->nva, session->nva_size * sizeof *session->nva);
    }
    /* nghttp2 only reads them. */
    union {
        const char *from;
        uint8_t *to;
    } name_bytes = {name.ptr}, value_bytes = {value.ptr};
    uint8_t flags = session->nva_flags;
    if (session->heads % HEADS_INDEXED != 1 && is_unique_value(name))
        flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    session->nva[session->nva_count++] = (nghttp2_nv){
        .name = name_bytes.to,
        .value = value_bytes.to,
        .namelen = name.len,
        .valuelen = value.len,
        .flags = flags,
    };
}

void h2_nva_add_fields(struct h2_session *session, const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++)
        h2_nva_add(session, fields->items[i].name, fields->items[i].value);
}
