/* A result of `isobench load --json`. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/intake_parts.h"

/* Members of "by_place" or "by_cluster". */
static struct site *sites_read(struct arena *arena, struct json_value value, const char *path,
                               size_t *out_count)
{
    struct json_items items = json_items_begin(value, path);
    const size_t count = json_value_count(value, path);
    *out_count = 0;
    if (items.type != JSON_OBJECT || count == 0 || count > STUDY_SITES_MOST)
        return NULL;
    struct site *sites = arena_alloc(arena, count * sizeof *sites);
    while (json_items_next(&items)) {
        struct site *site = &sites[(*out_count)++];
        /* The clusters of answers that do not name theirs. */
        const bool unknown = strcmp(items.key, "-") == 0;
        *site = intake_site(unknown ? "unknown" : intake_cut(arena, items.key));
        site->requests = intake_count(items.value, "requests");
    }
    return sites;
}

static size_t flows_count(struct json_value value)
{
    struct json_items items = json_items_begin(value, "by_place_cluster");
    size_t count = 0;
    while (json_items_next(&items))
        count += json_value_count(items.value, "");
    return count;
}

static void flows_read(struct arena *arena, struct json_value value, struct measure *out)
{
    struct json_items places = json_items_begin(value, "by_place_cluster");
    out->flows = arena_alloc(arena, (flows_count(value) + 1) * sizeof *out->flows);
    for (size_t p = 0; places.type == JSON_OBJECT && json_items_next(&places); p++) {
        const struct site *place = intake_site_find(out->places, out->place_count, p, places.key);
        struct json_items items = json_items_begin(places.value, "");
        for (size_t c = 0; place != NULL && items.type == JSON_OBJECT && json_items_next(&items);
             c++) {
            const struct site *cluster =
                intake_site_find(out->clusters, out->cluster_count, c,
                                 strcmp(items.key, "-") == 0 ? "unknown" : items.key);
            if (cluster != NULL)
                out->flows[out->flow_count++] =
                    (struct flow){(size_t)(place - out->places), (size_t)(cluster - out->clusters),
                                  intake_count(items.value, "requests")};
        }
    }
}

static void latency_read(struct arena *arena, struct json_value total, const char *key,
                         struct distribution *out)
{
    char path[48];
    intake_distribution(total, key, NAN, out);
    snprintf(path, sizeof path, "%s.buckets", key);
    intake_ns_buckets(arena, total, path, out);
}

/* [{"requests": n, "ttft_ms": {"p50": ms, "p99": ms}}, ...], one a second */
static void course_read(struct arena *arena, struct json_value value, struct course *out)
{
    struct json_items items = json_items_begin(value, "series");
    const size_t count = json_value_count(value, "series");
    if (items.type != JSON_ARRAY || count < 2 || count > STUDY_STEPS_MOST)
        return;
    out->step_s = 1;
    out->requests = arena_alloc(arena, count * sizeof *out->requests);
    out->p50 = arena_alloc(arena, count * sizeof *out->p50);
    out->p99 = arena_alloc(arena, count * sizeof *out->p99);
    for (; json_items_next(&items); out->steps++) {
        out->requests[out->steps] = intake_count(items.value, "requests");
        out->p50[out->steps] = intake_number(items.value, "ttft_ms.p50", 0, 1e10);
        out->p99[out->steps] = intake_number(items.value, "ttft_ms.p99", 0, 1e10);
    }
}

/* A group: all that was sent, or what went past the router. */
static void group_read(struct arena *arena, struct json_value group, struct measure *out)
{
    out->requests = intake_count(group, "requests");
    out->failed = intake_count(group, "failed");
    out->cut = intake_count(group, "cut");
    out->unfinished = intake_count(group, "unfinished");
    out->kept = intake_number(group, "goodput.share", 0, 1);
    latency_read(arena, group, "ttft_ms", &out->ttft);
    latency_read(arena, group, "itl_ms", &out->itl);
    latency_read(arena, group, "e2e_ms", &out->e2e);
}

static void head_read(struct json_value value, struct subject *key, struct measure *out)
{
    const double rate = intake_number(value, "settings.rate", 0, 1e9);
    const double sending_s = intake_number(value, "sending_s", 1e-3, 1e9);
    const double sent = intake_count(value, "total.requests");
    key->kind = STUDY_LOAD;
    key->started_ms = intake_number(value, "started_ms", 0, 4e12);
    out->load = isnan(rate) ? round(100 * sent / sending_s) / 100 : rate;
}

void intake_load(struct arena *arena, struct json_value value, struct subject *key,
                 struct measure *out)
{
    head_read(value, key, out);
    group_read(arena, json_value_at(value, "total"), out);
    out->own_cpu = intake_number(value, "own_cpu_share", 0, 1e3);
    out->slip_p99 = intake_number(value, "slip_ms.p99", 0, 1e9);
    out->added.ttft_p50 = intake_number(value, "added_ms.ttft.p50", -1e9, 1e9);
    out->added.ttft_p99 = intake_number(value, "added_ms.ttft.p99", -1e9, 1e9);
    out->added.gap_p99 = intake_number(value, "added_ms.itl.p99", -1e9, 1e9);
    out->added.e2e_p50 = intake_number(value, "added_ms.e2e.p50", -1e9, 1e9);
    out->places = sites_read(arena, value, "by_place", &out->place_count);
    out->clusters = sites_read(arena, value, "by_cluster", &out->cluster_count);
    flows_read(arena, value, out);
    course_read(arena, value, &out->course);
}

void intake_direct(struct arena *arena, struct json_value value, struct subject *key,
                   struct measure *out)
{
    head_read(value, key, out);
    group_read(arena, json_value_at(value, "direct"), out);
}
