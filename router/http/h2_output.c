/*
 * The sending side of an HTTP/2 connection.  Frames other than DATA are written
 * into `control` at once; h2_produce hands those out first, then shares what
 * room there is among the streams that have a body and a window, a frame each
 * in turn.
 */
#include "http/h2_session.h"

enum {
    LEAST_DATA_BYTES = 1024, /* of a DATA frame, unless less is queued */
    WHOLE_DATA_BYTES = 4096, /* queued bytes up to this go into one */
};

static char *control_reserve(struct h2_session *session, size_t size)
{
    if (session->control.memory == NULL)
        codec_buffer_take(&session->control);
    return buffer_reserve(&session->control, size);
}

static char *begin_frame(struct h2_session *session, struct h2_frame frame)
{
    char *out = control_reserve(session, H2_FRAME_HEADER_BYTES + frame.len);
    buffer_commit(&session->control, H2_FRAME_HEADER_BYTES + frame.len);
    return h2_frame_write(out, frame);
}

void h2_write_preface(struct h2_session *session)
{
    buffer_append_slice(&session->control, SLICE(H2_PREFACE));
}

void h2_write_settings(struct h2_session *session, const struct h2_setting_entry *entries,
                       size_t count)
{
    char *out = begin_frame(session, (struct h2_frame){.len = (uint32_t)(count * H2_SETTING_BYTES),
                                                       .type = H2_SETTINGS});
    for (size_t i = 0; i < count; i++)
        out = h2_write_u32(h2_write_u16(out, entries[i].id), entries[i].value);
}

void h2_write_settings_ack(struct h2_session *session)
{
    (void)begin_frame(session, (struct h2_frame){.type = H2_SETTINGS, .flags = H2_FLAG_ACK});
}

void h2_write_reset(struct h2_session *session, uint32_t id, uint32_t error)
{
    if (!session->client)
        h2_history_reset(&session->streams, id);
    h2_write_u32(begin_frame(session,
                             (struct h2_frame){.len = 4, .type = H2_RST_STREAM, .stream = id}),
                 error);
}

void h2_write_goaway(struct h2_session *session, uint32_t last_id, uint32_t error)
{
    char *out = begin_frame(session, (struct h2_frame){.len = H2_GOAWAY_BYTES, .type = H2_GOAWAY});
    h2_write_u32(h2_write_u32(out, last_id), error);
}

void h2_write_window_update(struct h2_session *session, uint32_t id, uint32_t bytes)
{
    h2_write_u32(begin_frame(session,
                             (struct h2_frame){.len = 4, .type = H2_WINDOW_UPDATE, .stream = id}),
                 bytes);
}

void h2_write_ping(struct h2_session *session, uint8_t flags, struct slice data)
{
    char *out =
        begin_frame(session,
                    (struct h2_frame){.len = H2_PING_BYTES, .type = H2_PING, .flags = flags});
    memcpy(out, data.ptr, H2_PING_BYTES);
}

/* Header blocks. */

/* New with each message: in a table it would only push others out.  Secrets go into none, so that
 * nobody can find them out by guessing next to them. */
static enum hpack_index index_of(struct slice name)
{
    switch (name.len) {
    case 6:
        return slice_eq(name, SLICE("cookie")) ? HPACK_SECRET : HPACK_REPEATS;
    case 7:
        return slice_eq(name, SLICE("api-key")) ? HPACK_SECRET : HPACK_REPEATS;
    case 9:
        return slice_eq(name, SLICE("x-api-key")) ? HPACK_SECRET : HPACK_REPEATS;
    case 11:
        return slice_eq(name, SLICE("traceparent")) ? HPACK_UNIQUE : HPACK_REPEATS;
    case 12:
        return slice_eq(name, SLICE("x-request-id")) ? HPACK_UNIQUE : HPACK_REPEATS;
    case 13:
        if (slice_eq(name, SLICE("authorization")))
            return HPACK_SECRET;
        return slice_eq(name, SLICE("server-timing")) ? HPACK_UNIQUE : HPACK_REPEATS;
    case 14:
        return slice_eq(name, SLICE("content-length")) ? HPACK_UNIQUE : HPACK_REPEATS;
    case 15:
        return slice_eq(name, SLICE("x-forwarded-for")) ? HPACK_UNIQUE : HPACK_REPEATS;
    default:
        return HPACK_REPEATS;
    }
}

