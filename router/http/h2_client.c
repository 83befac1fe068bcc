/* The client role of HTTP/2: requests go to a cluster, responses come. */
#include "base/number.h"
#include "http/h2_head.h"
#include "http/h2_session.h"

enum {
    INFORMATIONAL_MAX = 8,
    STREAMS_ASSUMED = 100, /* that a server takes at once, until it says */
};

static void informational(struct h2_session *session, struct codec_stream *s, struct h2_head *block,
                          bool end_stream)
{
    struct response_head head = {.status = block->status};
    if (end_stream || head.status == 101 || block->gather.content_length_count > 0 ||
        ++s->informational_count > INFORMATIONAL_MAX ||
        head_gather_response(&block->gather, &head) != FAULT_NONE ||
        head_accept_response(&head) != FAULT_NONE)
        h2_stream_fail(session, s, H2_PROTOCOL_ERROR);
    else if (head.status != 100 && s->stream.events->on_informational != NULL)
        s->stream.events->on_informational(&s->stream, &head);
}

static void block_end(struct h2_session *session, struct codec_stream *s, struct h2_head *block,
                      bool end_stream)
{
    if (block->kind == H2_TRAILERS) {
        head_gather_trailers(&block->gather, &s->trailers);
        return;
    }
    if (block->status >= 100 && block->status < 200) {
        informational(session, s, block, end_stream);
        return;
    }
    s->response.status = block->status;
    if (head_gather_response(&block->gather, &s->response) != FAULT_NONE ||
        head_accept_response(&s->response) != FAULT_NONE) {
        h2_stream_fail(session, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->body_due =
        response_is_bodiless(s->request.method, block->status) ? 0 : s->response.content_length;
    if (end_stream && s->body_due > 0) {
        h2_stream_fail(session, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->response_seen = true;
    s->stream.events->on_response(&s->stream, &s->response);
}

static enum stream_close why_closed(const struct codec_stream *s, uint32_t error)
{
    if (error == H2_REFUSED_STREAM && s->peer_reset && !s->response_seen)
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

static void write_open(struct h2_session *session, struct codec_stream *s)
{
    const struct request_head *head = &s->request;
    char length[NUMBER_TEXT_BYTES];
    const struct field first[] = {
        {SLICE(":method"), head->method_text},
        {SLICE(":scheme"), head->scheme},
        {SLICE(":authority"), head->authority},
        {SLICE(":path"), head->path},
    };
    const struct field last = {SLICE("content-length"), number_text(length, s->body.left)};
    h2_head_begin(session);
    h2_head_fields(session, first, COUNT_OF(first));
    h2_head_fields(session, head->fields.items, head->fields.count);
    h2_head_fields(session, &last, head->body || s->body.left > 0 ? 1 : 0);
    h2_head_end(session, s, s->head_ended);
}

static const struct h2_role role = {
    .block_end = block_end,
    .write_open = write_open,
    .why_closed = why_closed,
    .body_left = body_left,
    .body_take = body_take,
    .peer_changed = peer_changed,
};

static size_t capacity(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    if (session->retired || codec->failure != NULL || session->next_id > H2_LAST_STREAM_ID)
        return 0;
    const size_t most = session->peer_streams < codec->limits.streams ? session->peer_streams
                                                                      : codec->limits.streams;
    return session->streams.count < most ? most - session->streams.count : 0;
}

static struct request_head request_copy(const struct request_head *head, struct arena *arena)
{
    struct request_head copy = *head;
    copy.method_text = arena_copy(arena, head->method_text);
    copy.scheme = arena_copy(arena, head->scheme);
    copy.authority = arena_copy(arena, head->authority);
    copy.path = arena_copy(arena, head->path);
    copy.fields = (struct fields){0};
    fields_reserve(&copy.fields, arena, head->fields.count);
    for (uint32_t i = 0; i < head->fields.count; i++) {
        const struct field *field = &head->fields.items[i];
        const struct field kept = {arena_copy(arena, field->name), arena_copy(arena, field->value),
                                   field->secret};
        fields_carry(&copy.fields, arena, &kept);
    }
    return copy;
}

static struct stream *open_stream(struct codec *codec, const struct request_head *head,
                                  const struct slice *parts, size_t part_count,
                                  const struct stream_events *events, void *user)
{
    struct h2_session *session = h2_session_of(codec);
    struct codec_stream *s = h2_stream_create(session, session->next_id);
    session->next_id += 2;
    s->request = head->stays ? *head : request_copy(head, &s->arena);
    body_parts_init(&s->body, parts, part_count);
    s->ending = true; /* the body is here, whole */
    s->head_ended = s->body.left == 0;
    codec_stream_attach(s, events, user);
    h2_schedule(session, s);
    return &s->stream;
}

static void shutdown(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    if (session->retired)
        return;
    session->retired = session->goodbye = true;
    h2_write_goaway(session, 0, H2_NO_ERROR);
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
    struct h2_session *session = h2_session_create(&role, &ops, limits, events, owner, true);
    const struct h2_setting_entry entries[] = {
        {H2_SETTING_ENABLE_PUSH, 0},
        {H2_SETTING_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
        {H2_SETTING_MAX_HEADER_LIST_SIZE, session->codec.limits.head_bytes},
        {H2_SETTING_NO_RFC7540_PRIORITIES, 1},
    };
    session->peer_streams = STREAMS_ASSUMED;
    h2_write_preface(session);
    h2_write_settings(session, entries, COUNT_OF(entries));
    h2_write_window_update(session, 0, H2_CONNECTION_WINDOW - H2_INITIAL_WINDOW);
    return &session->codec;
}
