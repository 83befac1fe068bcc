/*
 * The rest of an accepted socket's life after its wire is closed: what is
 * pending goes out, then FIN, and what still comes in is read and thrown away
 * until the peer closes too.  Bounded in time and bytes.  The wire alone calls
 * this; nobody is told how it ends.
 */
#ifndef NET_LINGER_H
#define NET_LINGER_H

#include "base/buffer.h"
#include "net/loop.h"

/* Takes the socket, and what is in `pending`, which is empty afterwards. */
void linger_begin(struct loop *loop, int fd, struct buffer *pending);

#endif
