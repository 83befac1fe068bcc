#include "simulate/clairvoyant.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

#define NEVER_MS 1e8 /* a cluster that is down */

void clairvoyant_init(struct clairvoyant *seer, uint32_t clusters)
{
    *seer = (struct clairvoyant){.count = clusters};
    seer->estimates = memory_zalloc(clusters * sizeof *seer->estimates);
    seer->clusters = memory_zalloc(clusters * sizeof *seer->clusters);
    seer->reports = memory_zalloc(clusters * sizeof *seer->reports);
    for (uint32_t i = 0; i < clusters; i++)
        report_init(&seer->reports[i]);
}

void clairvoyant_finish(struct clairvoyant *seer)
{
    free(seer->estimates);
    free(seer->clusters);
    free(seer->reports);
}

void clairvoyant_report(struct clairvoyant *seer, uint32_t station, const struct report *report)
{
    seer->reports[station] = *report;
}

static double known(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

static void cluster_look(const struct station *station, const struct report *report,
                         const struct cluster_state *state, struct iso_cluster *out)
{
    const struct cluster_setup *setup = &station->config->setup;
    out->prefill_tokens_per_s_one = setup->type.prefill_tps_one * setup->efficiency;
    out->prefill_tokens_per_s = out->prefill_tokens_per_s_one * setup->instances;
    out->itl_ms = 1000 * state->itl_s;
    out->itl_idle_ms = 1000 * setup->type.itl_base_s / setup->efficiency;
    out->slots = state->slots;
    out->hold_ms = known(report->hold_ms, out->hold_ms);
    out->utilisation = known(report->utilisation, 0.5);
    out->mean_tokens = known(report->mean_tokens, out->mean_tokens);
}

static void estimate_look(const struct station *station, const struct cluster_state *state,
                          const struct cluster_forecast *forecast, double rtt_ms,
                          struct iso_estimate *out)
{
    *out = (struct iso_estimate){
        .known = UINT64_MAX,
        .distance_km = NAN,
        .inflight = state->waiting + state->prefilling + state->decoding + station->flying,
        .backlog_tokens = forecast->backlog_tokens,
        .cached_tokens = forecast->cached_tokens,
        .correction = 1,
        .wait_prefill_ms = 1000 * forecast->wait_prefill_s,
        .wait_slot_ms = 1000 * forecast->wait_slot_s,
        .service_ms = 1000 * forecast->service_s,
    };
    out->wait_ms = fmax(out->wait_prefill_ms, out->wait_slot_ms);
    if (station->down || station->erring || !(out->wait_ms < NEVER_MS))
        out->wait_ms = NEVER_MS;
    out->own_inflight = out->inflight;
    out->ttft_ms = rtt_ms + out->wait_ms + out->service_ms;
    out->observed_ttft_ms = out->peak_ttft_ms = out->ttft_ms;
}

void clairvoyant_look(struct clairvoyant *seer, const struct station *stations,
                      const struct iso_cluster *base, const double *rtt_ms,
                      const struct cluster_request *request)
{
    for (uint32_t i = 0; i < seer->count; i++) {
        const struct station *station = &stations[i];
        struct cluster_state state;
        struct cluster_forecast forecast;
        cluster_model_state(station->model, &state);
        cluster_model_forecast(station->model, request, station->flying, station->flying_tokens,
                               &forecast);
        seer->clusters[i] = base[i];
        seer->clusters[i].rtt_ms = rtt_ms[i];
        cluster_look(station, &seer->reports[i], &state, &seer->clusters[i]);
        estimate_look(station, &state, &forecast, rtt_ms[i], &seer->estimates[i]);
    }
}

uint32_t clairvoyant_quickest(const struct clairvoyant *seer, const struct station *stations)
{
    uint32_t best = ISO_NONE;
    for (uint32_t i = 0; i < seer->count; i++)
        if (!stations[i].down && !stations[i].erring &&
            (best == ISO_NONE || seer->estimates[i].ttft_ms < seer->estimates[best].ttft_ms))
            best = i;
    return best;
}
