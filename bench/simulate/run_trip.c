/* The life of a request in a run: decided, sent, served, answered, and what is learned of it. */
#include <math.h>

#include "base/clock.h"
#include "cluster/network.h"
#include "simulate/run_state.h"

#define ERROR_MS 1.0
#define OUTPUT_PRIOR 256.0 /* what the router expects of a request that does not say */
#define ATTEMPTS_MOST 3

static bool is_measured(const struct run *run, int64_t at_ns)
{
    return at_ns >= run->warm_ns && at_ns < run->end_ns;
}

static struct score_class *class_of(struct run *run, const struct trip *trip)
{
    const bool flex = trip->ask.service_class == ISO_FLEX;
    return &run->result->score.classes[flex ? SCORE_FLEX : SCORE_INTERACTIVE];
}

/* --- sending --- */

static struct cluster_request request_of(const struct run *run, const struct trip *trip)
{
    const struct conversation *c = workload_at(run->workload, trip->conversation);
    return (struct cluster_request){
        .id = trip->number,
        .conversation = c->id,
        .prompt_tokens = c->prompt_tokens,
        .reusable_tokens = c->reusable_tokens,
        .output_tokens = c->output_tokens,
    };
}

static uint32_t choose(struct run *run, struct trip *trip)
{
    struct edge *edge = &run->edges[trip->edge];
    if (run->setup->rule == RUN_POLICY)
        return edge_decide(edge, &trip->ask, NULL, NULL, run->now_ns);
    const struct cluster_request request = request_of(run, trip);
    for (uint32_t i = 0; i < run->clusters; i++)
        cluster_model_advance(run->stations[i].model, run->now_ns);
    clairvoyant_look(&run->seer, run->stations, edge->snapshot->clusters,
                     run->rtt_ms + (size_t)trip->ask.place * run->clusters, &request);
    const uint32_t chosen =
        edge_decide(edge, &trip->ask, run->seer.estimates, run->seer.clusters, run->now_ns);
    return run->setup->rule == RUN_EXACT ? chosen : clairvoyant_quickest(&run->seer, run->stations);
}

static void trip_end(struct run *run, struct trip *trip)
{
    run->under_way--;
    trip_give(&run->trips, trip);
}

static void trip_fail(struct run *run, struct trip *trip)
{
    if (trip->measured) {
        run->result->score.failed++;
        run->result->score.failed_unstarted += !trip->taken;
    }
    workload_end(run->workload, trip->conversation);
    trip_end(run, trip);
}

static void fault_count(struct run *run, uint32_t station)
{
    if (run->counted == NULL || run->now_ns < run->counted_from_ns)
        return;
    run->result->score.fault_sent++;
    run->result->score.fault_sent_there += station == run->counted->cluster;
}

static void note_sent(struct run *run, struct trip *trip)
{
    struct edge *edge = &run->edges[trip->edge];
    const struct decision *decision = &edge->decision;
    const uint32_t slot = edge->snapshot->targets[trip->station].slot;
    const struct fleet_query query = edge_query(edge, &trip->ask);
    trip->expectation = affinity_expect(edge->affinity, trip->ask.session, NULL, 0,
                                        trip->ask.prompt_tokens, slot, run->now_ns);
    affinity_note_request(edge->affinity, trip->ask.session, trip->ask.prompt_tokens, NULL, 0, slot,
                          run->now_ns);
    trip->flight = (struct flight){0};
    ledger_sent(edge->ledger, &trip->flight, slot, decision_cluster(decision, trip->station),
                &decision->estimates[trip->station], &query, run->now_ns);
}

static void attempt(struct run *run, struct trip *trip)
{
    const uint32_t chosen = choose(run, trip);
    if (chosen == ISO_NONE) {
        trip_fail(run, trip);
        return;
    }
    struct station *station = &run->stations[chosen];
    const double base_ms = run->rtt_ms[(size_t)trip->ask.place * run->clusters + chosen];
    trip->station = chosen;
    note_sent(run, trip);
    series_sent(run->result->series, trip->ask.region, chosen, run->now_ns);
    fault_count(run, chosen);
    trip->state = TRIP_GOING;
    trip->sent_ns = run->now_ns;
    trip->half_ns = ms_to_ns(network_draw_ms(base_ms, &run->random) / 2);
    if (run->setup->rule != RUN_POLICY) {
        const struct conversation *c = workload_at(run->workload, trip->conversation);
        trip->sent_tokens = c->prompt_tokens - run->seer.estimates[chosen].cached_tokens;
        station->flying_tokens += trip->sent_tokens;
        station->flying++;
    }
    agenda_add(&run->agenda, run->now_ns + trip->half_ns, EVENT_ARRIVE, trip->number, 0);
}

