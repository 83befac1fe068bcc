#include "agent/derive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/prefill.h"
#include "base/clock.h"
#include "base/memory.h"

#define SMOOTHING_S 10.0
#define IDLE_SLOWDOWN 6.0
#define IDLE_ITL_BUCKET_S 10.0
#define IDLE_ITL_TOKENS_LEAST 10.0 /* of a bucket, to count */
#define CEILING_SHARE 0.3          /* ... and this share of those in which something waited */
#define CEILING_TOUCH 0.99         /* of the most that ran: at it */
#define IDLE_ITL_SHARE 0.1         /* the low percentile */

enum {
    IDLE_ITL_BUCKETS = 360, /* an hour */
    CEILING_SAMPLES = 5,    /* at the most that ran, before that counts as being full */
};

/* Sums that forget: of what the counters went up by. */
struct flow {
    double sums[ENGINE_METRIC_COUNT];
};

struct endpoint_state {
    bool live;
    bool known; /* `last` holds a sample */
    int64_t last_ns;
    struct engine_sample last;
    struct flow recent; /* forgets with time */
    double recent_s;
    struct flow work;             /* forgets with work, slowly without */
    struct prefill_sums prefills; /* as `work` does */
    /* Of the samples in which something waited: */
    double most_running;
    unsigned waited;     /* samples */
    unsigned at_ceiling; /* ... in which about that many ran */
};

/* Means of the inter-token latency, one every 10 s of the last hour. */
struct idle_itl {
    double means_s[IDLE_ITL_BUCKETS];
    int64_t made_ns[IDLE_ITL_BUCKETS];
    size_t next;
    double sum_s, count; /* of the bucket being filled */
    int64_t since_ns;
};

struct derive {
    struct derive_settings settings;
    struct endpoint_state endpoints[DERIVE_ENDPOINTS_MOST];
    struct idle_itl idle;
    double prefill_tps_one; /* the last that could be told; NAN never */
};

struct derive *derive_create(const struct derive_settings *settings)
{
    struct derive *derive = memory_zalloc(sizeof *derive);
    derive->settings = *settings;
    derive->prefill_tps_one = NAN;
    return derive;
}

void derive_destroy(struct derive **derive)
{
    free(*derive);
    *derive = NULL;
}

/* ---- samples in ----------------------------------------------------- */

/* A counter that went down belongs to an engine that started anew. */
static bool restarted(const struct engine_sample *before, const struct engine_sample *now)
{
    for (unsigned m = 0; m < ENGINE_METRIC_COUNT; m++)
        if (engine_metric_kind(m) == ENGINE_COUNTER && now->values[m] < before->values[m])
            return true;
    return false;
}

/* What the counters went up by; 0 where one of the two is unknown. */
static struct flow flow_between(const struct engine_sample *before, const struct engine_sample *now)
{
    struct flow flow = {{0}};
    for (unsigned m = 0; m < ENGINE_METRIC_COUNT; m++) {
        const double step = now->values[m] - before->values[m];
        if (engine_metric_kind(m) == ENGINE_COUNTER && isfinite(step) && step > 0)
            flow.sums[m] = step;
    }
    return flow;
}

static void flow_add(struct flow *flow, const struct flow *step, double keep)
{
    for (unsigned m = 0; m < ENGINE_METRIC_COUNT; m++)
        flow->sums[m] = flow->sums[m] * keep + step->sums[m];
}

/*
 * Requests wait for a slot or for prefill, and engines do not say for which.
 * Slots are a ceiling: whenever they are what is short, the same number runs.
 * Where prefill is short the number running is any.
 */
static void slots_learn(struct endpoint_state *endpoint, const struct engine_sample *sample)
{
    const double running = sample->values[ENGINE_running];
    if (isnan(running) || !(sample->values[ENGINE_waiting] > 0))
        return;
    endpoint->waited++;
    if (running * CEILING_TOUCH > endpoint->most_running)
        endpoint->at_ceiling = 0;
    endpoint->most_running = fmax(endpoint->most_running, running);
    endpoint->at_ceiling += running >= endpoint->most_running * CEILING_TOUCH;
}

static bool was_full(const struct endpoint_state *endpoint)
{
    return endpoint->at_ceiling >= CEILING_SAMPLES &&
           endpoint->at_ceiling >= CEILING_SHARE * endpoint->waited;
}

static void idle_itl_learn(struct idle_itl *idle, const struct flow *step, int64_t from_ns,
                           int64_t now_ns)
{
    if (idle->since_ns == 0)
        idle->since_ns = from_ns;
    idle->sum_s += step->sums[ENGINE_itl_sum];
    idle->count += step->sums[ENGINE_itl_count];
    if ((double)(now_ns - idle->since_ns) < IDLE_ITL_BUCKET_S * (double)NS_PER_S)
        return;
    if (idle->count >= IDLE_ITL_TOKENS_LEAST) {
        idle->means_s[idle->next] = idle->sum_s / idle->count;
        idle->made_ns[idle->next] = now_ns;
        idle->next = (idle->next + 1) % IDLE_ITL_BUCKETS;
    }
    idle->sum_s = idle->count = 0;
    idle->since_ns = now_ns;
}

