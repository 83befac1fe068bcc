/*
 * Header blocks of an HTTP/2 connection: HEADERS and CONTINUATION frames put
 * together, the stream they are for found or opened, their fields read.  Every
 * block is decoded to its end, also when nobody wants it: the next ones depend
 * on the table it leaves.
 */
#include "http/h2_head.h"
#include "http/h2_session.h"

/* Padding and priority taken off.  False: the frame was malformed. */
static bool strip(struct h2_session *session, const struct h2_frame *frame, struct slice *payload)
{
    const char *at = payload->ptr;
    size_t left = payload->len, padding = 0;
    if (frame->flags & H2_FLAG_PADDED) {
        if (left < 1)
            return false;
        padding = (uint8_t)*at++;
        left--;
    }
    if (frame->flags & H2_FLAG_PRIORITY) {
        if (left < H2_PRIORITY_BYTES)
            return false;
        if ((h2_read_u32(at) & H2_ID_MAX) == frame->stream)
            h2_session_fail(session, H2_PROTOCOL_ERROR, "a stream that depends on itself");
        at += H2_PRIORITY_BYTES;
        left -= H2_PRIORITY_BYTES;
    }
    if (padding > left)
        return false;
    *payload = slice_make(at, left - padding);
    return true;
}

/* The fields go into `head`; NULL: nowhere. */
static void decode(struct h2_session *session, struct slice block, struct h2_head *head)
{
    struct hpack_field field;
    enum hpack_step step;
    char room[HPACK_ROOM_BYTES];
    hpack_decode_begin(&session->decoder, block, room);
    while ((step = hpack_decode_next(&session->decoder, &field)) == HPACK_FIELD) {
        if (head == NULL)
            continue;
        h2_head_take(head, &field);
        if (head->gather.overrun) {
            h2_session_fail(session, H2_ENHANCE_YOUR_CALM, "header block too large");
            return;
        }
    }
    if (step == HPACK_BROKEN)
        h2_session_fail(session, H2_COMPRESSION_ERROR, "malformed header block");
}

/* A block for a stream that is not open, or may not be opened. */
static void ignore_block(struct h2_session *session, struct slice block)
{
    decode(session, block, NULL);
}

/* The id is not that of an open stream, and the peer may not, or not now, open it. */
static bool may_open(struct h2_session *session, uint32_t id, struct slice block)
{
    if (session->client) {
        ignore_block(session, block); /* late */
        return false;
    }
    if (id % 2 == 0) {
        h2_session_fail(session, H2_PROTOCOL_ERROR, "HEADERS with an id of the wrong side");
        return false;
    }
    if (id <= session->streams.last_id) {
        const enum h2_past past = h2_history_of(&session->streams, id);
        if (past == H2_CLOSED)
            h2_session_fail(session, H2_STREAM_CLOSED, "HEADERS on a closed stream");
        else if (past == H2_NEVER)
            h2_session_fail(session, H2_PROTOCOL_ERROR, "HEADERS with an id that went down");
        else
            ignore_block(session, block);
        return false;
    }
    if (session->shutdown_step >= 2) { /* after our GOAWAY */
        ignore_block(session, block);
        return false;
    }
    h2_history_opened(&session->streams, id);
    if (session->streams.count < session->codec.limits.streams)
        return true;
    ignore_block(session, block);
    if (session->settings_acked)
        h2_session_fail(session, H2_PROTOCOL_ERROR, "more streams at once than allowed");
    else
        h2_refuse_id(session, id, H2_REFUSED_STREAM);
    return false;
}

static enum h2_head_kind kind_of(const struct h2_session *session, const struct codec_stream *s,
                                 bool opened)
{
    if (session->client)
        return s->response_seen ? H2_TRAILERS : H2_RESPONSE;
    return opened ? H2_REQUEST : H2_TRAILERS;
}

static void read_block(struct h2_session *session, const struct h2_frame *frame, struct slice block)
{
    if (session->client && h2_is_idle(session, frame->stream)) {
        h2_session_fail(session, H2_PROTOCOL_ERROR, "HEADERS on a stream that is not open");
        return;
    }
    struct codec_stream *s = h2_streams_find(&session->streams, frame->stream);
    const bool end_stream = frame->flags & H2_FLAG_END_STREAM;
    const bool opens = s == NULL;
    if (opens) {
        if (!may_open(session, frame->stream, block))
            return;
        s = h2_stream_create(session, frame->stream);
    } else if (s->remote_ended) {
        h2_session_fail(session, H2_STREAM_CLOSED, "HEADERS after END_STREAM");
        return;
    }
    struct h2_head head = {.kind = kind_of(session, s, opens)};
    head_gather_begin(&head.gather, &s->arena, &session->codec.limits);
    decode(session, block, &head);
    if (session->codec.failure != NULL)
        return;
    if (!h2_head_whole(&head) || (head.kind == H2_TRAILERS && !end_stream)) {
        h2_stream_fail(session, s, H2_PROTOCOL_ERROR);
        return;
    }
    session->role->block_end(session, s, &head, end_stream);
    if (end_stream && !s->gone)
        h2_remote_end(session, s);
}

void h2_block_frame(struct h2_session *session, const struct h2_frame *frame, struct slice payload)
{
    const bool end = frame->flags & H2_FLAG_END_HEADERS;
    if (frame->type == H2_HEADERS) {
        if (frame->stream == 0) {
            h2_session_fail(session, H2_PROTOCOL_ERROR, "HEADERS on no stream");
            return;
        }
        if (!strip(session, frame, &payload))
            h2_session_fail(session, H2_PROTOCOL_ERROR, "malformed HEADERS frame");
        if (session->codec.failure != NULL)
            return;
        if (end) {
            read_block(session, frame, payload);
            return;
        }
        session->block_frame = *frame;
        session->block_frames = 0;
    } else if (++session->block_frames > H2_BLOCK_FRAMES) {
        h2_session_fail(session, H2_ENHANCE_YOUR_CALM, "too many CONTINUATION frames");
        return;
    }
    if (buffer_len(&session->block) + payload.len > H2_BLOCK_BYTES) {
        h2_session_fail(session, H2_ENHANCE_YOUR_CALM, "header block too large");
        return;
    }
    buffer_append_slice(&session->block, payload);
    if (!end)
        return;
    const struct h2_frame first = session->block_frame;
    session->block_frame.stream = 0;
    read_block(session, &first, buffer_slice(&session->block));
    buffer_release(&session->block);
}
