/*
 * A wire is a byte stream, plain or TLS, over one non-blocking socket.  It is
 * embedded in the connection that owns it, which also owns its lifetime.
 *
 *   reading   on_readable -> wire_read until it says 0
 *   writing   wire_write takes everything; what the socket did not take is
 *             kept, wire_pending says how much; on_writable when it is gone
 *
 * The two directions end apart: after WIRE_EOF wire_write still works.  After
 * wire_close no callback comes; a wire that is closed may be used anew.  Callbacks are never called
 * from inside wire_read, wire_write or wire_close.  All [worker] or [control]: the loop's thread.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "net/address.h"
#include "net/event_struct.h"
#include "net/loop.h"
#include "net/tls.h"

struct ssl_st;

enum wire_end {
    WIRE_OPEN,       /* it has not ended */
    WIRE_EOF,        /* orderly: FIN, and close_notify when TLS */
    WIRE_TRUNCATED,  /* TLS: FIN without close_notify */
    WIRE_RESET,      /* RST or another socket error */
    WIRE_REFUSED,    /* connect failed */
    WIRE_TLS_FAILED, /* handshake or record error; wire_error_text says more */
};

struct wire_events {
    void (*on_open)(void *owner); /* connected and handshake done: ALPN is known */
    void (*on_readable)(
        void *owner); /* bytes, or the end: wire_read tells; before on_open: it failed */
    void (*on_writable)(void *owner); /* everything pending has been taken */
};

struct wire {
    const struct wire_events *events;
    void *owner;
    struct loop *loop;
    int fd; /* -1: closed */
    enum wire_end end;
    bool open; /* on_open has been called; stays so at the end */
    bool read_wanted;
    bool is_client;
    bool end_told;      /* wire_read has said so */
    bool reading;       /* the read event is registered */
    bool read_dry;      /* wire_read said 0: the next bytes come with an event */
    bool socket_dry;    /* the socket gave less than was asked for since its last event */
    bool socket_ended;  /* TLS: FIN, or an error, was seen below the records */
    bool socket_failed; /* ... it was an error */
    bool gathering;     /* TLS: records go to the loop's scratch first */
    bool held;          /* pending waits for what is written next, or for the end of the turn */
    bool write_broken;  /* the socket takes nothing more */
    struct ssl_st *ssl; /* NULL: plain */
    struct event read_event;
    struct event *write_event; /* only while something is pending, or connecting */
    struct slice preface;      /* of a connecting one */
    struct buffer pending;     /* for the socket as it is; memory only while a write came short */
    struct loop_task deferred; /* on_open, the end, data left inside OpenSSL, what is held */
    uint64_t bytes_in, bytes_out; /* payload, before TLS; out: what was given to wire_write */
    char *error_text;             /* NULL: none */
};

/* Takes an accepted non-blocking socket.  tls NULL: plain.  on_open follows, never from inside. */
void wire_accept(struct wire *wire, struct loop *loop, int fd, struct tls_server *tls,
                 const struct wire_events *events, void *owner);

struct wire_target {
    const struct address *address;
    const struct address *source; /* NULL: the kernel chooses */
    struct tls_client *tls;       /* NULL: plain */
    const char *server_name;      /* for SNI and verification; NULL: the address */
    struct slice preface; /* goes out as it is before all else, TLS too; must outlive connecting */
};

/* Begins to connect.  Failure comes as on_readable with wire_read < 0. */
void wire_connect(struct wire *wire, struct loop *loop, const struct wire_target *target,
                  const struct wire_events *events, void *owner);

/* > 0 bytes, 0 nothing now, < 0 ended: wire->end says how. */
ssize_t wire_read(struct wire *wire, char *out, size_t size);
/* Writes at once what the socket takes and keeps the rest.  Returns what is pending. */
size_t wire_write(struct wire *wire, const char *data, size_t len);
size_t wire_pending(const struct wire *wire);
/* Off: on_readable does not come, the peer feels it.  On by default.  A connection that broke is
 * told all the same, so that nobody waits for it. */
void wire_want_read(struct wire *wire, bool wanted);
/* Orderly: close_notify and FIN behind what is pending.  An accepted socket lingers: for 2 s at
 * most what is pending goes out and what still comes in is thrown away, since closing on unread
 * bytes would reset the connection and take the last answer with it.  A connected one is closed
 * now. */
void wire_close(struct wire *wire);
/* RST, so that the peer cannot take it for a clean end. */
void wire_abort(struct wire *wire);

enum tls_alpn wire_alpn(const struct wire *wire);
const char *wire_server_name(const struct wire *wire); /* SNI the client sent; NULL none */
/* Whether the certificate we showed is good for this host name, or address without brackets, too;
 * true when plain. */
bool wire_covers_name(const struct wire *wire, struct slice host);
const char *wire_end_text(const struct wire *wire); /* "connection reset", ... */

#endif
