#include "load/tally.h"

#include <stdlib.h>

#include "base/memory.h"

enum { CLUSTER_UNKNOWN, CLUSTER_FIRST };

struct tallies {
    uint32_t places;
    uint32_t clusters; /* names in use, the unknown one included */
    char names[TALLY_CLUSTERS_MOST + 2][TALLY_NAME_BYTES];
    uint32_t tenant_count;
    struct tally *tenants;
    struct tally **cells; /* cell_at says where; NULL: nothing happened there */
    struct histogram slips;
};

/* ---- one tally ---- */

uint64_t tally_failed(const struct tally *tally)
{
    uint64_t failed = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (outcome_is_failure((enum outcome)i))
            failed += tally->outcomes[i];
    return failed;
}

/* Statuses beyond the room for them are left out; they are still in the outcomes. */
static void add_status(struct tally *tally, int status, uint64_t count)
{
    for (int i = 0; i < TALLY_STATUSES; i++) {
        if (tally->statuses[i].count == 0)
            tally->statuses[i].status = status;
        if (tally->statuses[i].status == status) {
            tally->statuses[i].count += count;
            return;
        }
    }
}

static void add_timing(struct tally *tally, struct slice name, double sum_ms, uint64_t count)
{
    for (int i = 0; i < TALLY_TIMINGS; i++) {
        struct tally_timing *timing = &tally->timings[i];
        if (timing->count == 0)
            memcpy(timing->name, name.ptr, name.len); /* zeroed, and longer than the name */
        if (slice_eq(slice_of(timing->name), name)) {
            timing->sum_ms += sum_ms;
            timing->count += count;
            return;
        }
    }
}

void tally_merge(struct tally *into, const struct tally *from)
{
    into->requests += from->requests;
    into->promised += from->promised;
    into->kept += from->kept;
    into->resent += from->resent;
    into->events += from->events;
    into->prompt_tokens += from->prompt_tokens;
    into->cached_tokens += from->cached_tokens;
    into->output_tokens += from->output_tokens;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        into->outcomes[i] += from->outcomes[i];
    for (int i = 0; i < TALLY_STATUSES && from->statuses[i].count > 0; i++)
        add_status(into, from->statuses[i].status, from->statuses[i].count);
    for (int i = 0; i < TALLY_TIMINGS && from->timings[i].count > 0; i++)
        add_timing(into, slice_of(from->timings[i].name), from->timings[i].sum_ms,
                   from->timings[i].count);
    histogram_merge(&into->ttft, &from->ttft);
    histogram_merge(&into->itl, &from->itl);
    histogram_merge(&into->itl_request, &from->itl_request);
    histogram_merge(&into->e2e, &from->e2e);
    histogram_merge(&into->head, &from->head);
}

/* ---- all of them ---- */

static size_t cell_count(const struct tallies *tallies)
{
    return (size_t)WAY_COUNT * tallies->places * CLASS_COUNT * COUNT_OF(tallies->names);
}

struct tallies *tallies_create(uint32_t places, uint32_t tenants)
{
    struct tallies *tallies = memory_zalloc(sizeof *tallies);
    tallies->places = places;
    tallies->tenant_count = tenants;
    if (tenants > 0)
        tallies->tenants = memory_zalloc(tenants * sizeof *tallies->tenants);
    tallies->clusters = CLUSTER_FIRST;
    tallies->names[CLUSTER_UNKNOWN][0] = '-';
    tallies->cells = memory_zalloc(cell_count(tallies) * sizeof(struct tally *));
    return tallies;
}

void tallies_destroy(struct tallies **tallies_at)
{
    struct tallies *tallies = *tallies_at;
    *tallies_at = NULL;
    if (tallies == NULL)
        return;
    for (size_t i = 0; i < cell_count(tallies); i++)
        free(tallies->cells[i]);
    free(tallies->cells);
    free(tallies->tenants);
    free(tallies);
}

uint32_t tallies_cluster(struct tallies *tallies, struct slice name)
{
    if (name.len == 0)
        return CLUSTER_UNKNOWN;
    if (name.len >= TALLY_NAME_BYTES)
        name.len = TALLY_NAME_BYTES - 1;
    for (uint32_t i = CLUSTER_FIRST; i < tallies->clusters; i++)
        if (slice_eq(slice_of(tallies->names[i]), name))
            return i;
    const uint32_t other = TALLY_CLUSTERS_MOST + 1;
    if (tallies->clusters > other)
        return other;
    if (tallies->clusters == other)
        name = SLICE("(other)");
    memcpy(tallies->names[tallies->clusters], name.ptr, name.len);
    return tallies->clusters++;
}

uint32_t tallies_cluster_count(const struct tallies *tallies)
{
    return tallies->clusters;
}

const char *tallies_cluster_name(const struct tallies *tallies, uint32_t cluster)
{
    return tallies->names[cluster];
}

