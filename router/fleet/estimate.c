#include "fleet/estimate.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#define CORRECTION_LEAST 0.5
#define CORRECTION_MOST 50.0
#define CORRECTION_AGE_MS 10000.0 /* of the report, at which the dead band is at its widest */

/* Exchange silent for that many of its ticks: the others' counters begin to lose, then lose, all
 * weight. */
#define EXCHANGE_FADE_FROM 3.0
#define EXCHANGE_FADE_TO 10.0
#define EXCHANGE_TICK_LEAST_MS 100.0

/* How much each further router adds to the variance of what a report says, its own as 1. */
#define REPORT_DOUBT 0.2

/* One instruction each; fmax and fmin are calls, for the sake of NAN.  `b` NAN: `a`. */
static inline double larger(double a, double b)
{
    return b > a ? b : a;
}

static inline double smaller(double a, double b)
{
    return b < a ? b : a;
}

const char *fleet_reason_name(enum fleet_reason reason)
{
    static const char *const names[] = {
        [FLEET_USABLE] = "usable",
        [FLEET_NO_MODEL] = "no_model",
        [FLEET_TRIED] = "tried",
        [FLEET_DRAINED] = "drained",
        [FLEET_WEIGHTLESS] = "weightless",
        [FLEET_CLOSED] = "closed",
        [FLEET_EXISTING_ONLY] = "existing_only",
        [FLEET_DOWN] = "down",
        [FLEET_EJECTED] = "ejected",
        [FLEET_PROBING] = "probing",
        [FLEET_SLOW_START] = "slow_start",
        [FLEET_SILENT] = "silent",
        [FLEET_EXCLUDED] = "excluded",
    };
    return reason < FLEET_REASON_COUNT ? names[reason] : "?";
}

static double correction_of(double ratio, double age_ms)
{
    if (ratio == 1)
        return 1;
    const double band = 1 + smaller(1, age_ms / CORRECTION_AGE_MS);
    const double factor = ratio > band ? ratio / band : ratio * band < 1 ? ratio * band : 1;
    return smaller(CORRECTION_MOST, larger(CORRECTION_LEAST, factor));
}

double fleet_correction(double observed_s, double predicted_s, double age_ms)
{
    return correction_of(fleet_ratio(observed_s, predicted_s), age_ms);
}

/* --- our own work there, now ----------------------------------------------------------------- */

/* All workers as of the snapshot, and this worker's own since. */
struct own {
    double tokens, pending; /* tokens and requests not yet read */
    double requests;        /* in flight */
    double report_tokens, report_requests, report_ended;
    double exchange_tokens, exchange_requests;
};

/* Counters only grow; the share was read from the same ones earlier. */
static double grown(const _Atomic uint64_t *now, uint64_t then)
{
    return (double)(int64_t)(atomic_load_explicit(now, memory_order_relaxed) - then);
}

static void own_now(const struct forecast *forecast, const struct ledger_slot *live,
                    const struct slot_totals *share, struct own *own)
{
    const double sent = grown(&live->sent, share->sent);
    const double sent_tokens = grown(&live->sent_tokens, share->sent_tokens);
    const double answered_tokens = grown(&live->answered_tokens, share->answered_tokens);
    const double answered = grown(&live->answered, share->answered);
    const double ended = grown(&live->ended, share->ended);
    own->tokens = larger(0, forecast->own_tokens + sent_tokens - answered_tokens);
    own->pending = larger(0, forecast->own_pending + sent - answered);
    own->requests = larger(0, forecast->own_requests + sent - ended);
    own->report_tokens = forecast->report_tokens + sent_tokens;
    own->report_requests = forecast->report_requests + sent;
    own->report_ended = forecast->report_ended + ended;
    own->exchange_tokens = forecast->exchange_tokens + sent_tokens;
    own->exchange_requests = forecast->exchange_requests + sent;
}

/* --- what all routers have there -------------------------------------------------------------- */

/* What holds for every target of one decision. */
struct moment {
    int64_t now_ns;
    double since_ms; /* the snapshot was made */
    double routers;  /* N */
    double fade;     /* 0 the exchange is fresh .. 1 it is silent: the others hold what we hold */
};

