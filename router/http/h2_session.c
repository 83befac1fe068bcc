#include "http/h2_session.h"

#include <stdlib.h>

#include "http/h2_head.h"

struct h2_session *h2_session_create(const struct h2_role *role, const struct codec_ops *ops,
                                     const struct codec_limits *limits,
                                     const struct codec_events *events, void *owner, bool client)
{
    struct h2_session *session = memory_zalloc(sizeof *session);
    codec_init(&session->codec, ops, limits, events, owner);
    session->role = role;
    session->client = client;
    session->next_id = 1;
    session->reading = client ? H2_READS_HEADER : H2_READS_PREFACE;
    session->receive_window = H2_CONNECTION_WINDOW;
    session->send_window = session->peer_initial_window = H2_INITIAL_WINDOW;
    session->peer_streams = session->codec.limits.streams;
    session->goaway_last = H2_ID_MAX;
    h2_streams_init(&session->streams);
    for (int turn = 0; turn < H2_TURNS; turn++)
        list_init(&session->turns[turn]);
    frame_meter_init(&session->meter);
    hpack_decoder_init(&session->decoder, h2_field_mark);
    hpack_encoder_init(&session->encoder);
    return session;
}

struct codec_stream *h2_stream_create(struct h2_session *session, uint32_t id)
{
    struct codec_stream *s = codec_stream_take(&session->codec);
    s->stream.id = id;
    s->send_window = session->peer_initial_window;
    s->receive_window = h2_stream_window(session);
    s->body_due = -1;
    h2_streams_add(&session->streams, s);
    return s;
}

bool h2_is_idle(const struct h2_session *session, uint32_t id)
{
    if (!session->client) /* after the last GOAWAY, we take no notice of what it opens */
        return id % 2 == 0 || (id > session->streams.last_id && session->shutdown_step < 2);
    return id % 2 == 0 || id > session->opened_id;
}

void h2_give_back(struct h2_session *session, size_t len)
{
    session->owed += (uint32_t)len;
    if (session->owed < H2_CONNECTION_WINDOW / 2)
        return;
    h2_write_window_update(session, 0, session->owed);
    session->receive_window += session->owed;
    session->owed = 0;
}

/* Nobody finds it any more. */
static void stream_forget(struct h2_session *session, struct codec_stream *s)
{
    s->gone = true;
    h2_unschedule(s);
    h2_streams_remove(&session->streams, s);
    if (session->body_stream == s)
        session->body_stream = NULL;
    h2_give_back(session, s->unconsumed);
    s->unconsumed = 0;
    codec_stream_bury(s);
}

void h2_stream_close(struct h2_session *session, struct codec_stream *s, enum stream_close why)
{
    stream_forget(session, s);
    codec_stream_close(s, why);
    session->role->peer_changed(session);
}

void h2_tell_freed(struct h2_session *session)
{
    if (!session->freed)
        return;
    session->freed = false;
    session->role->peer_changed(session);
}

void h2_refuse_id(struct h2_session *session, uint32_t id, uint32_t error)
{
    h2_write_reset(session, id, error);
    if (!frame_meter_glitch(&session->meter))
        h2_session_fail(session, H2_ENHANCE_YOUR_CALM, "too many malformed streams");
}

void h2_stream_fail(struct h2_session *session, struct codec_stream *s, uint32_t error)
{
    h2_refuse_id(session, s->stream.id, error);
    h2_stream_close(session, s, session->role->why_closed(s, error));
}

/* RST_STREAM that is no fault of the peer's, which may not even have heard of the stream. */
static void let_go(struct h2_session *session, const struct codec_stream *s, uint32_t error)
{
    if (s->turn_of != H2_TURN_OPEN)
        h2_write_reset(session, s->stream.id, error);
}

void h2_remote_end(struct h2_session *session, struct codec_stream *s)
{
    if (s->body_due > 0) {
        h2_stream_fail(session, s, H2_PROTOCOL_ERROR);
        return;
    }
    s->remote_ended = true;
    if (stream_attached(s))
        s->stream.events->on_end(&s->stream, &s->trailers);
    if (s->gone)
        return;
    if (!s->local_ended && session->client) /* answered before the upload ended: stop that */
        let_go(session, s, H2_NO_ERROR);
    if (s->local_ended || session->client)
        h2_stream_close(session, s, STREAM_DONE);
}

