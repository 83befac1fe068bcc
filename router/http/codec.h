/*
 * A codec turns the bytes of one connection into messages and back; it never
 * touches a socket and has no clock.  Four of them share this face: HTTP/1.1
 * and HTTP/2, server and client.  Who owns the connection:
 *
 *     bytes came      codec_feed            -> upcalls below
 *     wire has room   codec_produce         -> bytes to write
 *     on_dirty        there is something to produce: flush at the end of the turn
 *
 * A stream is one message pair.  Its upcalls end with exactly one on_closed,
 * unless its user called stream_reset, after which no upcall comes.  Upcalls
 * may call any stream function on any stream of the codec; they must not call
 * codec_destroy.  Nothing here is thread-safe.
 */
#ifndef HTTP_CODEC_H
#define HTTP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/fault.h"
#include "http/head.h"

struct codec;
struct stream;

enum {
    STREAM_HIGH_BYTES = 64 * 1024,   /* the user stops sending above this */
    STREAM_LOW_BYTES = 16 * 1024,    /* on_drained once below it again */
    STREAM_WINDOW_BYTES = 64 * 1024, /* what a peer may send unconsumed, per stream */
};

enum stream_close {
    STREAM_DONE,     /* both messages complete */
    STREAM_REFUSED,  /* client role: it cannot have started (REFUSED_STREAM, GOAWAY above the last
                        id, connection gone before a byte of it was produced) */
    STREAM_RESET,    /* the peer reset it; stream->h2_error */
    STREAM_LOST,     /* the connection went away */
    STREAM_PROTOCOL, /* the peer broke the protocol */
};

struct stream_events {
    /* Client role: the final response head; valid until on_closed returns. */
    void (*on_response)(struct stream *stream, const struct response_head *head);
    /* Client role: a 1xx other than 100 and 101; may be NULL. */
    void (*on_informational)(struct stream *stream, const struct response_head *head);
    /* Bytes of the peer's body, valid for the call; give them back with stream_consumed. */
    void (*on_body)(struct stream *stream, struct slice data);
    /* Such bytes will most likely come, soon: fetch what they touch (memory_fetch; `user` itself
     * has been), and do nothing else.  May be NULL. */
    void (*on_body_ahead)(struct stream *stream);
    /* The peer's message is complete.  Trailers may be empty. */
    void (*on_end)(struct stream *stream, const struct fields *trailers);
    /* Server role: stream_queued fell to STREAM_LOW_BYTES or less after it was above
     * STREAM_HIGH_BYTES. */
    void (*on_drained)(struct stream *stream);
    void (*on_closed)(struct stream *stream, enum stream_close why);
};

struct stream {
    const struct stream_events *events; /* set by the user in on_request, or by codec_open */
    void *user;
    struct codec *codec;
    uint32_t h2_error; /* of a peer's reset */
    uint32_t id;       /* HTTP/2 stream id; HTTP/1.1: number of the message on its connection */
};

struct codec_events {
    /* Server role: an accepted head.  The user must set stream->events and ->user.
     * `head` is valid until the stream's on_closed returns or stream_reset. */
    void (*on_request)(void *owner, struct stream *stream, const struct request_head *head);
    /* Something to produce.  May be called often; cheap to ignore when already known. */
    void (*on_dirty)(void *owner);
    /* Client role: a stream ended, the peer takes more or fewer at once, or takes no new ones; ask
     * codec_capacity. */
    void (*on_capacity)(void *owner);
    /* Server role: the codec is about to answer a head by itself, with the fault's error object.
     * Returns the request id that the answer carries, to stay until the next upcall; ptr NULL:
     * none.  May be NULL. */
    struct slice (*on_refused)(void *owner, enum fault fault);
    /* An HTTP/2 PING that codec_ping sent was answered. */
    void (*on_pong)(void *owner);
};

struct codec_limits {
    uint32_t streams;     /* server: MAX_CONCURRENT_STREAMS advertised; default 100 */
    uint32_t head_fields; /* default 100, cookie crumbs counted */
    uint32_t head_bytes;  /* default 64 KiB, 32 per field added */
    bool secure;          /* the connection is TLS */
    bool believes_scheme; /* h2 server: behind a proxy that ended TLS, :scheme may differ */
};