static struct moment moment_make(const struct snapshot *snapshot, int64_t now_ns)
{
    struct moment moment = {.now_ns = now_ns, .routers = snapshot->routers};
    moment.since_ms = larger(0, ns_to_ms(now_ns - snapshot->made_ns));
    const double tick = larger(snapshot->exchange_tick_ms, EXCHANGE_TICK_LEAST_MS);
    const double ticks = (snapshot->exchange_age_ms + moment.since_ms) / tick;
    moment.fade = smaller(1, larger(0, (ticks - EXCHANGE_FADE_FROM) /
                                           (EXCHANGE_FADE_TO - EXCHANGE_FADE_FROM)));
    return moment;
}

/*
 * Others' exchanged figure, plus what they must have sent since if they do as
 * we do.  That grows without end while the exchange is silent, so by then the
 * others are taken to hold what we hold.
 */
static double others_now(const struct moment *moment, double exchanged, double own_since,
                         double own)
{
    const double others = moment->routers - 1;
    if (others <= 0)
        return 0;
    return (1 - moment->fade) * (exchanged + others * own_since) + moment->fade * others * own;
}

/*
 * Two noisy estimates; their mean beats either.  But what a report does not
 * show of the others' requests is guessed from ours, with N times our noise,
 * where the exchange has counted most of them.
 */
static double blend(const struct moment *moment, double by_exchange, double by_report)
{
    const double doubt = (moment->routers - 1) * REPORT_DOUBT;
    return by_exchange + (by_report - by_exchange) / (2 + doubt);
}

static double backlog_now(const struct forecast *forecast, const struct moment *moment,
                          const struct own *own, double age_ms)
{
    const double by_exchange = own->tokens + others_now(moment, forecast->others_tokens,
                                                        own->exchange_tokens, own->tokens);
    if (age_ms >= forecast->fresh_ms || isnan(forecast->reported_tokens))
        return by_exchange;
    const double by_report =
        larger(own->tokens, forecast->reported_tokens + moment->routers * own->report_tokens -
                                forecast->tokens_per_ms * age_ms);
    return blend(moment, by_exchange, by_report);
}

/* Requests whose prompt is not yet read.  Reports do not tell; the exchange does. */
static double pending_now(const struct forecast *forecast, const struct moment *moment,
                          const struct own *own)
{
    return own->pending +
           others_now(moment, forecast->others_pending, own->exchange_requests, own->pending);
}

static double inflight_now(const struct forecast *forecast, const struct moment *moment,
                           const struct own *own, double age_ms)
{
    const double by_exchange = own->requests + others_now(moment, forecast->others_requests,
                                                          own->exchange_requests, own->requests);
    if (age_ms >= forecast->fresh_ms || isnan(forecast->reported_requests))
        return by_exchange;
    const double by_report =
        larger(own->requests, forecast->reported_requests + moment->routers * own->report_requests -
                                  own->report_ended - forecast->done_per_ms * age_ms);
    return blend(moment, by_exchange, by_report);
}

/* The longest that an answer is late, by this worker's own books and by the others' at the
 * snapshot. */
static double overdue_now(const struct forecast *forecast, const struct ledger_slot *live,
                          uint32_t worker, int64_t now_ns)
{
    const int64_t stream = atomic_load_explicit(&live->stream_overdue_ns, memory_order_relaxed);
    const int64_t plain = atomic_load_explicit(&live->plain_overdue_ns, memory_order_relaxed);
    int64_t from = forecast->overdue_ns[worker == forecast->overdue_worker];
    from = stream < from ? stream : from;
    from = plain < from ? plain : from;
    return now_ns > from ? ns_to_ms(now_ns - from) : 0;
}

/* --- the estimate ------------------------------------------------------------------------------
 */

static double rtt_now(const struct forecast *forecast, const struct fleet_query *query, uint32_t i,
                      double distance_km)
{
    if (query->rtt_ms != NULL)
        return query->rtt_ms[i];
    if (forecast->rtt_by_client && !isnan(distance_km))
        return geo_rtt_prior_ms(distance_km);
    return forecast->rtt_ms;
}

static double peak_now(const struct forecast *forecast, const struct ledger_slot *live,
                       int64_t made_ns)
{
    if (atomic_load_explicit(&live->peak_ns, memory_order_relaxed) <= made_ns)
        return forecast->peak_ttft_ms;
    return larger(atomic_load_explicit(&live->peak_ms, memory_order_relaxed),
                  forecast->peak_ttft_ms);
}