/* RFC 9113 8.1: a server's answer is complete, the rest of the request is not wanted. */
void h2_local_end(struct h2_session *session, struct codec_stream *s)
{
    s->local_ended = true;
    if (!s->remote_ended && session->client)
        return;
    if (!s->remote_ended)
        let_go(session, s, H2_NO_ERROR);
    h2_stream_close(session, s, STREAM_DONE);
}

void h2_session_fail(struct h2_session *session, uint32_t error, const char *why)
{
    if (session->codec.failure != NULL)
        return;
    session->codec.failure = why;
    session->retired = true;
    h2_write_goaway(session, session->streams.last_id, error);
}

/* The users of all streams learn that it is over. */
static void close_streams(struct h2_session *session, enum stream_close why)
{
    session->retired = true;
    for (struct list *node; (node = session->streams.list.next) != &session->streams.list;) {
        struct codec_stream *s = LIST_ENTRY(node, struct codec_stream, link);
        const bool unstarted = session->client && !h2_head_produced(session, s);
        stream_forget(session, s);
        codec_stream_close(s, unstarted ? STREAM_REFUSED : why);
    }
}

void h2_destroy(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    codec_enter(codec);
    close_streams(session, codec->failure ? STREAM_PROTOCOL : STREAM_LOST);
    codec_leave(codec);
    h2_streams_finish(&session->streams);
    hpack_decoder_finish(&session->decoder);
    hpack_encoder_finish(&session->encoder);
    buffer_release(&session->partial);
    buffer_release(&session->block);
    buffer_release(&session->control);
    free(session);
}

bool h2_feed(struct codec *codec, struct slice bytes, int64_t now_ns)
{
    struct h2_session *session = h2_session_of(codec);
    frame_meter_clock(&session->meter, now_ns);
    h2_input(session, bytes);
    if (codec->failure == NULL) {
        h2_tell_freed(session);
        return true;
    }
    close_streams(session, STREAM_PROTOCOL);
    return false;
}

void h2_end_of_input(struct codec *codec, bool clean)
{
    (void)clean; /* HTTP/2 has no half-open connections */
    close_streams(h2_session_of(codec), STREAM_LOST);
}

bool h2_wants_read(const struct codec *codec)
{
    return buffer_len(&h2_session_of_const(codec)->control) < H2_CONTROL_MAX;
}

bool h2_finished(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    if (h2_has_output(codec))
        return false;
    return codec->failure != NULL || session->terminated ||
           (session->goodbye && session->streams.count == 0);
}

/* A header block without its end. */
bool h2_head_begun(const struct codec *codec)
{
    const struct h2_session *session = h2_session_of_const(codec);
    return session->block_frame.stream > 0 ||
           (session->reading == H2_READS_PAYLOAD && session->frame.type == H2_HEADERS);
}

void h2_timed_out(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    if (codec->failure != NULL || session->terminated)
        return;
    session->retired = true;
    session->terminated = true;
    h2_write_goaway(session, session->streams.last_id, H2_NO_ERROR);
}

bool h2_ping(struct codec *codec)
{
    struct h2_session *session = h2_session_of(codec);
    if (codec->failure != NULL)
        return false;
    session->pings++;
    h2_write_ping(session, 0, SLICE("\0\0\0\0\0\0\0\0"));
    return true;
}

void h2_consumed(struct stream *stream, size_t len)
{
    struct codec_stream *s = codec_stream_of(stream);
    struct h2_session *session = h2_session_of(stream->codec);
    if (s->gone) /* all it held was given back */
        return;
    CHECK_LE(len, s->unconsumed);
    s->unconsumed -= (uint32_t)len;
    h2_give_back(session, len);
    s->owed += (uint32_t)len;
    if (s->remote_ended || s->owed < h2_stream_window(session) / 2)
        return;
    h2_write_window_update(session, stream->id, s->owed);
    s->receive_window += s->owed;
    s->owed = 0;
}

void h2_reset(struct stream *stream, enum h2_error error)
{
    struct codec_stream *s = codec_stream_of(stream);
    struct h2_session *session = h2_session_of(stream->codec);
    if (s->gone)
        return;
    let_go(session, s, error);
    stream_forget(session, s);
    session->freed = true;
}
