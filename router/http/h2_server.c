/* The server role of HTTP/2: requests come, responses go. */
#include "http/h2_session.h"

enum {
    LAST_STREAM_ID = 1 << 30, /* say goodbye long before ids run out */
    GOODBYE_IDS = 20000,      /* between the two steps of it */
};

static void shutdown(struct codec *codec);

static struct codec_stream *block_begin(struct h2_session *session, int32_t id)
{
    if (id > LAST_STREAM_ID + session->shutdown_step * GOODBYE_IDS)
        shutdown(&session->codec);
    struct codec_stream *s = h2_stream_create(session, id);
    s->request.version = HTTP_2;
    return s;
}

static void pseudo(struct h2_session *session, struct codec_stream *s, struct slice name,
                   nghttp2_rcbuf *value)
{
    (void)session;
    const struct slice text = h2_keep(&s->arena, value);
    if (slice_eq(name, SLICE(":method")))
        s->request.method_text = text;
    else if (slice_eq(name, SLICE(":path")))
        s->request.path = text;
    else if (slice_eq(name, SLICE(":authority")))
        s->request.authority = text;
    else if (slice_eq(name, SLICE(":scheme")))
        s->request.scheme = text;
}

static void block_end(struct h2_session *session, struct codec_stream *s, bool end_stream)
{
    if (s->user != USER_UNANNOUNCED || s->head_begun) { /* not the first block: trailers */
        head_gather_trailers(&session->gather, &s->trailers);
        return;
    }
    struct request_head *head = &s->request;
    head->method = method_of(head->method_text);
    head->body = !end_stream;
    enum fault fault = head_gather_request(&session->gather, head);
    if (fault == FAULT_NONE) {
        const struct codec_limits *limits = &session->codec.limits;
        const bool secure =
            limits->believes_scheme ? slice_eq(head->scheme, SLICE("https")) : limits->secure;
        fault = head_accept_request(head, secure);
    }
    if (fault == FAULT_NONE)
        codec_stream_announce(s);
    else
        codec_stream_refuse(s, fault);
}

static void remote_ended(struct h2_session *session, struct codec_stream *s)
{
    (void)session, (void)s;
}

/* RFC 9113 8.1: the answer is complete, the rest of the request is not wanted. */
static void local_ended(struct h2_session *session, struct codec_stream *s)
{
    if (!s->remote_ended)
        h2_stream_submit_reset(session, s, NGHTTP2_NO_ERROR);
}

static enum stream_close why_closed(const struct codec_stream *s, uint32_t error)
{
    (void)error;
    if (s->local_ended)
        return STREAM_DONE;
    return s->peer_reset || s->cutting ? STREAM_RESET : STREAM_PROTOCOL;
}

static size_t body_left(const struct codec_stream *s)
{
    return buffer_len(&s->out);
}

static void body_take(struct codec_stream *s, char *out, size_t len)
{
    if (len > 0)
        memcpy(out, buffer_slice(&s->out).ptr, len);
    buffer_consume(&s->out, len);
    codec_stream_drained(s, buffer_len(&s->out));
}

static void peer_changed(struct h2_session *session)
{
    (void)session;
}

static const struct h2_role role = {
    .block_begin = block_begin,
    .pseudo = pseudo,
    .block_end = block_end,
    .remote_ended = remote_ended,
    .local_ended = local_ended,
    .why_closed = why_closed,
    .body_left = body_left,
    .body_take = body_take,
    .peer_changed = peer_changed,
};

static void nva_response(struct h2_session *session, struct codec_stream *s,
                         const struct response_head *head)
{
    h2_nva_begin(session, head->stays);
    h2_nva_add(session, SLICE(":status"), decimal_write(s->status_digits, (uint64_t)head->status));
    h2_nva_add_fields(session, &head->fields);
    if (head->content_length >= 0 && head->status != 204 && head->status >= 200)
        h2_nva_add(session, SLICE("content-length"),
                   decimal_write(s->length_digits, (uint64_t)head->content_length));
}

/* Not `stays`: the final head's digits come into the same place. */
static void send_informational(struct stream *stream, const struct response_head *head)
{
    struct h2_session *session = h2_session_of(stream->codec);
    CHECK(!head->stays);
    nva_response(session, codec_stream_of(stream), head);
    (void)nghttp2_submit_headers(session->ng, NGHTTP2_FLAG_NONE, (int32_t)stream->id, NULL,
                                 session->nva, session->nva_count, NULL);
}

static void send_response(struct stream *stream, const struct response_head *head, bool end)
{
    struct h2_session *session = h2_session_of(stream->codec);
    struct codec_stream *s = codec_stream_of(stream);
    CHECK(!s->head_begun);
    s->head_begun = true;
    s->bodiless = response_is_bodiless(s->request.method, head->status);
    s->ending = end || s->bodiless;
    nva_response(session, s, head);
    const nghttp2_data_provider body = h2_body_provider(s);
    (void)nghttp2_submit_response(session->ng, (int32_t)stream->id, session->nva,
                                  session->nva_count, s->ending ? NULL : &body);
}

static void send_body(struct stream *stream, struct slice data)
{
    struct codec_stream *s = codec_stream_of(stream);
    buffer_append_slice(&s->out, data);
    h2_body_resume(h2_session_of(stream->codec), s);
}

static void send_end(struct stream *stream, const struct fields *trailers)
{
    struct codec_stream *s = codec_stream_of(stream);
    s->ending = true;
    for (uint32_t i = 0; trailers != NULL && i < trailers->count; i++)
        fields_add(&s->trailers_out, &s->arena, arena_copy(&s->arena, trailers->items[i].name),
                   arena_copy(&s->arena, trailers->items[i].value));
    h2_body_resume(h2_session_of(stream->codec), s);
}

static void send_cut(struct stream *stream, enum h2_error error)
{
    struct h2_session *session = h2_session_of(stream->codec);
    struct codec_stream *s = codec_stream_of(stream);
    s->cutting = true;
    s->cut_error = error;
    if (!s->head_begun)
        h2_stream_submit_reset(session, s, error);
    else
        h2_body_resume(session, s);
}

static size_t queued(const struct stream *stream)
{
    return buffer_len(&codec_stream_of_const(stream)->out);
}

/* A notice first, so that requests under way are still taken. */
static void shutdown(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    if (session->shutdown_step == 0)
        (void)nghttp2_submit_shutdown_notice(session->ng);
    else if (session->shutdown_step == 1)
        (void)nghttp2_submit_goaway(session->ng, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(session->ng),
                                    NGHTTP2_NO_ERROR, NULL, 0);
    if (session->shutdown_step < 2)
        session->shutdown_step++;
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
    struct h2_session *session = h2_session_create(&role, &ops, limits, events, owner, true);
    const struct codec_limits *set = &session->codec.limits;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, set->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_SERVER_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, set->head_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    h2_session_submit_settings(session, entries, COUNT_OF(entries));
    return &session->codec;
}