void h2_head_begin(struct h2_session *session)
{
    struct buffer *control = &session->control;
    session->head_begin = buffer_len(control);
    char *out = control_reserve(session, H2_FRAME_HEADER_BYTES + HPACK_BEGIN_BYTES);
    const char *end = hpack_encode_begin(&session->encoder, out + H2_FRAME_HEADER_BYTES);
    buffer_commit(control, (size_t)(end - out));
}

void h2_head_fields(struct h2_session *session, const struct field *fields, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most += fields[i].name.len + fields[i].value.len + HPACK_FIELD_OVERHEAD;
    char *begin = buffer_reserve(&session->control, most), *out = begin;
    for (size_t i = 0; i < count; i++)
        out = hpack_encode(&session->encoder, out, fields[i].name, fields[i].value,
                           fields[i].secret ? HPACK_SECRET : index_of(fields[i].name));
    buffer_commit(&session->control, (size_t)(out - begin));
}

/* A block that is too long for one frame: what is behind each frame moves on by a header. */
static void split_head(struct h2_session *session, struct h2_frame frame, size_t len)
{
    struct buffer *control = &session->control;
    const size_t more = (len - 1) / H2_FRAME_BYTES;
    char *end = buffer_reserve(control, more * H2_FRAME_HEADER_BYTES); /* of the block */
    char *first = end - len - H2_FRAME_HEADER_BYTES;
    for (size_t i = more; i > 0; i--) {
        const size_t at = i * H2_FRAME_BYTES;
        const size_t n = i == more ? len - at : H2_FRAME_BYTES;
        char *from = first + H2_FRAME_HEADER_BYTES + at;
        char *to = from + i * H2_FRAME_HEADER_BYTES;
        memmove(to, from, n);
        h2_frame_write(to - H2_FRAME_HEADER_BYTES,
                       (struct h2_frame){.len = (uint32_t)n,
                                         .type = H2_CONTINUATION,
                                         .flags = i == more ? H2_FLAG_END_HEADERS : 0,
                                         .stream = frame.stream});
    }
    frame.len = H2_FRAME_BYTES;
    frame.flags &= (uint8_t)~H2_FLAG_END_HEADERS;
    h2_frame_write(first, frame);
    buffer_commit(control, more * H2_FRAME_HEADER_BYTES);
}

void h2_head_end(struct h2_session *session, struct codec_stream *s, bool end_stream)
{
    struct buffer *control = &session->control;
    s->head_at = session->control_taken + session->head_begin;
    const size_t len = buffer_len(control) - session->head_begin - H2_FRAME_HEADER_BYTES;
    const struct h2_frame frame = {.len = (uint32_t)len,
                                   .type = H2_HEADERS,
                                   .flags = (uint8_t)(H2_FLAG_END_HEADERS |
                                                      (end_stream ? H2_FLAG_END_STREAM : 0)),
                                   .stream = s->stream.id};
    if (len > H2_FRAME_BYTES)
        split_head(session, frame, len);
    else
        h2_frame_write(control->memory + control->start + session->head_begin, frame);
}

bool h2_head_produced(const struct h2_session *session, const struct codec_stream *s)
{
    return s->head_begun && session->control_taken > s->head_at;
}

/* Whose turn it is. */

void h2_unschedule(struct codec_stream *s)
{
    list_remove(&s->turn);
    s->turn_of = H2_TURN_NONE;
}

static enum h2_turn turn_due(const struct h2_session *session, const struct codec_stream *s)
{
    if (s->local_ended || s->gone)
        return H2_TURN_NONE;
    if (session->client && !s->head_begun)
        return H2_TURN_OPEN;
    if (session->role->body_left(s) > 0)
        return s->send_window > 0 ? H2_TURN_BODY : H2_TURN_NONE;
    return s->cutting || (s->ending && s->head_begun) ? H2_TURN_END : H2_TURN_NONE;
}

void h2_schedule(struct h2_session *session, struct codec_stream *s)
{
    const enum h2_turn turn = turn_due(session, s);
    if (turn == s->turn_of)
        return;
    h2_unschedule(s);
    s->turn_of = turn;
    if (turn != H2_TURN_NONE)
        list_append(&session->turns[turn], &s->turn);
}

static bool has_turn(const struct h2_session *session, enum h2_turn turn)
{
    return !list_empty(&session->turns[turn]);
}

static struct codec_stream *first_of(const struct h2_session *session, enum h2_turn turn)
{
    struct list *first = session->turns[turn].next;
    return has_turn(session, turn) ? LIST_ENTRY(first, struct codec_stream, turn) : NULL;
}

/* Not earlier, so that a request that is given up at once never gets to the peer. */
static void produce_open(struct h2_session *session, struct codec_stream *s)
{
    session->role->write_open(session, s);
    session->opened_id = s->stream.id;
    s->head_begun = true;
    h2_schedule(session, s);
}

