/*
 * A listening socket and its accepting.  The socket may be opened here
 * (SO_REUSEPORT, so every worker has its own) or inherited as a descriptor.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/error.h"
#include "net/address.h"
#include "net/loop.h"

struct listener;

struct listener_events {
    /* The socket is non-blocking, close-on-exec, TCP_NODELAY; the callee owns it. */
    void (*on_accept)(void *owner, int fd, const struct address *peer);
};

/* A bound, listening, non-blocking socket, or -1.  Port 0: *bound gets the chosen one. */
int listener_socket(const struct address *address, struct address *bound, struct error *error);

/* Takes the descriptor.  At most 64 accepts a turn; out of descriptors it pauses and tries again.
 */
struct listener *listener_create(struct loop *loop, int fd, const struct listener_events *events,
                                 void *owner);
/* Stops accepting; the connections live on. */
void listener_destroy(struct listener **listener);
int listener_fd(const struct listener *listener);

#endif
