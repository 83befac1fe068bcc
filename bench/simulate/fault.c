#include "simulate/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

#define LASTS_S 120.0

static const struct {
    const char *name;
    double factor;
    bool of_cluster;
} kinds[FAULT_KIND_COUNT] = {
#define FAULT_ROW(kind, name, factor, of_cluster) [kind] = {name, factor, of_cluster},
    FAULT_KINDS(FAULT_ROW)
#undef FAULT_ROW
};

const char *fault_kind_name(enum fault_kind kind)
{
    return kinds[kind].name;
}

static bool kind_find(struct slice name, enum fault_kind *out, struct error *error)
{
    char known[256] = "";
    for (int k = 0; k < FAULT_KIND_COUNT; k++) {
        if (slice_eq(name, slice_of(kinds[k].name))) {
            *out = (enum fault_kind)k;
            return true;
        }
        const size_t len = strlen(known);
        snprintf(known + len, sizeof known - len, "%s%s", k > 0 ? ", " : "", kinds[k].name);
    }
    return error_set(error, "there is no fault %.*s; there are %s", SLICE_ARG(name), known);
}

static bool cluster_find(struct slice name, const struct scenario *scenario, uint32_t *out,
                         struct error *error)
{
    for (uint32_t i = 0; i < scenario->cluster_count; i++) {
        if (slice_eq(name, slice_of(scenario->clusters[i].point.name))) {
            *out = i;
            return true;
        }
    }
    return error_set(error, "there is no cluster \"%.*s\" in scenario %s", SLICE_ARG(name),
                     scenario->name);
}

/* "60s+120s" */
static bool window_parse(struct slice text, struct fault *out, struct error *error)
{
    struct slice start;
    if (!slice_split(&text, '+', &start) || !slice_ends(start, SLICE("s")) ||
        !slice_ends(text, SLICE("s")))
        return error_set(error, "a fault's time is START+LASTS in seconds, such as @300s+120s");
    start.len--;
    text.len--;
    if (!slice_to_double(start, &out->start_s) || !slice_to_double(text, &out->lasts_s) ||
        out->lasts_s <= 0)
        return error_set(error, "a fault's time is START+LASTS in seconds, such as @300s+120s");
    return true;
}

bool fault_parse(const char *text, const struct scenario *scenario, double measured_s,
                 struct fault *out, struct error *error)
{
    struct slice time = slice_of(text), what = SLICE_NONE, kind, cluster;
    *out = (struct fault){.cluster = UINT32_MAX, .start_s = measured_s / 2, .lasts_s = LASTS_S};
    if (!slice_split(&time, '@', &what) || !slice_split(&what, ':', &kind))
        kind = SLICE("");
    if (!kind_find(kind, &out->kind, error))
        return false;
    out->factor = kinds[out->kind].factor;
    if (kinds[out->kind].of_cluster) {
        if (!slice_split(&what, ':', &cluster))
            return error_set(error, "fault %s needs a cluster: %s:%s", kinds[out->kind].name,
                             kinds[out->kind].name, scenario->clusters[0].point.name);
        if (!cluster_find(cluster, scenario, &out->cluster, error))
            return false;
    }
    if (what.len > 0 && (!slice_to_double(what, &out->factor) || out->factor <= 0))
        return error_set(error, "the factor of fault %s is a number above 0, found \"%.*s\"",
                         kinds[out->kind].name, SLICE_ARG(what));
    return time.len == 0 || window_parse(time, out, error);
}