/* What is left to read of the prompts that are pending: those in a lane are half done, more or
 * less. */
static double left_of(const struct forecast *forecast, double pending)
{
    return 1 - 0.5 * smaller(1, forecast->lanes / larger(1, pending));
}

/*
 * The wait counts requests, each taken for a mean one, where the harm to others
 * counts tokens: a few long prompts are most of the tokens at most times, but
 * they hold no more than a lane each, and the others go past them.
 */
static double wait_prefill_ms(const struct forecast *forecast, double pending)
{
    const double crowding = smaller(1, pending / forecast->lanes);
    const double left = pending * left_of(forecast, pending);
    return left * forecast->mean_tokens / forecast->tokens_per_ms * crowding;
}

static void waits_fill(const struct forecast *forecast, double pending, double overdue_ms,
                       struct iso_estimate *out)
{
    const double behind = larger(0, out->inflight + 1 - forecast->slots);
    out->wait_prefill_ms = out->correction * wait_prefill_ms(forecast, pending);
    out->wait_slot_ms = out->correction * behind * forecast->hold_ms / forecast->slots;
    out->wait_ms = larger(larger(out->wait_prefill_ms, out->wait_slot_ms), overdue_ms);
}

/* What stands for every request of a moment, as long as the slot's books do not change; the times
 * that were never seen are NAN. */
static void standing_fill(const struct snapshot *snapshot, const struct ledger *ledger, uint32_t i,
                          const struct moment *moment, struct iso_estimate *out)
{
    const uint32_t worker = ledger_worker(ledger);
    const struct forecast *forecast = &snapshot->forecasts[i];
    const struct ledger_slot *live = ledger_at(ledger, forecast->slot);
    struct own own;
    own_now(forecast, live, &snapshot->shares[(size_t)worker * snapshot->count + i], &own);
    out->known = forecast->known;
    out->age_ms = forecast->age_ms + moment->since_ms;
    out->distance_km = NAN;
    out->own_inflight = own.requests;
    out->inflight = inflight_now(forecast, moment, &own, out->age_ms);
    const double pending = pending_now(forecast, moment, &own);
    out->backlog_tokens =
        backlog_now(forecast, moment, &own, out->age_ms) * left_of(forecast, pending);
    out->cached_tokens = 0;
    out->correction = correction_of(forecast->ratio, out->age_ms);
    waits_fill(forecast, pending, overdue_now(forecast, live, worker, moment->now_ns), out);
    out->observed_ttft_ms = forecast->observed_ttft_ms;
    out->peak_ttft_ms = peak_now(forecast, live, snapshot->made_ns);
}

static void cached_raise(const struct snapshot *snapshot, const struct fleet_query *query,
                         uint64_t hash, int64_t now_ns, struct iso_estimate *out)
{
    struct affinity_place places[AFFINITY_PLACES];
    const unsigned count = affinity_find(query->affinity, hash, now_ns, places);
    for (unsigned k = 0; k < count; k++) {
        const int32_t i = snapshot_index(snapshot, places[k].slot);
        if (i < 0)
            continue;
        const double stay =
            affinity_stay_ms(query->affinity, places[k].slot, snapshot->forecasts[i].cache_age_ms);
        const double left = smaller(places[k].tokens, query->prompt_tokens) *
                            affinity_survival(places[k].age_ms, stay);
        out[i].cached_tokens = larger(out[i].cached_tokens, left);
        out[i].known |= ISO_KNOWN_CACHE;
    }
}

static void cached_fill(const struct snapshot *snapshot, const struct fleet_query *query,
                        int64_t now_ns, struct iso_estimate *out)
{
    if (query->affinity == NULL)
        return;
    cached_raise(snapshot, query, query->session, now_ns, out);
    for (uint32_t p = 0; p < query->prefix_count && p < AFFINITY_PREFIXES_MAX; p++)
        cached_raise(snapshot, query, query->prefixes[p].hash, now_ns, out);
}

