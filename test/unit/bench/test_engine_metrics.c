/* What a scrape of a simulated cluster reads like. */
#include "unit.h"

#include <math.h>

#include "cluster/engine_metrics.h"

static char *page(const struct engine_metrics *metrics, const struct engine_gauges *gauges)
{
    struct buffer out = {0};
    engine_metrics_write(metrics, gauges, "m", &out);
    buffer_append_byte(&out, 0);
    return out.memory;
}

static void gauges_are_dealt_to_the_engines(void **state)
{
    (void)state;
    struct engine_metrics metrics;
    engine_metrics_init(&metrics);
    const struct engine_gauges gauges = {.running = 7,
                                         .waiting = 0,
                                         .kv_used = 0.25,
                                         .kv_blocks = 300,
                                         .instances = 3,
                                         .evicted_idle = NAN};
    char *text = page(&metrics, &gauges);
    assert_non_null(strstr(text, "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 3\n"
                                 "vllm:num_requests_running{engine=\"1\",model_name=\"m\"} 2\n"
                                 "vllm:num_requests_running{engine=\"2\",model_name=\"m\"} 2\n"));
    assert_non_null(strstr(text, "vllm:kv_cache_usage_perc{engine=\"2\",model_name=\"m\"} 0.25\n"));
    assert_non_null(strstr(text, "num_gpu_blocks=\"100\"} 1\n"));
    assert_null(strstr(text, "prefix_evicted_idle"));
    free(text);
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    struct engine_metrics metrics;
    engine_metrics_init(&metrics);
    engine_histogram_observe(&metrics.ttft, 0.03, 1);
    engine_histogram_observe(&metrics.ttft, 0.05, 2);
    engine_histogram_observe(&metrics.ttft, 9999, 1);
    const struct engine_gauges gauges = {.instances = 1, .evicted_idle = 12};
    char *text = page(&metrics, &gauges);
    assert_non_null(strstr(text, "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"0.04\","
                                 "model_name=\"m\"} 1\n"));
    assert_non_null(strstr(text, "le=\"0.06\",model_name=\"m\"} 3\n"));
    assert_non_null(strstr(text, "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"+Inf\","
                                 "model_name=\"m\"} 4\n"));
    assert_non_null(
        strstr(text,
               "vllm:time_to_first_token_seconds_sum{engine=\"0\",model_name=\"m\"} 9999.13\n"));
    assert_non_null(strstr(text, "vllm:prefix_evicted_idle_seconds"));
    free(text);
}

UNIT_MAIN(gauges_are_dealt_to_the_engines, histograms_are_cumulative)
