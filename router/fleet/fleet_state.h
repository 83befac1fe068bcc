/*
 * The inside of struct fleet, for fleet.c, fleet_feed.c, fleet_tick.c and
 * fleet_inputs.c; nobody else includes it.  All of it belongs to the control thread.
 */
#ifndef FLEET_FLEET_STATE_H
#define FLEET_FLEET_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "fleet/fleet.h"
#include "fleet/health.h"
#include "fleet/snapshot.h"

#define FLEET_HISTORY 128          /* past totals kept ... */
#define FLEET_HISTORY_STEP_MS 50.0 /* ... no closer than that: 6.4 s and more */
#define RTT_SAMPLES 16
#define RTT_WINDOW_MS 60000.0
#define CAPACITY_JUMP 10.0 /* a report that moves capacity by more is not believed at once */
#define CAPACITY_HOLDS 2   /* ... but the third time */

/* Round trips of one endpoint: the minimum of the last minute. */
struct rtt_window {
    double ms[RTT_SAMPLES];
    int64_t ns[RTT_SAMPLES];
    uint32_t count; /* ever added */
};

struct endpoint_member {
    const struct endpoint *config; /* in fleet->config */
    struct endpoint_addresses *addresses;
    struct probe_health probe;
    struct rtt_window rtt;
};

/* Monotonic sums, as last read from the ledgers. */
struct learned {
    double observed_ms, predicted_ms, ttft_ms;
    uint64_t ttft_count;
};

/* One slot: a target of this or of an earlier configuration. */
struct member {
    char *name;         /* "cluster:pool", own copy */
    size_t cluster_len; /* bytes of it that are the cluster's name */
    bool drained;
    bool was_down;

    struct endpoint_member *endpoints;
    uint32_t endpoint_count;

    bool reported;
    struct report report; /* last good, field by field */
    int64_t report_ns;    /* when it was made, by our clock */
    uint32_t held;        /* reports in a row whose capacity was not believed */

    double others_tokens, others_pending, others_requests;

    struct slot_totals totals;      /* at the last tick */
    struct slot_totals at_report;   /* ... when the report was made */
    struct slot_totals at_exchange; /* ... when the exchange was made */
    struct slot_totals *history;    /* [FLEET_HISTORY], times in fleet->history_ns */
    struct target_outcomes outcomes;
    struct learned learned;
    double observed_s, predicted_s; /* decaying: So, Sp */
    double observed_ttft_ms, peak_ttft_ms;
    int64_t overdue_ns[2];
    uint32_t overdue_worker;
    struct health health;
};

struct fleet {
    struct random random;
    struct fleet_config *config; /* NULL before the first fleet_configure */
    int64_t configured_ns;
    uint64_t generation;
    uint32_t member_count;
    struct member *members[FLEET_SLOTS_MAX]; /* by slot */
    uint32_t slots[FLEET_SLOTS_MAX];         /* of target i of the configuration */

    uint32_t routers;
    bool exchanged;
    int64_t exchange_ns;
    double exchange_tick_ms;

    int64_t history_ns[FLEET_HISTORY]; /* ring; history_count ever written */
    uint64_t history_count;

    int64_t ticked_ns;
    uint32_t workers;
    struct slot_totals *shares; /* [worker * FLEET_SLOTS_MAX + slot] */
};

/* Member of target `i` of the configuration. */
static inline struct member *fleet_member(const struct fleet *fleet, uint32_t i)
{
    return fleet->members[fleet->slots[i]];
}

/* Its totals at that time, between two ticks by proportion; no older than the history. */
struct slot_totals member_totals_at(const struct fleet *fleet, const struct member *member,
                                    int64_t at_ns);
/* NAN when never measured. */
double rtt_window_ms(const struct rtt_window *window, int64_t now_ns);
/* Every endpoint is down by its probes. */
bool member_is_down(const struct member *member);

/* From declaration, report, exchange and books: clusters[], forecasts[], and targets[]' inputs. */
void fleet_inputs_fill(const struct fleet *fleet, struct snapshot *snapshot);

#endif
