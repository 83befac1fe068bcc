/*
 * The seam between the wire and its TLS; nobody but these two includes it.
 * OpenSSL reads the socket through wire_receive and writes through wire_send,
 * which takes everything: so OpenSSL never waits for writing, and what is
 * pending is always records, ready to go.
 */
#ifndef NET_WIRE_TLS_H
#define NET_WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "net/wire.h"

/* wire.c: the socket.  Receive: > 0 bytes, 0 nothing now, < 0 ended (socket_failed says how). */
ssize_t wire_receive(struct wire *wire, char *out, size_t size);
void wire_send(struct wire *wire, const char *data, size_t len);
/* Only from the last step of the handshake: goes with what is written next, in this turn. */
void wire_hold(struct wire *wire, const char *data, size_t len);
/* The first end stays, but for EOF, which may become worse.  format NULL: no text. */
void wire_end(struct wire *wire, enum wire_end end, const char *format, ...) ISO_PRINTF(3, 4);

/* wire_tls.c; all but accept and connect may be called on a plain wire where it says so. */
void wire_tls_accept(struct wire *wire, struct tls_server *tls);
void wire_tls_connect(struct wire *wire, struct tls_client *tls, const char *name);
/* True when done; false: it waits for the peer, or wire->end says how it failed. */
bool wire_tls_handshake(struct wire *wire);
ssize_t wire_tls_read(struct wire *wire, char *out, size_t size);
void wire_tls_write(struct wire *wire, const char *data, size_t len);
/* Bytes inside OpenSSL, be it a part of a record; false when plain. */
bool wire_tls_has_data(const struct wire *wire);
/* close_notify. */
void wire_tls_goodbye(struct wire *wire);
/* Plain: nothing. */
void wire_tls_finish(struct wire *wire);

#endif
