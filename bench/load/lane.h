/*
 * The connections from one place to one URL, and the requests that wait for
 * room on them.  A connection is in one list at a time:
 *
 *     dialling --on_open--> free <--lane_release / full--> busy
 *
 * A waiter gets the connection that was used longest ago, so that all are used
 * alike; HTTP/2 connections are opened up front (lane_warm), HTTP/1.1 ones as
 * they are needed.  Where a name has several addresses they are tried in turn.
 * Knows nothing of requests.
 */
#ifndef LOAD_LANE_H
#define LOAD_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "load/target.h"
#include "upstream/connection.h"

struct lane_waiter {
    struct list link;
    /* There is room for a stream on it. */
    void (*on_connection)(struct lane_waiter *waiter, struct upstream_connection *connection);
    void (*on_failed)(struct lane_waiter *waiter, const char *why);
};

struct lane_settings {
    struct loop *loop;
    const struct target *target;
    struct address source;  /* len 0: the kernel chooses */
    struct tls_client *tls; /* NULL: cleartext */
    bool h2;
    bool eager;                    /* a request goes out at once, not at the turn's end */
    struct slice preface;          /* written before all else; "" nothing */
    uint32_t connections, streams; /* at most; streams on one connection */
};

struct lane {
    struct lane_settings settings;
    struct upstream_dial dial;
    uint32_t address_at;       /* of the target's; dialled next */
    uint32_t addresses_failed; /* in a row */
    uint32_t stale_dials;      /* under way to one that is known to fail */
    bool warm;                 /* all connections at once */
    struct list dialling, free, busy;
    uint32_t dialling_count, connection_count; /* the latter: in all lists */
    struct list waiting;
    uint32_t waiting_count;
    struct loop_task pump;
    bool closed;
    uint64_t dialled, dial_failures;
    char failure[96]; /* why the last connection failed; "" none did */
};

/* Everything pointed at must outlive the lane. */
void lane_init(struct lane *lane, const struct lane_settings *settings);
void lane_finish(struct lane *lane); /* nobody may wait any more */
/* Opens all connections it may have. */
void lane_warm(struct lane *lane);
static inline bool lane_is_dialling(const struct lane *lane)
{
    return lane->dialling_count > 0;
}
/* front: before all others, as it has waited already. */
void lane_wait(struct lane *lane, struct lane_waiter *waiter, bool front);
void lane_leave(struct lane *lane, struct lane_waiter *waiter);
/* A stream on this connection is over. */
void lane_release(struct lane *lane, struct upstream_connection *connection);

#endif
