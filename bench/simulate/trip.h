/*
 * One request on its way, and a pool of these: they stay where they are, for
 * the ledger links them, and are named by number.
 */
#ifndef SIMULATE_TRIP_H
#define SIMULATE_TRIP_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/affinity.h"
#include "fleet/ledger.h"
#include "fleet/query.h"
#include "simulate/edge.h"

#define TRIP_NONE UINT32_MAX

enum trip_state {
    TRIP_FREE,
    TRIP_GOING,    /* to the cluster */
    TRIP_THERE,    /* waiting or running */
    TRIP_LEAVING,  /* the cluster is done with it, one way or the other */
    TRIP_RETRYING, /* back at the router, between two attempts */
};

struct trip {
    struct flight flight;
    enum trip_state state;
    uint32_t number;
    uint32_t next_free;
    uint32_t edge;
    uint32_t station;
    uint32_t conversation; /* its place in the workload */
    uint64_t handle;       /* in the cluster's model */
    struct ask ask;
    struct slot_set tried;
    struct affinity_expectation expectation;
    uint32_t cached_tokens;
    bool measured;
    bool taken;         /* by a cluster, ever */
    int64_t arrived_ns; /* at the edge */
    int64_t sent_ns;    /* this attempt */
    int64_t started_ns; /* its prefill */
    int64_t ttft_ns;    /* from arrived_ns, once there was a first token */
    int64_t half_ns;    /* half of this attempt's round trip */
    double sent_tokens; /* uncached, exact, while on its way */
};

struct trip_pool {
    struct trip **blocks;
    uint32_t block_count;
    uint32_t free_head;
};

void trip_pool_init(struct trip_pool *pool);
void trip_pool_finish(struct trip_pool *pool);
struct trip *trip_take(struct trip_pool *pool);
void trip_give(struct trip_pool *pool, struct trip *trip);
struct trip *trip_at(const struct trip_pool *pool, uint32_t number);
/* One more than the largest number. */
uint32_t trip_pool_size(const struct trip_pool *pool);

#endif
