#include "simulate/result_json.h"

#include <math.h>

#include "base/json.h"

#define HISTOGRAM_PER_DECADE 10
#define HISTOGRAM_DECADES 7 /* from 1 ms */

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static const char *cluster_name(const struct scenario *scenario, uint32_t i)
{
    return scenario->clusters[i].point.name;
}

static void clusters_write(struct json *json, const char *key, const struct scenario *scenario,
                           const double *values)
{
    json_key(json, key);
    json_object_begin(json);
    for (uint32_t i = 0; i < scenario->cluster_count; i++)
        json_kv_fixed(json, cluster_name(scenario, i), values[i], 4);
    json_object_end(json);
}

static void class_write(struct json *json, const struct score_class *class)
{
    score_write_times(json, "ttft_ms", &class->ttft_ns, class->requests);
    json_kv_fixed(json, "under_slo", share((double)class->under_slo, (double)class->requests), 5);
    score_write_times(json, "e2e_ms", &class->e2e_ns, class->requests);
}

/* --- time to first token, its distribution --- */

static void histogram_row(struct json *json, double to_ms, double requests)
{
    if (requests <= 0)
        return;
    json_array_begin(json);
    if (isfinite(to_ms))
        json_fixed(json, to_ms, 2);
    else
        json_null(json);
    json_uint(json, (uint64_t)requests);
    json_array_end(json);
}

static void histogram_write(struct json *json, const struct score_class *class)
{
    const struct histogram *came = &class->ttft_ns;
    double below = 0;
    json_key(json, "ttft_histogram_ms");
    json_array_begin(json);
    for (int i = 0; i <= HISTOGRAM_DECADES * HISTOGRAM_PER_DECADE && came->count > 0; i++) {
        const double to_ms = pow(10, (double)i / HISTOGRAM_PER_DECADE);
        const double now =
            round(histogram_share_below(came, (uint64_t)(to_ms * 1e6)) * (double)came->count);
        histogram_row(json, to_ms, now - below);
        below = now;
    }
    histogram_row(json, INFINITY, (double)class->requests - below);
    json_array_end(json);
}

/* --- over time --- */

static void percentiles_write(struct json *json, const struct series *series)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}};
    json_key(json, "ttft_ms");
    json_object_begin(json);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_key(json, rows[i].name);
        json_array_begin(json);
        for (uint32_t k = 0; k < SERIES_STEPS; k++) {
            const struct series_step *step = &series->steps[k];
            json_fixed(json,
                       score_percentile(&step->ttft_ns, step->requests, rows[i].percent) / 1e6, 1);
        }
        json_array_end(json);
    }
    json_object_end(json);
}

static double utilisation_at(const struct series *series, const struct scenario *scenario,
                             uint32_t step, uint32_t cluster)
{
    const double lanes = scenario->clusters[cluster].setup.instances;
    const double busy_s = series->busy_s[(size_t)step * series->clusters + cluster];
    return busy_s / lanes / ((double)series->step_ns / 1e9);
}

static void loads_write(struct json *json, const struct series *series,
                        const struct scenario *scenario)
{
    json_key(json, "utilisation");
    json_object_begin(json);
    for (uint32_t i = 0; i < scenario->cluster_count; i++) {
        json_key(json, cluster_name(scenario, i));
        json_array_begin(json);
        for (uint32_t k = 0; k < SERIES_STEPS; k++)
            json_fixed(json, utilisation_at(series, scenario, k, i), 3);
        json_array_end(json);
    }
    json_object_end(json);
    json_key(json, "sent");
    json_object_begin(json);
    for (uint32_t i = 0; i < scenario->cluster_count; i++) {
        json_key(json, cluster_name(scenario, i));
        json_array_begin(json);
        for (uint32_t k = 0; k < SERIES_STEPS; k++)
            json_uint(json, series->sent[(size_t)k * series->clusters + i]);
        json_array_end(json);
    }
    json_object_end(json);
}

static void series_write(struct json *json, const struct series *series,
                         const struct scenario *scenario)
{
    json_key(json, "series");
    json_object_begin(json);
    json_kv_fixed(json, "step_s", (double)series->step_ns / 1e9, 3);
    json_key(json, "requests");
    json_array_begin(json);
    for (uint32_t k = 0; k < SERIES_STEPS; k++)
        json_uint(json, series->steps[k].requests);
    json_array_end(json);
    percentiles_write(json, series);
    loads_write(json, series, scenario);
    json_object_end(json);
}

