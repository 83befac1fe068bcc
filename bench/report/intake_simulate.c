/* A result of `isobench simulate --json`. */
#include <math.h>
#include <string.h>

#include "report/intake_parts.h"

/* --- where requests went --- */

/* Members of "share" and "utilisation"; what they are by cluster. */
static void clusters_read(struct arena *arena, struct json_value value, struct measure *out)
{
    struct json_items shares = json_items_begin(value, "share");
    const size_t count = json_value_count(value, "share");
    if (shares.type != JSON_OBJECT || count == 0 || count > STUDY_SITES_MOST)
        return;
    out->clusters = arena_alloc(arena, count * sizeof *out->clusters);
    while (json_items_next(&shares)) {
        const double share = intake_number(shares.value, "", 0, 1);
        struct site site = intake_site(intake_cut(arena, shares.key));
        site.requests = isnan(share) ? 0 : share * out->requests;
        out->clusters[out->cluster_count++] = site;
    }
    struct json_items busy = json_items_begin(value, "utilisation");
    for (size_t i = 0; busy.type == JSON_OBJECT && json_items_next(&busy); i++) {
        struct site *site = intake_site_find(out->clusters, out->cluster_count, i, busy.key);
        if (site != NULL)
            site->utilisation = intake_number(busy.value, "", 0, 10);
    }
}

static void point_read(struct json_value value, struct site *site)
{
    site->latitude = intake_number(value, "latitude", -90, 90);
    site->longitude = intake_number(value, "longitude", -180, 180);
}

static void cluster_points_read(struct json_value value, struct measure *out)
{
    struct json_items items = json_items_begin(value, "clusters");
    for (size_t i = 0; items.type == JSON_ARRAY && json_items_next(&items); i++) {
        const char *name = json_value_text(items.value, "name");
        if (name == NULL)
            continue;
        struct site *site = intake_site_find(out->clusters, out->cluster_count, i, name);
        if (site != NULL)
            point_read(items.value, site);
    }
}

/* A place's "sent": a flow for each cluster. */
static void flows_read(struct json_value place, struct measure *out)
{
    struct json_items items = json_items_begin(place, "sent");
    const size_t at = out->place_count - 1;
    for (size_t i = 0; items.type == JSON_OBJECT && json_items_next(&items); i++) {
        const struct site *site = intake_site_find(out->clusters, out->cluster_count, i, items.key);
        if (site == NULL)
            continue;
        const double requests = intake_count(items.value, "");
        out->flows[out->flow_count++] = (struct flow){at, (size_t)(site - out->clusters), requests};
        out->places[at].requests += requests;
    }
}

static size_t flows_count(struct json_value value)
{
    struct json_items items = json_items_begin(value, "places");
    size_t count = 0;
    while (json_items_next(&items))
        count += json_value_count(items.value, "sent");
    return count;
}

static void places_read(struct arena *arena, struct json_value value, struct measure *out)
{
    enum { PLACES_MOST = 256 };
    struct json_items items = json_items_begin(value, "places");
    const size_t count = json_value_count(value, "places");
    if (items.type != JSON_ARRAY || count == 0 || count > PLACES_MOST)
        return;
    out->places = arena_alloc(arena, count * sizeof *out->places);
    out->flows = arena_alloc(arena, (flows_count(value) + 1) * sizeof *out->flows);
    while (json_items_next(&items)) {
        const char *name = intake_name(arena, items.value, "name");
        if (name == NULL)
            continue;
        out->places[out->place_count] = intake_site(name);
        point_read(items.value, &out->places[out->place_count++]);
        flows_read(items.value, out);
    }
}

/* {"step_s": s, "requests": [...], "ttft_ms": {"p50": [...], "p99": [...]}} */
static void course_read(struct arena *arena, struct json_value value, struct measure *out)
{
    struct course *course = &out->course;
    const size_t steps = json_value_count(value, "series.requests");
    course->step_s = intake_number(value, "series.step_s", 1e-3, 1e6);
    if (isnan(course->step_s) || steps == 0 || steps > STUDY_STEPS_MOST)
        return;
    course->requests = intake_list(arena, value, "series.requests", steps, NAN);
    if (course->requests == NULL)
        return;
    course->steps = steps;
    course->p50 = intake_list(arena, value, "series.ttft_ms.p50", steps, INFINITY);
    course->p99 = intake_list(arena, value, "series.ttft_ms.p99", steps, INFINITY);
    /* A step in which nothing arrived has no latency. */
    for (size_t i = 0; i < steps; i++) {
        if (course->requests[i] > 0)
            continue;
        if (course->p50 != NULL)
            course->p50[i] = NAN;
        if (course->p99 != NULL)
            course->p99[i] = NAN;
    }
}

static void busy_read(struct arena *arena, struct json_value value, struct measure *out)
{
    struct json_items items = json_items_begin(value, "series.utilisation");
    for (size_t i = 0; items.type == JSON_OBJECT && json_items_next(&items); i++) {
        struct site *site = intake_site_find(out->clusters, out->cluster_count, i, items.key);
        if (site != NULL)
            site->busy = intake_list(arena, items.value, "", out->course.steps, NAN);
    }
}

/* --- simulate --- */

static void key_read(struct arena *arena, struct json_value value, struct subject *key)
{
    key->kind = STUDY_SIMULATE;
    key->policy = intake_name(arena, value, "policy");
    key->scenario = intake_name(arena, value, "scenario");
    key->independent = json_value_true(value, "independent");
}

void intake_goodput(struct arena *arena, struct json_value value, struct subject *key)
{
    key_read(arena, value, key);
    key->goodput = intake_number(value, "goodput", 0, 1e6);
}

bool intake_goodput_point(struct json_value point, struct measure *out)
{
    struct json_items items = json_items_begin(point, "");
    out->bare = true;
    if (!json_items_next(&items))
        return false;
    out->load = intake_number(items.value, "", 0, 1e6);
    if (!json_items_next(&items))
        return false;
    out->kept = intake_number(items.value, "", 0, 1);
    return !isnan(out->load) && !isnan(out->kept);
}

void intake_simulate(struct arena *arena, struct json_value value, struct subject *key,
                     struct measure *out)
{
    const double seeds = intake_number(value, "seeds", 1, 1e6);
    key_read(arena, value, key);
    out->runs = isnan(seeds) ? 1 : (unsigned)seeds;
    key->routers = intake_number(value, "routers", 1, 1e6);
    key->report_interval_ms = intake_number(value, "report_interval_ms", 0, 1e9);
    out->load = intake_number(value, "load", 0, 1e6);
    out->requests = intake_count(value, "requests");
    out->failed = intake_count(value, "failed");
    out->unfinished = intake_count(value, "unfinished");
    out->promise_ms = intake_number(value, "slo_ms", 1e-3, 1e9);
    out->kept = intake_number(value, "under_slo", 0, 1);
    out->prefix_hit = intake_number(value, "prefix_hit", 0, 1);
    out->flex_price = intake_number(value, "flex_price", 0, 1e9);
    intake_distribution(value, "ttft_ms", INFINITY, &out->ttft);
    intake_distribution(value, "e2e_ms", INFINITY, &out->e2e);
    intake_buckets(arena, value, "ttft_histogram_ms", &out->ttft);
    clusters_read(arena, value, out);
    cluster_points_read(value, out);
    places_read(arena, value, out);
    course_read(arena, value, out);
    busy_read(arena, value, out);
}
