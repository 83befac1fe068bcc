#include "cluster/engine_metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "cluster/kv_cache.h"

static const double ttft_bounds[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                     0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10,
                                     20,    40,    80,   160,  640,  2560};
static const double itl_bounds[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
                                    0.75, 1,     2.5,  5,     7.5, 10,   20,  40,  80};
static const double request_bounds[] = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                        30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};
static const double token_bounds[] = {1,   2,   5,    10,   20,   50,    100,
                                      200, 500, 1000, 2000, 5000, 10000, 20000};

static void histogram_init(struct engine_histogram *h, const double *bounds, size_t count)
{
    CHECK_LE(count, ENGINE_BUCKETS_MAX);
    h->bounds = bounds;
    h->bounds_count = (unsigned)count;
}

void engine_metrics_init(struct engine_metrics *m)
{
    memset(m, 0, sizeof(*m));
    histogram_init(&m->ttft, ttft_bounds, COUNT_OF(ttft_bounds));
    histogram_init(&m->itl, itl_bounds, COUNT_OF(itl_bounds));
    struct engine_histogram *requests[] = {&m->e2e, &m->queue, &m->prefill, &m->decode,
                                           &m->inference};
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        histogram_init(requests[i], request_bounds, COUNT_OF(request_bounds));
    struct engine_histogram *tokens[] = {&m->request_prompt, &m->request_computed,
                                         &m->request_generation};
    for (size_t i = 0; i < COUNT_OF(tokens); i++)
        histogram_init(tokens[i], token_bounds, COUNT_OF(token_bounds));
}

void engine_histogram_observe(struct engine_histogram *h, double value, double count)
{
    unsigned at = 0;
    while (at < h->bounds_count && value > h->bounds[at])
        at++;
    h->counts[at] += count;
    h->count += count;
    h->sum += value * count;
}

struct writer {
    struct buffer *out;
    const char *model;
};

static void write_type(const struct writer *w, const char *name, const char *type, const char *help)
{
    buffer_printf(w->out, "# HELP vllm:%s %s\n# TYPE vllm:%s %s\n", name, help, name, type);
}

/* `total` is dealt evenly in steps of `unit`, the first engines getting the rest; 0: copied. */
static void write_gauge(const struct writer *w, const char *name, const char *help, double value,
                        uint32_t engines, bool dealt)
{
    write_type(w, name, "gauge", help);
    const uint64_t whole = dealt ? (uint64_t)llround(value) : 0;
    for (uint32_t i = 0; i < engines; i++) {
        const double each =
            dealt ? (double)(whole / engines + (i < whole % engines ? 1 : 0)) : value;
        buffer_printf(w->out, "vllm:%s{engine=\"%u\",model_name=\"%s\"} %.10g\n", name, i, w->model,
                      each);
    }
}

static void write_counter(const struct writer *w, const char *name, const char *help, double value)
{
    write_type(w, name, "counter", help);
    buffer_printf(w->out, "vllm:%s{engine=\"0\",model_name=\"%s\"} %.0f\n", name, w->model,
                  floor(value));
}

static void write_histogram(const struct writer *w, const char *name, const char *help,
                            const struct engine_histogram *h)
{
    write_type(w, name, "histogram", help);
    double sum = 0;
    for (unsigned i = 0; i < h->bounds_count; i++) {
        sum += h->counts[i];
        buffer_printf(w->out, "vllm:%s_bucket{engine=\"0\",le=\"%.10g\",model_name=\"%s\"} %.0f\n",
                      name, h->bounds[i], w->model, floor(sum));
    }
    sum += h->counts[h->bounds_count];
    buffer_printf(w->out, "vllm:%s_bucket{engine=\"0\",le=\"+Inf\",model_name=\"%s\"} %.0f\n", name,
                  w->model, floor(sum));
    buffer_printf(w->out, "vllm:%s_sum{engine=\"0\",model_name=\"%s\"} %.9g\n", name, w->model,
                  h->sum);
    buffer_printf(w->out, "vllm:%s_count{engine=\"0\",model_name=\"%s\"} %.0f\n", name, w->model,
                  floor(sum));
}

