#include "simulate/edge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fleet/estimate.h"

/* Conversations kept in mind. */
#define AFFINITY_LEAST (1u << 16)
#define AFFINITY_OF_CLUSTER (1u << 10)
#define EXCHANGE_AGE_MS 1.0 /* Redis there and back */

struct fleet_config *edge_config(const struct scenario *scenario)
{
    struct fleet_config *config = fleet_config_create();
    struct cluster *clusters =
        fleet_config_alloc(config, scenario->cluster_count * sizeof *clusters);
    struct error error;
    for (uint32_t i = 0; i < scenario->cluster_count; i++) {
        const struct scenario_cluster *from = &scenario->clusters[i];
        const struct cluster_type *type = &from->setup.type;
        struct endpoint *endpoint = fleet_config_alloc(config, sizeof *endpoint);
        struct pool *pool = fleet_config_alloc(config, sizeof *pool);
        endpoint_init(endpoint);
        pool_init(pool);
        pool->endpoints = endpoint;
        pool->endpoint_count = 1;
        pool->capacity.instances = from->setup.instances;
        pool->capacity.slots = (double)from->setup.instances * type->batch;
        pool->capacity.prefill_tps_one = type->prefill_tps_one;
        pool->capacity.prefill_tps = type->prefill_tps_one * from->setup.instances;
        cluster_init(&clusters[i]);
        clusters[i].name = fleet_config_text(config, slice_of(from->point.name));
        clusters[i].latitude = from->point.latitude;
        clusters[i].longitude = from->point.longitude;
        clusters[i].price_per_mtok = from->price;
        clusters[i].pools = pool;
        clusters[i].pool_count = 1;
    }
    config->clusters = clusters;
    config->cluster_count = scenario->cluster_count;
    CHECK(fleet_config_finish(config, &error)); /* the scenario's reader has checked the names */
    return config;
}

static size_t affinity_size(size_t clusters)
{
    const size_t wanted = clusters * AFFINITY_OF_CLUSTER;
    return wanted > AFFINITY_LEAST ? wanted : AFFINITY_LEAST;
}

void edge_init(struct edge *edge, const struct scenario *scenario, struct fleet_config *config,
               const struct chain *chain, const double *rtt_ms, uint64_t seed)
{
    const size_t clusters = scenario->cluster_count, regions = scenario->region_count;
    struct error error;
    *edge = (struct edge){.scenario = scenario, .chain = chain, .rtt_ms = rtt_ms};
    random_seed(&edge->random, seed);
    edge->fleet = fleet_create(random_u64(&edge->random));
    edge->ledger = ledger_create(0);
    edge->affinity = affinity_create(affinity_size(scenario->cluster_count));
    edge->clusters = memory_zalloc(regions * clusters * sizeof *edge->clusters);
    edge->shares = memory_zalloc(clusters * sizeof *edge->shares);
    edge->verdicts = memory_zalloc(clusters);
    edge->reasons = memory_zalloc(clusters);
    decision_init(&edge->decision);
    CHECK(fleet_configure(edge->fleet, config, 0, &error)); /* a fresh fleet has room */
    edge_tick(edge, 0);
}

void edge_finish(struct edge *edge)
{
    snapshot_destroy(&edge->snapshot);
    decision_finish(&edge->decision);
    affinity_destroy(&edge->affinity);
    ledger_destroy(&edge->ledger);
    fleet_destroy(&edge->fleet);
    free(edge->clusters);
    free(edge->shares);
    free(edge->verdicts);
    free(edge->reasons);
}

