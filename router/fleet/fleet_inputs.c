/*
 * From what was declared, reported, exchanged and counted to the numbers a
 * prediction starts from.  Reported before declared before prior; what was
 * reported or measured is marked as known.
 */
#include "fleet/fleet_state.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fleet/estimate.h"

#define PRIOR_INSTANCES 1.0
#define PRIOR_PREFILL_ONE 3000.0 /* tokens/s */
#define PRIOR_ITL_MS 30.0
#define PRIOR_ITL_IDLE_MS 20.0
#define PRIOR_SLOTS 64.0
#define PRIOR_MEAN_TOKENS 800.0
#define PRIOR_HOLD_MS 5000.0
#define PRIOR_UTILISATION 0.5
#define PRIOR_RTT_MS 50.0
#define PRIOR_INTERVAL_MS 2000.0 /* of reports that do not say */

/* The first that is known. */
static double first(double a, double b, double c, double d)
{
    return !isnan(a) ? a : !isnan(b) ? b : !isnan(c) ? c : d;
}

static double first_known(uint64_t *known, uint64_t bit, double reported, double declared,
                          double prior)
{
    if (!isnan(reported))
        *known |= bit;
    return first(reported, declared, NAN, prior);
}

/* A declared figure that is no capacity counts as not declared: it is divided by. */
static double positive(double declared)
{
    return declared > 0 && isfinite(declared) ? declared : NAN;
}

static struct capacity capacity_sound(const struct capacity *declared)
{
    return (struct capacity){
        .instances = positive(declared->instances),
        .slots = positive(declared->slots),
        .prefill_tps = positive(declared->prefill_tps),
        .prefill_tps_one = positive(declared->prefill_tps_one),
        .mean_tokens = positive(declared->mean_tokens),
        .hold_ms = positive(declared->hold_ms),
        .itl_ms = positive(declared->itl_ms),
        .itl_idle_ms = positive(declared->itl_idle_ms),
    };
}

/* M, p and R hang together: R = M p, where any two are said the third follows. */
static double prefill_fill(const struct report *report, const struct capacity *declared,
                           struct iso_cluster *cluster, uint64_t *known)
{
    const double m =
        fmax(1, first(report->instances, report->prefill_tps / report->prefill_tps_one,
                      first(declared->instances, declared->prefill_tps / declared->prefill_tps_one,
                            NAN, NAN),
                      PRIOR_INSTANCES));
    const double p = first(report->prefill_tps_one, report->prefill_tps / m,
                           first(declared->prefill_tps_one, declared->prefill_tps / m, NAN, NAN),
                           PRIOR_PREFILL_ONE);
    const double r =
        first(report->prefill_tps, m * report->prefill_tps_one, declared->prefill_tps, m * p);
    const bool reported = !isnan(report->prefill_tps) || !isnan(report->prefill_tps_one);
    *known |= reported ? ISO_KNOWN_PREFILL | ISO_KNOWN_PREFILL_ONE : 0;
    cluster->prefill_tokens_per_s_one = p;
    cluster->prefill_tokens_per_s = r;
    return m;
}

/* Mean of the endpoints' windowed minima; NAN when none was measured. */
static double rtt_measured(const struct member *member, int64_t now_ns)
{
    double sum = 0, count = 0;
    for (uint32_t e = 0; e < member->endpoint_count; e++) {
        const double ms = rtt_window_ms(&member->endpoints[e].rtt, now_ns);
        if (isnan(ms) || (member->endpoints[e].probe.down && !member_is_down(member)))
            continue;
        sum += ms;
        count++;
    }
    return count > 0 ? sum / count : NAN;
}