static void arrival_write(const struct run *run, const struct conversation *c)
{
    fprintf(run->setup->arrivals,
            "{\"at_ms\":%.3f,\"place\":\"%s\",\"conversation\":%llu,\"turn\":%u,"
            "\"prompt_tokens\":%u,\"output_tokens\":%u,\"reusable_tokens\":%u,\"class\":\"%s\"}\n",
            ns_to_ms(run->now_ns), run->scenario->regions[c->region].point.name,
            (unsigned long long)c->id, c->turn, c->prompt_tokens, c->output_tokens,
            c->reusable_tokens, c->kind == KIND_FLEX ? "flex" : "interactive");
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Of a place's edges each has its share of the conversations. */
static uint32_t edge_of(const struct run *run, uint32_t region, uint64_t hash)
{
    const struct scenario *s = run->scenario;
    if (s->edge_count == 0)
        return (uint32_t)(hash % run->setup->routers);
    const uint32_t place = s->regions[region].edge;
    const uint32_t here = (run->setup->routers - place - 1) / s->edge_count + 1;
    return place + (uint32_t)(hash % here) * s->edge_count;
}

static uint32_t place_of(const struct scenario *s, uint32_t region)
{
    return s->edge_count > 0 ? s->edges[s->regions[region].edge] : region;
}

/* A turn of a conversation reaches its edge. */
void run_turn_arrives(struct run *run, uint32_t at)
{
    const struct conversation *c = workload_at(run->workload, at);
    const bool flex = c->kind == KIND_FLEX;
    const double scale = run->setup->workload.sizes->output_scale;
    struct trip *trip = trip_take(&run->trips);
    const uint64_t hash = mix(c->id * UINT64_C(0x9e3779b97f4a7c15));
    trip->conversation = at;
    trip->edge = edge_of(run, c->region, hash);
    trip->arrived_ns = run->now_ns;
    trip->measured = is_measured(run, run->now_ns);
    trip->ask = (struct ask){
        .session = mix(hash) | 1,
        .region = c->region,
        .place = place_of(run->scenario, c->region),
        .service_class = flex ? ISO_FLEX : ISO_INTERACTIVE,
        .prompt_tokens = fmax(1, c->prompt_tokens * c->known_factor),
        .output_tokens = OUTPUT_PRIOR * (scale > 0 ? scale : 1),
        .slo_ms = flex ? run->setup->flex_slo_ms : run->setup->slo_ms,
    };
    run->under_way++;
    run->result->simulated++;
    if (trip->measured)
        class_of(run, trip)->requests++;
    if (!flex)
        series_arrive(run->result->series, run->now_ns);
    if (run->setup->arrivals != NULL)
        arrival_write(run, c);
    attempt(run, trip);
}

/* --- at the cluster --- */

static void trip_arrives(struct run *run, struct trip *trip)
{
    struct station *station = &run->stations[trip->station];
    if (run->setup->rule != RUN_POLICY) {
        station->flying_tokens -= trip->sent_tokens;
        station->flying--;
    }
    if (station->down) {
        trip->state = TRIP_LEAVING;
        agenda_add(&run->agenda, run->now_ns + trip->half_ns, EVENT_REFUSED, trip->number, 0);
        return;
    }
    trip->taken = true;
    if (station->erring) {
        trip->state = TRIP_LEAVING;
        agenda_add(&run->agenda, run->now_ns + trip->half_ns + ms_to_ns(ERROR_MS), EVENT_ERROR,
                   trip->number, 0);
        return;
    }
    const struct cluster_request request = request_of(run, trip);
    trip->state = TRIP_THERE;
    trip->handle = cluster_model_submit(station->model, &request, run->now_ns);
    station->taken += trip->measured;
}

/* Lane time that falls into the measured time. */
static double measured_s(const struct run *run, int64_t from_ns, int64_t to_ns)
{
    const int64_t from = from_ns > run->warm_ns ? from_ns : run->warm_ns;
    const int64_t to = to_ns < run->end_ns ? to_ns : run->end_ns;
    return to > from ? (double)(to - from) / 1e9 : 0;
}

static void model_event(struct run *run, struct station *station, const struct cluster_event *event)
{
    struct trip *trip = trip_at(&run->trips, (uint32_t)event->id);
    switch (event->kind) {
    case CLUSTER_STARTED:
        trip->started_ns = event->at_ns;
        break;
    case CLUSTER_FIRST_TOKEN:
        station->busy_s += measured_s(run, trip->started_ns, event->at_ns);
        series_busy(run->result->series, trip->station, trip->started_ns, event->at_ns);
        agenda_add(&run->agenda, event->at_ns + trip->half_ns, EVENT_FIRST, trip->number, 0);
        break;
    case CLUSTER_FINISHED:
        trip->state = TRIP_LEAVING;
        trip->cached_tokens = event->cached_tokens;
        agenda_add(&run->agenda, event->at_ns + trip->half_ns, EVENT_DONE, trip->number, 0);
        break;
    }
}

void run_station_turn(struct run *run, struct station *station)
{
    struct cluster_event event;
    cluster_model_advance(station->model, run->now_ns);
    while (cluster_model_take_event(station->model, &event))
        model_event(run, station, &event);
    station->next_ns = cluster_model_next_ns(station->model);
}

/* --- back at the edge --- */

static void trip_first(struct run *run, struct trip *trip)
{
    struct edge *edge = &run->edges[trip->edge];
    trip->ttft_ns = run->now_ns - trip->arrived_ns;
    ledger_first_token(edge->ledger, &trip->flight, ns_to_ms(run->now_ns - trip->sent_ns),
                       run->now_ns);
}

static void score_done(struct run *run, const struct trip *trip)
{
    const struct conversation *c = workload_at(run->workload, trip->conversation);
    struct score *score = &run->result->score;
    struct score_class *class = class_of(run, trip);
    histogram_add(&class->ttft_ns, (uint64_t)trip->ttft_ns);
    if (trip->ask.service_class != ISO_FLEX)
        series_first(run->result->series, trip->arrived_ns, trip->ttft_ns);
    histogram_add(&class->e2e_ns, (uint64_t)(run->now_ns - trip->arrived_ns));
    class->under_slo += ns_to_ms(trip->ttft_ns) <= trip->ask.slo_ms;
    score->prompt_tokens += c->prompt_tokens;
    score->cached_tokens += trip->cached_tokens;
    if (trip->ask.service_class == ISO_FLEX) {
        const double tokens = (double)c->prompt_tokens + c->output_tokens;
        score->flex_tokens += tokens;
        score->flex_paid += tokens * run->scenario->clusters[trip->station].price;
    }
}

static void trip_done(struct run *run, struct trip *trip)
{
    struct edge *edge = &run->edges[trip->edge];
    struct conversation *c = workload_at(run->workload, trip->conversation);
    const uint32_t slot = trip->flight.slot;
    ledger_done(edge->ledger, &trip->flight, FLIGHT_DONE, run->now_ns);
    affinity_learn(edge->affinity, slot, trip->expectation, trip->cached_tokens,
                   edge->snapshot->forecasts[trip->station].cache_age_ms);
    affinity_note_request(edge->affinity, trip->ask.session,
                          trip->ask.prompt_tokens + c->output_tokens, NULL, 0, slot, run->now_ns);
    if (trip->measured)
        score_done(run, trip);
    const int64_t next_ns =
        c->more ? run->now_ns + conversation_next(c, &run->setup->workload) : INT64_MAX;
    if (next_ns < run->end_ns)
        agenda_add(&run->agenda, next_ns, EVENT_TURN, trip->conversation, 0);
    else
        workload_end(run->workload, trip->conversation);
    trip_end(run, trip);
}

static void trip_refused(struct run *run, struct trip *trip)
{
    struct edge *edge = &run->edges[trip->edge];
    const uint32_t slot = trip->flight.slot;
    ledger_done(edge->ledger, &trip->flight, FLIGHT_REFUSED_BEFORE_START, run->now_ns);
    slot_set_add(&trip->tried, slot);
    trip->ask.tried = &trip->tried;
    trip->state = TRIP_RETRYING;
    if (++trip->ask.attempt < ATTEMPTS_MOST)
        attempt(run, trip);
    else
        trip_fail(run, trip);
}

static void trip_broken(struct run *run, struct trip *trip, enum flight_outcome outcome)
{
    ledger_done(run->edges[trip->edge].ledger, &trip->flight, outcome, run->now_ns);
    trip_fail(run, trip);
}

void run_trip_event(struct run *run, enum run_event event, struct trip *trip)
{
    switch (event) {
    case EVENT_ARRIVE:
        trip_arrives(run, trip);
        run_station_turn(run, &run->stations[trip->station]);
        break;
    case EVENT_REFUSED:
        trip_refused(run, trip);
        break;
    case EVENT_ERROR:
        trip_broken(run, trip, FLIGHT_ERROR);
        break;
    case EVENT_LOST:
        trip_broken(run, trip, FLIGHT_CUT);
        break;
    case EVENT_FIRST:
        trip_first(run, trip);
        break;
    case EVENT_DONE:
        trip_done(run, trip);
        break;
    default:
        CHECK(false);
    }
}
