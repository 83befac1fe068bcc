/*
 * When requests are meant to start: an endless series of times, drawn ahead of
 * and apart from what the system under test does.  Pure.
 */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include <stdint.h>

#include "base/random.h"

enum arrivals {
    ARRIVALS_POISSON,
    ARRIVALS_CONSTANT,
    ARRIVALS_RAMP,  /* Poisson; the rate grows from one to the other, then stays */
    ARRIVALS_BURST, /* Poisson; so many times the rate at the end of every period */
    ARRIVALS_TRACE  /* from a file: load/trace.h, not here */
};

/* Rates are requests a second. */
struct schedule_settings {
    enum arrivals arrivals;
    double rate;              /* above 0 */
    double from_rate, ramp_s; /* ramp: what it begins with, how long it takes */
    double burst_factor, burst_s, period_s;
};

struct schedule {
    struct schedule_settings settings;
    double due; /* how many requests the rate amounts to until the next start */
    int64_t next_ns;
    struct random random;
};

void schedule_init(struct schedule *schedule, const struct schedule_settings *settings,
                   uint64_t seed);
/* The next intended start, nanoseconds since the start of the run. */
int64_t schedule_next_ns(const struct schedule *schedule);
void schedule_advance(struct schedule *schedule);

#endif
