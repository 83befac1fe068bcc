#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "load/report.h"

/* How much of a latency is written. */
enum detail { DETAIL_NUMBERS, DETAIL_BUCKETS };

/* The buckets that hold something. */
static void write_buckets(struct json *json, const struct histogram *histogram)
{
    json_key(json, "buckets");
    json_array_begin(json);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        json_array_begin(json);
        json_uint(json, histogram_bucket_from(i));
        json_uint(json, histogram->buckets[i]);
        json_array_end(json);
    }
    json_array_end(json);
}

static void write_latency(struct json *json, const char *key, const struct histogram *histogram,
                          enum detail detail)
{
    static const struct {
        const char *key;
        double percent;
    } columns[] = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p999", 99.9}};
    json_key(json, key);
    json_object_begin(json);
    json_kv_uint(json, "count", histogram->count);
    json_kv_fixed(json, "mean", histogram_mean(histogram) / 1e6, 4);
    json_kv_fixed(json, "min", (double)histogram->least / 1e6, 4);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        json_kv_fixed(json, columns[i].key,
                      histogram_percentile(histogram, columns[i].percent) / 1e6, 4);
    json_kv_fixed(json, "max", (double)histogram->most / 1e6, 4);
    if (detail == DETAIL_BUCKETS)
        write_buckets(json, histogram);
    json_object_end(json);
}

/* Every kind of failure, and cut, with its number; statuses one by one. */
static void write_errors(struct json *json, const struct tally *tally)
{
    json_key(json, "errors");
    json_object_begin(json);
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (i == OUTCOME_STATUS || (i != OUTCOME_CUT && !outcome_is_failure((enum outcome)i)))
            continue;
        json_kv_uint(json, outcome_name((enum outcome)i), tally->outcomes[i]);
    }
    json_key(json, outcome_name(OUTCOME_STATUS));
    json_object_begin(json);
    for (int i = 0; i < TALLY_STATUSES && tally->statuses[i].count > 0; i++) {
        char status[16];
        snprintf(status, sizeof(status), "%d", tally->statuses[i].status);
        json_kv_uint(json, status, tally->statuses[i].count);
    }
    json_object_end(json);
    json_object_end(json);
}

static void write_goodput(struct json *json, const struct tally *tally)
{
    json_key(json, "goodput");
    json_object_begin(json);
    json_kv_uint(json, "promised", tally->promised);
    json_kv_uint(json, "kept", tally->kept);
    json_kv_fixed(json, "share", (double)tally->kept / (double)tally->promised, 4);
    json_object_end(json);
}

static void write_timings(struct json *json, const struct tally *tally)
{
    json_key(json, "server_timing_ms");
    json_object_begin(json);
    for (int i = 0; i < TALLY_TIMINGS && tally->timings[i].count > 0; i++) {
        const struct tally_timing *timing = &tally->timings[i];
        json_kv_fixed(json, timing->name, timing->sum_ms / (double)timing->count, 4);
    }
    json_object_end(json);
}

/* The members of a tally, into an object that is open. */
static void write_tally(struct json *json, const struct tally *tally, enum detail detail)
{
    json_kv_uint(json, "requests", tally->requests);
    json_kv_uint(json, "answered", tally->outcomes[OUTCOME_ANSWERED]);
    json_kv_uint(json, "cut", tally->outcomes[OUTCOME_CUT]);
    json_kv_uint(json, "failed", tally_failed(tally));
    json_kv_uint(json, "unfinished", tally->outcomes[OUTCOME_UNFINISHED]);
    json_kv_uint(json, "resent", tally->resent);
    json_kv_uint(json, "events", tally->events);
    if (tally->promised > 0)
        write_goodput(json, tally);
    write_errors(json, tally);
    write_latency(json, "ttft_ms", &tally->ttft, detail);
    write_latency(json, "itl_ms", &tally->itl, detail);
    write_latency(json, "itl_request_ms", &tally->itl_request, detail);
    write_latency(json, "e2e_ms", &tally->e2e, detail);
    write_latency(json, "head_ms", &tally->head, detail);
    write_timings(json, tally);
    json_key(json, "usage");
    json_object_begin(json);
    json_kv_uint(json, "prompt_tokens", tally->prompt_tokens);
    json_kv_uint(json, "cached_tokens", tally->cached_tokens);
    json_kv_uint(json, "output_tokens", tally->output_tokens);
    json_object_end(json);
}

