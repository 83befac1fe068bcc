/*
 * The receiving side of an HTTP/2 connection: bytes to frames.  Bodies are
 * passed on as they come; every other frame is looked at as a whole, where it
 * lies if it came in one piece.
 */
#include "http/h2_session.h"

/* `n` bytes off the front. */
static struct slice take(struct slice *bytes, size_t n)
{
    const struct slice taken = slice_make(bytes->ptr, n);
    *bytes = slice_make(bytes->ptr + n, bytes->len - n);
    return taken;
}

/* The next `want` bytes in one piece, or ptr NULL: they have not all come yet. */
static struct slice gather(struct h2_session *session, struct slice *bytes, size_t want)
{
    struct buffer *partial = &session->partial;
    const size_t have = buffer_len(partial);
    if (have == 0 && bytes->len >= want)
        return take(bytes, want);
    if (bytes->len == 0)
        return SLICE_NONE;
    const size_t missing = want - have;
    buffer_append_slice(partial, take(bytes, missing < bytes->len ? missing : bytes->len));
    return buffer_len(partial) == want ? buffer_slice(partial) : SLICE_NONE;
}

/* What `gather` gave has been used. */
static void gathered(struct h2_session *session)
{
    if (buffer_len(&session->partial) > 0)
        buffer_release(&session->partial);
}

static void frame_done(struct h2_session *session)
{
    session->reading = H2_READS_HEADER;
    session->body_stream = NULL;
}

/* The stream whose body comes in; NULL: its bytes are ignored, or the connection failed. */
static struct codec_stream *body_receiver(struct h2_session *session, uint32_t id)
{
    if (h2_is_idle(session, id)) {
        h2_session_fail(session, H2_PROTOCOL_ERROR, "DATA on a stream that is not open");
        return NULL;
    }
    struct codec_stream *s = h2_streams_find(&session->streams, id);
    if (s != NULL) {
        if (s->remote_ended) {
            h2_session_fail(session, H2_STREAM_CLOSED, "DATA after END_STREAM");
            return NULL;
        }
        if (!session->client || s->response_seen)
            return s;
        h2_stream_fail(session, s, H2_PROTOCOL_ERROR); /* a body without a head */
        return NULL;
    }
    if (session->client || id > session->streams.last_id)
        return NULL; /* late, or behind our GOAWAY */
    const enum h2_past past = h2_history_of(&session->streams, id);
    if (past == H2_NEVER)
        h2_session_fail(session, H2_PROTOCOL_ERROR, "DATA on a stream that is not open");
    else if (past == H2_CLOSED)
        h2_session_fail(session, H2_STREAM_CLOSED, "DATA on a closed stream");
    return NULL;
}

/* How much of a DATA frame is body is known.  Padding is not, but the peer counts it. */
static void body_begin(struct h2_session *session)
{
    const struct h2_frame *frame = &session->frame;
    const uint32_t len = session->payload_left - session->padding;
    const char *why =
        frame_meter_take_data(&session->meter, len, frame->flags & H2_FLAG_END_STREAM);
    session->reading = H2_READS_BODY;
    if (why != NULL) {
        h2_session_fail(session, H2_ENHANCE_YOUR_CALM, why);
    } else if (len < frame->len) {
        h2_give_back(session, frame->len - len);
        if (session->body_stream != NULL)
            session->body_stream->owed += frame->len - len;
    }
}

/* A DATA frame begins; all of it counts against the windows. */
static void data_begin(struct h2_session *session)
{
    const struct h2_frame *frame = &session->frame;
    const bool padded = frame->flags & H2_FLAG_PADDED;
    session->padding = 0;
    if (frame->stream == 0 || (padded && frame->len == 0)) {
        h2_session_fail(session, frame->stream == 0 ? H2_PROTOCOL_ERROR : H2_FRAME_SIZE_ERROR,
                        "malformed DATA frame");
        return;
    }
    if (frame->len > session->receive_window) {
        h2_session_fail(session, H2_FLOW_CONTROL_ERROR, "DATA beyond the connection's window");
        return;
    }
    session->receive_window -= frame->len;
    struct codec_stream *s = body_receiver(session, frame->stream);
    if (s != NULL && frame->len > s->receive_window) {
        h2_stream_fail(session, s, H2_FLOW_CONTROL_ERROR);
        s = NULL;
    }
    if (s != NULL)
        s->receive_window -= frame->len;
    session->body_stream = s;
    if (padded)
        session->reading = H2_READS_PAD_LENGTH;
    else
        body_begin(session);
}

