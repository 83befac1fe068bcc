/*
 * One connection to an endpoint: a wire, and the client codec that ALPN or the
 * configuration chose.  The pool owns it and hears of its changes; the streams
 * on it belong to whoever opened them.  [worker] or [control]: the loop's thread.
 */
#ifndef UPSTREAM_CONNECTION_H
#define UPSTREAM_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/codec.h"
#include "net/wire.h"

enum upstream_protocol { UPSTREAM_AUTO, UPSTREAM_H1, UPSTREAM_H2 };

/* How to reach an endpoint; everything pointed at must outlive the connection. */
struct upstream_dial {
    struct address address;
    struct address source; /* len 0: the kernel chooses */
    struct tls_client *tls;
    const char *server_name;
    struct slice preface;            /* written before all else, in cleartext; "": nothing */
    enum upstream_protocol protocol; /* AUTO: h1 in cleartext, ALPN over TLS */
    int64_t connect_timeout_ms;
    /* Writes what reading made due right after it, not at the turn's end: the other side begins
     * sooner, for more writes. */
    bool eager;
};

struct upstream_connection;

struct upstream_connection_events {
    void (*on_open)(void *owner, struct upstream_connection *connection);
    /* Streams may be opened again, or the last one ended. */
    void (*on_capacity)(void *owner, struct upstream_connection *connection);
    /* It ended, before or after on_open; its streams have had their on_closed.  It frees itself
     * at the end of the turn.  `why` is valid for the call. */
    void (*on_ended)(void *owner, struct upstream_connection *connection, const char *why);
    void (*on_pong)(void *owner, struct upstream_connection *connection); /* may be NULL */
};

struct upstream_connection {
    struct list link; /* the pool's; the connection itself does not touch it */
    struct loop *loop;
    const struct upstream_connection_events *events;
    void *owner;
    struct wire wire;
    struct codec *codec; /* NULL until open */
    enum upstream_protocol protocol;
    bool open;
    bool eager;
    bool ended;
    bool ending; /* no stream is opened any more: those open are being told */
    int64_t idle_since_ns;
    struct timer dial_timer;
    struct loop_task flush;
    struct loop_task destroy;
};

struct upstream_connection *
upstream_connection_dial(struct loop *loop, const struct upstream_dial *dial,
                         const struct upstream_connection_events *events, void *owner);
/* Ends it now; open streams are lost.  on_ended is not called. */
void upstream_connection_close(struct upstream_connection *connection);
/* Streams that may be opened right now. */
size_t upstream_connection_capacity(const struct upstream_connection *connection);
/* False when the peer has closed an idle connection and we have not been told yet. */
bool upstream_connection_alive(const struct upstream_connection *connection);

#endif
