/*
 * One simulated router: the router's own fleet, ledger and table of
 * conversations, and a chain of real policies.  It stands where the scenario's
 * `edges` say; without, for several edges at once, one near each region: the
 * fleet state is one, round trips are those of the request's region.  The run
 * turns its clock and carries its requests.
 */
#ifndef SIMULATE_EDGE_H
#define SIMULATE_EDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "cluster/scenario.h"
#include "fleet/affinity.h"
#include "fleet/fleet.h"
#include "policy/chain.h"

#define EDGE_TICK_MS 100.0

struct edge {
    const struct scenario *scenario;
    const struct chain *chain;
    struct fleet *fleet;
    struct ledger *ledger;
    struct affinity *affinity;
    struct snapshot *snapshot;
    struct random random;
    struct decision decision;
    uint64_t sequence;
    const double *rtt_ms;         /* [region * clusters + cluster] */
    struct iso_cluster *clusters; /* [region * clusters + cluster], with that round trip */
    struct fleet_share *shares;   /* [clusters], as last published */
    uint8_t *verdicts;            /* [clusters] */
    uint8_t *reasons;             /* [clusters] */
};

/* What a router knows of a request. */
struct ask {
    uint64_t session;
    uint32_t region; /* the client's */
    uint32_t place;  /* the region whose round trips count */
    uint32_t service_class;
    uint32_t attempt;
    double prompt_tokens, output_tokens; /* estimates */
    double slo_ms;
    const struct slot_set *tried; /* NULL at the first attempt */
};

/* `config`, `chain` and `rtt_ms` must outlive it. */
void edge_init(struct edge *edge, const struct scenario *scenario, struct fleet_config *config,
               const struct chain *chain, const double *rtt_ms, uint64_t seed);
void edge_finish(struct edge *edge);

/* The clusters as an operator would declare them: on paper. */
struct fleet_config *edge_config(const struct scenario *scenario) ISO_MUST_USE;

/* The other edges' shares; then the books are added up and the next picture is made. */
void edge_exchange(struct edge *edge, const struct edge *edges, uint32_t count, int64_t now_ns);
void edge_tick(struct edge *edge, int64_t now_ns);

/* The query of `ask`; valid as long as it. */
struct fleet_query edge_query(const struct edge *edge, const struct ask *ask);
/* Which cluster; ISO_NONE.  edge->decision holds the rest.  `exact`: estimates in place of the
 * fleet's own, for the clairvoyant; NULL usual. */
uint32_t edge_decide(struct edge *edge, const struct ask *ask, const struct iso_estimate *exact,
                     const struct iso_cluster *exact_clusters, int64_t now_ns);

#endif