/* --- over the map --- */

static void point_write(struct json *json, const struct network_point *point)
{
    json_kv_string(json, "name", point->name);
    json_kv_number(json, "latitude", point->latitude);
    json_kv_number(json, "longitude", point->longitude);
}

static void map_write(struct json *json, const struct series *series,
                      const struct scenario *scenario)
{
    json_key(json, "clusters");
    json_array_begin(json);
    for (uint32_t i = 0; i < scenario->cluster_count; i++) {
        json_object_begin(json);
        point_write(json, &scenario->clusters[i].point);
        json_kv_number(json, "price", scenario->clusters[i].price);
        json_object_end(json);
    }
    json_array_end(json);
    json_key(json, "places");
    json_array_begin(json);
    for (uint32_t p = 0; p < scenario->region_count; p++) {
        json_object_begin(json);
        point_write(json, &scenario->regions[p].point);
        json_key(json, "sent");
        json_object_begin(json);
        for (uint32_t i = 0; i < scenario->cluster_count; i++)
            json_kv_uint(json, cluster_name(scenario, i),
                         series->flows[(size_t)p * series->clusters + i]);
        json_object_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

/* --- all of it --- */

static void head_write(struct json *json, const struct result_of *of)
{
    const struct score *score = &of->result->score;
    json_kv_string(json, "policy", of->policy);
    json_kv_number(json, "load", of->load);
    json_key(json, "seed");
    if (of->seeds == 1)
        json_uint(json, of->seed);
    else
        json_null(json);
    json_kv_uint(json, "seeds", of->seeds);
    json_kv_string(json, "scenario", of->setup->workload.scenario->name);
    json_kv_bool(json, "independent", of->setup->workload.independent);
    json_kv_uint(json, "routers", of->setup->routers);
    json_kv_number(json, "report_interval_ms", of->setup->report_interval_ms);
    json_kv_number(json, "slo_ms", of->setup->slo_ms);
    json_kv_uint(json, "requests",
                 score->classes[SCORE_INTERACTIVE].requests + score->classes[SCORE_FLEX].requests);
    json_kv_uint(json, "failed", score->failed);
    json_kv_uint(json, "failed_unstarted", score->failed_unstarted);
    json_kv_uint(json, "unfinished", score->unfinished);
}

static void regret_write(struct json *json, const struct result_of *of)
{
    const struct score_class *class = &of->result->score.classes[SCORE_INTERACTIVE];
    const double mean = score_mean(&class->ttft_ns, class->requests);
    const double p99 = score_percentile(&class->ttft_ns, class->requests, 99);
    const struct best *best = of->best;
    json_kv_fixed(json, "regret", best != NULL ? (mean - best->mean_ns) / 1e6 : NAN, 2);
    json_kv_fixed(json, "p99_to_best", best != NULL ? p99 / best->p99_ns : NAN, 3);
}

static void flex_write(struct json *json, const struct score_class *flex)
{
    json_key(json, "flex");
    json_object_begin(json);
    json_kv_uint(json, "requests", flex->requests);
    class_write(json, flex);
    json_object_end(json);
}

void result_json_write(const struct result_of *of, struct buffer *out)
{
    const struct run_result *result = of->result;
    const struct scenario *scenario = of->setup->workload.scenario;
    const struct score *score = &result->score;
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    head_write(&json, of);
    class_write(&json, &score->classes[SCORE_INTERACTIVE]);
    json_kv_fixed(&json, "flex_price", share(score->flex_paid, score->flex_tokens), 4);
    json_kv_fixed(&json, "prefix_hit", share(score->cached_tokens, score->prompt_tokens), 4);
    clusters_write(&json, "utilisation", scenario, result->utilisation);
    clusters_write(&json, "share", scenario, result->share);
    regret_write(&json, of);
    flex_write(&json, &score->classes[SCORE_FLEX]);
    if (score->fault_sent > 0)
        json_kv_fixed(&json, "fault_share",
                      share((double)score->fault_sent_there, (double)score->fault_sent), 4);
    histogram_write(&json, &score->classes[SCORE_INTERACTIVE]);
    if (result->series != NULL) {
        series_write(&json, result->series, scenario);
        map_write(&json, result->series, scenario);
    }
    json_object_end(&json);
    buffer_append_byte(out, '\n');
}
