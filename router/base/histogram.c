#include "base/histogram.h"

#include <math.h>

enum { SUB_BUCKETS = 1 << HISTOGRAM_SUB_BITS };

static const uint64_t LARGEST = (UINT64_C(1) << (HISTOGRAM_POWERS + HISTOGRAM_SUB_BITS)) - 1;

/* Below 64 a bucket a value; then 64 buckets for each power of two. */
static size_t bucket_of(uint64_t value)
{
    if (value > LARGEST)
        value = LARGEST;
    if (value < SUB_BUCKETS)
        return (size_t)value;
    const unsigned power = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((size_t)(power + 1) << HISTOGRAM_SUB_BITS) + (size_t)(value >> power) - SUB_BUCKETS;
}

/* The lowest value of a bucket and its width. */
static double bucket_low(size_t bucket, double *width)
{
    if (bucket < SUB_BUCKETS) {
        *width = 1;
        return (double)bucket;
    }
    const unsigned power = (unsigned)(bucket >> HISTOGRAM_SUB_BITS) - 1;
    *width = (double)(UINT64_C(1) << power);
    return (double)((uint64_t)(SUB_BUCKETS + bucket % SUB_BUCKETS) << power);
}

uint64_t histogram_bucket_from(size_t bucket)
{
    double width;
    return (uint64_t)bucket_low(bucket, &width);
}

void histogram_clear(struct histogram *histogram)
{
    *histogram = (struct histogram){0};
}

void histogram_add_many(struct histogram *histogram, uint64_t value, uint64_t times)
{
    if (times == 0)
        return;
    if (histogram->count == 0 || value < histogram->least)
        histogram->least = value;
    if (value > histogram->most)
        histogram->most = value;
    histogram->count += times;
    histogram->sum += (double)value * (double)times;
    histogram->buckets[bucket_of(value)] += times;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram_add_many(histogram, value, 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0 || from->least < into->least)
        into->least = from->least;
    if (from->most > into->most)
        into->most = from->most;
    into->count += from->count;
    into->sum += from->sum;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

double histogram_percentile(const struct histogram *histogram, double percent)
{
    if (histogram->count == 0)
        return NAN;
    double rank = ceil(percent / 100 * (double)histogram->count);
    rank = rank < 1 ? 1 : rank;
    if (rank >= (double)histogram->count)
        return (double)histogram->most;
    uint64_t passed = 0;
    size_t bucket = 0;
    while ((double)(passed += histogram->buckets[bucket]) < rank)
        bucket++;
    double width;
    const double middle = bucket_low(bucket, &width) + (width - 1) / 2;
    return fmin(fmax(middle, (double)histogram->least), (double)histogram->most);
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count ? histogram->sum / (double)histogram->count : NAN;
}

double histogram_share_below(const struct histogram *histogram, uint64_t value)
{
    if (histogram->count == 0)
        return NAN;
    uint64_t passed = 0;
    for (size_t i = 0, last = bucket_of(value); i <= last; i++)
        passed += histogram->buckets[i];
    return (double)passed / (double)histogram->count;
}
