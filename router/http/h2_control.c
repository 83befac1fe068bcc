/*
 * The frames of an HTTP/2 peer that carry no message: settings, windows,
 * resets, pings, goodbyes.  What RFC 9113 lets us take as a stream error, but
 * only a broken peer sends, ends the connection: resetting for it is work that
 * a peer could ask for without end.
 */
#include "http/h2_session.h"

static void window_overflow(struct h2_session *session)
{
    h2_session_fail(session, H2_FLOW_CONTROL_ERROR, "a window above 2^31 - 1");
}

/* RFC 9113 6.9.2: it applies to the streams that are open, whose windows may become negative. */
static void set_initial_window(struct h2_session *session, uint32_t value)
{
    const int64_t change = (int64_t)value - session->peer_initial_window;
    session->peer_initial_window = value;
    LIST_EACH (node, &session->streams.list) {
        struct codec_stream *s = LIST_ENTRY(node, struct codec_stream, link);
        s->send_window += change;
        if (s->send_window > H2_WINDOW_MAX) {
            window_overflow(session);
            return;
        }
        h2_schedule(session, s);
    }
}

static void set(struct h2_session *session, uint32_t id, uint32_t value)
{
    switch (id) {
    case H2_SETTING_HEADER_TABLE_SIZE:
        hpack_encoder_limit(&session->encoder, value);
        break;
    case H2_SETTING_ENABLE_PUSH:
        if (value > 1 || (session->client && value == 1))
            h2_session_fail(session, H2_PROTOCOL_ERROR, "a bad ENABLE_PUSH");
        break;
    case H2_SETTING_MAX_CONCURRENT_STREAMS:
        session->peer_streams = value;
        break;
    case H2_SETTING_INITIAL_WINDOW_SIZE:
        if (value > H2_WINDOW_MAX)
            window_overflow(session);
        else
            set_initial_window(session, value);
        break;
    case H2_SETTING_MAX_FRAME_SIZE:
        if (value < H2_FRAME_BYTES || value > H2_FRAME_BYTES_LIMIT)
            h2_session_fail(session, H2_PROTOCOL_ERROR, "a bad MAX_FRAME_SIZE");
        break;
    case H2_SETTING_ENABLE_CONNECT_PROTOCOL:
    case H2_SETTING_NO_RFC7540_PRIORITIES:
        if (value > 1)
            h2_session_fail(session, H2_PROTOCOL_ERROR, "a setting that is neither 0 nor 1");
        break;
    default:
        break;
    }
}

/* Client: what the peer has not heard of yet is given back, the latest first, until `most` are
 * left. */
static void refuse_unsent(struct h2_session *session, uint32_t most)
{
    const struct list *unsent = &session->turns[H2_TURN_OPEN];
    while (session->streams.count > most && !list_empty(unsent))
        h2_stream_close(session, LIST_ENTRY(unsent->prev, struct codec_stream, turn),
                        STREAM_REFUSED);
}

static void settings(struct h2_session *session, const struct h2_frame *frame, struct slice payload)
{
    if (frame->flags & H2_FLAG_ACK) {
        if (payload.len > 0)
            h2_session_fail(session, H2_FRAME_SIZE_ERROR, "malformed SETTINGS frame");
        session->settings_acked = true;
        return;
    }
    if (payload.len % H2_SETTING_BYTES != 0) {
        h2_session_fail(session, H2_FRAME_SIZE_ERROR, "malformed SETTINGS frame");
        return;
    }
    if (payload.len / H2_SETTING_BYTES > H2_SETTINGS_ENTRIES) {
        h2_session_fail(session, H2_ENHANCE_YOUR_CALM, "too many settings in a frame");
        return;
    }
    session->settings_came = true;
    for (size_t at = 0; at < payload.len && session->codec.failure == NULL; at += H2_SETTING_BYTES)
        set(session, h2_read_u16(payload.ptr + at), h2_read_u32(payload.ptr + at + 2));
    if (session->codec.failure != NULL)
        return;
    h2_write_settings_ack(session);
    if (session->client)
        refuse_unsent(session, session->peer_streams);
    session->role->peer_changed(session);
}

static bool refuse_idle(struct h2_session *session, uint32_t id)
{
    if (!h2_is_idle(session, id))
        return false;
    h2_session_fail(session, H2_PROTOCOL_ERROR, "a frame on a stream that was never open");
    return true;
}

