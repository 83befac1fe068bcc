/*
 * TLS of a server without a socket: ciphertext goes in and comes out through
 * memory, so that a delay line can stand on the network's side of it.  The
 * router's own wire (net/wire.h) is bound to its socket and cannot be used.
 */
#ifndef SIM_TLS_PIPE_H
#define SIM_TLS_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

struct tls_pipe_context;
struct tls_pipe;

/* PEM files.  ALPN: h2, http/1.1. */
struct tls_pipe_context *tls_pipe_context_create(const char *certificate_file, const char *key_file,
                                                 struct error *error) ISO_MUST_USE;
void tls_pipe_context_destroy(struct tls_pipe_context **context);

struct tls_pipe *tls_pipe_create(struct tls_pipe_context *context) ISO_MUST_USE;
void tls_pipe_destroy(struct tls_pipe **pipe);

/* Ciphertext from the peer; then read until 0. */
void tls_pipe_feed(struct tls_pipe *pipe, struct slice ciphertext);
/* Plaintext: > 0 bytes, 0 nothing now, < 0 ended or failed. */
ssize_t tls_pipe_read(struct tls_pipe *pipe, char *out, size_t size);
void tls_pipe_write(struct tls_pipe *pipe, struct slice plaintext);
/* close_notify behind what was written. */
void tls_pipe_close(struct tls_pipe *pipe);
/* Ciphertext for the peer; 0 nothing now. */
size_t tls_pipe_take(struct tls_pipe *pipe, char *out, size_t size);
/* The handshake is done: ALPN is known. */
bool tls_pipe_open(const struct tls_pipe *pipe);
bool tls_pipe_is_h2(const struct tls_pipe *pipe);

#endif