static void rtt_fill(const struct fleet *fleet, const struct member *member,
                     struct forecast *forecast, struct iso_cluster *cluster, int64_t now_ns)
{
    const struct geo_vector edge =
        geo_vector_of(fleet->config->edge_latitude, fleet->config->edge_longitude);
    const double measured = rtt_measured(member, now_ns);
    const double by_edge = geo_rtt_prior_ms(geo_vector_km(&edge, &forecast->place));
    forecast->rtt_by_client = isnan(measured) && isnan(by_edge);
    cluster->rtt_ms = forecast->rtt_ms =
        first_known(&forecast->known, ISO_KNOWN_RTT, measured, by_edge, PRIOR_RTT_MS);
}

/* All but the round trip and the price ratio. */
static void cluster_fill(const struct target_config *config, const struct report *report,
                         struct target *target, struct iso_cluster *out, uint64_t *known)
{
    const struct cluster *cluster = config->cluster;
    const struct capacity sound = capacity_sound(&config->pool->capacity);
    const struct capacity *declared = &sound;
    *out = (struct iso_cluster){
        .id = config->id,
        .name = cluster->name,
        .region = cluster->region,
        .country = cluster->country,
        .accelerator =
            cluster->accelerator[0] != '\0' ? cluster->accelerator : target->report.accelerator,
        .weight = cluster->weight,
        .latitude = cluster->latitude,
        .longitude = cluster->longitude,
        .kv_used = report->kv_used,
        .price_per_mtok = first(cluster->price_per_mtok, report->price_per_mtok, NAN, NAN),
        .price_ratio = 1,
    };
    target->instances = prefill_fill(report, declared, out, known);
    out->itl_ms = first_known(known, ISO_KNOWN_ITL, report->itl_ms, declared->itl_ms, PRIOR_ITL_MS);
    out->itl_idle_ms = first_known(known, ISO_KNOWN_ITL_IDLE, report->itl_idle_ms,
                                   declared->itl_idle_ms, PRIOR_ITL_IDLE_MS);
    out->slots = first_known(known, ISO_KNOWN_SLOTS, report->slots, declared->slots, PRIOR_SLOTS);
    out->hold_ms =
        first_known(known, ISO_KNOWN_HOLD, report->hold_ms, declared->hold_ms, PRIOR_HOLD_MS);
    out->mean_tokens = first_known(known, ISO_KNOWN_MEAN_TOKENS, report->mean_tokens,
                                   declared->mean_tokens, PRIOR_MEAN_TOKENS);
    out->utilisation =
        first_known(known, ISO_KNOWN_UTILISATION, report->utilisation, NAN, PRIOR_UTILISATION);
}

static double since(uint64_t now, uint64_t then)
{
    return now > then ? (double)(now - then) : 0;
}

static void own_fill(const struct member *member, struct forecast *forecast)
{
    const struct slot_totals *now = &member->totals;
    const struct slot_totals *report = &member->at_report;
    const struct slot_totals *exchange = &member->at_exchange;
    forecast->own_tokens = since(now->sent_tokens, now->answered_tokens);
    forecast->own_pending = since(now->sent, now->answered);
    forecast->own_requests = since(now->sent, now->ended);
    forecast->report_tokens = since(now->sent_tokens, report->sent_tokens);
    forecast->report_requests = since(now->sent, report->sent);
    forecast->report_ended = since(now->ended, report->ended);
    forecast->exchange_tokens = since(now->sent_tokens, exchange->sent_tokens);
    forecast->exchange_requests = since(now->sent, exchange->sent);
    forecast->others_tokens = member->others_tokens;
    forecast->others_pending = member->others_pending;
    forecast->others_requests = member->others_requests;
    forecast->overdue_ns[0] = member->overdue_ns[0];
    forecast->overdue_ns[1] = member->overdue_ns[1];
    forecast->overdue_worker = member->overdue_worker;
}