/* The body is out: what is left to say.  The frames that say it need no window. */
static void produce_ending(struct h2_session *session, struct codec_stream *s)
{
    const uint32_t id = s->stream.id;
    h2_unschedule(s);
    if (s->cutting) {
        h2_write_reset(session, id, s->cut_error);
        h2_stream_close(session, s, session->role->why_closed(s, s->cut_error));
        return;
    }
    if (!s->head_ended) {
        if (s->trailers_out.count > 0) {
            h2_head_begin(session);
            h2_head_fields(session, s->trailers_out.items, s->trailers_out.count);
            h2_head_end(session, s, true);
        } else {
            (void)begin_frame(session, (struct h2_frame){.type = H2_DATA,
                                                         .flags = H2_FLAG_END_STREAM,
                                                         .stream = id});
        }
    }
    h2_local_end(session, s);
}

/* Of `left` bytes, at most `most`: what fits the caller's buffer, so that it is written there. But
 * a few are not split, for they are an event or some: the buffer's end goes through `control`. */
static size_t data_length(const struct h2_session *session, size_t left, size_t most)
{
    const size_t len = left < most ? left : most;
    if (len + H2_FRAME_HEADER_BYTES <= session->room || left <= WHOLE_DATA_BYTES)
        return len;
    const size_t fits = session->room < (size_t)LEAST_DATA_BYTES + H2_FRAME_HEADER_BYTES
                            ? (size_t)LEAST_DATA_BYTES
                            : session->room - H2_FRAME_HEADER_BYTES;
    return len < fits ? len : fits;
}

static size_t window_of(const struct h2_session *session, const struct codec_stream *s)
{
    const int64_t window =
        s->send_window < session->send_window ? s->send_window : session->send_window;
    return window < H2_FRAME_BYTES ? (size_t)window : (size_t)H2_FRAME_BYTES;
}

/* One DATA frame; `control` is empty. */
static void produce_body(struct h2_session *session, struct codec_stream *s)
{
    const size_t left = session->role->body_left(s);
    const size_t len = data_length(session, left, window_of(session, s));
    const bool end = len == left && s->ending && s->trailers_out.count == 0;
    const size_t total = H2_FRAME_HEADER_BYTES + len;
    const bool fits = total <= session->room;
    char *out = fits ? session->out : control_reserve(session, total);
    if (fits) {
        session->out += total;
        session->room -= total;
    } else {
        buffer_commit(&session->control, total);
    }
    out = h2_frame_write(out, (struct h2_frame){.len = (uint32_t)len,
                                                .type = H2_DATA,
                                                .flags = end ? H2_FLAG_END_STREAM : 0,
                                                .stream = s->stream.id});
    s->send_window -= (int64_t)len;
    session->send_window -= (int64_t)len;
    frame_meter_sent_data(&session->meter);
    h2_unschedule(s);
    session->role->body_take(s, out, len);
    if (s->gone)
        return; /* its user let go of it in on_drained */
    if (end)
        h2_local_end(session, s);
    else
        h2_schedule(session, s);
}

static void produce_control(struct h2_session *session)
{
    const size_t len = buffer_len(&session->control);
    if (len == 0)
        return;
    const size_t n = len < session->room ? len : session->room;
    memcpy(session->out, buffer_slice(&session->control).ptr, n);
    session->out += n;
    session->room -= n;
    session->control_taken += n;
    buffer_consume(&session->control, n);
    if (n == len)
        codec_buffer_give(&session->control);
}

size_t h2_produce(struct codec *codec, char *out, size_t size)
{
    struct h2_session *session = h2_session_of(codec);
    session->out = out;
    session->room = size;
    h2_tell_freed(session); /* not from within stream_reset: its caller is in the middle of it */
    for (;;) {
        struct codec_stream *s;
        while ((s = first_of(session, H2_TURN_OPEN)) != NULL)
            produce_open(session, s);
        while ((s = first_of(session, H2_TURN_END)) != NULL)
            produce_ending(session, s);
        produce_control(session);
        s = first_of(session, H2_TURN_BODY);
        if (session->room == 0 || s == NULL || session->send_window <= 0)
            break;
        produce_body(session, s);
    }
    session->out = NULL;
    return size - session->room;
}

bool h2_has_output(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    return buffer_len(&session->control) > 0 || has_turn(session, H2_TURN_OPEN) ||
           has_turn(session, H2_TURN_END) ||
           (has_turn(session, H2_TURN_BODY) && session->send_window > 0);
}
