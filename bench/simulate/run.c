#include "simulate/run.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cluster/network.h"
#include "simulate/run_state.h"

#define REPORT_LATE_MS 50.0
#define PROBE_MS 5000.0
#define DRAIN_S 900.0 /* the unfinished are given up then */

/* --- what the control plane does --- */

static void edge_turn(struct run *run, uint32_t at)
{
    struct edge *edge = &run->edges[at];
    ledger_turn(edge->ledger, run->now_ns);
    if (run->setup->routers > 1 && !run->redis_down)
        edge_exchange(edge, run->edges, run->setup->routers, run->now_ns);
    edge_tick(edge, run->now_ns);
    agenda_add(&run->agenda, run->now_ns + ms_to_ns(EDGE_TICK_MS), EVENT_TICK, at, 0);
}

static void station_scrape(struct run *run, uint32_t at)
{
    struct letter *letter = &run->mail[at];
    letter->station = at;
    if (station_report(&run->stations[at], run->setup->report_interval_ms, run->now_ns,
                       &letter->report)) {
        clairvoyant_report(&run->seer, at, &letter->report);
        agenda_add(&run->agenda, run->now_ns + ms_to_ns(REPORT_LATE_MS), EVENT_REPORT, at, 0);
    }
    run_station_turn(run, &run->stations[at]);
    agenda_add(&run->agenda, run->now_ns + ms_to_ns(run->setup->report_interval_ms), EVENT_SCRAPE,
               at, 0);
}

static void report_arrives(struct run *run, uint32_t at)
{
    const struct slice name = slice_of(run->scenario->clusters[at].point.name);
    for (uint32_t r = 0; r < run->setup->routers && !run->redis_down; r++)
        fleet_apply_report(run->edges[r].fleet, name, SLICE(FLEET_POOL_DEFAULT),
                           &run->mail[at].report, REPORT_LATE_MS, run->now_ns);
}

static void probe(struct run *run, uint32_t edge, uint32_t at)
{
    struct fleet *fleet = run->edges[edge].fleet;
    fleet_observe_probe(fleet, run->edges[edge].snapshot->targets[at].slot, 0,
                        !run->stations[at].down, run->now_ns);
    agenda_add(&run->agenda, run->now_ns + ms_to_ns(PROBE_MS), EVENT_PROBE, edge, at);
}

/* --- the loop --- */

static void happen(struct run *run, const struct agenda_item *item)
{
    const uint32_t subject = item->subject;
    const enum run_event event = (enum run_event)item->kind;
    switch (event) {
    case EVENT_TURN:
        run_turn_arrives(run, subject);
        break;
    case EVENT_ARRIVE:
    case EVENT_REFUSED:
    case EVENT_ERROR:
    case EVENT_LOST:
    case EVENT_FIRST:
    case EVENT_DONE:
        run_trip_event(run, event, trip_at(&run->trips, subject));
        break;
    case EVENT_TICK:
        edge_turn(run, subject);
        break;
    case EVENT_SCRAPE:
        station_scrape(run, subject);
        break;
    case EVENT_REPORT:
        report_arrives(run, subject);
        break;
    case EVENT_PROBE:
        probe(run, subject, (uint32_t)item->detail);
        break;
    case EVENT_FAULT_ON:
        run_fault_turn(run, subject, true);
        break;
    case EVENT_FAULT_OFF:
        run_fault_turn(run, subject, false);
        break;
    }
}

static struct station *station_first_due(const struct run *run)
{
    struct station *first = &run->stations[0];
    for (uint32_t i = 1; i < run->clusters; i++)
        if (run->stations[i].next_ns < first->next_ns)
            first = &run->stations[i];
    return first;
}

/* False when nothing more can matter. */
static bool step(struct run *run)
{
    struct station *station = station_first_due(run);
    const int64_t begins_ns = workload_next_ns(run->workload);
    const int64_t agenda_ns = agenda_next_ns(&run->agenda);
    if (begins_ns == INT64_MAX && run->now_ns >= run->end_ns && run->under_way == 0)
        return false;
    if (run->now_ns >= run->end_ns + run_seconds_ns(DRAIN_S))
        return false;
    if (station->next_ns <= agenda_ns && station->next_ns <= begins_ns) {
        run->now_ns = station->next_ns;
        run_station_turn(run, station);
    } else if (begins_ns < agenda_ns) {
        run->now_ns = begins_ns;
        run_turn_arrives(run, workload_begin(run->workload));
    } else {
        const struct agenda_item item = agenda_take(&run->agenda);
        run->now_ns = item.due_ns;
        happen(run, &item);
    }
    return true;
}

/* --- begin and end --- */

static void places_init(struct run *run)
{
    const uint32_t regions = run->scenario->region_count;
    run->network = scenario_network(run->scenario);
    run->rtt_ms = memory_alloc((size_t)regions * run->clusters * sizeof *run->rtt_ms);
    for (uint32_t r = 0; r < regions; r++)
        for (uint32_t i = 0; i < run->clusters; i++)
            run->rtt_ms[(size_t)r * run->clusters + i] = network_rtt_ms(run->network, r, i);
}