static void data_end(struct h2_session *session)
{
    struct codec_stream *s = session->body_stream;
    const bool end = session->frame.flags & H2_FLAG_END_STREAM;
    frame_done(session);
    if (s != NULL && end)
        h2_remote_end(session, s);
}

static void pad_length(struct h2_session *session, struct slice *bytes)
{
    session->padding = (uint8_t)*take(bytes, 1).ptr;
    session->payload_left--;
    if (session->padding > session->payload_left)
        h2_session_fail(session, H2_PROTOCOL_ERROR,
                        "DATA frame with more padding than it has room");
    else
        body_begin(session);
}

static void body_bytes(struct h2_session *session, struct slice data)
{
    struct codec_stream *s = session->body_stream;
    const bool counted = s != NULL && s->body_due >= 0;
    if (counted)
        s->body_due -= (int64_t)data.len;
    const bool too_long = counted && s->body_due < 0;
    if (s == NULL || too_long || !stream_attached(s)) {
        h2_give_back(session, (uint32_t)data.len);
        if (too_long)
            h2_stream_fail(session, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->unconsumed += (uint32_t)data.len;
    s->stream.events->on_body(&s->stream, data);
}

static void read_body(struct h2_session *session, struct slice *bytes)
{
    const uint32_t left = session->payload_left - session->padding;
    const size_t n = left < bytes->len ? left : bytes->len;
    if (n > 0) {
        session->payload_left -= (uint32_t)n;
        body_bytes(session, take(bytes, n));
    }
    if (session->codec.failure != NULL || session->payload_left > session->padding)
        return;
    if (session->padding > 0)
        session->reading = H2_SKIPS;
    else
        data_end(session);
}

static void skip(struct h2_session *session, struct slice *bytes)
{
    const size_t n = session->payload_left < bytes->len ? session->payload_left : bytes->len;
    (void)take(bytes, n);
    session->payload_left -= (uint32_t)n;
    if (session->payload_left > 0)
        return;
    if (session->frame.type == H2_DATA)
        data_end(session);
    else
        frame_done(session);
}

/* RFC 9113 4.3 and 6.10: nothing comes between the frames of a header block. */
static bool fits_block(const struct h2_session *session, const struct h2_frame *frame)
{
    if (session->block_frame.stream == 0)
        return frame->type != H2_CONTINUATION;
    return frame->type == H2_CONTINUATION && frame->stream == session->block_frame.stream;
}

static void frame_begin(struct h2_session *session, struct slice header)
{
    const struct h2_frame frame = h2_frame_read(header.ptr);
    session->frame = frame;
    session->payload_left = frame.len;
    const char *why;
    if (!session->settings_came && (frame.type != H2_SETTINGS || frame.flags & H2_FLAG_ACK))
        h2_session_fail(session, H2_PROTOCOL_ERROR, "the first frame is not SETTINGS");
    else if (frame.len > H2_FRAME_BYTES)
        h2_session_fail(session, H2_FRAME_SIZE_ERROR, "frame too large");
    else if (!fits_block(session, &frame))
        h2_session_fail(session, H2_PROTOCOL_ERROR, "a frame inside a header block");
    else if (!(session->client && frame.type == H2_RST_STREAM) &&
             (why = frame_meter_take(&session->meter, frame.type)) != NULL)
        h2_session_fail(session, H2_ENHANCE_YOUR_CALM, why);
    else if (frame.type == H2_DATA)
        data_begin(session);
    else
        session->reading = frame.type < H2_FRAME_TYPES ? H2_READS_PAYLOAD : H2_SKIPS;
}

static void payload_came(struct h2_session *session, struct slice payload)
{
    const struct h2_frame frame = session->frame;
    frame_done(session);
    if (frame.type == H2_HEADERS || frame.type == H2_CONTINUATION)
        h2_block_frame(session, &frame, payload);
    else
        h2_control_frame(session, &frame, payload);
}

static void preface_came(struct h2_session *session, struct slice preface)
{
    session->reading = H2_READS_HEADER;
    if (!slice_eq(preface, SLICE(H2_PREFACE)))
        h2_session_fail(session, H2_PROTOCOL_ERROR, "not an HTTP/2 preface");
}

/* One step; false when more bytes are needed for it. */
static bool step(struct h2_session *session, struct slice *bytes)
{
    struct slice whole;
    switch (session->reading) {
    case H2_READS_PREFACE:
        whole = gather(session, bytes, H2_PREFACE_BYTES);
        if (whole.ptr != NULL)
            preface_came(session, whole);
        break;
    case H2_READS_HEADER:
        whole = gather(session, bytes, H2_FRAME_HEADER_BYTES);
        if (whole.ptr != NULL)
            frame_begin(session, whole);
        break;
    case H2_READS_PAYLOAD:
        whole = gather(session, bytes, session->payload_left);
        if (whole.ptr != NULL)
            payload_came(session, whole);
        break;
    case H2_READS_PAD_LENGTH:
        if (bytes->len == 0)
            return false;
        pad_length(session, bytes);
        return true;
    case H2_READS_BODY:
        read_body(session, bytes);
        return bytes->len > 0 || session->reading != H2_READS_BODY;
    case H2_SKIPS:
        skip(session, bytes);
        return bytes->len > 0 || session->reading != H2_SKIPS;
    }
    if (whole.ptr == NULL)
        return false;
    gathered(session);
    return true;
}

/* --- looking ahead --- */

enum { AHEAD_MOST = 16, USER_BYTES = 2 * CACHE_LINE_BYTES };

static void fetch_streams(struct codec_stream *const *each, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        memory_fetch(each[i], CACHE_LINE_BYTES);
    for (unsigned i = 0; i < count; i++)
        if (stream_attached(each[i]))
            memory_fetch(each[i]->stream.user, USER_BYTES);
    for (unsigned i = 0; i < count; i++)
        if (stream_attached(each[i]) && each[i]->stream.events->on_body_ahead != NULL)
            each[i]->stream.events->on_body_ahead(&each[i]->stream);
}

/*
 * Thousands of streams are more than a cache holds, and the bytes of one read
 * are for many of them: what the next few DATA frames touch is fetched for all
 * at once, instead of waiting for each.  How many frames that were, 1 at least.
 */
static unsigned look_ahead(struct h2_session *session, struct slice bytes)
{
    struct codec_stream *each[AHEAD_MOST];
    unsigned frames = 0, found = 0;
    while (frames < AHEAD_MOST && bytes.len > H2_FRAME_HEADER_BYTES) {
        const struct h2_frame frame = h2_frame_read(bytes.ptr);
        const size_t whole = H2_FRAME_HEADER_BYTES + frame.len;
        if (frame.type == H2_DATA)
            each[found] = h2_streams_ahead(&session->streams, frame.stream);
        if (frame.type == H2_DATA && each[found] != NULL)
            found++;
        frames++;
        (void)take(&bytes, whole < bytes.len ? whole : bytes.len);
    }
    if (found > 1)
        fetch_streams(each, found);
    return frames > 0 ? frames : 1;
}

void h2_input(struct h2_session *session, struct slice bytes)
{
    unsigned ahead = 0; /* frames that were looked at */
    do {
        const bool between =
            session->reading == H2_READS_HEADER && buffer_len(&session->partial) == 0;
        if (between && ahead-- == 0)
            ahead = look_ahead(session, bytes) - 1;
    } while (session->codec.failure == NULL && !session->terminated && step(session, &bytes));
}
