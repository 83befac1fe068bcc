/*
 * One HTTP/2 connection (RFC 9113), in either role; sans I/O, see codec.h.
 *
 *   bytes -> h2_input.c: frames -> h2_control.c: settings, windows, resets, ...
 *                               -> h2_block.c: header blocks -> role -> user
 *                               -> bodies -> user
 *   user -> h2_output.c: frames written into `control` at once, bodies kept with
 *           their streams until h2_produce shares the room out among them
 *
 * A role adds the meaning of a header block and of a stream's end.  Streams are
 * found in h2_streams.c.  All errors come down to three: the connection must
 * go (h2_session_fail), the stream was malformed (h2_stream_fail), or our user
 * does not want it any more (h2_reset).
 */
#ifndef HTTP_H2_SESSION_H
#define HTTP_H2_SESSION_H

#include "http/codec_core.h"
#include "http/frame_meter.h"
#include "http/h2_frame.h"
#include "http/h2_streams.h"
#include "http/hpack.h"

enum {
    H2_CONNECTION_WINDOW = 1024 * 1024,
    H2_SERVER_STREAM_WINDOW = 256 * 1024, /* request bodies are held whole anyway */
    H2_CONTROL_MAX = 64 * 1024,           /* waiting to be produced; above: do not read */
    H2_BLOCK_BYTES = 96 * 1024,           /* one header block on the wire, */
    H2_BLOCK_FRAMES = 64,                 /* in so many CONTINUATION frames */
    H2_SETTINGS_ENTRIES = 32,             /* in one frame */
    H2_LAST_STREAM_ID = 1 << 30,          /* retire the connection long before ids run out */
};

struct h2_session;
struct h2_head;

struct h2_role {
    /* The first header block of a stream, or what follows it, was found well-formed. */
    void (*block_end)(struct h2_session *session, struct codec_stream *s, struct h2_head *head,
                      bool end_stream);
    /* Client: the head of a stream that was opened. */
    void (*write_open)(struct h2_session *session, struct codec_stream *s);
    enum stream_close (*why_closed)(const struct codec_stream *s, uint32_t error);
    size_t (*body_left)(const struct codec_stream *s);
    void (*body_take)(struct codec_stream *s, char *out, size_t len);
    /* SETTINGS or GOAWAY came, or a stream is gone. */
    void (*peer_changed)(struct h2_session *session);
};

enum h2_reading {
    H2_READS_PREFACE,
    H2_READS_HEADER,
    H2_READS_PAYLOAD, /* of a frame that is looked at as a whole */
    H2_READS_PAD_LENGTH,
    H2_READS_BODY,
    H2_SKIPS, /* padding, frames of unknown type */
};

struct h2_session {
    struct codec codec; /* first */
    const struct h2_role *role;
    struct h2_streams streams;

    /* Input. */
    enum h2_reading reading;
    struct h2_frame frame;            /* under way */
    uint32_t payload_left;            /* of it */
    uint32_t padding;                 /* of a DATA frame */
    struct codec_stream *body_stream; /* whose DATA frame is under way; NULL: ignored */
    struct buffer partial;            /* a header or payload that has come in part */
    struct buffer block;              /* a header block that CONTINUATION frames go on with */
    struct h2_frame block_frame;      /* its HEADERS frame; stream 0: none is under way */
    uint32_t block_frames;
    struct hpack_decoder decoder;
    struct frame_meter meter;
    int64_t receive_window; /* of the connection: what the peer may still send */
    uint32_t owed;          /* taken by the users, not given back to the peer yet */

    /* Output. */
    struct buffer control;       /* frames, in the order they were written */
    uint64_t control_taken;      /* bytes of it produced so far */
    struct list turns[H2_TURNS]; /* streams with something to produce, by what it is */
    struct hpack_encoder encoder;
    size_t head_begin; /* of the header block being written, in `control` */

    int64_t send_window;
    char *out; /* the caller's buffer while producing */
    size_t room;