/* By the engine's own clock, which like the count of computed tokens moves when a request ends;
 * or else from the head of the queue to the first token. */
static void prefills_add(struct prefill_sums *prefills, const struct engine_sample *sample,
                         const struct flow *step)
{
    const bool counted = !isnan(sample->values[ENGINE_computed_tokens]);
    const double *sums = step->sums;
    const double tokens = counted ? sums[ENGINE_computed_tokens]
                                  : sums[ENGINE_prompt_tokens] - sums[ENGINE_cached_tokens];
    if (!isnan(sample->values[ENGINE_prefill_sum]))
        prefill_sums_add(prefills, sums[ENGINE_prefill_count], tokens, sums[ENGINE_prefill_sum],
                         !counted);
    else if (!isnan(sample->values[ENGINE_queue_sum]))
        prefill_sums_add(prefills, sums[ENGINE_ttft_count], tokens,
                         sums[ENGINE_ttft_sum] - sums[ENGINE_queue_sum], true);
}

/* What can no longer be told stays as it was: it may be short prompts only that come now. */
static void prefill_learn(struct derive *derive)
{
    struct prefill_sums all = {0};
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++)
        prefill_sums_merge(&all, &derive->endpoints[i].prefills);
    const double tokens_per_s = prefill_tokens_per_s(&all);
    if (!isnan(tokens_per_s))
        derive->prefill_tps_one = tokens_per_s;
}

static void take_step(struct derive *derive, struct endpoint_state *endpoint,
                      const struct engine_sample *sample, int64_t now_ns)
{
    const double dt = (double)(now_ns - endpoint->last_ns) / (double)NS_PER_S;
    if (dt <= 0)
        return;
    const struct flow step = flow_between(&endpoint->last, sample);
    const bool worked = step.sums[ENGINE_finished] > 0 || step.sums[ENGINE_prefill_sum] > 0;
    const double keep_recent = exp(-dt / SMOOTHING_S);
    flow_add(&endpoint->recent, &step, keep_recent);
    endpoint->recent_s = endpoint->recent_s * keep_recent + dt;
    const double keep_work = worked ? keep_recent : exp(-dt / (SMOOTHING_S * IDLE_SLOWDOWN));
    flow_add(&endpoint->work, &step, keep_work);
    prefill_sums_fade(&endpoint->prefills, keep_work);
    prefills_add(&endpoint->prefills, sample, &step);
    if (worked)
        prefill_learn(derive);
    idle_itl_learn(&derive->idle, &step, endpoint->last_ns, now_ns);
}

void derive_sample(struct derive *derive, unsigned at, const struct engine_sample *sample,
                   int64_t now_ns)
{
    CHECK_LT(at, DERIVE_ENDPOINTS_MOST);
    struct endpoint_state *endpoint = &derive->endpoints[at];
    if (endpoint->known && restarted(&endpoint->last, sample)) {
        endpoint->most_running = 0;
        endpoint->waited = endpoint->at_ceiling = 0;
    } else if (endpoint->known) {
        take_step(derive, endpoint, sample, now_ns);
    }
    slots_learn(endpoint, sample);
    endpoint->last = *sample;
    endpoint->last_ns = now_ns;
    endpoint->known = endpoint->live = true;
}

void derive_lost(struct derive *derive, unsigned at)
{
    CHECK_LT(at, DERIVE_ENDPOINTS_MOST);
    struct endpoint_state *endpoint = &derive->endpoints[at];
    endpoint->live = false;
    endpoint->known = false; /* the next flow begins with the next sample */
    endpoint->recent = (struct flow){{0}};
    endpoint->recent_s = 0;
}

/* ---- report out ----------------------------------------------------- */

/* Endpoints that were lost are part of what is known of the work, not of what is now. */
static double work_sum(const struct derive *derive, enum engine_metric metric)
{
    double sum = 0;
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++)
        sum += derive->endpoints[i].work.sums[metric];
    return sum;
}

static double work_ratio(const struct derive *derive, enum engine_metric above,
                         enum engine_metric below)
{
    const double divisor = work_sum(derive, below);
    return divisor > 0 ? work_sum(derive, above) / divisor : NAN;
}

/* Sum over the live ones; NAN when none of them says it. */
static double gauge_sum(const struct derive *derive, enum engine_metric metric)
{
    double sum = NAN;
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++) {
        const struct endpoint_state *endpoint = &derive->endpoints[i];
        if (endpoint->live && !isnan(endpoint->last.values[metric]))
            sum = (isnan(sum) ? 0 : sum) + endpoint->last.values[metric];
    }
    return sum;
}

