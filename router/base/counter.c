#include "base/counter.h"

#include <math.h>
#include <string.h>

#include "base/check.h"

const struct distribution_bounds distribution_ttft_s = {16,
                                                        {.001, .005, .01, .02, .04, .06, .08, .1,
                                                         .25, .5, .75, 1, 2.5, 5, 7.5, 10}};
const struct distribution_bounds distribution_tpot_s = {13,
                                                        {.01, .025, .05, .075, .1, .15, .2, .3, .4,
                                                         .5, .75, 1, 2.5}};
const struct distribution_bounds distribution_duration_s = {
    14, {.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}};
const struct distribution_bounds distribution_short_s = {15,
                                                         {1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5,
                                                          1e-4, 2.5e-4, 5e-4, .001, .0025, .005,
                                                          .01, .025, .1}};
const struct distribution_bounds distribution_bytes = {10,
                                                       {256, 1024, 4096, 16384, 65536, 262144,
                                                        1048576, 4194304, 16777216, 67108864}};

void distribution_init(struct distribution *distribution, const struct distribution_bounds *bounds)
{
    CHECK(bounds->count <= DISTRIBUTION_BOUNDS_MAX);
    memset(distribution, 0, sizeof *distribution);
    distribution->bounds = bounds;
}

void distribution_add(struct distribution *distribution, double value)
{
    if (isnan(value))
        return;
    value = fmax(value, 0);
    const struct distribution_bounds *bounds = distribution->bounds;
    size_t i = 0;
    while (i < bounds->count && value > bounds->upper[i])
        i++;
    _Atomic uint64_t *bucket = &distribution->buckets[i];
    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    const double sum = atomic_load_explicit(&distribution->sum, memory_order_relaxed);
    atomic_store_explicit(&distribution->sum, sum + value, memory_order_relaxed);
}

void distribution_sum(struct distribution_total *total, const struct distribution *distribution)
{
    CHECK(total->bounds == NULL || total->bounds == distribution->bounds);
    total->bounds = distribution->bounds;
    for (size_t i = 0; i <= distribution->bounds->count; i++) {
        const uint64_t n = atomic_load_explicit(&distribution->buckets[i], memory_order_relaxed);
        total->buckets[i] += n;
        total->count += n;
    }
    total->sum += atomic_load_explicit(&distribution->sum, memory_order_relaxed);
}

double distribution_quantile(const struct distribution_total *total, double share)
{
    if (total->bounds == NULL || total->count == 0)
        return NAN;
    const double rank = share * (double)total->count;
    double below = 0;
    for (size_t i = 0; i < total->bounds->count; i++) {
        const double in = (double)total->buckets[i];
        const double lower = i == 0 ? 0 : total->bounds->upper[i - 1];
        if (in > 0 && below + in >= rank)
            return lower + (total->bounds->upper[i] - lower) * fmax(rank - below, 0) / in;
        below += in;
    }
    return total->bounds->count > 0 ? total->bounds->upper[total->bounds->count - 1] : NAN;
}