static void write_place(struct json *json, const struct run_result *result, uint32_t p,
                        struct tally *sum)
{
    const struct place *place = &result->places[p];
    char source[ADDRESS_TEXT_BYTES];
    json_key(json, place->options->name);
    json_object_begin(json);
    if (place->options->source.len > 0)
        json_kv_string(json, "source_address", address_write_ip(&place->options->source, source));
    if (place->edge.ptr != NULL)
        json_kv_slice(json, "edge", place->edge);
    json_key(json, "urls");
    json_array_begin(json);
    for (uint32_t i = 0; i < place->lane_count; i++)
        json_slice(json, place->lanes[i].settings.target->url);
    json_array_end(json);
    (void)tallies_sum(result->tallies, (struct tally_group){p, TALLY_ALL, TALLY_ALL}, sum);
    write_tally(json, sum, DETAIL_BUCKETS);
    json_object_end(json);
}

static void write_places(struct json *json, const struct run_result *result, struct tally *sum)
{
    json_key(json, "by_place");
    json_object_begin(json);
    for (uint32_t p = 0; p < result->options->place_count; p++)
        write_place(json, result, p, sum);
    json_object_end(json);
}

static void write_classes(struct json *json, const struct run_result *result, struct tally *sum)
{
    json_key(json, "by_class");
    json_object_begin(json);
    for (uint32_t k = 0; k < CLASS_COUNT; k++) {
        if (!tallies_sum(result->tallies, (struct tally_group){TALLY_ALL, k, TALLY_ALL}, sum))
            continue;
        json_key(json, traffic_class_name((enum traffic_class)k));
        json_object_begin(json);
        write_tally(json, sum, DETAIL_BUCKETS);
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_clusters(struct json *json, const struct run_result *result, struct tally *sum)
{
    const struct tallies *tallies = result->tallies;
    json_key(json, "by_cluster");
    json_object_begin(json);
    for (uint32_t c = 0; c < tallies_cluster_count(tallies); c++) {
        if (!tallies_sum(tallies, (struct tally_group){TALLY_ALL, TALLY_ALL, c}, sum))
            continue;
        json_key(json, tallies_cluster_name(tallies, c));
        json_object_begin(json);
        write_tally(json, sum, DETAIL_BUCKETS);
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_pairs(struct json *json, const struct run_result *result, struct tally *sum)
{
    const struct tallies *tallies = result->tallies;
    json_key(json, "by_place_cluster");
    json_object_begin(json);
    for (uint32_t p = 0; p < result->options->place_count; p++) {
        json_key(json, result->options->places[p].name);
        json_object_begin(json);
        for (uint32_t c = 0; c < tallies_cluster_count(tallies); c++) {
            if (!tallies_sum(tallies, (struct tally_group){p, TALLY_ALL, c}, sum))
                continue;
            json_key(json, tallies_cluster_name(tallies, c));
            json_object_begin(json);
            write_tally(json, sum, DETAIL_NUMBERS);
            json_object_end(json);
        }
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_tenants(struct json *json, const struct run_result *result)
{
    const struct tenants *tenants = &result->options->tenants;
    json_key(json, "by_tenant");
    json_object_begin(json);
    for (uint32_t t = 0; t < tenants->count; t++) {
        const struct tally *tally = tallies_tenant(result->tallies, t);
        if (tally->requests == 0)
            continue;
        json_key(json, tenants->list[t].name);
        json_object_begin(json);
        write_tally(json, tally, DETAIL_NUMBERS);
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_added(struct json *json, const char *key, const struct histogram *routed,
                        const struct histogram *direct)
{
    static const struct {
        const char *key;
        double percent;
    } columns[] = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}};
    json_key(json, key);
    json_object_begin(json);
    json_kv_fixed(json, "mean", (histogram_mean(routed) - histogram_mean(direct)) / 1e6, 4);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        json_kv_fixed(json, columns[i].key,
                      (histogram_percentile(routed, columns[i].percent) -
                       histogram_percentile(direct, columns[i].percent)) /
                          1e6,
                      4);
    json_object_end(json);
}

/* --direct: what went there, and by how much the others were slower. */
static void write_direct(struct json *json, const struct run_result *result,
                         const struct tally *total)
{
    struct tally *direct = memory_alloc(sizeof *direct);
    (void)tallies_sum(result->tallies, TALLY_DIRECT, direct);
    json_key(json, "direct");
    json_object_begin(json);
    json_kv_slice(json, "url", result->options->direct_target.url);
    write_tally(json, direct, DETAIL_BUCKETS);
    json_object_end(json);
    json_key(json, "added_ms");
    json_object_begin(json);
    write_added(json, "ttft", &total->ttft, &direct->ttft);
    write_added(json, "itl", &total->itl, &direct->itl);
    write_added(json, "e2e", &total->e2e, &direct->e2e);
    write_added(json, "head", &total->head, &direct->head);
    json_object_end(json);
    free(direct);
}

static void write_settings(struct json *json, const struct run_result *result)
{
    const struct options *options = result->options;
    json_key(json, "settings");
    json_object_begin(json);
    json_kv_string(json, "loop", options->closed > 0 ? "closed" : "open");
    if (options->closed > 0)
        json_kv_uint(json, "closed", options->closed);
    else if (options->trace == NULL)
        json_kv_number(json, "rate", options->schedule.rate);
    json_kv_string(json, "arrivals", options->arrivals_text);
    if (options->trace != NULL)
        json_kv_number(json, "time_scale", options->time_scale);
    json_kv_string(json, "protocol", options->h2 ? "h2" : "h1");
    json_kv_string(json, "model", options->model);
    json_kv_bool(json, "stream", options->prompt.stream);
    json_kv_uint(json, "conversations", options->conversations);
    json_kv_number(json, "turns", options->turns);
    json_kv_uint(json, "seed", options->seed);
    json_object_end(json);
}

void report_json(const struct run_result *result, struct buffer *out)
{
    struct tally *sum = memory_alloc(sizeof *sum);
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    write_settings(&json, result);
    json_kv_int(&json, "started_ms", result->start_wall_ms);
    json_kv_fixed(&json, "sending_s", result->sending_s, 3);
    json_kv_fixed(&json, "elapsed_s", result->elapsed_s, 3);
    json_kv_bool(&json, "interrupted", result->interrupted);
    json_kv_fixed(&json, "own_cpu_share", result->cpu_s / result->elapsed_s, 4);
    write_latency(&json, "slip_ms", tallies_slips(result->tallies), DETAIL_BUCKETS);
    (void)tallies_sum(result->tallies, TALLY_EVERYTHING, sum);
    json_key(&json, "total");
    json_object_begin(&json);
    write_tally(&json, sum, DETAIL_BUCKETS);
    json_object_end(&json);
    if (result->options->has_direct)
        write_direct(&json, result, sum);
    write_places(&json, result, sum);
    write_classes(&json, result, sum);
    write_clusters(&json, result, sum);
    write_pairs(&json, result, sum);
    write_tenants(&json, result);
    json_key(&json, "series");
    series_write(result->series, result->tallies, &json);
    json_object_end(&json);
    buffer_append_byte(out, '\n');
    free(sum);
}