extern const struct codec_limits codec_default_limits;

struct codec *h1_server_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner);
struct codec *h2_server_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner);
struct codec *h1_client_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner);
struct codec *h2_client_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner);
/* Streams still open get on_closed(STREAM_LOST). */
void codec_destroy(struct codec **codec);

enum http_sniff { SNIFF_MORE, SNIFF_H1, SNIFF_H2 };
/* What the first bytes of a cleartext connection speak (the HTTP/2 preface or not). */
enum http_sniff http_sniff(struct slice first_bytes);

/* All of `bytes` is taken (the codec keeps what it cannot use yet, bounded).  False: the connection
 * is over; produce what is left, write it, close. */
bool codec_feed(struct codec *codec, struct slice bytes, int64_t now_ns) ISO_MUST_USE;
/* The peer will send no more.  `clean`: orderly end.  It completes a close-delimited HTTP/1.1
 * response, and lets an HTTP/1.1 server finish the reply it has begun; else streams end as
 * STREAM_LOST. */
void codec_end_of_input(struct codec *codec, bool clean);
/* Writes at most `size` bytes; returns how many.  Less than `size`: nothing more for now. */
size_t codec_produce(struct codec *codec, char *out, size_t size);
/* False while unconsumed bytes are at their bound: do not read the socket. */
bool codec_wants_read(const struct codec *codec);
/* True when nothing more will happen: close after the pending bytes. */
bool codec_finished(const struct codec *codec);
/* After codec_finished: true when the connection must be reset, so that a message that was cut
 * cannot look complete. */
bool codec_aborted(const struct codec *codec);
/* Server role: part of a request head has come and the rest has not. */
bool codec_head_begun(const struct codec *codec);
/* Server role: the owner's head or idle timer ran out.  HTTP/1.1 answers a half-sent head with 408;
 * HTTP/2 says GOAWAY.  The codec is finished once that is produced. */
void codec_timed_out(struct codec *codec);
/* Server: no new streams (GOAWAY, or `connection: close`), open ones end.  h2: first call sends the
 * notice, second the final GOAWAY.  Client: opens no more. */
void codec_shutdown(struct codec *codec);
size_t codec_stream_count(const struct codec *codec);
/* Client role: how many streams may be opened right now. */
size_t codec_capacity(const struct codec *codec);
bool codec_is_h2(const struct codec *codec);
/* HTTP/2 only: false for HTTP/1.1. */
bool codec_ping(struct codec *codec);
/* Why codec_feed said false, for log and metric: "header block too large", ...; NULL when it did
 * not. */
const char *codec_failure(const struct codec *codec);

/* Client role.  The body's parts are not copied: they must stay until on_closed or stream_reset.
 * NULL when codec_capacity is 0. */
struct stream *codec_open(struct codec *codec, const struct request_head *head,
                          const struct slice *body_parts, size_t body_part_count,
                          const struct stream_events *events, void *user);

/* Server role. */
/* Heads are written down at once: nothing of them has to stay. */
void stream_send_informational(struct stream *stream, const struct response_head *head);
void stream_send_response(struct stream *stream, const struct response_head *head, bool end);
void stream_send_body(struct stream *stream, struct slice data); /* copied; watch stream_queued */
void stream_send_end(struct stream *stream, const struct fields *trailers); /* NULL: none */
size_t stream_queued(const struct stream *stream);
/* After what is queued, ends the message so that it cannot look complete: RST_STREAM, or for
 * HTTP/1.1 a reset connection.  on_closed(STREAM_RESET) follows when that was produced. */
void stream_send_cut(struct stream *stream, enum h2_error error);

/* Both roles.  Gives `len` body bytes back to the peer's window.  Calls on_dirty when that has
 * something to send or makes codec_wants_read true again. */
void stream_consumed(struct stream *stream, size_t len);
/* Abandons the stream: RST_STREAM, or for HTTP/1.1 the connection is not used again and, server
 * role, closed without a clean end.  No upcall follows. */
void stream_reset(struct stream *stream, enum h2_error error);
/* Lives as long as the stream's head does.  Who needs the head no more may empty it sooner. */
struct arena *stream_arena(struct stream *stream);

#endif
