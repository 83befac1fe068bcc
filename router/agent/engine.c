#include "agent/engine.h"

#include <math.h>
#include <stdint.h>

#include "agent/prometheus.h"

enum { ENGINES_BEHIND_MOST = 1024 };

static const struct engine engines[] = {
    {
        .name = "vllm",
        .prefix = "vllm:",
        .path = "/metrics",
        .names =
            {
                [ENGINE_running] = {"num_requests_running"},
                [ENGINE_waiting] = {"num_requests_waiting"},
                [ENGINE_kv_used] = {"kv_cache_usage_perc", "gpu_cache_usage_perc"},
                [ENGINE_cache_age_s] = {"prefix_evicted_idle_seconds"},
                [ENGINE_finished] = {"request_success"},
                [ENGINE_prompt_tokens] = {"prompt_tokens"},
                [ENGINE_cached_tokens] = {"prefix_cache_hits", "gpu_prefix_cache_hits"},
                [ENGINE_computed_tokens] = {"request_prefill_kv_computed_tokens_sum"},
                [ENGINE_ttft_sum] = {"time_to_first_token_seconds_sum"},
                [ENGINE_ttft_count] = {"time_to_first_token_seconds_count"},
                [ENGINE_itl_sum] = {"inter_token_latency_seconds_sum",
                                    "time_per_output_token_seconds_sum"},
                [ENGINE_itl_count] = {"inter_token_latency_seconds_count",
                                      "time_per_output_token_seconds_count"},
                [ENGINE_e2e_sum] = {"e2e_request_latency_seconds_sum"},
                [ENGINE_e2e_count] = {"e2e_request_latency_seconds_count"},
                [ENGINE_queue_sum] = {"request_queue_time_seconds_sum"},
                [ENGINE_queue_count] = {"request_queue_time_seconds_count"},
                [ENGINE_prefill_sum] = {"request_prefill_time_seconds_sum"},
                [ENGINE_prefill_count] = {"request_prefill_time_seconds_count"},
            },
    },
    {
        .name = "sglang",
        .prefix = "sglang:",
        .path = "/metrics",
        .names =
            {
                [ENGINE_running] = {"num_running_reqs"},
                [ENGINE_waiting] = {"num_queue_reqs"},
                [ENGINE_kv_used] = {"token_usage"},
                [ENGINE_finished] = {"e2e_request_latency_seconds_count"},
                [ENGINE_prompt_tokens] = {"prompt_tokens"},
                [ENGINE_cached_tokens] = {"cached_tokens"},
                [ENGINE_ttft_sum] = {"time_to_first_token_seconds_sum"},
                [ENGINE_ttft_count] = {"time_to_first_token_seconds_count"},
                [ENGINE_itl_sum] = {"inter_token_latency_seconds_sum"},
                [ENGINE_itl_count] = {"inter_token_latency_seconds_count"},
                [ENGINE_e2e_sum] = {"e2e_request_latency_seconds_sum"},
                [ENGINE_e2e_count] = {"e2e_request_latency_seconds_count"},
            },
    },
    {
        .name = "tgi",
        .prefix = "tgi_",
        .path = "/metrics",
        .names =
            {
                [ENGINE_running] = {"batch_current_size"},
                [ENGINE_waiting] = {"queue_size"},
                [ENGINE_finished] = {"request_duration_count"},
                [ENGINE_itl_sum] = {"request_mean_time_per_token_duration_sum"},
                [ENGINE_itl_count] = {"request_mean_time_per_token_duration_count"},
                [ENGINE_e2e_sum] = {"request_duration_sum"},
                [ENGINE_e2e_count] = {"request_duration_count"},
                [ENGINE_queue_sum] = {"request_queue_duration_sum"},
                [ENGINE_queue_count] = {"request_queue_duration_count"},
            },
    },
};

const struct engine *engine_at(size_t index)
{
    return index < COUNT_OF(engines) ? &engines[index] : NULL;
}

const struct engine *engine_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(engines); i++)
        if (slice_eq(name, slice_of(engines[i].name)))
            return &engines[i];
    return NULL;
}

enum engine_kind engine_metric_kind(enum engine_metric metric)
{
    static const enum engine_kind kinds[] = {
#define ENGINE_METRIC_KIND(name, kind) ENGINE_##kind,
        ENGINE_METRICS(ENGINE_METRIC_KIND)
#undef ENGINE_METRIC_KIND
    };
    return kinds[metric];
}

/* What was found under each name of each metric, before the preferred one is chosen. */
struct tally {
    double sum[ENGINE_METRIC_COUNT][ENGINE_NAMES_MOST];
    unsigned series[ENGINE_METRIC_COUNT][ENGINE_NAMES_MOST];
    uint64_t engines_seen[ENGINES_BEHIND_MOST / 64];
};

/* Counters end in _total or not, depending on the client library. */
static struct slice without_total(struct slice name)
{
    const struct slice total = SLICE("_total");
    if (slice_ends(name, total))
        name.len -= total.len;
    return name;
}

static void tally_engine(struct tally *tally, struct slice labels)
{
    uint64_t index = 0;
    const struct slice label = prometheus_label(labels, SLICE("engine"));
    if (label.ptr && (!slice_to_u64(label, &index) || index >= ENGINES_BEHIND_MOST))
        return;
    tally->engines_seen[index / 64] |= UINT64_C(1) << index % 64;
}

static void tally_add(struct tally *tally, const struct engine *engine, struct slice name,
                      const struct prometheus_sample *sample)
{
    for (unsigned metric = 0; metric < ENGINE_METRIC_COUNT; metric++)
        for (unsigned i = 0; i < ENGINE_NAMES_MOST && engine->names[metric][i]; i++) {
            if (!slice_eq(name, slice_of(engine->names[metric][i])) || sample->value < 0)
                continue;
            tally->sum[metric][i] += sample->value;
            tally->series[metric][i]++;
            if (metric == ENGINE_running)
                tally_engine(tally, sample->labels);
        }
}

static double tally_value(const struct tally *tally, enum engine_metric metric)
{
    for (unsigned i = 0; i < ENGINE_NAMES_MOST; i++) {
        if (tally->series[metric][i] == 0)
            continue;
        const double sum = tally->sum[metric][i];
        return engine_metric_kind(metric) == ENGINE_MEAN ? sum / tally->series[metric][i] : sum;
    }
    return NAN;
}

bool engine_sample_read(const struct engine *engine, struct slice text, struct engine_sample *out)
{
    struct tally tally = {0};
    struct prometheus prometheus = prometheus_of(text);
    struct prometheus_sample sample;
    const struct slice prefix = slice_of(engine->prefix);
    while (prometheus_next(&prometheus, &sample)) {
        if (!slice_starts(sample.name, prefix))
            continue;
        const struct slice rest =
            slice_make(sample.name.ptr + prefix.len, sample.name.len - prefix.len);
        tally_add(&tally, engine, without_total(rest), &sample);
    }
    *out = (struct engine_sample){.malformed = prometheus.malformed};
    bool any = false;
    for (unsigned metric = 0; metric < ENGINE_METRIC_COUNT; metric++) {
        out->values[metric] = tally_value(&tally, metric);
        any = any || !isnan(out->values[metric]);
    }
    for (size_t i = 0; i < COUNT_OF(tally.engines_seen); i++)
        out->engines += (unsigned)__builtin_popcountll(tally.engines_seen[i]);
    if (out->engines == 0)
        out->engines = 1;
    return any;
}