/* What depends on the request, where the rest stands. */
static void request_fill(const struct snapshot *snapshot, const struct fleet_query *query,
                         int64_t now_ns, struct iso_estimate *out)
{
    const struct geo_vector client = geo_vector_of(query->latitude, query->longitude);
    const bool somewhere = !isnan(client.x);
    cached_fill(snapshot, query, now_ns, out);
    for (uint32_t i = 0; i < snapshot->count; i++) {
        const struct forecast *forecast = &snapshot->forecasts[i];
        struct iso_estimate *e = &out[i];
        if (somewhere)
            e->distance_km = geo_vector_km(&client, &forecast->place);
        const double uncached = larger(1, query->prompt_tokens - e->cached_tokens);
        e->service_ms =
            e->correction * (FLEET_SERVICE_FLOOR_MS + uncached / forecast->tokens_per_ms_one);
        e->ttft_ms = rtt_now(forecast, query, i, e->distance_km) + e->wait_ms + e->service_ms;
        if (isnan(e->observed_ttft_ms))
            e->observed_ttft_ms = e->ttft_ms;
        if (isnan(e->peak_ttft_ms))
            e->peak_ttft_ms = e->ttft_ms;
    }
}

void fleet_estimate(const struct snapshot *snapshot, const struct ledger *ledger,
                    const struct fleet_query *query, int64_t now_ns, struct iso_estimate *out)
{
    CHECK_LT(ledger_worker(ledger), snapshot->workers);
    const struct moment moment = moment_make(snapshot, now_ns);
    for (uint32_t i = 0; i < snapshot->count; i++)
        standing_fill(snapshot, ledger, i, &moment, &out[i]);
    request_fill(snapshot, query, now_ns, out);
}

/* --- the same again, at the same moment ------------------------------------------------------- */

void standing_finish(struct standing *standing)
{
    free(standing->targets);
    *standing = (struct standing){0};
}

/* Another moment: nothing stands. */
static void standing_begin(struct standing *standing, const struct snapshot *snapshot,
                           const struct ledger *ledger, int64_t now_ns)
{
    const uint32_t count = snapshot->count;
    const struct moment moment = moment_make(snapshot, now_ns);
    CHECK_LT(ledger_worker(ledger), snapshot->workers);
    if (standing->room < count) {
        standing->targets = memory_realloc(standing->targets, count * sizeof *standing->targets);
        standing->room = count;
    }
    standing->snapshot = snapshot;
    standing->generation = snapshot->generation;
    standing->ledger = ledger;
    standing->now_ns = now_ns;
    for (uint32_t i = 0; i < count; i++) {
        standing->targets[i].changes = ledger_changes(ledger, snapshot->forecasts[i].slot);
        standing_fill(snapshot, ledger, i, &moment, &standing->targets[i].estimate);
    }
}

/* The same moment: only those are counted again whose books have changed. */
static void standing_update(struct standing *standing)
{
    const struct snapshot *snapshot = standing->snapshot;
    for (uint32_t i = 0; i < snapshot->count; i++) {
        struct standing_target *target = &standing->targets[i];
        const uint32_t changes = ledger_changes(standing->ledger, snapshot->forecasts[i].slot);
        if (target->changes == changes)
            continue;
        const struct moment moment = moment_make(snapshot, standing->now_ns);
        target->changes = changes;
        standing_fill(snapshot, standing->ledger, i, &moment, &target->estimate);
    }
}

void standing_estimate(struct standing *standing, const struct snapshot *snapshot,
                       const struct ledger *ledger, const struct fleet_query *query, int64_t now_ns,
                       struct iso_estimate *out)
{
    if (standing->snapshot == snapshot && standing->generation == snapshot->generation &&
        standing->ledger == ledger && standing->now_ns == now_ns)
        standing_update(standing);
    else
        standing_begin(standing, snapshot, ledger, now_ns);
    for (uint32_t i = 0; i < snapshot->count; i++)
        out[i] = standing->targets[i].estimate;
    request_fill(snapshot, query, now_ns, out);
}

/* --- verdicts ----------------------------------------------------------------------------------
 */

static bool session_is_there(const struct fleet_query *query, uint32_t slot, int64_t now_ns)
{
    struct affinity_place places[AFFINITY_PLACES];
    const unsigned count = query->affinity != NULL
                               ? affinity_find(query->affinity, query->session, now_ns, places)
                               : 0;
    for (unsigned k = 0; k < count; k++)
        if (places[k].slot == slot)
            return true;
    return false;
}

