/*
 * One worker: a thread with its own loop, listeners and proxy.  The control
 * thread creates it, publishes into its proxy, and talks to it by messages.
 */
#ifndef CONTROL_WORKER_H
#define CONTROL_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/epoch.h"
#include "net/loop.h"
#include "proxy/proxy.h"

struct worker;

struct worker_settings {
    uint32_t number;
    struct epoch *epoch;
    struct affinity *affinity;
    struct access_log *log;
    struct proxy_settings proxy;
};

/* One socket of this worker. */
struct worker_listen {
    int fd;                 /* the worker's from now on */
    struct tls_server *tls; /* NULL: cleartext; held by the worker */
    bool behind_tls;        /* a proxy ended it */
};

/* [control] */
struct worker *worker_create(const struct worker_settings *settings);
struct proxy *worker_proxy(struct worker *worker);
void worker_start(struct worker *worker);
/* What client connections made from now on obey. */
void worker_set_connections(struct worker *worker, const struct connection_settings *settings);
/* Replaces the listeners: sockets that stay are handed in again as duplicates. */
void worker_set_listeners(struct worker *worker, const struct worker_listen *listens, size_t count);
void worker_wake(struct worker *worker);
/* Stops accepting, says farewell to clients, ends when the last exchange did or `most_ms` passed.
 */
void worker_drain(struct worker *worker, int64_t most_ms);
/* True once it ended; then worker_destroy does not wait. */
bool worker_ended(const struct worker *worker);
/* Ends it now if it runs. */
void worker_destroy(struct worker **worker);

#endif
