/*
 * The fleet's line to Redis: reports come in, our own counters go out and the
 * others' come back.  Two connections, because a subscriber takes no commands:
 *
 *   subscriber  {iso}:updates ------------------------> on_report
 *   commands    iso1_snapshot every ~5 s and after each (re)connect, --> on_report
 *               so that a lost message is lost for seconds only
 *               iso1_exchange each tick <-- shares,  --> on_exchange
 *
 * Whatever happens to Redis costs nothing but news: what was reported stays
 * with the fleet and ages there.  It never takes anything away.  Order and
 * plausibility over time are the fleet's affair (fleet_apply_report).
 *
 * The control thread owns it; all functions [control].
 */
#ifndef CONTROL_REDIS_FEED_H
#define CONTROL_REDIS_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "fleet/fleet.h"
#include "fleet/report.h"
#include "net/redis_client.h"

struct event_base;
struct redis_feed;

struct redis_feed_settings {
    const struct slice *urls; /* in order of preference; checked */
    size_t url_count;
    struct slice prefix;      /* "iso" */
    struct slice router_name; /* unique among live routers: redis_name_valid */
    unsigned connect_ms;      /* 0: 1000 */
    unsigned reply_ms;        /* 0: 1000 */
};

struct redis_feed_events {
    /* `age_ms` by the server's clock, never below 0. */
    enum report_fate (*on_report)(void *owner, struct slice cluster, struct slice pool,
                                  const struct report *report, double age_ms);
    /* What this router holds now; at most `most`. */
    size_t (*shares)(void *owner, struct fleet_share *out, size_t most);
    /* What all the others hold, of the targets in the last shares. */
    void (*on_exchange)(void *owner, const struct fleet_share *others, size_t count,
                        uint32_t routers, double tick_ms, double age_ms);
};

struct redis_feed *redis_feed_create(struct event_base *base,
                                     const struct redis_feed_settings *settings,
                                     const struct redis_feed_events *events, void *owner,
                                     struct error *error) ISO_MUST_USE;
/* Not from inside a callback. */
void redis_feed_destroy(struct redis_feed **feed);

struct redis_feed_status {
    struct redis_status commands;
    struct redis_status subscriber;
    uint64_t fates[REPORT_HELD + 1]; /* reports handed over, by enum report_fate */
    struct report_refusals refusals; /* what was not even that */
    uint64_t snapshots;              /* taken in */
    uint64_t snapshots_refused;      /* more than half of it refused, or no snapshot at all */
    uint64_t exchanges;
    uint64_t exchanges_refused;
    uint64_t library_loads;
    uint32_t routers;     /* live, own included; 1 before the first exchange */
    double tick_ms;       /* between exchanges, now */
    double snapshot_ms;   /* since the last one; NAN never */
    double exchange_ms;   /* since the last one; NAN never */
    double clock_skew_ms; /* server's clock minus this machine's; NAN unknown.  For people only. */
};

void redis_feed_status(const struct redis_feed *feed, struct redis_feed_status *out);

struct redis_feed_router {
    const char *name;
    double age_ms; /* since its last exchange */
};

/* Routers of the last snapshot, the latest first; valid until the next loop turn. */
size_t redis_feed_routers(const struct redis_feed *feed, struct redis_feed_router *out,
                          size_t most);

/*
 * Milliseconds between two exchanges of a router.  One call costs Redis about
 * 0.1 ms and 0.006 ms for each target; all routers together may take a fifth
 * of its one core, so the tick grows with routers x targets:
 *
 *       3 routers x    8 targets    0.15 ms x 3 / 0.2     ->  100 ms, the least
 *     100 routers x  100 targets    0.7 ms x 100 / 0.2    ->  350 ms
 *   1,000 routers x 1,000 targets   6.1 ms x 1000 / 0.2   ->  30.5 s
 */
double redis_feed_tick_ms(uint32_t routers, size_t targets);

#endif
