/*
 * What the four codecs share: the face they are called through, the stream
 * object behind struct stream, and its pool.  Only files of this layer include
 * it.
 *
 * A stream object is in one of these states towards its user:
 *
 *   unannounced --on_request / codec_open--> attached --on_closed / stream_reset--> detached
 *
 * Upcalls come only while attached.  The object itself lives until the protocol
 * is through with it, and is never freed inside a callback: it goes to a dead
 * list that is emptied when the outermost call of the codec returns.
 */
#ifndef HTTP_CODEC_CORE_H
#define HTTP_CODEC_CORE_H

#include <assert.h>

#include "base/buffer.h"
#include "base/list.h"
#include "http/codec.h"

struct codec_ops {
    void (*destroy)(struct codec *codec);
    bool (*feed)(struct codec *codec, struct slice bytes, int64_t now_ns);
    void (*end_of_input)(struct codec *codec, bool clean);
    size_t (*produce)(struct codec *codec, char *out, size_t size);
    bool (*wants_read)(const struct codec *codec);
    bool (*finished)(const struct codec *codec);
    bool (*has_output)(const struct codec *codec);
    bool (*head_begun)(const struct codec *codec);
    void (*timed_out)(struct codec *codec);
    void (*shutdown)(struct codec *codec);
    size_t (*capacity)(const struct codec *codec);
    bool (*ping)(struct codec *codec);
    struct stream *(*open)(struct codec *codec, const struct request_head *head,
                           const struct slice *parts, size_t part_count,
                           const struct stream_events *events, void *user);
    void (*send_informational)(struct stream *stream, const struct response_head *head);
    void (*send_response)(struct stream *stream, const struct response_head *head, bool end);
    void (*send_body)(struct stream *stream, struct slice data);
    void (*send_end)(struct stream *stream, const struct fields *trailers);
    void (*send_cut)(struct stream *stream, enum h2_error error);
    size_t (*queued)(const struct stream *stream);
    void (*consumed)(struct stream *stream, size_t len);
    void (*reset)(struct stream *stream, enum h2_error error);
};

struct codec {
    const struct codec_ops *ops;
    const struct codec_events *events;
    void *owner;
    struct codec_limits limits;
    const char *failure;
    struct list dead;    /* stream objects to free when nothing is on the stack any more */
    size_t stream_count; /* attached ones */
    unsigned busy;       /* depth of calls into the codec: no on_dirty, no freeing inside */
    bool aborted;
};

/* A request body in the parts its user holds. */
struct body_parts {
    const struct slice *parts;
    size_t count;
    size_t at;     /* the part to go on with */
    size_t offset; /* in it */
    size_t left;   /* bytes in all */
};

/* HTTP/2: what a stream waits for to be produced. */
enum h2_turn { H2_TURN_NONE, H2_TURN_OPEN, H2_TURN_BODY, H2_TURN_END, H2_TURNS };

enum stream_user { USER_UNANNOUNCED, USER_ATTACHED, USER_DETACHED };

/* In the order of use: bytes that come touch the first cache line, bytes that go the second. */
struct codec_stream {
    struct stream stream;             /* first */
    struct codec_stream *bucket_next; /* HTTP/2: in the session's table */
    int64_t body_due;                 /* HTTP/2: by content-length, still to come; -1 unknown */
    uint32_t receive_window;          /* HTTP/2 */
    uint32_t owed;                    /* to it: consumed, not given back yet */
    uint32_t unconsumed;              /* of the peer's body */
    uint8_t user;                     /* enum stream_user */
    bool remote_ended;                /* the peer's message is complete */
    bool response_seen;               /* client: the final response head came */
    bool gone;                        /* HTTP/2: over, only its memory is still there */

    struct buffer out;   /* HTTP/2 server: body bytes waiting for their window */
    struct list turn;    /* HTTP/2: the session's list of those that have something to produce */
    int64_t send_window; /* HTTP/2: below 0 after the peer shrank it */
    uint8_t turn_of;     /* enum h2_turn */
    bool ending;         /* our message is complete as far as the user goes */
    bool local_ended;    /* and has been produced */
    bool head_begun; /* server: a final response was begun; HTTP/2 client: the head is written */
    bool bodiless;   /* of our response: HEAD, 204, 304 */
    bool above_high; /* on_drained is owed */
    bool cutting;    /* cut after what is queued */
    bool peer_reset;

    struct list link; /* the codec's list, its dead list, or the pool */
    struct arena arena;
    struct request_head request;
    struct response_head response;
    struct fields trailers;     /* received */
    struct fields trailers_out; /* to send */
    struct body_parts body;     /* client role */
    uint64_t head_at;           /* HTTP/2: in the order of bytes produced */
    uint32_t cut_error;
    bool head_sent;  /* HTTP/1.1: the head, or some of it, was produced */
    bool head_ended; /* HTTP/2: our head said END_STREAM */
    uint8_t informational_count;
};

static_assert(offsetof(struct codec_stream, out) == CACHE_LINE_BYTES, "the first line");
static_assert(offsetof(struct codec_stream, link) == 2 * CACHE_LINE_BYTES, "the second line");

static inline struct codec_stream *codec_stream_of(struct stream *stream)
{
    return CONTAINER_OF(stream, struct codec_stream, stream);
}

static inline const struct codec_stream *codec_stream_of_const(const struct stream *stream)
{
    return (const struct codec_stream *)(const void *)stream;
}

static inline bool stream_attached(const struct codec_stream *s)
{
    return s->user == USER_ATTACHED;
}

void codec_init(struct codec *codec, const struct codec_ops *ops, const struct codec_limits *limits,
                const struct codec_events *events, void *owner);
/* Around everything that may call up. */
void codec_enter(struct codec *codec);
void codec_leave(struct codec *codec);
/* There may be something to produce: tells the owner, unless a call is on the stack that will. */
void codec_mark_dirty(struct codec *codec);

/* From this thread's pool. */
struct codec_stream *codec_stream_take(struct codec *codec);
/* To the dead list: nobody may be able to reach it any more. */
void codec_stream_bury(struct codec_stream *s);
/* Server role: the user gets it. */
void codec_stream_announce(struct codec_stream *s);
void codec_stream_attach(struct codec_stream *s, const struct stream_events *events, void *user);
/* The user's hold ends without an upcall. */
void codec_stream_detach(struct codec_stream *s);
/* The user's hold ends with on_closed, if there still is one. */
void codec_stream_close(struct codec_stream *s, enum stream_close why);
/* Answers an unannounced stream with the fault's error object. */
void codec_stream_refuse(struct codec_stream *s, enum fault fault);
/* After bytes left the stream's queue, `queued` of which are still in it. */
void codec_stream_drained(struct codec_stream *s, size_t queued);

/* Memory for an empty buffer that soon has something in it again, if somebody gave some back; and
 * back.  So that writing costs no malloc and resting no memory. */
void codec_buffer_take(struct buffer *buffer);
void codec_buffer_give(struct buffer *buffer);

void body_parts_init(struct body_parts *body, const struct slice *parts, size_t count);
/* Copies up to `size` bytes out of the parts. */
size_t body_parts_take(struct body_parts *body, char *out, size_t size);

#endif