static void report_fill(const struct fleet *fleet, const struct member *member,
                        const struct iso_cluster *cluster, struct forecast *forecast,
                        int64_t now_ns)
{
    const struct report *report = &member->report;
    const double n = fleet->routers;
    const double interval = isnan(report->interval_ms) ? PRIOR_INTERVAL_MS : report->interval_ms;
    forecast->age_ms =
        ns_to_ms(now_ns - (member->reported ? member->report_ns : fleet->configured_ns));
    forecast->fresh_ms = member->reported ? 3 * interval + 1000 : 0;
    forecast->reported_tokens =
        first(report->waiting_tokens, report->waiting * cluster->mean_tokens, NAN, NAN);
    forecast->reported_requests = report->running + report->waiting;
    forecast->done_per_ms = isnan(report->done_per_s) ? 0 : (n - 1) / n * report->done_per_s / 1000;
    forecast->cache_age_ms = report->cache_age_ms;
    forecast->known |= member->reported ? ISO_KNOWN_REPORT : 0;
    forecast->known |= fleet->exchanged ? ISO_KNOWN_EXCHANGE : 0;
}

static void learned_fill(const struct member *member, struct forecast *forecast,
                         struct target *target)
{
    target->observed_s = member->observed_s;
    target->predicted_s = member->predicted_s;
    forecast->ratio = fleet_ratio(member->observed_s, member->predicted_s);
    forecast->observed_ttft_ms = member->observed_ttft_ms;
    forecast->peak_ttft_ms = member->peak_ttft_ms;
    forecast->known |= isnan(member->observed_ttft_ms) ? 0 : ISO_KNOWN_OBSERVED;
}

static int price_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void price_ratios_fill(struct snapshot *snapshot)
{
    double *prices = memory_alloc((snapshot->count + 1) * sizeof *prices);
    size_t count = 0;
    for (uint32_t i = 0; i < snapshot->count; i++)
        if (!isnan(snapshot->clusters[i].price_per_mtok))
            prices[count++] = snapshot->clusters[i].price_per_mtok;
    qsort(prices, count, sizeof *prices, price_order);
    const double median = count == 0 ? 0 : (prices[(count - 1) / 2] + prices[count / 2]) / 2;
    free(prices);
    for (uint32_t i = 0; i < snapshot->count; i++) {
        struct iso_cluster *cluster = &snapshot->clusters[i];
        if (!(median > 0) || isnan(cluster->price_per_mtok))
            continue;
        cluster->price_ratio = cluster->price_per_mtok / median;
        snapshot->forecasts[i].known |= ISO_KNOWN_PRICE;
    }
}

void fleet_inputs_fill(const struct fleet *fleet, struct snapshot *snapshot)
{
    const int64_t now_ns = snapshot->made_ns;
    for (uint32_t i = 0; i < snapshot->count; i++) {
        const struct member *member = fleet_member(fleet, i);
        const struct target_config *config = &fleet->config->targets[i];
        struct forecast *forecast = &snapshot->forecasts[i];
        struct iso_cluster *cluster = &snapshot->clusters[i];
        struct target *target = &snapshot->targets[i];
        *forecast = (struct forecast){.slot = fleet->slots[i]};
        forecast->place = geo_vector_of(config->cluster->latitude, config->cluster->longitude);
        cluster_fill(config, &member->report, target, cluster, &forecast->known);
        rtt_fill(fleet, member, forecast, cluster, now_ns);
        forecast->tokens_per_ms = cluster->prefill_tokens_per_s / 1000;
        forecast->tokens_per_ms_one = cluster->prefill_tokens_per_s_one / 1000;
        forecast->lanes = target->instances;
        forecast->mean_tokens = cluster->mean_tokens;
        forecast->slots = cluster->slots;
        forecast->hold_ms = cluster->hold_ms;
        own_fill(member, forecast);
        report_fill(fleet, member, cluster, forecast, now_ns);
        learned_fill(member, forecast, target);
    }
    price_ratios_fill(snapshot);
    for (uint32_t i = 0; i < snapshot->count; i++)
        snapshot->targets[i].known = snapshot->forecasts[i].known;
}
