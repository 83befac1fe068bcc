/*
 * What the files of bench/peers' backend share: one thread, any number of
 * connections, HTTP/2 with prior knowledge or HTTP/1.1 by their first bytes.
 *
 *   backend.c        the program, its sockets and its loop
 *   backend_h1.c, backend_h2.c   what a connection's bytes mean
 *   backend_events.c             the streams of events, and when each is due
 *
 * A POST is answered with one kilobyte when its body has come, or, where the
 * backend gives events, with a stream of them without end; a GET with little.
 */
#ifndef PEERS_BACKEND_H
#define PEERS_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"

enum { ANSWER_BYTES = 1024, BACKLOG_MOST = 65536 };

struct events;

struct backend {
    int epoll;
    struct events *events; /* NULL: answers */
    struct list dirty;     /* connections with bytes to write */
};

/* A stream of events on its way. */
struct event_stream {
    struct back_connection *connection;
    uint32_t id;    /* of HTTP/2; 0: HTTP/1.1 */
    int64_t window; /* HTTP/2: what may be sent of it */
    uint32_t slot;  /* when in a period it is due, and where among those due then */
    uint32_t place;
    struct list link; /* of the connection's streams */
};

struct back_connection {
    struct backend *backend;
    int fd;
    bool is_h2, is_known, waits_for_room;
    struct buffer in, out;
    struct list streams;
    struct list dirty;

    /* HTTP/1.1: of the request that is being read. */
    bool has_head, is_post, is_chunked;
    bool is_last;       /* what body_left counts is the end of the body */
    uint64_t body_left; /* of the body, or of the chunk with its CRLF */

    /* HTTP/2. */
    int64_t window, stream_window;   /* of the connection; what a new stream begins with */
    uint64_t received;               /* body bytes since the last WINDOW_UPDATE */
    struct event_stream **by_number; /* stream id / 2 -> its events */
    size_t by_number_size;
    uint32_t *owed; /* streams whose answer waits for the connection's window */
    size_t owed_count, owed_size;
};

/* Something was appended to `out`: it is written at the end of the turn. */
void back_connection_mark(struct back_connection *connection);

/* Reads all whole things of `in`; false: the other side makes no sense. */
bool h1_read(struct back_connection *connection);
bool h2_read(struct back_connection *connection);
void h2_begin(struct back_connection *connection);

extern const char *const answer_body; /* ANSWER_BYTES, and a NUL */

struct events *events_create(int64_t period_ns);
void events_destroy(struct events **events);
struct event_stream *events_add(struct events *events, struct back_connection *connection,
                                uint32_t id);
void events_remove(struct events *events, struct event_stream **stream);
/* Appends what is due now; gives how long until the next, in ns. */
int64_t events_send(struct events *events);

#endif
