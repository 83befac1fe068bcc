#include "agent/engine.h"

#include <math.h>

#include "unit.h"

static struct engine_sample sample_of(const char *engine, const char *text)
{
    struct engine_sample sample;
    if (!engine_sample_read(engine_find(slice_of(engine)), slice_of(text), &sample))
        fail_msg("no metrics of %s", engine);
    return sample;
}

static void engines_by_name(void **state)
{
    (void)state;
    assert_string_equal(engine_find(SLICE("vllm"))->path, "/metrics");
    assert_non_null(engine_find(SLICE("sglang")));
    assert_non_null(engine_find(SLICE("tgi")));
    assert_null(engine_find(SLICE("vll")));
    size_t count = 0;
    while (engine_at(count))
        count++;
    assert_true(count >= 3);
}

static void series_are_added_up_and_engines_counted(void **state)
{
    (void)state;
    const struct engine_sample s =
        sample_of("vllm", "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 3\n"
                          "vllm:num_requests_running{engine=\"1\",model_name=\"m\"} 4\n"
                          "vllm:num_requests_running{engine=\"7\",model_name=\"m\"} 5\n"
                          "vllm:num_requests_waiting{engine=\"0\"} 2\n"
                          "vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\n"
                          "vllm:kv_cache_usage_perc{engine=\"1\"} 0.4\n"
                          "vllm:request_success_total{finished_reason=\"stop\"} 10\n"
                          "vllm:request_success_total{finished_reason=\"length\"} 5\n");
    assert_true(s.values[ENGINE_running] == 12);
    assert_true(s.values[ENGINE_waiting] == 2);
    assert_true(fabs(s.values[ENGINE_kv_used] - 0.3) < 1e-9);
    assert_true(s.values[ENGINE_finished] == 15);
    assert_int_equal(s.engines, 3);
}

static void counters_with_and_without_total(void **state)
{
    (void)state;
    assert_true(sample_of("vllm", "vllm:prompt_tokens_total 7\n").values[ENGINE_prompt_tokens] ==
                7);
    assert_true(sample_of("vllm", "vllm:prompt_tokens 7\n").values[ENGINE_prompt_tokens] == 7);
    assert_true(sample_of("vllm", "vllm:prompt_tokens_created 7\nvllm:num_requests_running 0\n")
                    .values[ENGINE_prompt_tokens] != 7);
}

static void old_names_serve_when_new_ones_are_absent(void **state)
{
    (void)state;
    assert_true(sample_of("vllm", "vllm:gpu_cache_usage_perc 0.5\n").values[ENGINE_kv_used] == 0.5);
    const struct engine_sample both = sample_of("vllm", "vllm:time_per_output_token_seconds_sum 9\n"
                                                        "vllm:inter_token_latency_seconds_sum 4\n");
    assert_true(both.values[ENGINE_itl_sum] == 4);
}

static void absent_is_unknown_and_not_zero(void **state)
{
    (void)state;
    const struct engine_sample s = sample_of("vllm", "vllm:num_requests_running 0\n");
    assert_true(s.values[ENGINE_running] == 0);
    assert_true(isnan(s.values[ENGINE_waiting]));
    assert_true(isnan(s.values[ENGINE_prefill_sum]));
    assert_int_equal(s.engines, 1);
}

static void pages_without_our_metrics_are_refused(void **state)
{
    (void)state;
    struct engine_sample s;
    const struct engine *vllm = engine_find(SLICE("vllm"));
    assert_false(engine_sample_read(vllm, SLICE(""), &s));
    assert_false(engine_sample_read(vllm, SLICE("python_gc_objects_collected_total 3\n"), &s));
    assert_false(engine_sample_read(vllm, SLICE("{\"error\": 1}"), &s));
    assert_false(engine_sample_read(vllm, SLICE("vllm:num_requests_running -3\n"), &s));
}

static void other_engines_rows(void **state)
{
    (void)state;
    const struct engine_sample sglang =
        sample_of("sglang", "sglang:num_running_reqs{model_name=\"m\"} 3.0\n"
                            "sglang:num_queue_reqs{model_name=\"m\"} 1.0\n"
                            "sglang:token_usage{model_name=\"m\"} 0.28\n"
                            "sglang:cached_tokens_total{model_name=\"m\"} 5.0\n");
    assert_true(sglang.values[ENGINE_running] == 3 && sglang.values[ENGINE_waiting] == 1);
    assert_true(sglang.values[ENGINE_kv_used] == 0.28 && sglang.values[ENGINE_cached_tokens] == 5);
    const struct engine_sample tgi = sample_of("tgi", "tgi_batch_current_size 4\n"
                                                      "tgi_queue_size 2\n"
                                                      "tgi_request_duration_count 6\n");
    assert_true(tgi.values[ENGINE_running] == 4 && tgi.values[ENGINE_waiting] == 2);
    assert_true(tgi.values[ENGINE_finished] == 6 && tgi.values[ENGINE_e2e_count] == 6);
}

UNIT_MAIN(engines_by_name, series_are_added_up_and_engines_counted, counters_with_and_without_total,
          old_names_serve_when_new_ones_are_absent, absent_is_unknown_and_not_zero,
          pages_without_our_metrics_are_refused, other_engines_rows)
