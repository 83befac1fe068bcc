/*
 * When requests are meant to start: an endless series of times, drawn ahead of
 * and apart from what the system under test does.  Pure.
 */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include <stdint.h>

#include "base/random.h"

enum arrivals { ARRIVALS_POISSON, ARRIVALS_CONSTANT };

struct schedule {
    enum arrivals arrivals;
    double rate;
    uint64_t number; /* of the next start */
    double next_s;   /* since the start of the run */
    struct random random;
};

/* rate: requests a second, above 0. */
void schedule_init(struct schedule *schedule, enum arrivals arrivals, double rate, uint64_t seed);
/* The next intended start, nanoseconds since the start of the run. */
int64_t schedule_next_ns(const struct schedule *schedule);
void schedule_advance(struct schedule *schedule);

#endif
