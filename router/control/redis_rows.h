/*
 * What Redis says, turned into what the fleet takes: the reply of a snapshot,
 * a message of the channel, the reply of an exchange.  Pure: bytes in, rows
 * out; used by redis_feed and by fuzzing.  All of it is untrusted: a shape
 * that is not the contract's is refused as a whole, a bad report by itself.
 */
#ifndef CONTROL_REDIS_ROWS_H
#define CONTROL_REDIS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slice.h"
#include "fleet/fleet.h"
#include "fleet/report.h"

struct redisReply;

enum {
    REDIS_MESSAGE_BYTES_MOST = 64 * 1024,
    REDIS_ROWS_MOST = 1024, /* reports of one snapshot */
    REDIS_ROUTERS_MOST = 4096,
};

struct redis_row {
    struct slice cluster;
    struct slice pool;
    struct report report;
};

struct redis_router {
    struct slice name;
    int64_t ts_ms; /* last exchange, server's clock */
};

struct redis_snapshot {
    int64_t now_ms; /* server's clock */
    struct redis_row *rows;
    size_t row_count;
    size_t refused; /* rows left out */
    struct redis_router *routers;
    size_t router_count;
};

/* Names point into the reply, the rest lives in the arena.  False: not a snapshot. */
bool redis_snapshot_read(const struct redisReply *reply, struct arena *arena,
                         struct redis_snapshot *out, struct report_refusals *refusals) ISO_MUST_USE;

/* A flat JSON array of texts, with cluster and pool among its names.  Copied to the arena. */
bool redis_message_read(struct slice message, struct arena *arena, struct redis_row *out,
                        struct report_refusals *refusals) ISO_MUST_USE;

struct redis_exchange {
    int64_t now_ms;
    uint32_t routers;
};

/* Takes what we sent (`sent`, in the order sent) off the totals: the others' shares come out in
 * `others`.  False: not the reply to it. */
bool redis_exchange_read(const struct redisReply *reply, const struct fleet_share *sent,
                         size_t count, struct fleet_share *others,
                         struct redis_exchange *out) ISO_MUST_USE;

#endif
