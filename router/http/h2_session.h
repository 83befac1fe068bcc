/*
 * What the HTTP/2 server and client codecs share: the nghttp2 session with its
 * memory and options, the frame meter, reading and producing.  A role adds the
 * meaning of a header block and of a stream's end.
 *
 *   bytes -> frame meter -> nghttp2 -> h2_callbacks.c -> role -> user
 *   user -> nva, body queue -> nghttp2 -> h2_produce -> bytes
 */
#ifndef HTTP_H2_SESSION_H
#define HTTP_H2_SESSION_H

#include <nghttp2/nghttp2.h>

#include "http/codec_core.h"
#include "http/frame_meter.h"
#include "http/head_gather.h"

enum {
    H2_CONNECTION_WINDOW = 1024 * 1024,
    H2_SERVER_STREAM_WINDOW = 256 * 1024, /* request bodies are held whole anyway */
    H2_FRAME_BYTES = 16384,
    H2_FRAME_HEADER_BYTES = 9,
    H2_QUEUE_MAX = 1000, /* frames waiting to be produced; above: do not read */
};

struct h2_session;

struct h2_role {
    /* A header block opens a stream; NULL when the peer may not. */
    struct codec_stream *(*block_begin)(struct h2_session *session, int32_t id);
    void (*pseudo)(struct h2_session *session, struct codec_stream *s, struct slice name,
                   nghttp2_rcbuf *value);
    void (*block_end)(struct h2_session *session, struct codec_stream *s, bool end_stream);
    /* The peer's message is complete, the user was told. */
    void (*remote_ended)(struct h2_session *session, struct codec_stream *s);
    /* END_STREAM was produced. */
    void (*local_ended)(struct h2_session *session, struct codec_stream *s);
    enum stream_close (*why_closed)(const struct codec_stream *s, uint32_t error);
    size_t (*body_left)(const struct codec_stream *s);
    void (*body_take)(struct codec_stream *s, char *out, size_t len);
    /* SETTINGS or GOAWAY came. */
    void (*peer_changed)(struct h2_session *session);
};

struct h2_session {
    struct codec codec; /* first */
    const struct h2_role *role;
    nghttp2_session *ng;
    struct list streams; /* every stream object nghttp2 may still name */
    size_t open_count;   /* how many, detached ones included */
    struct frame_meter meter;
    struct head_gather gather;         /* of the one header block that may be under way */
    struct codec_stream *block_stream; /* whose header block comes in; NULL: it is gone */
    struct codec_stream *found;        /* by the last look-up; NULL when it was closed */
    int block_status;                  /* client: its :status, 0 none */
    struct buffer leftover;            /* produced, but the caller's buffer was full */
    char *out;                         /* the caller's buffer while producing */
    size_t room;                       /* in it */
    nghttp2_nv *nva;                   /* scratch */
    size_t nva_size;
    size_t nva_count;
    uint8_t nva_flags; /* of each */
    uint32_t heads;    /* written so far */
    bool client;
    bool retired; /* takes no new streams */
    uint8_t shutdown_step;
};

static inline struct h2_session *h2_session_of(struct codec *codec)
{
    return CONTAINER_OF(codec, struct h2_session, codec);
}

static inline const struct h2_session *h2_session_of_const(const struct codec *codec)
{
    return (const struct h2_session *)(const void *)codec;
}

struct h2_session *h2_session_create(const struct h2_role *role, const struct codec_ops *ops,
                                     const struct codec_limits *limits,
                                     const struct codec_events *events, void *owner, bool server);
void h2_session_submit_settings(struct h2_session *session, const nghttp2_settings_entry *entries,
                                size_t count);
struct codec_stream *h2_stream_create(struct h2_session *session, int32_t id);
/* nghttp2 names it no more. */
void h2_stream_bury(struct h2_session *session, struct codec_stream *s);
/* The connection must go: GOAWAY, then codec_feed says false. */
void h2_session_fail(struct h2_session *session, uint32_t error, const char *why);
void h2_stream_submit_reset(struct h2_session *session, struct codec_stream *s, uint32_t error);

/* The name/value list of the next submit; the bytes must stay until then.  `stay`: until the stream
 * is closed or reset, so that nghttp2 need not copy them. */
void h2_nva_begin(struct h2_session *session, bool stay);
void h2_nva_add(struct h2_session *session, struct slice name, struct slice value);
void h2_nva_add_fields(struct h2_session *session, const struct fields *fields);
/* A data provider over the role's body queue. */
nghttp2_data_provider h2_body_provider(struct codec_stream *s);
/* There are body bytes, or there is an end, that the provider may be waiting for. */
void h2_body_resume(struct h2_session *session, struct codec_stream *s);

/* A copy in the arena, or the bytes themselves when they are static. */
struct slice h2_keep(struct arena *arena, nghttp2_rcbuf *bytes);
/* All callbacks, made once for the process. */
const nghttp2_session_callbacks *h2_callbacks(void);

/* Common parts of the codec face. */
void h2_destroy(struct codec *codec);
bool h2_feed(struct codec *codec, struct slice bytes, int64_t now_ns);
void h2_end_of_input(struct codec *codec, bool clean);
size_t h2_produce(struct codec *codec, char *out, size_t size);
bool h2_wants_read(const struct codec *codec);
bool h2_finished(const struct codec *codec);
bool h2_has_output(const struct codec *codec);
bool h2_head_begun(const struct codec *codec);
void h2_timed_out(struct codec *codec);
bool h2_ping(struct codec *codec);
void h2_consumed(struct stream *stream, size_t len);
void h2_reset(struct stream *stream, enum h2_error error);

#endif
