#include "simulate/score.h"

#include <math.h>

double score_percentile(const struct histogram *came, uint64_t requests, double percent)
{
    if (requests == 0)
        return NAN;
    const double rank = percent / 100 * (double)requests;
    if (rank > (double)came->count)
        return INFINITY;
    return histogram_percentile(came, fmin(100, 100 * rank / (double)came->count));
}

double score_mean(const struct histogram *came, uint64_t requests)
{
    if (requests == 0)
        return NAN;
    return came->count < requests ? INFINITY : histogram_mean(came);
}

void score_write_times(struct json *json, const char *key, const struct histogram *came,
                       uint64_t requests)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}};
    json_key(json, key);
    json_object_begin(json);
    json_kv_fixed(json, "mean", score_mean(came, requests) / 1e6, 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        json_kv_fixed(json, rows[i].name, score_percentile(came, requests, rows[i].percent) / 1e6,
                      2);
    json_object_end(json);
}

void score_merge(struct score *into, const struct score *from)
{
    for (int k = 0; k < SCORE_CLASSES; k++) {
        into->classes[k].requests += from->classes[k].requests;
        into->classes[k].under_slo += from->classes[k].under_slo;
        histogram_merge(&into->classes[k].ttft_ns, &from->classes[k].ttft_ns);
        histogram_merge(&into->classes[k].e2e_ns, &from->classes[k].e2e_ns);
    }
    into->failed += from->failed;
    into->failed_unstarted += from->failed_unstarted;
    into->unfinished += from->unfinished;
    into->flex_tokens += from->flex_tokens;
    into->flex_paid += from->flex_paid;
    into->prompt_tokens += from->prompt_tokens;
    into->cached_tokens += from->cached_tokens;
    into->fault_sent += from->fault_sent;
    into->fault_sent_there += from->fault_sent_there;
}