void edge_exchange(struct edge *edge, const struct edge *edges, uint32_t count, int64_t now_ns)
{
    const uint32_t clusters = edge->scenario->cluster_count;
    struct fleet_share others[FLEET_SLOTS_MAX];
    for (uint32_t i = 0; i < clusters; i++) {
        others[i] = edge->shares[i];
        others[i].inflight = others[i].pending = others[i].pending_tokens = 0;
        for (uint32_t r = 0; r < count; r++) {
            if (&edges[r] == edge)
                continue;
            others[i].inflight += edges[r].shares[i].inflight;
            others[i].pending += edges[r].shares[i].pending;
            others[i].pending_tokens += edges[r].shares[i].pending_tokens;
        }
    }
    fleet_apply_exchange(edge->fleet, others, clusters, count, EDGE_TICK_MS, EXCHANGE_AGE_MS,
                         now_ns);
}

void edge_tick(struct edge *edge, int64_t now_ns)
{
    const uint32_t clusters = edge->scenario->cluster_count;
    snapshot_destroy(&edge->snapshot);
    edge->snapshot = fleet_tick(edge->fleet, &edge->ledger, 1, now_ns);
    fleet_shares(edge->fleet, edge->shares, clusters);
    for (uint32_t r = 0; r < edge->scenario->region_count; r++) {
        struct iso_cluster *row = edge->clusters + (size_t)r * clusters;
        memcpy(row, edge->snapshot->clusters, clusters * sizeof *row);
        for (uint32_t i = 0; i < clusters; i++)
            row[i].rtt_ms = edge->rtt_ms[(size_t)r * clusters + i];
    }
}

struct fleet_query edge_query(const struct edge *edge, const struct ask *ask)
{
    const struct network_point *place = &edge->scenario->regions[ask->region].point;
    return (struct fleet_query){
        .model = snapshot_model_find(edge->snapshot, SLICE_NONE),
        .prompt_tokens = ask->prompt_tokens,
        .output_tokens = ask->output_tokens,
        .session = ask->session,
        .service_class = ask->service_class,
        .stream = true,
        .latitude = place->latitude,
        .longitude = place->longitude,
        .affinity = edge->affinity,
        .rtt_ms = edge->rtt_ms + (size_t)ask->place * edge->scenario->cluster_count,
    };
}

static void request_fill(const struct edge *edge, const struct ask *ask, struct iso_request *out)
{
    const struct network_point *place = &edge->scenario->regions[ask->region].point;
    out->attempt = ask->attempt;
    out->service_class = ask->service_class;
    out->stream = 1;
    out->latitude = place->latitude;
    out->longitude = place->longitude;
    out->session = ask->session;
    out->prompt_tokens = ask->prompt_tokens;
    out->output_tokens = ask->output_tokens;
    out->slo_ms = ask->slo_ms;
}

uint32_t edge_decide(struct edge *edge, const struct ask *ask, const struct iso_estimate *exact,
                     const struct iso_cluster *exact_clusters, int64_t now_ns)
{
    const struct snapshot *snapshot = edge->snapshot;
    const struct fleet_query query = edge_query(edge, ask);
    struct decision *decision = &edge->decision;
    decision_begin(decision, snapshot->count, edge->chain->part_count);
    decision->seed = random_u64(&edge->random);
    decision->sequence = edge->sequence++;
    decision->now_ns = now_ns;
    decision->clusters = edge->clusters + (size_t)ask->place * snapshot->count;
    request_fill(edge, ask, &decision->request);
    memset(edge->verdicts, ISO_KEEP, snapshot->count);
    fleet_verdicts(snapshot, edge->ledger, &query, ask->tried, now_ns, edge->verdicts,
                   edge->reasons);
    for (uint32_t i = 0; i < snapshot->count; i++)
        if (edge->verdicts[i] != ISO_KEEP)
            decision->verdicts[i].reason = DECISION_CLOSED;
    if (exact != NULL) {
        memcpy(decision->estimates, exact, snapshot->count * sizeof *exact);
        decision->clusters = exact_clusters;
    } else {
        fleet_estimate(snapshot, edge->ledger, &query, now_ns, decision->estimates);
    }
    chain_decide(edge->chain, decision);
    return decision->chosen;
}
