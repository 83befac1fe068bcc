/*
 * A histogram of positive numbers for measuring tools and simulators: buckets
 * of log-linear width, 64 to a power of two, so a percentile is off by less
 * than 1 %.  Fixed in size (23 KiB), merged by adding.  Single-writer.
 *
 * Values are unsigned integers in whatever unit the caller chooses; pick it so
 * that the smallest thing of interest is 64 or more (nanoseconds rather than
 * milliseconds): below 64 buckets are exact, but as coarse as the unit.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 6,
    HISTOGRAM_POWERS = 44, /* up to 2^50: 13 days in nanoseconds; larger counts as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_POWERS + 1) << HISTOGRAM_SUB_BITS
};

struct histogram {
    uint64_t count;
    uint64_t least, most; /* exact; 0 when empty */
    double sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_add_many(struct histogram *histogram, uint64_t value, uint64_t times);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The least value of a bucket, by which it is named where histograms are written down. */
uint64_t histogram_bucket_from(size_t bucket);
/* The value that `percent` (0 to 100) of all do not exceed; NAN when empty. */
double histogram_percentile(const struct histogram *histogram, double percent);
double histogram_mean(const struct histogram *histogram); /* exact; NAN when empty */
/* The share of values at or below this one, 0 to 1; NAN when empty. */
double histogram_share_below(const struct histogram *histogram, uint64_t value);

#endif
