#include "report/intake_parts.h"

#include <math.h>
#include <string.h>

#define MS_MOST 1e10 /* four months */

double intake_number(struct json_value value, const char *path, double low, double high)
{
    const double number = json_value_number(value, path);
    return number >= low && number <= high ? number : NAN;
}

double intake_count(struct json_value value, const char *path)
{
    const double number = intake_number(value, path, 0, 1e15);
    return isnan(number) ? 0 : number;
}

const char *intake_cut(struct arena *arena, const char *name)
{
    return arena_printf(arena, "%.*s", STUDY_NAME_BYTES, name).ptr;
}

const char *intake_name(struct arena *arena, struct json_value value, const char *path)
{
    const char *text = json_value_text(value, path);
    return text != NULL ? intake_cut(arena, text) : NULL;
}

struct site intake_site(const char *name)
{
    return (struct site){
        .name = name, .latitude = NAN, .longitude = NAN, .requests = 0, .utilisation = NAN};
}

struct site *intake_site_find(struct site *sites, size_t count, size_t hint, const char *name)
{
    if (hint < count && strcmp(sites[hint].name, name) == 0)
        return &sites[hint];
    for (size_t i = 0; i < count; i++)
        if (strcmp(sites[i].name, name) == 0)
            return &sites[i];
    return NULL;
}

/* --- latencies --- */

static double latency(struct json_value value, const char *path, double absent)
{
    if (json_value_type(json_value_at(value, path)) == JSON_NULL)
        return absent;
    return intake_number(value, path, 0, MS_MOST);
}

void intake_distribution(struct json_value value, const char *path, double absent,
                         struct distribution *out)
{
    const struct json_value of = json_value_at(value, path);
    distribution_init(out);
    out->mean = latency(of, "mean", absent);
    out->most = latency(of, "max", absent);
    for (int i = 0; i < PERCENTILES; i++)
        out->at[i] = latency(of, distribution_keys[i], absent);
}

/* Of base/histogram.h, by where it begins: 64 to a power of two. */
static struct bucket ns_bucket(double from_ns)
{
    const double width = from_ns < 128 ? 1 : exp2(floor(log2(from_ns)) - 6);
    return (struct bucket){.from_ms = from_ns / 1e6, .to_ms = (from_ns + width) / 1e6};
}

/* By where it ends: ten to a decade. */
static struct bucket decade_bucket(double to_ms)
{
    return (struct bucket){.from_ms = to_ms * pow(10, -0.1), .to_ms = to_ms};
}

/* [edge, count] */
static bool bucket_read(struct json_value pair, bool ns, struct bucket *out)
{
    struct json_items items = json_items_begin(pair, "");
    if (!json_items_next(&items))
        return false;
    *out = ns ? ns_bucket(intake_number(items.value, "", 0, 1e6 * MS_MOST))
              : decade_bucket(latency(items.value, "", INFINITY));
    if (!json_items_next(&items))
        return false;
    out->count = intake_count(items.value, "");
    return !isnan(out->to_ms) && out->count > 0;
}

static void buckets_read(struct arena *arena, struct json_value list, bool ns,
                         struct distribution *out)
{
    const size_t count = json_value_count(list, "");
    struct json_items items = json_items_begin(list, "");
    if (count == 0 || count > BUCKETS_MOST || items.type != JSON_ARRAY)
        return;
    out->buckets = arena_alloc(arena, count * sizeof *out->buckets);
    while (json_items_next(&items))
        out->bucket_count += bucket_read(items.value, ns, &out->buckets[out->bucket_count]);
    distribution_sort(out);
}

void intake_buckets(struct arena *arena, struct json_value value, const char *path,
                    struct distribution *out)
{
    buckets_read(arena, json_value_at(value, path), false, out);
}

void intake_ns_buckets(struct arena *arena, struct json_value value, const char *path,
                       struct distribution *out)
{
    buckets_read(arena, json_value_at(value, path), true, out);
}

/* --- over time --- */

double *intake_list(struct arena *arena, struct json_value value, const char *path, size_t count,
                    double absent)
{
    struct json_items items = json_items_begin(value, path);
    if (count == 0 || items.type != JSON_ARRAY || json_value_count(value, path) != count)
        return NULL;
    double *list = arena_alloc(arena, count * sizeof *list);
    for (size_t i = 0; json_items_next(&items); i++)
        list[i] = latency(items.value, "", absent);
    return list;
}
