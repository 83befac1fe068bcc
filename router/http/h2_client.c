/* The client role of HTTP/2: requests go to a cluster, responses come. */
#include "http/h2_session.h"

enum {
    INFORMATIONAL_MAX = 8,
    LAST_STREAM_ID = 1 << 30, /* retire the connection long before ids run out */
};

static struct codec_stream *block_begin(struct h2_session *session, int32_t id)
{
    (void)session, (void)id;
    return NULL; /* nothing the server may open */
}

static void pseudo(struct h2_session *session, struct codec_stream *s, struct slice name,
                   nghttp2_rcbuf *value)
{
    (void)s;
    const nghttp2_vec view = nghttp2_rcbuf_get_buf(value);
    uint64_t status;
    if (slice_eq(name, SLICE(":status")) && slice_to_u64(slice_make(view.base, view.len), &status))
        session->block_status = status < 1000 ? (int)status : 0;
}

static void protocol_error(struct h2_session *session, struct codec_stream *s)
{
    codec_stream_close(s, STREAM_PROTOCOL);
    h2_stream_submit_reset(session, s, NGHTTP2_PROTOCOL_ERROR);
}

static void informational(struct h2_session *session, struct codec_stream *s)
{
    struct response_head head = {.status = session->block_status};
    if (head.status == 101 || ++s->informational_count > INFORMATIONAL_MAX ||
        head_gather_response(&session->gather, &head) != FAULT_NONE ||
        head_accept_response(&head) != FAULT_NONE) {
        protocol_error(session, s);
        return;
    }
    if (head.status != 100 && stream_attached(s) && s->stream.events->on_informational != NULL)
        s->stream.events->on_informational(&s->stream, &head);
}

static void block_end(struct h2_session *session, struct codec_stream *s, bool end_stream)
{
    (void)end_stream;
    if (!stream_attached(s))
        return;
    if (s->response_seen) {
        head_gather_trailers(&session->gather, &s->trailers);
        return;
    }
    if (session->block_status >= 100 && session->block_status < 200) {
        informational(session, s);
        return;
    }
    s->response.status = session->block_status;
    if (head_gather_response(&session->gather, &s->response) != FAULT_NONE ||
        head_accept_response(&s->response) != FAULT_NONE) {
        protocol_error(session, s);
        return;
    }
    s->response_seen = true;
    s->stream.events->on_response(&s->stream, &s->response);
}

/* Answered before the upload ended; stop that. */
static void remote_ended(struct h2_session *session, struct codec_stream *s)
{
    if (!s->local_ended && stream_attached(s))
        h2_stream_submit_reset(session, s, NGHTTP2_NO_ERROR);
}

static void local_ended(struct h2_session *session, struct codec_stream *s)
{
    (void)session, (void)s;
}

static enum stream_close why_closed(const struct codec_stream *s, uint32_t error)
{
    if (s->remote_ended)
        return STREAM_DONE;
    if (error == NGHTTP2_REFUSED_STREAM && !s->response_seen)
        return STREAM_REFUSED;
    return s->peer_reset ? STREAM_RESET : STREAM_PROTOCOL;
}

static size_t body_left(const struct codec_stream *s)
{
    return s->body.left;
}

static void body_take(struct codec_stream *s, char *out, size_t len)
{
    (void)body_parts_take(&s->body, out, len);
}

static void peer_changed(struct h2_session *session)
{
    if (session->codec.events->on_capacity != NULL)
        session->codec.events->on_capacity(session->codec.owner);
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

static size_t capacity(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    if (session->retired || codec->failure != NULL ||
        nghttp2_session_get_next_stream_id(session->ng) > LAST_STREAM_ID ||
        !nghttp2_session_check_request_allowed(session->ng))
        return 0;
    const uint32_t peer =
        nghttp2_session_get_remote_settings(session->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    const size_t most = peer < codec->limits.streams ? peer : codec->limits.streams;
    return session->open_count < most ? most - session->open_count : 0;
}

static struct stream *open_stream(struct codec *codec, const struct request_head *head,
                                  const struct slice *parts, size_t part_count,
                                  const struct stream_events *events, void *user)
{
    struct h2_session *session = h2_session_of(codec);
    struct codec_stream *s =
        h2_stream_create(session, (int32_t)nghttp2_session_get_next_stream_id(session->ng));
    body_parts_init(&s->body, parts, part_count);
    s->ending = true; /* the body is here, whole */
    const bool body = head->body || s->body.left > 0;
    h2_nva_begin(session, head->stays);
    h2_nva_add(session, SLICE(":method"), head->method_text);
    h2_nva_add(session, SLICE(":scheme"), head->scheme);
    h2_nva_add(session, SLICE(":authority"), head->authority);
    h2_nva_add(session, SLICE(":path"), head->path);
    h2_nva_add_fields(session, &head->fields);
    if (body)
        h2_nva_add(session, SLICE("content-length"), decimal_write(s->length_digits, s->body.left));
    const nghttp2_data_provider provider = h2_body_provider(s);
    const int32_t id = nghttp2_submit_request(session->ng, NULL, session->nva, session->nva_count,
                                              s->body.left > 0 ? &provider : NULL, s);
    CHECK_EQ(id, (int32_t)s->stream.id);
    codec_stream_attach(s, events, user);
    return &s->stream;
}

static void shutdown(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    if (session->retired)
        return;
    session->retired = true;
    (void)nghttp2_submit_goaway(session->ng, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
}

static size_t queued(const struct stream *stream)
{
    return codec_stream_of_const(stream)->body.left;
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
    .open = open_stream,
    .queued = queued,
    .consumed = h2_consumed,
    .reset = h2_reset,
};

struct codec *h2_client_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner)
{
    struct h2_session *session = h2_session_create(&role, &ops, limits, events, owner, false);
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, session->codec.limits.head_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    h2_session_submit_settings(session, entries, COUNT_OF(entries));
    return &session->codec;
}
