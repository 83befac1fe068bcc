/* Intended start times. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>

#include "load/schedule.h"

static void begin(struct schedule *schedule, enum arrivals arrivals, double rate, uint64_t seed)
{
    const struct schedule_settings settings = {.arrivals = arrivals, .rate = rate};
    schedule_init(schedule, &settings, seed);
}

static void poisson_has_its_mean_and_its_spread(void **state)
{
    (void)state;
    struct schedule schedule;
    enum { N = 200000 };
    double sum = 0, squares = 0;
    int64_t last_ns = 0;
    begin(&schedule, ARRIVALS_POISSON, 250, 7);
    for (int i = 0; i < N; i++) {
        const double gap_s = (double)(schedule_next_ns(&schedule) - last_ns) / 1e9;
        assert_true(gap_s >= 0);
        last_ns = schedule_next_ns(&schedule);
        sum += gap_s;
        squares += gap_s * gap_s;
        schedule_advance(&schedule);
    }
    const double mean = sum / N;
    assert_true(fabs(mean - 0.004) < 0.004 * 0.01);
    /* An exponential's deviation is its mean. */
    assert_true(fabs(sqrt(squares / N - mean * mean) - 0.004) < 0.004 * 0.02);
}

static void poisson_counts_vary_as_much_as_their_mean(void **state)
{
    (void)state;
    struct schedule schedule;
    enum { SECONDS = 2000 };
    double counts[SECONDS] = {0}, sum = 0, spread = 0;
    begin(&schedule, ARRIVALS_POISSON, 50, 3);
    for (; schedule_next_ns(&schedule) < SECONDS * INT64_C(1000000000); schedule_advance(&schedule))
        counts[schedule_next_ns(&schedule) / 1000000000]++;
    for (int i = 0; i < SECONDS; i++)
        sum += counts[i];
    for (int i = 0; i < SECONDS; i++)
        spread += (counts[i] - sum / SECONDS) * (counts[i] - sum / SECONDS);
    assert_true(fabs(sum / SECONDS - 50) < 1);
    assert_true(fabs(spread / SECONDS - 50) < 5);
}

static void constant_is_even(void **state)
{
    (void)state;
    struct schedule schedule;
    begin(&schedule, ARRIVALS_CONSTANT, 8, 1);
    for (int64_t i = 0; i < 1000; i++, schedule_advance(&schedule))
        assert_int_equal(schedule_next_ns(&schedule), i * 125000000);
    begin(&schedule, ARRIVALS_CONSTANT, 100, 1);
    for (int64_t i = 0; i < 300; i++, schedule_advance(&schedule))
        assert_true(schedule_next_ns(&schedule) < INT64_C(3000000000));
    assert_int_equal(schedule_next_ns(&schedule), INT64_C(3000000000));
}

static void a_seed_is_a_series(void **state)
{
    (void)state;
    struct schedule a, b, other;
    begin(&a, ARRIVALS_POISSON, 10, 5);
    begin(&b, ARRIVALS_POISSON, 10, 5);
    begin(&other, ARRIVALS_POISSON, 10, 6);
    assert_int_not_equal(schedule_next_ns(&a), schedule_next_ns(&other));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(schedule_next_ns(&a), schedule_next_ns(&b));
        schedule_advance(&a);
        schedule_advance(&b);
    }
}

/* Starts in each second. */
static void count(const struct schedule_settings *settings, unsigned *counts, int seconds)
{
    struct schedule schedule;
    schedule_init(&schedule, settings, 11);
    int64_t last_ns = 0;
    for (int64_t at_ns; (at_ns = schedule_next_ns(&schedule)) < seconds * INT64_C(1000000000);
         schedule_advance(&schedule)) {
        assert_true(at_ns >= last_ns);
        last_ns = at_ns;
        counts[at_ns / 1000000000]++;
    }
}

static bool about(double found, double wanted)
{
    return fabs(found - wanted) < 5 * sqrt(wanted);
}

static void a_ramp_grows_and_stays(void **state)
{
    (void)state;
    static const double from[] = {0, 200, 1000, 1500};
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        const struct schedule_settings settings = {.arrivals = ARRIVALS_RAMP,
                                                   .rate = 1000,
                                                   .from_rate = from[i],
                                                   .ramp_s = 10};
        unsigned counts[15] = {0};
        count(&settings, counts, 15);
        for (int s = 0; s < 15; s++) {
            const double rate = s < 10 ? from[i] + (1000 - from[i]) * (s + 0.5) / 10 : 1000;
            assert_true(about(counts[s], rate));
        }
    }
}

static void bursts_come_at_the_end_of_a_period(void **state)
{
    (void)state;
    const struct schedule_settings settings = {
        .arrivals = ARRIVALS_BURST, .rate = 200, .burst_factor = 5, .burst_s = 2, .period_s = 10};
    unsigned counts[40] = {0};
    count(&settings, counts, 40);
    for (int s = 0; s < 40; s++)
        assert_true(about(counts[s], s % 10 < 8 ? 200 : 1000));
}

UNIT_MAIN(poisson_has_its_mean_and_its_spread, poisson_counts_vary_as_much_as_their_mean,
          constant_is_even, a_seed_is_a_series, a_ramp_grows_and_stays,
          bursts_come_at_the_end_of_a_period)