static void window_update(struct h2_session *session, const struct h2_frame *frame,
                          struct slice payload)
{
    const uint32_t more = h2_read_u32(payload.ptr) & H2_ID_MAX;
    struct codec_stream *s = NULL;
    if (frame->stream > 0 && (refuse_idle(session, frame->stream) ||
                              (s = h2_streams_find(&session->streams, frame->stream)) == NULL))
        return; /* or late */
    if (more == 0) {
        h2_session_fail(session, H2_PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
        return;
    }
    if (s == NULL) {
        session->send_window += more;
        if (session->send_window > H2_WINDOW_MAX)
            window_overflow(session);
        return;
    }
    s->send_window += more;
    if (s->send_window > H2_WINDOW_MAX)
        h2_stream_fail(session, s, H2_FLOW_CONTROL_ERROR);
    else
        h2_schedule(session, s);
}

static void reset(struct h2_session *session, const struct h2_frame *frame, struct slice payload)
{
    struct codec_stream *s;
    if (refuse_idle(session, frame->stream) ||
        (s = h2_streams_find(&session->streams, frame->stream)) == NULL)
        return; /* or late */
    s->peer_reset = true;
    s->stream.h2_error = h2_read_u32(payload.ptr);
    h2_stream_close(session, s, session->role->why_closed(s, s->stream.h2_error));
}

static void ping(struct h2_session *session, const struct h2_frame *frame, struct slice payload)
{
    if ((frame->flags & H2_FLAG_ACK) == 0) {
        h2_write_ping(session, H2_FLAG_ACK, payload);
    } else if (session->pings > 0) {
        session->pings--;
        if (session->codec.events->on_pong != NULL)
            session->codec.events->on_pong(session->codec.owner);
    }
}

static struct codec_stream *first_above(const struct h2_session *session, uint32_t id)
{
    LIST_EACH (node, &session->streams.list) {
        struct codec_stream *s = LIST_ENTRY(node, struct codec_stream, link);
        if (s->stream.id > id)
            return s;
    }
    return NULL;
}

static void goaway(struct h2_session *session, struct slice payload)
{
    const uint32_t last = h2_read_u32(payload.ptr) & H2_ID_MAX;
    if (last > session->goaway_last) {
        h2_session_fail(session, H2_PROTOCOL_ERROR, "GOAWAY that takes back the one before");
        return;
    }
    session->goaway_last = last;
    session->retired = true;
    session->goodbye = true;
    refuse_unsent(session, 0);
    struct codec_stream *s;
    while (session->client && (s = first_above(session, last)) != NULL)
        h2_stream_close(session, s, STREAM_REFUSED);
    session->role->peer_changed(session);
}

static void priority(struct h2_session *session, const struct h2_frame *frame, struct slice payload)
{
    if ((h2_read_u32(payload.ptr) & H2_ID_MAX) == frame->stream)
        h2_session_fail(session, H2_PROTOCOL_ERROR, "a stream that depends on itself");
}

/* RFC 9113 6: whether the frame is about a stream or the connection, and how long it is. */
static const struct {
    uint32_t len; /* 0: any */
    bool on_stream, on_connection;
} forms[H2_FRAME_TYPES] = {
    [H2_PRIORITY] = {H2_PRIORITY_BYTES, true, false},
    [H2_RST_STREAM] = {4, true, false},
    [H2_SETTINGS] = {0, false, true},
    [H2_PING] = {H2_PING_BYTES, false, true},
    [H2_GOAWAY] = {0, false, true},
    [H2_WINDOW_UPDATE] = {4, true, true},
};

static bool well_formed(struct h2_session *session, const struct h2_frame *frame)
{
    const bool right_stream =
        frame->stream > 0 ? forms[frame->type].on_stream : forms[frame->type].on_connection;
    if (!right_stream) /* PUSH_PROMISE too, which we never allow */
        h2_session_fail(session, H2_PROTOCOL_ERROR, "a frame where it does not belong");
    else if (forms[frame->type].len > 0 && frame->len != forms[frame->type].len)
        h2_session_fail(session, H2_FRAME_SIZE_ERROR, "a frame of the wrong length");
    else if (frame->type == H2_GOAWAY && frame->len < H2_GOAWAY_BYTES)
        h2_session_fail(session, H2_FRAME_SIZE_ERROR, "a frame of the wrong length");
    return session->codec.failure == NULL;
}

void h2_control_frame(struct h2_session *session, const struct h2_frame *frame,
                      struct slice payload)
{
    if (!well_formed(session, frame))
        return;
    switch (frame->type) {
    case H2_PRIORITY:
        priority(session, frame, payload);
        break;
    case H2_RST_STREAM:
        reset(session, frame, payload);
        break;
    case H2_SETTINGS:
        settings(session, frame, payload);
        break;
    case H2_PING:
        ping(session, frame, payload);
        break;
    case H2_GOAWAY:
        goaway(session, payload);
        break;
    default:
        window_update(session, frame, payload);
        break;
    }
}
