/* A small fleet with a clock that the test turns: what the tests of the fleet layer share. */
#ifndef FLEET_KIT_H
#define FLEET_KIT_H

#include <math.h>

#include "fleet/estimate.h"

#include "declare.h"
#include "unit.h"

#define KIT_CLUSTERS 8
#define MS NS_PER_MS

struct kit {
    struct fleet *fleet;
    struct ledger *ledgers[2];
    uint32_t workers;
    struct snapshot *snapshot;
    int64_t now_ns;
    uint64_t seq;
    struct flight flights[64];
    unsigned flight_count;
};

static inline void close_to(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * fmax(1, fabs(want))))
        fail_msg("got %.9g, want %.9g", got, want);
}

/* `count` clusters "a", "b", ...: one endpoint each, any model. */
static inline struct fleet_config *kit_config(unsigned count)
{
    struct fleet_config *config = fleet_config_create();
    struct cluster *clusters = fleet_config_alloc(config, count * sizeof *clusters);
    for (unsigned i = 0; i < count; i++) {
        const char letter[] = {(char)('a' + i), '\0'};
        const char *name = fleet_config_text(config, slice_of(letter));
        struct endpoint endpoint;
        endpoint_init(&endpoint);
        endpoint.host = name;
        endpoint.port = 8000;
        declare_cluster(config, &clusters[i], name, &endpoint, 1);
    }
    config->clusters = clusters;
    config->cluster_count = count;
    return config;
}

static inline void kit_tick(struct kit *kit)
{
    snapshot_destroy(&kit->snapshot);
    kit->snapshot = fleet_tick(kit->fleet, kit->ledgers, kit->workers, kit->now_ns);
}

static inline void kit_configure(struct kit *kit, struct fleet_config *config)
{
    struct error error;
    assert_true(fleet_config_finish(config, &error));
    assert_true(fleet_configure(kit->fleet, config, kit->now_ns, &error));
    fleet_config_drop(&config);
    kit_tick(kit);
}

/* Time begins at 1 s. */
static inline void kit_init(struct kit *kit, unsigned clusters, uint32_t workers)
{
    memset(kit, 0, sizeof *kit);
    kit->workers = workers;
    kit->now_ns = NS_PER_S;
    kit->fleet = fleet_create(1);
    for (uint32_t w = 0; w < workers; w++)
        kit->ledgers[w] = ledger_create(w);
    kit_configure(kit, kit_config(clusters));
}

static inline void kit_finish(struct kit *kit)
{
    snapshot_destroy(&kit->snapshot);
    fleet_destroy(&kit->fleet);
    for (uint32_t w = 0; w < kit->workers; w++)
        ledger_destroy(&kit->ledgers[w]);
}

static inline struct fleet_query kit_query(const struct kit *kit, double prompt_tokens, bool stream)
{
    return (struct fleet_query){
        .model = snapshot_model_find(kit->snapshot, SLICE("m")),
        .prompt_tokens = prompt_tokens,
        .output_tokens = 100,
        .stream = stream,
        .latitude = NAN,
        .longitude = NAN,
    };
}

/* Target `i`'s estimate from worker `w`, now. */
static inline struct iso_estimate kit_estimate(const struct kit *kit, uint32_t w, uint32_t i,
                                               double prompt_tokens)
{
    struct iso_estimate out[KIT_CLUSTERS];
    const struct fleet_query query = kit_query(kit, prompt_tokens, true);
    fleet_estimate(kit->snapshot, kit->ledgers[w], &query, kit->now_ns, out);
    return out[i];
}

/* Sends to target `i` from worker `w`, now. */
static inline struct flight *kit_send(struct kit *kit, uint32_t w, uint32_t i, double prompt_tokens,
                                      bool stream)
{
    struct flight *flight = &kit->flights[kit->flight_count++ % 64];
    const struct fleet_query query = kit_query(kit, prompt_tokens, stream);
    const struct iso_estimate estimate = kit_estimate(kit, w, i, prompt_tokens);
    ledger_sent(kit->ledgers[w], flight, kit->snapshot->targets[i].slot,
                &kit->snapshot->clusters[i], &estimate, &query, kit->now_ns);
    return flight;
}

/* Worker `w` sends to target `i`; it ends at once. */
static inline void kit_outcome(struct kit *kit, uint32_t w, uint32_t i, enum flight_outcome outcome)
{
    struct flight *flight = kit_send(kit, w, i, 100, true);
    if (outcome == FLIGHT_DONE)
        ledger_first_token(kit->ledgers[w], flight, 100, kit->now_ns);
    ledger_done(kit->ledgers[w], flight, outcome, kit->now_ns);
}

static inline void kit_turn(struct kit *kit, double ms)
{
    kit->now_ns += ms_to_ns(ms);
    kit_tick(kit);
}

/* The verdicts for a new request from worker `w`; how many are kept. */
static inline uint32_t kit_verdicts(const struct kit *kit, uint32_t w, const struct slot_set *tried,
                                    uint8_t verdict[KIT_CLUSTERS], uint8_t reason[KIT_CLUSTERS])
{
    const struct fleet_query query = kit_query(kit, 100, true);
    memset(verdict, ISO_KEEP, KIT_CLUSTERS);
    memset(reason, 0, KIT_CLUSTERS);
    return fleet_verdicts(kit->snapshot, kit->ledgers[w], &query, tried, kit->now_ns, verdict,
                          reason);
}

static inline enum fleet_reason kit_reason(const struct kit *kit, uint32_t w, uint32_t i)
{
    uint8_t verdict[KIT_CLUSTERS], reason[KIT_CLUSTERS];
    kit_verdicts(kit, w, NULL, verdict, reason);
    return (enum fleet_reason)reason[i];
}

static inline struct report kit_report(struct kit *kit)
{
    struct report report;
    report_init(&report);
    report.epoch = 1;
    report.seq = ++kit->seq;
    report.interval_ms = 2000;
    return report;
}

static inline enum report_fate kit_apply(struct kit *kit, const char *cluster,
                                         const struct report *report, double age_ms)
{
    return fleet_apply_report(kit->fleet, slice_of(cluster), SLICE("default"), report, age_ms,
                              kit->now_ns);
}

#endif
