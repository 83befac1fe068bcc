/*
 * One immutable picture of the fleet, made by fleet_tick on the control
 * thread, published by pointer to the workers and retired by epoch:
 *
 *     config, reports, exchange, ledgers, probes --fleet_tick--> snapshot --> workers: verdicts,
 * estimates ^                                                          |
 *                     '----------------------- ledger of each worker <-----------'
 *
 * clusters[i] and targets[i] are the same target; i is the order of the
 * configuration, the same in every snapshot of one configuration.
 */
#ifndef FLEET_SNAPSHOT_H
#define FLEET_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "fleet/cluster.h"
#include "fleet/geo.h"
#include "fleet/health.h"
#include "fleet/ledger.h"
#include "fleet/report.h"
#include "isochrone/policy.h"

#define ENDPOINT_ADDRESSES_MAX 16

/* What a name resolved to; shared by snapshots, immutable. */
struct endpoint_addresses {
    _Atomic uint32_t references;
    uint32_t count;
    struct sockaddr_storage list[]; /* with the endpoint's port */
};

/* An endpoint now.  The declared half is `config`. */
struct endpoint_state {
    const struct endpoint *config;
    struct endpoint_addresses *addresses; /* NULL: not resolved yet */
    bool down;                            /* by its probes */
    double rtt_ms;                        /* windowed minimum; NAN never measured */
};

/* Counters of all workers, or of one. */
struct slot_totals {
    uint64_t sent, sent_tokens;
    uint64_t answered, answered_tokens;
    uint64_t ended;
};

/* Sums since the process began, all workers, for metrics and /clusters. */
struct target_outcomes {
    uint64_t successes, failures;
    uint64_t outcomes[FLIGHT_OUTCOMES]; /* by enum flight_outcome */
};

struct target {
    uint32_t slot;
    const struct target_config *config; /* cluster, pool, "cluster:pool" */
    const struct endpoint_state *endpoints;
    uint32_t endpoint_count;

    /* May it be used? */
    enum report_state state; /* as its agent says */
    bool drained;            /* by the operator */
    bool down;               /* every endpoint is down by its probes */
    bool erring;             /* failing of late */
    struct health health;    /* ejection */
    bool probe_free;         /* half open: one request may go, from worker probe_worker */
    uint32_t probe_worker;

    /* What it said. */
    bool reported;        /* ever */
    double report_age_ms; /* when the snapshot was made; NAN never */
    struct report report; /* last good */
    uint64_t known;       /* enum iso_known of the inputs */

    double instances;          /* M */
    double observed_s;         /* So: decaying sum of (TTFT - RTT), seconds */
    double predicted_s;        /* Sp: ... of its uncorrected prediction */
    struct slot_totals totals; /* our own, all workers */
    struct target_outcomes outcomes;
};

/* Why a target may not be used; the decision record and /explain print the name. */
enum fleet_reason {
    FLEET_USABLE,
    FLEET_NO_MODEL,      /* does not serve the model */
    FLEET_TRIED,         /* this request was there */
    FLEET_DRAINED,       /* by the operator */
    FLEET_WEIGHTLESS,    /* its weight is 0 */
    FLEET_CLOSED,        /* its agent says so */
    FLEET_EXISTING_ONLY, /* its agent takes no new conversations, and this is one */
    FLEET_DOWN,          /* no endpoint answers probes */
    FLEET_EJECTED,       /* failed of late */
    FLEET_PROBING,       /* half open, and the probe is out */
    FLEET_SLOW_START,    /* just back: has its share for now */
    FLEET_SILENT,        /* no report, and errors or overdue answers */
    FLEET_EXCLUDED,      /* was not ISO_KEEP on entry: routes, residency */
    FLEET_REASON_COUNT
};

/* What a prediction needs of a target, close together.  Tokens, requests, ms; never NAN unless
 * said. */
struct forecast {
    uint32_t slot;
    uint32_t overdue_worker; /* who holds overdue_ns[0] */
    uint64_t known;          /* enum iso_known */
    double rtt_ms;
    bool rtt_by_client;       /* rtt_ms is a guess; the client's distance makes a better one */
    double tokens_per_ms;     /* R */
    double tokens_per_ms_one; /* p */
    double lanes;             /* M: prompts that are read at once */
    double mean_tokens;       /* mean_x */
    double slots;             /* S */
    double hold_ms;           /* h */
    double age_ms;            /* of the report; of the configuration where none came */
    double fresh_ms;          /* until that age the report counts: 3 T + 1 s; 0 without a report */
    double reported_tokens;   /* waiting, by the report; NAN unknown */
    double reported_requests; /* running + waiting, by the report; NAN unknown */
    double done_per_ms;       /* others' share of what finishes: (N-1)/N x done_per_s / 1000 */
    double others_tokens, others_pending, others_requests;
    double own_tokens, own_pending;                      /* tokens, requests; all workers */
    double own_requests;                                 /* in flight; all workers */
    double report_tokens, report_requests, report_ended; /* own sent, and ended, since the report */
    double exchange_tokens, exchange_requests;           /* own sent since the exchange */
    double ratio;                                        /* r: (So + 0.5) / (Sp + 0.5) */
    double observed_ttft_ms;                             /* smoothed; NAN never seen */
    double peak_ttft_ms;                                 /* NAN never seen */
    double cache_age_ms;                                 /* by the report; NAN unknown */
    int64_t overdue_ns[2]; /* earliest overdue_from of any worker, and of any but overdue_worker */
    struct geo_vector place; /* NAN unknown */
};

struct snapshot {
    uint64_t generation; /* grows by one a tick */
    int64_t made_ns;
    uint32_t count;
    uint32_t routers;        /* live ones, own included; >= 1 */
    double exchange_age_ms;  /* when made; NAN never exchanged */
    double exchange_tick_ms; /* how often routers exchange now */
    bool panic;              /* under half of the fleet looks fit: probes are not believed */
    uint32_t workers;
    struct iso_cluster *clusters; /* [count], contiguous */
    struct target *targets;       /* [count] */
    struct forecast *forecasts;   /* [count] */
    uint8_t *gates;  /* [count] enum fleet_reason; some hold for every request, some depend on it */
    bool all_usable; /* no gate says anything else, as nearly always */
    struct slot_totals *shares; /* [worker * count + i]: what of totals is that worker's */
    uint16_t index_of_slot[FLEET_SLOTS_MAX]; /* 1 + i; 0 not in this snapshot */
    struct fleet_config *config;             /* held */
    struct arena arena;                      /* what the arrays live in */
};

/* Reference counting of what snapshots share.  [control] */
struct endpoint_addresses *endpoint_addresses_create(const struct sockaddr_storage *list,
                                                     size_t count) ISO_MUST_USE;
struct endpoint_addresses *
endpoint_addresses_hold(struct endpoint_addresses *addresses); /* NULL too */
void endpoint_addresses_drop(struct endpoint_addresses **addresses);

/* [control], when no worker can see it any more. */
void snapshot_destroy(struct snapshot **snapshot);

/* Who serves that model; NULL: nobody.  Valid with this snapshot.  [worker] */
static inline const struct model *snapshot_model_find(const struct snapshot *snapshot,
                                                      struct slice name)
{
    return fleet_config_model(snapshot->config, name);
}

/* Every declared name, for GET /v1/models, is snapshot->config->models[]. */

/* -1 when the slot is not in this snapshot. */
static inline int32_t snapshot_index(const struct snapshot *snapshot, uint32_t slot)
{
    return slot < FLEET_SLOTS_MAX ? (int32_t)snapshot->index_of_slot[slot] - 1 : -1;
}

#endif
