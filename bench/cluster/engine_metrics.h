/*
 * What the engines of a simulated cluster count, under vLLM's names and with
 * vLLM's buckets and moments of counting: prompt tokens when a prefill ends,
 * prefix cache queries when it starts, the times of a request when it finishes.
 * The cluster model counts; isosim's /metrics and the simulator's agents read.
 */
#ifndef CLUSTER_ENGINE_METRICS_H
#define CLUSTER_ENGINE_METRICS_H

#include <stdint.h>

#include "base/buffer.h"

enum { ENGINE_BUCKETS_MAX = 24 };

/* Counts are doubles: decoding is a fluid, so tokens come in fractions. */
struct engine_histogram {
    const double *bounds; /* upper, rising; +Inf is not among them */
    unsigned bounds_count;
    double counts[ENGINE_BUCKETS_MAX + 1]; /* not cumulative; the last is above every bound */
    double sum;
    double count;
};

struct engine_metrics {
    double prompt_tokens;     /* of prefills that ended, cached ones included */
    double cached_tokens;     /* of these, from the prefix cache */
    double generation_tokens; /* put out so far */
    double prefix_queries;    /* tokens asked of the prefix cache by prefills that started */
    double prefix_hits;       /* tokens it had */
    uint64_t finished;
    uint64_t aborted;
    struct engine_histogram ttft;               /* seconds, arrival to first token */
    struct engine_histogram itl;                /* seconds, per token after the first */
    struct engine_histogram e2e;                /* seconds, arrival to last token */
    struct engine_histogram queue;              /* seconds, arrival to start of prefill */
    struct engine_histogram prefill;            /* seconds, start of prefill to first token */
    struct engine_histogram decode;             /* seconds, first token to last */
    struct engine_histogram inference;          /* seconds, start of prefill to last token */
    struct engine_histogram request_prompt;     /* tokens, cached ones included */
    struct engine_histogram request_computed;   /* tokens really prefilled */
    struct engine_histogram request_generation; /* tokens */
};

/* The gauges, as they are to be shown. */
struct engine_gauges {
    double running;      /* holding a slot, prefilling or decoding */
    double waiting;      /* not yet started */
    double kv_used;      /* 0..1 */
    uint64_t kv_blocks;  /* of KV_BLOCK_TOKENS each, all engines together */
    uint32_t instances;  /* one `engine` label each */
    double evicted_idle; /* seconds the last evicted prefix had been idle; NAN unknown */
};

void engine_metrics_init(struct engine_metrics *metrics);
/* `count` observations of one value. */
void engine_histogram_observe(struct engine_histogram *histogram, double value, double count);
/*
 * Appends the Prometheus text.  Gauges have one series per instance, labelled
 * engine="0".. as vLLM's data-parallel server does; counters and histograms
 * are of the whole cluster and stand under engine="0".
 */
void engine_metrics_write(const struct engine_metrics *metrics, const struct engine_gauges *gauges,
                          const char *model_name, struct buffer *out);

#endif
