#include "load/schedule.h"

#include <math.h>

/* When a rate that changes evenly has amounted to `due`: the root of
 * due = from t + (rate - from) t^2 / 2 ramp, written so that it also holds where both are equal. */
static double ramp_s(const struct schedule_settings *s, double due)
{
    const double whole = (s->from_rate + s->rate) / 2 * s->ramp_s;
    if (due >= whole)
        return s->ramp_s + (due - whole) / s->rate;
    const double slope = (s->rate - s->from_rate) / s->ramp_s;
    return 2 * due / (s->from_rate + sqrt(s->from_rate * s->from_rate + 2 * slope * due));
}

static double burst_s(const struct schedule_settings *s, double due)
{
    const double calm_s = s->period_s - s->burst_s, calm = s->rate * calm_s;
    const double whole = calm + s->rate * s->burst_factor * s->burst_s;
    const double periods = floor(due / whole), rest = due - periods * whole;
    const double within_s =
        rest < calm ? rest / s->rate : calm_s + (rest - calm) / (s->rate * s->burst_factor);
    return periods * s->period_s + within_s;
}

static double time_s(const struct schedule_settings *s, double due)
{
    switch (s->arrivals) {
    case ARRIVALS_RAMP:
        return ramp_s(s, due);
    case ARRIVALS_BURST:
        return burst_s(s, due);
    case ARRIVALS_POISSON:
    case ARRIVALS_CONSTANT:
    case ARRIVALS_TRACE:
        break;
    }
    return due / s->rate;
}

static void place(struct schedule *schedule)
{
    schedule->next_ns = llround(time_s(&schedule->settings, schedule->due) * 1e9);
}

void schedule_init(struct schedule *schedule, const struct schedule_settings *settings,
                   uint64_t seed)
{
    *schedule = (struct schedule){.settings = *settings};
    random_seed(&schedule->random, seed);
    /* A constant series begins at once; a Poisson process has no point at its start. */
    if (settings->arrivals != ARRIVALS_CONSTANT)
        schedule_advance(schedule);
}

int64_t schedule_next_ns(const struct schedule *schedule)
{
    return schedule->next_ns;
}

void schedule_advance(struct schedule *schedule)
{
    schedule->due += schedule->settings.arrivals == ARRIVALS_CONSTANT
                         ? 1
                         : random_exponential(&schedule->random);
    place(schedule);
}
