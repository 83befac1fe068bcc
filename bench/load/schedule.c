#include "load/schedule.h"

void schedule_init(struct schedule *schedule, enum arrivals arrivals, double rate, uint64_t seed)
{
    *schedule = (struct schedule){.arrivals = arrivals, .rate = rate};
    random_seed(&schedule->random, seed);
    /* A constant series begins at once; a Poisson process has no point at its start. */
    if (arrivals == ARRIVALS_POISSON)
        schedule_advance(schedule);
}

int64_t schedule_next_ns(const struct schedule *schedule)
{
    return (int64_t)(schedule->next_s * 1e9);
}

void schedule_advance(struct schedule *schedule)
{
    schedule->number++;
    if (schedule->arrivals == ARRIVALS_CONSTANT)
        schedule->next_s = (double)schedule->number / schedule->rate; /* no error adds up */
    else
        schedule->next_s += random_exponential(&schedule->random) / schedule->rate;
}
