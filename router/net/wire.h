/*
 * A wire is a byte stream, plain or TLS, over one non-blocking socket.  It is
 * embedded in the connection that owns it, which also owns its lifetime.
 *
 *   reading   on_readable -> wire_read until it says 0
 *   writing   wire_write takes everything; what the socket did not take is
 *             kept, wire_pending says how much; on_writable when it is gone
 *
 * After wire_close no callback comes.  Callbacks are never called from inside
 * wire_read, wire_write or wire_close.  All [worker] or [control]: the loop's thread.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tls.h"

struct event;
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
    bool open;
    bool read_wanted;
    struct ssl_st *ssl; /* NULL: plain */
    struct event *read_event;
    struct event *write_event;
    struct buffer pending;        /* memory only while a write came up short */
    struct loop_task deferred;    /* on_open of an accepted plain wire, data left inside OpenSSL */
    uint8_t tls_wants;            /* what OpenSSL waits for */
    uint64_t bytes_in, bytes_out; /* of the socket's payload side, before TLS */
    char error_text[160];
};

/* Takes an accepted non-blocking socket.  tls NULL: plain.  on_open follows, never from inside. */
void wire_accept(struct wire *wire, struct loop *loop, int fd, struct tls_server *tls,
                 const struct wire_events *events, void *owner);

struct wire_target {
    const struct address *address;
    const struct address *source; /* NULL: the kernel chooses */
    struct tls_client *tls;       /* NULL: plain */
    const char *server_name;      /* for SNI and verification */
};

/* Begins to connect.  Failure comes as on_readable with wire_read < 0. */
void wire_connect(struct wire *wire, struct loop *loop, const struct wire_target *target,
                  const struct wire_events *events, void *owner);

/* > 0 bytes, 0 nothing now, < 0 ended: wire->end says how. */
ssize_t wire_read(struct wire *wire, char *out, size_t size);
/* Writes at once what the socket takes and keeps the rest.  Returns what is pending. */
size_t wire_write(struct wire *wire, const char *data, size_t len);
size_t wire_pending(const struct wire *wire);
/* Off: on_readable does not come, the peer feels it.  On by default. */
void wire_want_read(struct wire *wire, bool wanted);
/* Orderly: close_notify and FIN after what is pending, as far as the socket takes it now. */
void wire_close(struct wire *wire);
/* RST, so that the peer cannot take it for a clean end. */
void wire_abort(struct wire *wire);

enum tls_alpn wire_alpn(const struct wire *wire);
const char *wire_server_name(const struct wire *wire); /* SNI the client sent; NULL none */
const char *wire_end_text(const struct wire *wire);    /* "connection reset", ... */

#endif
