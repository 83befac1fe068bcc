/* Intended start times. */
#include "unit.h"

#include <math.h>

#include "load/schedule.h"

static void poisson_has_its_mean_and_its_spread(void **state)
{
    (void)state;
    struct schedule schedule;
    enum { N = 200000 };
    double sum = 0, squares = 0;
    int64_t last_ns = 0;
    schedule_init(&schedule, ARRIVALS_POISSON, 250, 7);
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
    schedule_init(&schedule, ARRIVALS_POISSON, 50, 3);
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
    schedule_init(&schedule, ARRIVALS_CONSTANT, 8, 1);
    for (int64_t i = 0; i < 1000; i++, schedule_advance(&schedule))
        assert_int_equal(schedule_next_ns(&schedule), i * 125000000);
    schedule_init(&schedule, ARRIVALS_CONSTANT, 100, 1);
    for (int64_t i = 0; i < 300; i++, schedule_advance(&schedule))
        assert_true(schedule_next_ns(&schedule) < INT64_C(3000000000));
    assert_int_equal(schedule_next_ns(&schedule), INT64_C(3000000000));
}

static void a_seed_is_a_series(void **state)
{
    (void)state;
    struct schedule a, b, other;
    schedule_init(&a, ARRIVALS_POISSON, 10, 5);
    schedule_init(&b, ARRIVALS_POISSON, 10, 5);
    schedule_init(&other, ARRIVALS_POISSON, 10, 6);
    assert_int_not_equal(schedule_next_ns(&a), schedule_next_ns(&other));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(schedule_next_ns(&a), schedule_next_ns(&b));
        schedule_advance(&a);
        schedule_advance(&b);
    }
}

UNIT_MAIN(poisson_has_its_mean_and_its_spread, poisson_counts_vary_as_much_as_their_mean,
          constant_is_even, a_seed_is_a_series)
