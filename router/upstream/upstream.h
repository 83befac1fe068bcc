/*
 * One worker's way to all endpoints: finds or makes the connection pool of a
 * target's endpoint and spreads requests over the endpoints of a target.
 * [worker]
 */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/snapshot.h"
#include "upstream/pool.h"
#include "upstream/tls_set.h"

struct upstream;

/* `source`: len 0, the kernel chooses.  Settings are copied. */
struct upstream *upstream_create(struct loop *loop, const struct connection_pool_settings *settings,
                                 const struct address *source);
void upstream_destroy(struct upstream **upstream);

/* One endpoint as this worker uses it; valid until upstream_sweep lets go of it unused. */
struct upstream_endpoint {
    struct connection_pool *pool;
    uint32_t inflight; /* of this worker; the user adds and subtracts */
    uint32_t address_at;
    struct slice url;
    struct slice authority; /* "host:port" as requests carry it */
    uint32_t index;         /* of the target's endpoints, as chosen last */
};

/* The least busy endpoint of the target that is not down and has an address; when all are down, the
 * least busy with an address.  NULL: none has one, or `tls` is of another configuration than the
 * target and cannot serve it. */
struct upstream_endpoint *upstream_choose(struct upstream *upstream, const struct target *target,
                                          const struct tls_set *tls);
/* No connection could be made by this pool of it: the next one is made for its next address. */
void upstream_failed(struct upstream_endpoint *endpoint, const struct connection_pool *pool);
/* Retires pools that no endpoint of the snapshot has any more.  Once per configuration. */
void upstream_sweep(struct upstream *upstream, const struct snapshot *snapshot);

/* The authority that requests to an endpoint carry; from malloc. */
char *upstream_authority(const struct endpoint *endpoint);
/* Everything of a dial but source and time-out; for probes too. */
void upstream_dial_fill(struct upstream_dial *dial, const struct endpoint *endpoint,
                        const struct sockaddr_storage *address, struct tls_client *tls);

struct connection_pool_counts upstream_count(const struct upstream *upstream);

#endif
