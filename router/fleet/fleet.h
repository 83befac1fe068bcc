/*
 * What this router knows of the fleet.  The control thread owns it, feeds it
 * (configuration, reports, exchange, probes, resolved names) and makes a
 * snapshot of it each tick; workers see snapshots only.  No socket, no clock,
 * no global: a simulator runs many in one process.
 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/error.h"
#include "base/slice.h"
#include "fleet/cluster.h"
#include "fleet/ledger.h"
#include "fleet/report.h"
#include "fleet/snapshot.h"

struct fleet;

/* All functions: [control]. */
struct fleet *fleet_create(uint64_t seed) ISO_MUST_USE;
void fleet_destroy(struct fleet **fleet);

/* Takes a reference.  Targets that stay keep their slot and all that was learned.  False, with
 * nothing changed, when more names were seen in this process than there are slots. */
bool fleet_configure(struct fleet *fleet, struct fleet_config *config, int64_t now_ns,
                     struct error *error) ISO_MUST_USE;

enum report_fate {
    REPORT_TAKEN,
    REPORT_STALE,          /* (epoch, seq) is not newer */
    REPORT_UNKNOWN_TARGET, /* not in the configuration */
    REPORT_HELD,           /* capacity moved more than tenfold: taken when three in a row say so */
};

/* `age_ms`: how old it is by the server's clock.  Fields marked refused keep the last good value.
 */
enum report_fate fleet_apply_report(struct fleet *fleet, struct slice cluster, struct slice pool,
                                    const struct report *report, double age_ms, int64_t now_ns);

/* What a router holds at one target: the integers it exchanges. */
struct fleet_share {
    const char *name; /* "cluster:pool", valid until the next fleet_configure */
    uint32_t slot;
    int64_t inflight;       /* requests */
    int64_t pending;        /* requests whose prompt is not prefilled */
    int64_t pending_tokens; /* ... their uncached prompt tokens */
};

/* Own shares as of the last tick, to be sent.  Returns how many. */
size_t fleet_shares(const struct fleet *fleet, struct fleet_share *shares, size_t max);
/* FLEET_SLOT_NONE when not in the configuration. */
uint32_t fleet_slot_find(const struct fleet *fleet, struct slice cluster, struct slice pool);
/* The other routers' shares together (total minus what we sent), how many routers live (own
 * included), how often they exchange, and how old the answer is.  Targets not named hold nothing.
 * Negative counts are 0. */
void fleet_apply_exchange(struct fleet *fleet, const struct fleet_share *others, size_t count,
                          uint32_t routers, double tick_ms, double age_ms, int64_t now_ns);

/* One round trip at application level.  Not finite, negative or over 60 s is ignored. */
void fleet_observe_rtt(struct fleet *fleet, uint32_t slot, uint32_t endpoint, double rtt_ms,
                       int64_t now_ns);
void fleet_observe_probe(struct fleet *fleet, uint32_t slot, uint32_t endpoint, bool ok,
                         int64_t now_ns);
/* At most ENDPOINT_ADDRESSES_MAX are kept; none: the last good stay. */
void fleet_set_endpoint_addresses(struct fleet *fleet, uint32_t slot, uint32_t endpoint,
                                  const struct sockaddr_storage *addresses, size_t count);
/* By the operator; survives reloads.  False: no such cluster. */
bool fleet_drain(struct fleet *fleet, struct slice cluster, bool drained) ISO_MUST_USE;

/* Adds up the ledgers, steps health, makes the next snapshot; the caller publishes it.
 * `ledgers[w]` is worker w's; their number never changes.  Needs a configuration. */
struct snapshot *fleet_tick(struct fleet *fleet, struct ledger *const *ledgers, uint32_t workers,
                            int64_t now_ns) ISO_MUST_USE;

#endif
