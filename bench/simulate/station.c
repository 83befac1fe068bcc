#include "simulate/station.h"

#include <math.h>

void station_init(struct station *station, const struct scenario_cluster *config)
{
    const double slots = (double)config->setup.instances * config->setup.type.batch;
    const struct derive_settings settings = {.instances = NAN, .slots = slots};
    *station = (struct station){.config = config, .declared = 1};
    station->model = cluster_model_create(&config->setup, 0);
    station->next_ns = cluster_model_next_ns(station->model);
    station->derive = derive_create(&settings);
}

void station_finish(struct station *station)
{
    cluster_model_destroy(&station->model);
    derive_destroy(&station->derive);
}

static void sample_take(const struct station *station, struct engine_sample *out)
{
    const struct engine_metrics *m = cluster_model_metrics(station->model);
    struct engine_gauges gauges;
    cluster_model_gauges(station->model, &gauges);
    const double values[ENGINE_METRIC_COUNT] = {
        [ENGINE_running] = gauges.running,
        [ENGINE_waiting] = gauges.waiting,
        [ENGINE_kv_used] = gauges.kv_used,
        [ENGINE_cache_age_s] = gauges.evicted_idle,
        [ENGINE_finished] = (double)m->finished,
        [ENGINE_prompt_tokens] = m->prompt_tokens,
        [ENGINE_cached_tokens] = m->cached_tokens,
        [ENGINE_computed_tokens] = m->request_computed.sum,
        [ENGINE_ttft_sum] = m->ttft.sum,
        [ENGINE_ttft_count] = m->ttft.count,
        [ENGINE_itl_sum] = m->itl.sum,
        [ENGINE_itl_count] = m->itl.count,
        [ENGINE_e2e_sum] = m->e2e.sum,
        [ENGINE_e2e_count] = m->e2e.count,
        [ENGINE_queue_sum] = m->queue.sum,
        [ENGINE_queue_count] = m->queue.count,
        [ENGINE_prefill_sum] = m->prefill.sum,
        [ENGINE_prefill_count] = m->prefill.count,
    };
    *out = (struct engine_sample){.engines = gauges.instances};
    for (unsigned i = 0; i < ENGINE_METRIC_COUNT; i++)
        out->values[i] = values[i];
}

/* What an agent takes from its configuration, and what follows from that. */
static void declare(struct report *report, double factor)
{
    report->instances *= factor;
    report->slots *= factor;
    report->prefill_tps *= factor;
}

bool station_report(struct station *station, double interval_ms, int64_t now_ns, struct report *out)
{
    struct engine_sample sample;
    if (station->down) {
        derive_lost(station->derive, 0);
        return false;
    }
    cluster_model_advance(station->model, now_ns);
    sample_take(station, &sample);
    derive_sample(station->derive, 0, &sample, now_ns);
    if (station->mute)
        return false;
    report_init(out);
    out->epoch = 1;
    out->seq = ++station->reports;
    out->interval_ms = interval_ms;
    out->ttl_ms = 3 * interval_ms;
    out->price_per_mtok = station->config->price;
    derive_report(station->derive, now_ns, out);
    if (station->declared != 1)
        declare(out, station->declared);
    return true;
}