/* Mean over the engines of the live endpoints. */
static double gauge_mean(const struct derive *derive, enum engine_metric metric)
{
    double sum = 0, engines = 0;
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++) {
        const struct endpoint_state *endpoint = &derive->endpoints[i];
        if (!endpoint->live || isnan(endpoint->last.values[metric]))
            continue;
        sum += endpoint->last.values[metric] * endpoint->last.engines;
        engines += endpoint->last.engines;
    }
    return engines > 0 ? sum / engines : NAN;
}

/* Per second, over the live ones; NAN before there are two samples. */
static double rate(const struct derive *derive, enum engine_metric metric)
{
    double sum = NAN;
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++) {
        const struct endpoint_state *endpoint = &derive->endpoints[i];
        if (endpoint->live && endpoint->recent_s > 0 && !isnan(endpoint->last.values[metric]))
            sum = (isnan(sum) ? 0 : sum) + endpoint->recent.sums[metric] / endpoint->recent_s;
    }
    return sum;
}

static double engines_live(const struct derive *derive)
{
    double engines = 0;
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++)
        if (derive->endpoints[i].live)
            engines += derive->endpoints[i].last.engines;
    if (engines > 0 && !isnan(derive->settings.instances))
        return derive->settings.instances;
    return engines > 0 ? engines : NAN;
}

/* Computed prompt tokens, as the engine counts them or as the difference of two counters. */
static double uncached_tokens(const struct derive *derive)
{
    const double computed = work_sum(derive, ENGINE_computed_tokens);
    if (computed > 0)
        return computed;
    return fmax(0, work_sum(derive, ENGINE_prompt_tokens) - work_sum(derive, ENGINE_cached_tokens));
}

static double mean_tokens(const struct derive *derive)
{
    const bool counted = work_sum(derive, ENGINE_computed_tokens) > 0;
    const double requests = work_sum(derive, counted ? ENGINE_prefill_count : ENGINE_finished);
    const double tokens = uncached_tokens(derive);
    return requests > 0 && tokens > 0 ? tokens / requests : NAN;
}

/* From their start to their end: without the queue where that is known. */
static double hold_s(const struct derive *derive)
{
    const double whole = work_ratio(derive, ENGINE_e2e_sum, ENGINE_e2e_count);
    const double queued = work_ratio(derive, ENGINE_queue_sum, ENGINE_queue_count);
    return isnan(queued) ? whole : whole - queued;
}

/* The most that ran, of the endpoints that were seen full; the others are taken for like them. */
static double slots(const struct derive *derive, double engines)
{
    double most = 0, full = 0, seen = 0;
    for (size_t i = 0; i < DERIVE_ENDPOINTS_MOST; i++) {
        const struct endpoint_state *endpoint = &derive->endpoints[i];
        if (!endpoint->live)
            continue;
        seen += endpoint->last.engines;
        if (was_full(endpoint)) {
            most += endpoint->most_running;
            full += endpoint->last.engines;
        }
    }
    if (full <= 0 || most <= 0 || isnan(engines))
        return derive->settings.slots;
    return most / full * seen;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double idle_itl_s(const struct idle_itl *idle, int64_t now_ns)
{
    const int64_t hour_ns = 3600 * NS_PER_S;
    double means[IDLE_ITL_BUCKETS];
    size_t count = 0;
    for (size_t i = 0; i < IDLE_ITL_BUCKETS; i++)
        if (idle->made_ns[i] && now_ns - idle->made_ns[i] <= hour_ns)
            means[count++] = idle->means_s[i];
    if (count == 0)
        return NAN;
    qsort(means, count, sizeof means[0], ascending);
    return means[(size_t)((double)(count - 1) * IDLE_ITL_SHARE)];
}

void derive_report(const struct derive *derive, int64_t now_ns, struct report *out)
{
    const double engines = engines_live(derive);
    out->instances = engines;
    out->running = gauge_sum(derive, ENGINE_running);
    out->waiting = gauge_sum(derive, ENGINE_waiting);
    out->prefill_tps_one = derive->prefill_tps_one;
    out->prefill_tps = engines * out->prefill_tps_one;
    out->utilisation = rate(derive, ENGINE_prefill_sum) / engines;
    if (out->utilisation > 1) /* prefills that ended now had begun before */
        out->utilisation = 1;
    out->mean_tokens = mean_tokens(derive);
    out->waiting_tokens = out->waiting > 0 ? out->waiting * out->mean_tokens : out->waiting;
    out->slots = slots(derive, engines);
    out->hold_ms = 1e3 * hold_s(derive);
    out->itl_ms = 1e3 * work_ratio(derive, ENGINE_itl_sum, ENGINE_itl_count);
    out->itl_idle_ms = 1e3 * idle_itl_s(&derive->idle, now_ns);
    out->done_per_s = rate(derive, ENGINE_finished);
    out->kv_used = gauge_mean(derive, ENGINE_kv_used);
    out->cache_age_ms = 1e3 * gauge_mean(derive, ENGINE_cache_age_s);
    out->ttft_ms = 1e3 * work_ratio(derive, ENGINE_ttft_sum, ENGINE_ttft_count);
}