static void write_gauges(const struct writer *w, const struct engine_gauges *g)
{
    write_gauge(w, "num_requests_running", "Number of requests in model execution batches.",
                g->running, g->instances, true);
    write_gauge(w, "num_requests_waiting", "Number of requests waiting to be processed.",
                g->waiting, g->instances, true);
    write_gauge(w, "kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", g->kv_used,
                g->instances, false);
    write_type(w, "cache_config_info", "gauge", "Information of the LLMEngine CacheConfig");
    for (uint32_t i = 0; i < g->instances; i++)
        buffer_printf(w->out,
                      "vllm:cache_config_info{block_size=\"%d\",enable_prefix_caching=\"True\","
                      "engine=\"%u\",num_gpu_blocks=\"%" PRIu64 "\"} 1\n",
                      KV_BLOCK_TOKENS, i, g->kv_blocks / g->instances);
    if (!isnan(g->evicted_idle))
        write_gauge(w, "prefix_evicted_idle_seconds",
                    "Idle time of the prefix evicted last (not one of vLLM's).", g->evicted_idle, 1,
                    false);
}

static void write_counters(const struct writer *w, const struct engine_metrics *m)
{
    write_counter(w, "prefix_cache_queries_total", "Prefix cache queries, in queried tokens.",
                  m->prefix_queries);
    write_counter(w, "prefix_cache_hits_total", "Prefix cache hits, in cached tokens.",
                  m->prefix_hits);
    write_counter(w, "prompt_tokens_total", "Number of prefill tokens processed.",
                  m->prompt_tokens);
    write_counter(w, "prompt_tokens_cached_total", "Prompt tokens taken from the prefix cache.",
                  m->cached_tokens);
    write_counter(w, "generation_tokens_total", "Number of generation tokens processed.",
                  m->generation_tokens);
    write_counter(w, "num_preemptions_total", "Cumulative number of preemptions.", 0);
    write_type(w, "request_success_total", "counter", "Count of processed requests.");
    const struct {
        const char *reason;
        uint64_t count;
    } reasons[] = {{"stop", 0}, {"length", m->finished}, {"abort", m->aborted}, {"error", 0}};
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        buffer_printf(w->out,
                      "vllm:request_success_total{engine=\"0\",finished_reason=\"%s\","
                      "model_name=\"%s\"} %" PRIu64 "\n",
                      reasons[i].reason, w->model, reasons[i].count);
}

void engine_metrics_write(const struct engine_metrics *m, const struct engine_gauges *gauges,
                          const char *model_name, struct buffer *out)
{
    const struct writer w = {out, model_name};
    write_gauges(&w, gauges);
    write_counters(&w, m);
    const struct {
        const char *name;
        const char *help;
        const struct engine_histogram *histogram;
    } rows[] = {
        {"time_to_first_token_seconds", "Time to first token in seconds.", &m->ttft},
        {"inter_token_latency_seconds", "Inter-token latency in seconds.", &m->itl},
        {"e2e_request_latency_seconds", "End to end request latency in seconds.", &m->e2e},
        {"request_queue_time_seconds", "Time spent in WAITING phase.", &m->queue},
        {"request_inference_time_seconds", "Time spent in RUNNING phase.", &m->inference},
        {"request_prefill_time_seconds", "Time spent in PREFILL phase.", &m->prefill},
        {"request_decode_time_seconds", "Time spent in DECODE phase.", &m->decode},
        {"request_prompt_tokens", "Number of prefill tokens processed.", &m->request_prompt},
        {"request_prefill_kv_computed_tokens",
         "New KV tokens computed during prefill, cached ones excluded.", &m->request_computed},
        {"request_generation_tokens", "Number of generation tokens processed.",
         &m->request_generation},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        write_histogram(&w, rows[i].name, rows[i].help, rows[i].histogram);
}
