/*
 * Counters that one thread writes and another reads now and then: a worker
 * owns them, the control thread adds up all workers' each tick.  Relaxed
 * atomics: no fence and no lock prefix on the data path, and ThreadSanitizer
 * sees what is meant.  Never two writers.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Only goes up. */
struct counter {
    _Atomic uint64_t value;
};

static inline void counter_add(struct counter *counter, uint64_t n)
{
    const uint64_t old = atomic_load_explicit(&counter->value, memory_order_relaxed);
    atomic_store_explicit(&counter->value, old + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* Goes up and down: open connections, bytes held. */
struct level {
    _Atomic int64_t value;
};

static inline void level_add(struct level *level, int64_t n)
{
    const int64_t old = atomic_load_explicit(&level->value, memory_order_relaxed);
    atomic_store_explicit(&level->value, old + n, memory_order_relaxed);
}

static inline int64_t level_get(const struct level *level)
{
    return atomic_load_explicit(&level->value, memory_order_relaxed);
}

/* The last value seen. */
struct gauge {
    _Atomic double value;
};

static inline void gauge_set(struct gauge *gauge, double value)
{
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

static inline double gauge_get(const struct gauge *gauge)
{
    return atomic_load_explicit(&gauge->value, memory_order_relaxed);
}

/* A histogram with fixed buckets. */
#define DISTRIBUTION_BOUNDS_MAX 20

struct distribution_bounds {
    size_t count;
    double upper[DISTRIBUTION_BOUNDS_MAX]; /* ascending, inclusive; above the last: +Inf */
};

/* OpenTelemetry's GenAI conventions, in seconds. */
extern const struct distribution_bounds distribution_ttft_s;
extern const struct distribution_bounds distribution_tpot_s; /* time per output token */
extern const struct distribution_bounds distribution_duration_s;
/* The router's own work: 1 us to 100 ms. */
extern const struct distribution_bounds distribution_short_s;
/* Bodies: 256 B to 64 MiB. */
extern const struct distribution_bounds distribution_bytes;

struct distribution {
    const struct distribution_bounds *bounds;
    _Atomic uint64_t buckets[DISTRIBUTION_BOUNDS_MAX + 1];
    _Atomic double sum;
};

/* Zeroed and with its bounds, before any other thread sees it. */
void distribution_init(struct distribution *distribution, const struct distribution_bounds *bounds);
/* NAN is left out; below 0 counts as 0. */
void distribution_add(struct distribution *distribution, double value);

/* What a reader adds up: one thread's own. */
struct distribution_total {
    const struct distribution_bounds *bounds; /* NULL before the first sum */
    uint64_t buckets[DISTRIBUTION_BOUNDS_MAX + 1];
    uint64_t count;
    double sum;
};

/* All that are added into one total have the same bounds. */
void distribution_sum(struct distribution_total *total, const struct distribution *distribution);
/* The value below which `share` (0..1) of them lie, interpolated in its bucket; NAN when empty. */
double distribution_quantile(const struct distribution_total *total, double share);

#endif