static struct tally **cell_at(const struct tallies *tallies, struct tally_group at)
{
    CHECK_LT(at.place, tallies->places);
    CHECK_LT(at.cluster, tallies->clusters);
    const size_t place = (at.way * tallies->places + at.place) * CLASS_COUNT + at.traffic_class;
    return &tallies->cells[place * COUNT_OF(tallies->names) + at.cluster];
}

static struct tally *cell(struct tallies *tallies, const struct sample *sample)
{
    struct tally **at = cell_at(tallies, (struct tally_group){sample->place, sample->traffic_class,
                                                              sample->cluster, sample->way});
    if (*at == NULL)
        *at = memory_zalloc(sizeof **at);
    return *at;
}

/* NULL: none is counted. */
static struct tally *tenant_of(struct tallies *tallies, const struct sample *sample)
{
    if (sample->tenant >= tallies->tenant_count || sample->way != WAY_ROUTED)
        return NULL;
    return &tallies->tenants[sample->tenant];
}

const struct tally *tallies_tenant(const struct tallies *tallies, uint32_t tenant)
{
    CHECK_LT(tenant, tallies->tenant_count);
    return &tallies->tenants[tenant];
}

static uint64_t span(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (uint64_t)(to_ns - from_ns) : 0;
}

void tallies_gap(struct tallies *tallies, const struct sample *sample, int64_t gap_ns)
{
    struct tally *tenant = tenant_of(tallies, sample);
    histogram_add(&cell(tallies, sample)->itl, span(0, gap_ns));
    if (tenant != NULL)
        histogram_add(&tenant->itl, span(0, gap_ns));
}

void tallies_slip(struct tallies *tallies, int64_t slip_ns)
{
    histogram_add(&tallies->slips, span(0, slip_ns));
}

const struct histogram *tallies_slips(const struct tallies *tallies)
{
    return &tallies->slips;
}

/* "route;dur=0.2, queue;desc=x;dur=3" */
void tallies_timing(struct tallies *tallies, const struct sample *sample, struct slice value)
{
    struct tally *tally = cell(tallies, sample);
    struct slice metric, part;
    while (slice_split(&value, ',', &metric)) {
        struct slice name = SLICE_NONE;
        if (!slice_split(&metric, ';', &name))
            continue;
        name = slice_trim(name);
        while (slice_split(&metric, ';', &part)) {
            double ms;
            part = slice_trim(part);
            if (!slice_starts(part, SLICE("dur=")) ||
                !slice_to_double(slice_make(part.ptr + 4, part.len - 4), &ms))
                continue;
            if (name.len > 0 && name.len < sizeof(tally->timings[0].name))
                add_timing(tally, name, ms, 1);
        }
    }
}

static void add_latencies(struct tally *tally, const struct sample *sample)
{
    const int64_t from_ns = sample->intended_ns;
    histogram_add(&tally->e2e, span(from_ns, sample->end_ns));
    histogram_add(&tally->head, span(from_ns, sample->head_ns));
    if (sample->events > 0)
        histogram_add(&tally->ttft, span(from_ns, sample->first_ns));
    if (sample->events > 1)
        histogram_add(&tally->itl_request,
                      span(sample->first_ns, sample->last_ns) / (sample->events - 1));
}

static void add_usage(uint64_t *sum, int64_t tokens)
{
    if (tokens > 0)
        *sum += (uint64_t)tokens;
}

static void add(struct tally *tally, const struct sample *sample)
{
    tally->requests++;
    tally->promised += sample->promise != PROMISE_NONE;
    tally->kept += sample->promise == PROMISE_KEPT;
    tally->outcomes[sample->outcome]++;
    tally->resent += sample->resent;
    tally->events += sample->events;
    add_usage(&tally->prompt_tokens, sample->prompt_tokens);
    add_usage(&tally->cached_tokens, sample->cached_tokens);
    add_usage(&tally->output_tokens, sample->output_tokens);
    if (sample->outcome == OUTCOME_STATUS)
        add_status(tally, sample->status, 1);
    if (sample->outcome == OUTCOME_ANSWERED)
        add_latencies(tally, sample);
}

void tallies_add(struct tallies *tallies, const struct sample *sample)
{
    struct tally *tenant = tenant_of(tallies, sample);
    add(cell(tallies, sample), sample);
    if (tenant != NULL)
        add(tenant, sample);
}

static bool is_in(uint32_t wanted, uint32_t found)
{
    return wanted == TALLY_ALL || wanted == found;
}

bool tallies_sum(const struct tallies *tallies, struct tally_group group, struct tally *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t p = 0; p < tallies->places; p++)
        for (uint32_t k = 0; k < CLASS_COUNT; k++)
            for (uint32_t c = 0; c < tallies->clusters; c++) {
                const struct tally *one =
                    *cell_at(tallies, (struct tally_group){p, k, c, group.way});
                if (one != NULL && is_in(group.place, p) && is_in(group.traffic_class, k) &&
                    is_in(group.cluster, c))
                    tally_merge(out, one);
            }
    return out->requests > 0;
}
