/*
 * One client connection: a wire, and the server codec that ALPN or the first
 * bytes chose.  It only carries; what a request means is its handler's
 * business.  The proxy, the admin interface and the simulated clusters all
 * sit on it.
 *
 *     accepted -> (TLS handshake) -> (preface sniffed) -> codec -> handler->on_request
 */
#ifndef PROXY_CONNECTION_H
#define PROXY_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/list.h"
#include "http/codec.h"
#include "net/wire.h"

struct connection;

struct connection_handler {
    /* A request arrived; set stream->events and stream->user. */
    void (*on_request)(void *owner, struct connection *connection, struct stream *stream,
                       const struct request_head *head);
    /* The codec refuses a head by itself; the request id for its answer.  May be NULL. */
    struct slice (*on_refused)(void *owner, struct connection *connection, enum fault fault);
};

struct connection_settings {
    struct codec_limits limits;
    int64_t handshake_timeout_ms; /* accept to the first request byte after TLS (HTTP/2: to the
                                     client's SETTINGS): 5 s */
    int64_t head_timeout_ms;      /* first byte to complete head: 10 s */
    int64_t idle_timeout_ms;      /* no stream open: longer than client pools keep theirs, 90 s */
    uint64_t requests_most;       /* then GOAWAY or close, so that load moves; 0 never */
    size_t connections_most;      /* of this host; more are closed at once; 0 any number */
};

extern const struct connection_settings connection_default_settings;

struct connection_counters {
    struct counter accepted;
    struct counter closed;
    struct counter tls_failed;
    struct counter timed_out;
    struct counter protocol_errors;
    struct counter refused_heads;
    struct counter too_many;
};

/* All connections of one thread that share handler and settings. */
struct connection_host {
    struct loop *loop;
    const struct connection_handler *handler;
    void *owner;
    struct connection_settings settings;
    struct connection_counters counters;
    struct list connections;
    size_t count;
    bool draining;
    void (*on_drained)(void *owner); /* the last one is gone while draining; may be NULL */
};

void connection_host_init(struct connection_host *host, struct loop *loop,
                          const struct connection_handler *handler, void *owner);
/* GOAWAY or `connection: close` on all; idle ones end now.  Call twice, a round trip apart, for
 * HTTP/2's two-step farewell. */
void connection_host_drain(struct connection_host *host);
/* Ends all of them now. */
void connection_host_finish(struct connection_host *host);

struct connection {
    struct list link;
    struct connection_host *host;
    struct wire wire;
    struct codec *codec; /* NULL until it is known what the client speaks */
    struct address peer;
    bool secure;
    bool behind_tls; /* a proxy in front ended TLS: the client says itself what it used */
    bool ended;
    uint8_t first_len;
    char first[24]; /* cleartext: kept until preface or not is clear */
    uint64_t requests;
    enum { CONNECTION_NEW, CONNECTION_HEAD, CONNECTION_BUSY, CONNECTION_IDLE } phase;
    struct timer timer;
    struct loop_task flush;
    struct loop_task destroy;
    void *user; /* the handler's, e.g. the client's place; NULL at first */
    void (*user_free)(void *user);
};

/* NULL: too many; `fd` is closed then. */
struct connection *connection_accept(struct connection_host *host, int fd,
                                     const struct address *peer, struct tls_server *tls);
/* Ends it with a reset; its streams are lost. */
void connection_abort(struct connection *connection);

#endif
