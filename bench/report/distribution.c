#include "report/distribution.h"

#include <math.h>
#include <stdlib.h>

const double distribution_percents[PERCENTILES] = {50, 90, 95, 99, 99.9};
const char *const distribution_keys[PERCENTILES] = {"p50", "p90", "p95", "p99", "p999"};

void distribution_init(struct distribution *distribution)
{
    *distribution = (struct distribution){.mean = NAN, .most = NAN};
    for (int i = 0; i < PERCENTILES; i++)
        distribution->at[i] = NAN;
}

static int by_edge(const void *a, const void *b)
{
    const double left = ((const struct bucket *)a)->to_ms,
                 right = ((const struct bucket *)b)->to_ms;
    return left < right ? -1 : left > right;
}

void distribution_sort(struct distribution *d)
{
    size_t kept = 0;
    if (d->bucket_count > 0)
        qsort(d->buckets, d->bucket_count, sizeof *d->buckets, by_edge);
    for (size_t i = 0; i < d->bucket_count; i++) {
        if (kept > 0 && d->buckets[kept - 1].to_ms == d->buckets[i].to_ms)
            d->buckets[kept - 1].count += d->buckets[i].count;
        else
            d->buckets[kept++] = d->buckets[i];
    }
    d->bucket_count = kept;
}

static void figure_merge(double *into, unsigned runs, double from)
{
    *into = (*into * runs + from) / (runs + 1);
}

void distribution_merge(struct distribution *into, unsigned runs, const struct distribution *from,
                        struct arena *arena)
{
    figure_merge(&into->mean, runs, from->mean);
    into->most = fmax(into->most, from->most);
    for (int i = 0; i < PERCENTILES; i++)
        figure_merge(&into->at[i], runs, from->at[i]);
    const size_t count = into->bucket_count + from->bucket_count;
    if (count == 0 || count > BUCKETS_MOST)
        return;
    struct bucket *both = arena_alloc(arena, count * sizeof *both);
    for (size_t i = 0; i < count; i++)
        both[i] = i < into->bucket_count ? into->buckets[i] : from->buckets[i - into->bucket_count];
    into->buckets = both;
    into->bucket_count = count;
    distribution_sort(into);
}

static double bucket_sum(const struct distribution *d)
{
    double sum = 0;
    for (size_t i = 0; i < d->bucket_count; i++)
        sum += d->buckets[i].count;
    return sum;
}

/* How far a curve may go: the last percentile that at least a few requests lie beyond. */
static double curve_end(double requests)
{
    enum { BEYOND = 3 };
    return fmin(99.99, 100 * (1 - BEYOND / fmax(requests, BEYOND)));
}

static size_t curve_of_buckets(const struct distribution *d, struct distribution_point *curve)
{
    const double sum = bucket_sum(d), end = curve_end(sum);
    size_t count = 0;
    double below = 0;
    for (size_t i = 0; i < d->bucket_count && below < sum; i++) {
        const struct bucket *bucket = &d->buckets[i];
        const double before = 100 * below / sum;
        below += bucket->count;
        const double percent = 100 * below / sum;
        if (percent < 50)
            continue;
        if (isinf(bucket->to_ms)) { /* from here on: never */
            if (before < end)
                curve[count++] = (struct distribution_point){fmax(50, before), INFINITY};
            break;
        }
        if (percent > end)
            break;
        if (before >= 50)
            curve[count++] = (struct distribution_point){before, bucket->from_ms};
        curve[count++] = (struct distribution_point){percent, bucket->to_ms};
    }
    return count;
}

static int by_percent(const void *a, const void *b)
{
    const struct distribution_point *left = a, *right = b;
    if (left->percent != right->percent)
        return left->percent < right->percent ? -1 : 1;
    return left->ms < right->ms ? -1 : left->ms > right->ms;
}

size_t distribution_curve(const struct distribution *d, struct distribution_point curve[CURVE_MOST])
{
    const double end = d->bucket_count > 0 ? curve_end(bucket_sum(d)) : 100;
    size_t count = d->bucket_count > 0 ? curve_of_buckets(d, curve) : 0;
    for (int i = 0; i < PERCENTILES; i++)
        if (!isnan(d->at[i]) && distribution_percents[i] <= end)
            curve[count++] = (struct distribution_point){distribution_percents[i], d->at[i]};
    if (count > 0)
        qsort(curve, count, sizeof *curve, by_percent);
    return count;
}

double distribution_share_below(const struct distribution *d, double ms)
{
    const double sum = bucket_sum(d);
    double below = 0;
    if (sum <= 0)
        return NAN;
    for (size_t i = 0; i < d->bucket_count; i++) {
        const struct bucket *bucket = &d->buckets[i];
        if (ms < bucket->to_ms) {
            const double part = (ms - bucket->from_ms) / (bucket->to_ms - bucket->from_ms);
            return (below + bucket->count * fmax(0, part)) / sum;
        }
        below += bucket->count;
    }
    return 1;
}