    /* What the peer set. */
    uint32_t peer_initial_window;
    uint32_t peer_streams;
    uint32_t goaway_last; /* the highest id it takes */

    uint32_t next_id;   /* client */
    uint32_t opened_id; /* client: the highest that the peer was told of */
    uint32_t pings;     /* of ours, not answered yet */
    bool client;
    bool settings_came;
    bool settings_acked; /* ours */
    bool retired;        /* takes, or opens, no new streams */
    bool freed;          /* room for a stream that nobody was told of */
    bool goodbye;        /* a GOAWAY without an error went or came: over with the last stream */
    bool terminated;     /* over with the last byte of `control` */
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

static inline uint32_t h2_stream_window(const struct h2_session *session)
{
    return session->client ? STREAM_WINDOW_BYTES : H2_SERVER_STREAM_WINDOW;
}

/* h2_session.c */
struct h2_session *h2_session_create(const struct h2_role *role, const struct codec_ops *ops,
                                     const struct codec_limits *limits,
                                     const struct codec_events *events, void *owner, bool client);
struct codec_stream *h2_stream_create(struct h2_session *session, uint32_t id);
/* It is over; its user learns why, unless it let go of it before. */
void h2_stream_close(struct h2_session *session, struct codec_stream *s, enum stream_close why);
/* Malformed, or too much: RST_STREAM, and a glitch. */
void h2_stream_fail(struct h2_session *session, struct codec_stream *s, uint32_t error);
/* Likewise for a stream that has no object. */
void h2_refuse_id(struct h2_session *session, uint32_t id, uint32_t error);
/* Room for streams that nobody was told of. */
void h2_tell_freed(struct h2_session *session);
/* Body bytes are with their user, or ignored: the peer may send as many more. */
void h2_give_back(struct h2_session *session, size_t len);
/* The connection must go: GOAWAY, then codec_feed says false. */
void h2_session_fail(struct h2_session *session, uint32_t error, const char *why);
/* The peer may not speak of it: it never was open, as far as it can know. */
bool h2_is_idle(const struct h2_session *session, uint32_t id);
void h2_remote_end(struct h2_session *session, struct codec_stream *s);
void h2_local_end(struct h2_session *session, struct codec_stream *s);

/* h2_input.c: takes all of `bytes`, or fails. */
void h2_input(struct h2_session *session, struct slice bytes);
/* h2_control.c: a whole frame that is neither DATA, HEADERS nor CONTINUATION. */
void h2_control_frame(struct h2_session *session, const struct h2_frame *frame,
                      struct slice payload);
/* h2_block.c: a whole HEADERS or CONTINUATION frame. */
void h2_block_frame(struct h2_session *session, const struct h2_frame *frame, struct slice payload);

/* h2_output.c */
void h2_write_preface(struct h2_session *session);
struct h2_setting_entry {
    enum h2_setting id;
    uint32_t value;
};
void h2_write_settings(struct h2_session *session, const struct h2_setting_entry *entries,
                       size_t count);
void h2_write_settings_ack(struct h2_session *session);
void h2_write_reset(struct h2_session *session, uint32_t id, uint32_t error);
void h2_write_goaway(struct h2_session *session, uint32_t last_id, uint32_t error);
void h2_write_window_update(struct h2_session *session, uint32_t id, uint32_t bytes);
void h2_write_ping(struct h2_session *session, uint8_t flags, struct slice data);
/* A header block: begin, its fields, end. */
void h2_head_begin(struct h2_session *session);
void h2_head_fields(struct h2_session *session, const struct field *fields, size_t count);
void h2_head_end(struct h2_session *session, struct codec_stream *s, bool end_stream);
/* Something about what the stream has to say has changed. */
void h2_schedule(struct h2_session *session, struct codec_stream *s);
/* It has nothing to say any more. */
void h2_unschedule(struct codec_stream *s);
/* Client: some of the stream's head was produced. */
bool h2_head_produced(const struct h2_session *session, const struct codec_stream *s);

/* Parts of the codec face that both roles have. */
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