static void edges_init(struct run *run)
{
    const uint32_t routers = run->setup->routers;
    run->config = edge_config(run->scenario);
    run->edges = memory_zalloc(routers * sizeof *run->edges);
    for (uint32_t r = 0; r < routers; r++) {
        edge_init(&run->edges[r], run->scenario, run->config, run->setup->chain, run->rtt_ms,
                  random_u64(&run->random));
        agenda_add(&run->agenda, ms_to_ns(EDGE_TICK_MS * (r + 1) / routers), EVENT_TICK, r, 0);
        for (uint32_t i = 0; i < run->clusters; i++)
            agenda_add(&run->agenda, ms_to_ns(PROBE_MS * random_unit(&run->random)), EVENT_PROBE, r,
                       i);
    }
}

static void stations_init(struct run *run)
{
    run->stations = memory_zalloc(run->clusters * sizeof *run->stations);
    run->mail = memory_zalloc(run->clusters * sizeof *run->mail);
    clairvoyant_init(&run->seer, run->clusters);
    for (uint32_t i = 0; i < run->clusters; i++) {
        station_init(&run->stations[i], &run->scenario->clusters[i]);
        agenda_add(&run->agenda,
                   ms_to_ns(run->setup->report_interval_ms * random_unit(&run->random)),
                   EVENT_SCRAPE, i, 0);
    }
}

static void faults_init(struct run *run)
{
    for (uint32_t f = 0; f < run->setup->fault_count; f++) {
        const struct fault *fault = &run->setup->faults[f];
        const int64_t on_ns = run->warm_ns + run_seconds_ns(fault->start_s);
        agenda_add(&run->agenda, on_ns, EVENT_FAULT_ON, f, 0);
        agenda_add(&run->agenda, on_ns + run_seconds_ns(fault->lasts_s), EVENT_FAULT_OFF, f, 0);
    }
}

static void run_init(struct run *run, const struct run_setup *setup, struct run_result *result)
{
    *run = (struct run){.setup = setup, .scenario = setup->workload.scenario, .result = result};
    run->clusters = run->scenario->cluster_count;
    run->warm_ns = run_seconds_ns(setup->workload.warm_s);
    run->end_ns = run->warm_ns + run_seconds_ns(setup->workload.measured_s);
    random_seed(&run->random, setup->workload.seed ^ UINT64_C(0x72756e));
    run->workload = workload_create(&setup->workload);
    if (setup->series)
        result->series =
            series_create(run->clusters, run->scenario->region_count, run->warm_ns, run->end_ns);
    trip_pool_init(&run->trips);
    places_init(run);
    stations_init(run);
    edges_init(run);
    faults_init(run);
}

static void shares_fill(struct run *run)
{
    struct run_result *result = run->result;
    const double span_s = (double)(run->end_ns - run->warm_ns) / 1e9;
    double taken = 0;
    result->utilisation = memory_zalloc(run->clusters * sizeof *result->utilisation);
    result->share = memory_zalloc(run->clusters * sizeof *result->share);
    for (uint32_t i = 0; i < run->clusters; i++)
        taken += (double)run->stations[i].taken;
    for (uint32_t i = 0; i < run->clusters; i++) {
        const struct station *station = &run->stations[i];
        result->utilisation[i] = station->busy_s / span_s / station->config->setup.instances;
        result->share[i] = taken > 0 ? (double)station->taken / taken : 0;
    }
}

static void unfinished_count(struct run *run)
{
    const uint32_t size = trip_pool_size(&run->trips);
    for (uint32_t number = 0; number < size; number++) {
        const struct trip *trip = trip_at(&run->trips, number);
        run->result->score.unfinished += trip->state != TRIP_FREE && trip->measured;
    }
}

static void run_finish(struct run *run)
{
    for (uint32_t r = 0; r < run->setup->routers; r++)
        edge_finish(&run->edges[r]);
    for (uint32_t i = 0; i < run->clusters; i++)
        station_finish(&run->stations[i]);
    clairvoyant_finish(&run->seer);
    trip_pool_finish(&run->trips);
    agenda_finish(&run->agenda);
    workload_destroy(&run->workload);
    fleet_config_drop(&run->config);
    network_destroy(&run->network);
    free(run->rtt_ms);
    free(run->edges);
    free(run->stations);
    free(run->mail);
}

void run_make(const struct run_setup *setup, struct run_result *out)
{
    struct run run;
    *out = (struct run_result){0};
    run_init(&run, setup, out);
    while (step(&run)) {
    }
    shares_fill(&run);
    unfinished_count(&run);
    run_finish(&run);
}

void run_result_finish(struct run_result *result)
{
    free(result->utilisation);
    free(result->share);
    series_destroy(&result->series);
    *result = (struct run_result){0};
}
