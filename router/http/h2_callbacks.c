/*
 * The functions nghttp2 calls.  They run inside codec_feed and codec_produce;
 * what they give up is buried, not freed.
 */
#include <pthread.h>

#include "http/h2_session.h"

enum {
    LEAST_DATA_BYTES = 1024, /* of a DATA frame, unless less is queued */
    WHOLE_DATA_BYTES = 4096, /* queued bytes up to this go into one */
};

/* Most callbacks ask for the stream that the one before asked for; nghttp2 hashes each time. */
static struct codec_stream *stream_find(struct h2_session *session, int32_t id)
{
    struct codec_stream *s = session->found;
    if (s == NULL || s->stream.id != (uint32_t)id)
        session->found = s = nghttp2_session_get_stream_user_data(session->ng, id);
    return s;
}

struct slice h2_keep(struct arena *arena, nghttp2_rcbuf *bytes)
{
    const nghttp2_vec view = nghttp2_rcbuf_get_buf(bytes);
    const struct slice s = slice_make(view.base, view.len);
    return nghttp2_rcbuf_is_static(bytes) ? s : arena_copy(arena, s);
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    struct codec_stream *s = stream_find(session, frame->hd.stream_id);
    if (s == NULL) {
        s = session->role->block_begin(session, frame->hd.stream_id);
        if (s == NULL)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id, s);
    }
    session->block_stream = s;
    session->block_status = 0;
    head_gather_begin(&session->gather, &s->arena, &session->codec.limits);
    return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)flags;
    (void)ng, (void)frame;
    struct h2_session *session = user;
    struct codec_stream *s = session->block_stream;
    if (s == NULL)
        return 0;
    const nghttp2_vec name_view = nghttp2_rcbuf_get_buf(name);
    const size_t value_len = nghttp2_rcbuf_get_buf(value).len;
    const bool pseudo = name_view.len > 0 && name_view.base[0] == ':';
    struct head_gather *gather = &session->gather;
    if (pseudo ? !head_gather_count(gather, value_len)
               : !head_gather_room(gather, name_view.len, value_len)) {
        if (gather->overrun)
            h2_session_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "header block too large");
        return 0;
    }
    if (pseudo)
        session->role->pseudo(session, s, slice_make(name_view.base, name_view.len), value);
    else
        head_gather_field(gather, h2_keep(&s->arena, name), h2_keep(&s->arena, value));
    return 0;
}

/* nghttp2 alone would only leave the field out. */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)ng, (void)frame, (void)name, (void)value, (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void remote_end(struct h2_session *session, struct codec_stream *s)
{
    if (s->remote_ended)
        return;
    s->remote_ended = true;
    if (stream_attached(s))
        s->stream.events->on_end(&s->stream, &s->trailers);
    session->role->remote_ended(session, s);
}

static void headers_received(struct h2_session *session, const nghttp2_frame *frame)
{
    struct codec_stream *s = stream_find(session, frame->hd.stream_id);
    if (s == NULL)
        return;
    const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    session->role->block_end(session, s, end_stream);
    if (end_stream)
        remote_end(session, s);
}

static int on_frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    (void)ng;
    struct h2_session *session = user;
    struct codec_stream *s;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        headers_received(session, frame);
        break;
    case NGHTTP2_DATA:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
            (s = stream_find(session, frame->hd.stream_id)) != NULL)
            remote_end(session, s);
        break;
    case NGHTTP2_RST_STREAM:
        if ((s = stream_find(session, frame->hd.stream_id)) != NULL) {
            s->peer_reset = true;
            s->stream.h2_error = frame->rst_stream.error_code;
        }
        break;
    case NGHTTP2_SETTINGS:
    case NGHTTP2_GOAWAY:
        if (frame->hd.type == NGHTTP2_GOAWAY)
            session->retired = true;
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
            session->role->peer_changed(session);
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && session->codec.events->on_pong != NULL)
            session->codec.events->on_pong(session->codec.owner);
        break;
    default:
        break;
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *user)
{
    (void)flags;
    struct h2_session *session = user;
    struct codec_stream *s = stream_find(session, id);
    const size_t window = session->client ? STREAM_WINDOW_BYTES : H2_SERVER_STREAM_WINDOW;
    /* nghttp2 resets what overruns its window, but goes on giving out its bytes until then. */
    if (s != NULL && s->unconsumed + len > window)
        codec_stream_close(s, STREAM_PROTOCOL);
    if (s == NULL || !stream_attached(s)) {
        (void)nghttp2_session_consume(ng, id, len);
        return 0;
    }
    s->unconsumed += len;
    s->stream.events->on_body(&s->stream, slice_make(data, len));
    return 0;
}

