#include "load/schedule.h"

static double gap_s(struct schedule *schedule)
{
    if (schedule->arrivals == ARRIVALS_CONSTANT)
        return schedule->mean_gap_s;
    return schedule->mean_gap_s * random_exponential(&schedule->random);
}

void schedule_init(struct schedule *schedule, enum arrivals arrivals, double rate, uint64_t seed)
{
    *schedule = (struct schedule){.arrivals = arrivals, .mean_gap_s = 1 / rate};
    random_seed(&schedule->random, seed);
    /* A constant series begins at once; a Poisson process has no point at its start. */
    if (arrivals == ARRIVALS_POISSON)
        schedule->next_s = gap_s(schedule);
}

int64_t schedule_next_ns(const struct schedule *schedule)
{
    return (int64_t)(schedule->next_s * 1e9);
}

void schedule_advance(struct schedule *schedule)
{
    schedule->next_s += gap_s(schedule);
}
