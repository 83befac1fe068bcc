#include "load/series.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

static void latencies_add(struct series_latencies *latencies, double ms)
{
    if (latencies->count == latencies->room) {
        latencies->room = latencies->room > 0 ? 2 * latencies->room : 64;
        latencies->ms = memory_realloc(latencies->ms, latencies->room * sizeof *latencies->ms);
    }
    latencies->ms[latencies->count++] = (float)ms;
}

static struct series_second *second_of(struct series *series, int64_t intended_ns)
{
    uint32_t at = SERIES_SECONDS_MOST - 1;
    if (intended_ns / NS_PER_S < SERIES_SECONDS_MOST)
        at = (uint32_t)(intended_ns / NS_PER_S);
    if (at >= series->room) {
        series->room = at < 32 ? 64 : 2 * at;
        series->seconds = memory_realloc(series->seconds, series->room * sizeof *series->seconds);
    }
    while (series->count <= at)
        series->seconds[series->count++] = (struct series_second){0};
    return &series->seconds[at];
}

static void count_cluster(struct series_second *second, uint32_t cluster)
{
    if (cluster >= second->cluster_room) {
        const uint32_t room = cluster + 8;
        second->clusters = memory_realloc(second->clusters, room * sizeof *second->clusters);
        while (second->cluster_room < room)
            second->clusters[second->cluster_room++] = 0;
    }
    second->clusters[cluster]++;
}

void series_add(struct series *series, const struct sample *sample)
{
    struct series_second *second = second_of(series, sample->intended_ns);
    second->requests++;
    second->cut += sample->outcome == OUTCOME_CUT;
    second->failed += outcome_is_failure(sample->outcome);
    count_cluster(second, sample->cluster);
    if (sample->outcome != OUTCOME_ANSWERED)
        return;
    second->answered++;
    latencies_add(&second->e2e, ns_to_ms(sample->end_ns - sample->intended_ns));
    if (sample->events > 0)
        latencies_add(&second->ttft, ns_to_ms(sample->first_ns - sample->intended_ns));
}

/* ---- out ---- */

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct series_latencies *sorted, double percent)
{
    if (sorted->count == 0)
        return NAN;
    const double rank = ceil(percent / 100 * (double)sorted->count);
    return (double)sorted->ms[rank < 1 ? 0 : (uint32_t)rank - 1];
}

static void write_latencies(struct json *json, const char *key, struct series_latencies *latencies)
{
    if (latencies->count > 0)
        qsort(latencies->ms, latencies->count, sizeof *latencies->ms, by_size);
    json_key(json, key);
    json_object_begin(json);
    json_kv_fixed(json, "p50", percentile(latencies, 50), 3);
    json_kv_fixed(json, "p99", percentile(latencies, 99), 3);
    json_object_end(json);
}

static void write_second(struct json *json, uint32_t at, struct series_second *second,
                         const struct tallies *names)
{
    json_object_begin(json);
    json_kv_uint(json, "at_s", at);
    json_kv_uint(json, "requests", second->requests);
    json_kv_uint(json, "answered", second->answered);
    json_kv_uint(json, "cut", second->cut);
    json_kv_uint(json, "failed", second->failed);
    write_latencies(json, "ttft_ms", &second->ttft);
    write_latencies(json, "e2e_ms", &second->e2e);
    json_key(json, "clusters");
    json_object_begin(json);
    for (uint32_t c = 0; c < second->cluster_room; c++)
        if (second->clusters[c] > 0)
            json_kv_uint(json, tallies_cluster_name(names, c), second->clusters[c]);
    json_object_end(json);
    json_object_end(json);
}

void series_write(struct series *series, const struct tallies *names, struct json *json)
{
    json_array_begin(json);
    for (uint32_t at = 0; at < series->count; at++)
        write_second(json, at, &series->seconds[at], names);
    json_array_end(json);
}

void series_finish(struct series *series)
{
    for (uint32_t i = 0; i < series->count; i++) {
        free(series->seconds[i].ttft.ms);
        free(series->seconds[i].e2e.ms);
        free(series->seconds[i].clusters);
    }
    free(series->seconds);
    *series = (struct series){0};
}
