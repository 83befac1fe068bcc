/*
 * The connections of one worker to one endpoint.  HTTP/2 connections are
 * shared and filled first, the next one is opened before the last is full;
 * HTTP/1.1 connections carry one request at a time, the warmest is taken
 * first.  A request that finds no room waits, first come first served.  [worker]
 */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "http/codec.h"
#include "upstream/connection.h"

struct connection_pool;

struct connection_pool_settings {
    int64_t connect_timeout_ms; /* name known, to on_open */
    int64_t idle_timeout_h1_ms; /* below the engines' own: uvicorn closes after 5 s */
    int64_t idle_timeout_h2_ms;
    size_t connections_h1; /* at most, to one endpoint */
    size_t connections_h2;
};

extern const struct connection_pool_settings connection_pool_default_settings;

/* One request on its way to a stream; embedded in the exchange. */
struct pool_request {
    struct list link; /* in the pool's queue while waiting */
    struct connection_pool *pool;
    const struct request_head *head;
    const struct slice *body_parts; /* these two stay until the stream is closed or reset */
    size_t body_part_count;
    const struct stream_events *events;
    void *user;
    /* The stream is open; may come from inside connection_pool_start. */
    void (*on_started)(struct pool_request *request, struct stream *stream);
    /* No connection could be made: nothing was sent.  Never from inside connection_pool_start. */
    void (*on_failed)(struct pool_request *request, const char *why);
};

struct connection_pool *connection_pool_create(struct loop *loop, const struct upstream_dial *dial,
                                               const struct connection_pool_settings *settings);
/* Waiting requests must have been cancelled; streams still open are lost. */
void connection_pool_destroy(struct connection_pool **pool);
/* No new requests; those that wait are served still.  It stays in `retired` and destroys itself
 * when the last stream is done. */
void connection_pool_retire(struct connection_pool **pool, struct list *retired);
/* Destroys what is left in such a list. */
void connection_pool_destroy_all(struct list *retired);

void connection_pool_start(struct connection_pool *pool, struct pool_request *request);
void connection_pool_cancel(struct pool_request *request); /* only before on_started or on_failed */

/* No connection is free, and no more may be made: a request that starts now waits for others. */
bool connection_pool_is_full(const struct connection_pool *pool);

struct connection_pool_counts {
    size_t connections;
    size_t dialling;
    size_t streams;
    size_t waiting;
};
struct connection_pool_counts connection_pool_count(const struct connection_pool *pool);

#endif
