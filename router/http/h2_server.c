/* The server role of HTTP/2: requests come, responses go. */
#include "base/number.h"
#include "http/h2_head.h"
#include "http/h2_session.h"

enum { GOODBYE_IDS = 20000 }; /* between the two steps of it */

static void shutdown(struct codec *codec);

/* What its body is does not matter any more, as long as the answer is on its way. */
static void refuse(struct codec_stream *s, enum fault fault)
{
    s->body_due = -1;
    codec_stream_refuse(s, fault);
}

/* The first block of a stream. */
static void request(struct h2_session *session, struct codec_stream *s, struct h2_head *block,
                    bool end_stream)
{
    struct request_head *head = &s->request;
    head->version = HTTP_2;
    head->method_text = block->method;
    head->method = method_of(block->method);
    head->scheme = block->scheme;
    head->authority = block->authority;
    head->path = block->path;
    head->body = !end_stream;
    enum fault fault = head_gather_request(&block->gather, head);
    if (fault == FAULT_NONE) {
        const struct codec_limits *limits = &session->codec.limits;
        const bool secure =
            limits->believes_scheme ? slice_eq(head->scheme, SLICE("https")) : limits->secure;
        s->body_due = head->content_length;
        fault = head_accept_request(head, secure);
    }
    if (end_stream && s->body_due > 0)
        h2_stream_fail(session, s, H2_PROTOCOL_ERROR);
    else if (fault == FAULT_NONE)
        codec_stream_announce(s);
    else
        refuse(s, fault);
}

static void block_end(struct h2_session *session, struct codec_stream *s, struct h2_head *block,
                      bool end_stream)
{
    if (block->kind == H2_TRAILERS) {
        head_gather_trailers(&block->gather, &s->trailers);
        return;
    }
    if (s->stream.id > H2_LAST_STREAM_ID + (uint32_t)session->shutdown_step * GOODBYE_IDS)
        shutdown(&session->codec);
    request(session, s, block, end_stream);
}

static enum stream_close why_closed(const struct codec_stream *s, uint32_t error)
{
    (void)error;
    return s->peer_reset || s->cutting ? STREAM_RESET : STREAM_PROTOCOL;
}

static size_t body_left(const struct codec_stream *s)
{
    return buffer_len(&s->out);
}

static void body_take(struct codec_stream *s, char *out, size_t len)
{
    memcpy(out, buffer_slice(&s->out).ptr, len);
    buffer_consume(&s->out, len);
    codec_stream_drained(s, buffer_len(&s->out));
}

static void peer_changed(struct h2_session *session)
{
    (void)session;
}

static const struct h2_role role = {
    .block_end = block_end,
    .why_closed = why_closed,
    .body_left = body_left,
    .body_take = body_take,
    .peer_changed = peer_changed,
};

static void write_head(struct h2_session *session, struct codec_stream *s,
                       const struct response_head *head, bool end)
{
    char status[NUMBER_TEXT_BYTES], length[NUMBER_TEXT_BYTES];
    const struct field first = {SLICE(":status"), number_text(status, (uint64_t)head->status)};
    h2_head_begin(session);
    h2_head_fields(session, &first, 1);
    h2_head_fields(session, head->fields.items, head->fields.count);
    if (head->content_length >= 0 && head->status != 204 && head->status >= 200) {
        const struct field last = {SLICE("content-length"),
                                   number_text(length, (uint64_t)head->content_length)};
        h2_head_fields(session, &last, 1);
    }
    h2_head_end(session, s, end);
}

static void send_informational(struct stream *stream, const struct response_head *head)
{
    struct h2_session *session = h2_session_of(stream->codec);
    /* Nobody needs them: left out where they would only pile up. */
    if (buffer_len(&session->control) < H2_CONTROL_MAX)
        write_head(session, codec_stream_of(stream), head, false);
}

static void send_response(struct stream *stream, const struct response_head *head, bool end)
{
    struct h2_session *session = h2_session_of(stream->codec);
    struct codec_stream *s = codec_stream_of(stream);
    CHECK(!s->head_begun);
    s->head_begun = true;
    s->bodiless = response_is_bodiless(s->request.method, head->status);
    s->ending = s->head_ended = end || s->bodiless;
    write_head(session, s, head, s->head_ended);
    h2_schedule(session, s);
}

static void send_body(struct stream *stream, struct slice data)
{
    struct codec_stream *s = codec_stream_of(stream);
    buffer_append_slice(&s->out, data);
    h2_schedule(h2_session_of(stream->codec), s);
}

static void send_end(struct stream *stream, const struct fields *trailers)
{
    struct codec_stream *s = codec_stream_of(stream);
    s->ending = true;
    for (uint32_t i = 0; trailers != NULL && i < trailers->count; i++)
        fields_add(&s->trailers_out, &s->arena, arena_copy(&s->arena, trailers->items[i].name),
                   arena_copy(&s->arena, trailers->items[i].value));
    h2_schedule(h2_session_of(stream->codec), s);
}

static void send_cut(struct stream *stream, enum h2_error error)
{
    struct codec_stream *s = codec_stream_of(stream);
    s->cutting = true;
    s->cut_error = error;
    h2_schedule(h2_session_of(stream->codec), s);
}

static size_t queued(const struct stream *stream)
{
    return buffer_len(&codec_stream_of_const(stream)->out);
}

/* A notice first, so that requests under way are still taken. */
static void shutdown(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    if (codec->failure != NULL || session->terminated || session->shutdown_step == 2)
        return;
    if (++session->shutdown_step == 2)
        session->goodbye = true;
    h2_write_goaway(session, session->goodbye ? session->streams.last_id : H2_ID_MAX, H2_NO_ERROR);
}

static size_t capacity(const struct codec *codec)
{
    (void)codec;
    return 0;
}

static const struct codec_ops ops = {
    .destroy = h2_destroy,
    .feed = h2_feed,
    .end_of_input = h2_end_of_input,
    .produce = h2_produce,
    .wants_read = h2_wants_read,
    .finished = h2_finished,
    .has_output = h2_has_output,
    .head_begun = h2_head_begun,
    .timed_out = h2_timed_out,
    .shutdown = shutdown,
    .capacity = capacity,
    .ping = h2_ping,
    .send_informational = send_informational,
    .send_response = send_response,
    .send_body = send_body,
    .send_end = send_end,
    .send_cut = send_cut,
    .queued = queued,
    .consumed = h2_consumed,
    .reset = h2_reset,
};

struct codec *h2_server_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner)
{
    struct h2_session *session = h2_session_create(&role, &ops, limits, events, owner, false);
    const struct codec_limits *set = &session->codec.limits;
    const struct h2_setting_entry entries[] = {
        {H2_SETTING_MAX_CONCURRENT_STREAMS, set->streams},
        {H2_SETTING_INITIAL_WINDOW_SIZE, H2_SERVER_STREAM_WINDOW},
        {H2_SETTING_MAX_HEADER_LIST_SIZE, set->head_bytes},
        {H2_SETTING_NO_RFC7540_PRIORITIES, 1},
    };
    h2_write_settings(session, entries, COUNT_OF(entries));
    h2_write_window_update(session, 0, H2_CONNECTION_WINDOW - H2_INITIAL_WINDOW);
    return &session->codec;
}