static double own_inflight(const struct snapshot *snapshot, const struct ledger *ledger, uint32_t i)
{
    struct own own;
    own_now(&snapshot->forecasts[i], ledger_at(ledger, snapshot->forecasts[i].slot),
            &snapshot->shares[(size_t)ledger_worker(ledger) * snapshot->count + i], &own);
    return own.requests;
}

/* Half open: one probe at a time, from one worker, none since the snapshot. */
static bool probe_may_go(const struct snapshot *snapshot, const struct ledger *ledger, uint32_t i)
{
    const struct target *target = &snapshot->targets[i];
    const uint32_t worker = ledger_worker(ledger);
    const uint64_t sent =
        atomic_load_explicit(&ledger_at(ledger, target->slot)->sent, memory_order_relaxed);
    return target->probe_free && target->probe_worker == worker &&
           sent == snapshot->shares[(size_t)worker * snapshot->count + i].sent;
}

/* Just back: one request at a time at first, its share of the slots at the end. */
static bool ramp_has_room(const struct snapshot *snapshot, const struct ledger *ledger, uint32_t i,
                          int64_t now_ns)
{
    const double ramp = health_ramp(&snapshot->targets[i].health, now_ns);
    const double share = snapshot->forecasts[i].slots / snapshot->routers;
    return ramp >= 1 || own_inflight(snapshot, ledger, i) < 1 + ramp * share;
}

static bool silence_is_bad(const struct snapshot *snapshot, const struct ledger *ledger, uint32_t i,
                           int64_t now_ns)
{
    const struct forecast *forecast = &snapshot->forecasts[i];
    return snapshot->targets[i].erring || overdue_now(forecast, ledger_at(ledger, forecast->slot),
                                                      ledger_worker(ledger), now_ns) > 0;
}

static enum fleet_reason reason_now(const struct snapshot *snapshot, const struct ledger *ledger,
                                    const struct fleet_query *query, const struct slot_set *tried,
                                    uint32_t i, int64_t now_ns)
{
    const uint32_t slot = snapshot->forecasts[i].slot;
    const enum fleet_reason gate = (enum fleet_reason)snapshot->gates[i];
    if (query->model == NULL || !model_served_by(query->model, i))
        return FLEET_NO_MODEL;
    if (tried != NULL && slot_set_has(tried, slot))
        return FLEET_TRIED;
    switch (gate) {
    case FLEET_EXISTING_ONLY:
        return session_is_there(query, slot, now_ns) ? FLEET_USABLE : gate;
    case FLEET_PROBING:
        return probe_may_go(snapshot, ledger, i) ? FLEET_USABLE : gate;
    case FLEET_SLOW_START:
        return ramp_has_room(snapshot, ledger, i, now_ns) ? FLEET_USABLE : gate;
    case FLEET_SILENT:
        return silence_is_bad(snapshot, ledger, i, now_ns) ? gate : FLEET_USABLE;
    default:
        return gate;
    }
}

/* Lets those in again that are closed for a reason of that set. */
static uint32_t readmit(uint32_t reasons, uint32_t count, uint8_t *verdict, const uint8_t *reason)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if ((reasons >> reason[i]) & 1) {
            verdict[i] = ISO_KEEP;
            kept++;
        }
    }
    return kept;
}

uint32_t fleet_verdicts(const struct snapshot *snapshot, const struct ledger *ledger,
                        const struct fleet_query *query, const struct slot_set *tried,
                        int64_t now_ns, uint8_t *verdict, uint8_t *reason)
{
    const uint32_t hesitant = 1u << FLEET_SLOW_START | 1u << FLEET_SILENT;
    const uint32_t unfit = 1u << FLEET_PROBING | 1u << FLEET_EJECTED | 1u << FLEET_DOWN;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < snapshot->count; i++) {
        reason[i] = verdict[i] != ISO_KEEP
                        ? FLEET_EXCLUDED
                        : (uint8_t)reason_now(snapshot, ledger, query, tried, i, now_ns);
        if (reason[i] == FLEET_USABLE)
            kept++;
        else if (reason[i] != FLEET_EXCLUDED)
            verdict[i] = ISO_CLOSED;
    }
    if (kept == 0)
        kept = readmit(hesitant, snapshot->count, verdict, reason);
    if (kept == 0)
        kept = readmit(unfit, snapshot->count, verdict, reason);
    return kept;
}