static void reset_sent(struct h2_session *session, const nghttp2_frame *frame)
{
    const struct codec_stream *s = stream_find(session, frame->hd.stream_id);
    if ((s == NULL || !s->own_reset) && !frame_meter_glitch(&session->meter))
        h2_session_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many malformed streams");
}

static int on_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    (void)ng;
    struct h2_session *session = user;
    struct codec_stream *s;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        frame_meter_sent_data(&session->meter);
        /* fall through */
    case NGHTTP2_HEADERS:
        s = stream_find(session, frame->hd.stream_id);
        if (s == NULL)
            break;
        s->head_sent = true;
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            s->local_ended = true;
            session->role->local_ended(session, s);
        }
        break;
    case NGHTTP2_RST_STREAM:
        reset_sent(session, frame);
        break;
    case NGHTTP2_GOAWAY:
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR && session->codec.failure == NULL)
            session->codec.failure = nghttp2_http2_strerror(frame->goaway.error_code);
        break;
    default:
        break;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error, void *user)
{
    (void)ng;
    struct h2_session *session = user;
    struct codec_stream *s = stream_find(session, id);
    if (s == NULL)
        return 0;
    if (session->block_stream == s)
        session->block_stream = NULL;
    session->found = NULL;
    codec_stream_close(s, session->role->why_closed(s, error));
    h2_stream_bury(session, s);
    session->role->peer_changed(session);
    return 0;
}

static ssize_t read_length(nghttp2_session *ng, uint8_t type, int32_t id, int32_t session_window,
                           int32_t stream_window, uint32_t frame_max, void *user)
{
    (void)ng, (void)type, (void)id, (void)session_window, (void)stream_window, (void)user;
    return H2_FRAME_BYTES < frame_max ? H2_FRAME_BYTES : (ssize_t)frame_max;
}

/* Of `left` bytes, at most `most`: what fits the caller's buffer, so that it is written there. But
 * a few are not split, for they are an event or some: the buffer's end goes through `leftover`. */
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

static void submit_trailers(struct h2_session *session, const struct codec_stream *s)
{
    h2_nva_begin(session, false);
    h2_nva_add_fields(session, &s->trailers_out);
    (void)nghttp2_submit_trailer(session->ng, (int32_t)s->stream.id, session->nva,
                                 session->nva_count);
}

static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *out, size_t len, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    (void)ng, (void)id, (void)out;
    struct h2_session *session = user;
    struct codec_stream *s = source->ptr;
    if (s->user == USER_DETACHED)
        return NGHTTP2_ERR_DEFERRED; /* its reset is on the way, its bytes may be gone */
    const size_t left = session->role->body_left(s);
    if (left == 0 && !s->ending) {
        s->deferred = true;
        if (s->cutting)
            h2_stream_submit_reset(session, s, s->cut_error);
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    const size_t taken = data_length(session, left, len);
    if (left > taken || !s->ending)
        return (ssize_t)taken;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->trailers_out.count > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        submit_trailers(session, s);
    }
    return (ssize_t)left;
}

static int send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *header, size_t len,
                     nghttp2_data_source *source, void *user)
{
    (void)ng, (void)frame;
    struct h2_session *session = user;
    struct codec_stream *s = source->ptr;
    const size_t total = H2_FRAME_HEADER_BYTES + len;
    const bool fits = total <= session->room;
    char *out = fits ? session->out : buffer_reserve(&session->leftover, total);
    memcpy(out, header, H2_FRAME_HEADER_BYTES);
    if (fits) {
        session->out += total;
        session->room -= total;
    } else {
        buffer_commit(&session->leftover, total);
    }
    session->role->body_take(s, out + H2_FRAME_HEADER_BYTES, len);
    return fits && session->room > 0 ? 0 : NGHTTP2_ERR_PAUSE;
}

nghttp2_data_provider h2_body_provider(struct codec_stream *s)
{
    return (nghttp2_data_provider){.source = {.ptr = s}, .read_callback = read_body};
}

void h2_body_resume(struct h2_session *session, struct codec_stream *s)
{
    if (!s->deferred)
        return;
    s->deferred = false;
    (void)nghttp2_session_resume_data(session->ng, (int32_t)s->stream.id);
}

static pthread_once_t callbacks_once = PTHREAD_ONCE_INIT;
static nghttp2_session_callbacks *callbacks;

static void callbacks_create(void)
{
    CHECK_EQ(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, read_length);
}

const nghttp2_session_callbacks *h2_callbacks(void)
{
    CHECK_EQ(pthread_once(&callbacks_once, callbacks_create), 0);
    return callbacks;
}
