/*
 * For the tests of net: a loop turned until a fact holds, a peer that owns a
 * wire and remembers what happened to it, and certificates made on the spot.
 */
#ifndef NET_KIT_H
#define NET_KIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/wire.h"

/* Waits in the loop; fails the test when the fact does not come in 20 s. */
void kit_run_until(struct loop *loop, bool (*fact)(void *arg), void *arg);

struct peer {
    struct wire wire;
    struct loop *loop;
    int opens, reads, writables;
    bool ended;
    struct buffer in;
    size_t read_step; /* bytes a callback reads; 0: all there is */
    const char *out;  /* what it sends as the wire takes it; NULL: nothing */
    size_t out_len, out_sent;
    bool close_when_sent;
    bool closed;
};

extern const struct wire_events peer_events;

void peer_init(struct peer *peer, struct loop *loop);
/* Sends from the next on_open or at once, at most 256 KiB ahead of the socket. */
void peer_send(struct peer *peer, const char *data, size_t len);
void peer_finish(struct peer *peer);

/* Two connected TCP sockets of 127.0.0.1, non-blocking. */
void kit_tcp_pair(int fds[2]);
/* A listening socket of 127.0.0.1 with a port of its own. */
int kit_listen(struct address *bound);
/* `len` bytes that differ from place to place; from malloc. */
char *kit_bytes(size_t len, unsigned seed);

/* A directory with NAME.pem and NAME.key for each; removed by kit_certificates_remove. */
struct kit_certificate {
    const char *name;    /* of the files */
    const char *subject; /* common name */
    const char *names;   /* subject alternative names as OpenSSL writes them; NULL: none */
};
const char *kit_certificates_make(const struct kit_certificate *list, size_t count);
void kit_certificates_remove(void);
/* Static storage of 8 results. */
const char *kit_path(const char *name, const char *suffix);

#endif
