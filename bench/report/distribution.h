/*
 * A distribution of latencies as files have them: some percentiles, and
 * perhaps buckets.  Milliseconds; NAN is unknown, INFINITY is never.
 */
#ifndef REPORT_DISTRIBUTION_H
#define REPORT_DISTRIBUTION_H

#include <stddef.h>

#include "base/memory.h"

enum { P50, P90, P95, P99, P999, PERCENTILES };
enum { BUCKETS_MOST = 4096 };

/* Requests that took `from_ms` to `to_ms`; there may be gaps between buckets. */
struct bucket {
    double from_ms, to_ms;
    double count;
};

struct distribution {
    double mean, most;
    double at[PERCENTILES];
    struct bucket *buckets; /* by to_ms, each once */
    size_t bucket_count;
};

extern const double distribution_percents[PERCENTILES];
extern const char *const distribution_keys[PERCENTILES]; /* as files name them */

void distribution_init(struct distribution *distribution); /* all unknown */
/*
 * Makes `into`, of `runs` runs, that of one run more: means of figures, sums
 * of buckets.
 */
void distribution_merge(struct distribution *into, unsigned runs, const struct distribution *from,
                        struct arena *arena);
/* Puts buckets in order and adds up equal ones. */
void distribution_sort(struct distribution *distribution);

struct distribution_point {
    double percent, ms;
};

enum { CURVE_MOST = 2 * BUCKETS_MOST + PERCENTILES };

/*
 * Percentiles and their latencies, rising, from the median on: at the edges of
 * the buckets where there are some, else the figures.
 */
size_t distribution_curve(const struct distribution *distribution,
                          struct distribution_point curve[CURVE_MOST]);
/* The share that took at most so long, within a bucket in proportion; NAN without buckets. */
double distribution_share_below(const struct distribution *distribution, double ms);

#endif
