/* Ejection and return, with a clock that the test turns. */
#include "base/check.h"
#include "base/clock.h"
#include "fleet/health.h"

#include "unit.h"

struct walk {
    struct health health;
    struct random random;
    int64_t now_ns;
    uint64_t sent;
};

static void walk_init(struct walk *walk)
{
    walk->now_ns = NS_PER_S;
    walk->sent = 0;
    random_seed(&walk->random, 7);
    health_init(&walk->health, walk->now_ns);
}

/* `ms` later, with that many answers of each kind to as many requests. */
static enum health_state step(struct walk *walk, double ms, uint64_t successes, uint64_t failures)
{
    walk->now_ns += ms_to_ns(ms);
    walk->sent += successes + failures;
    const struct health_events events = {walk->sent, successes, failures};
    health_step(&walk->health, &events, true, &walk->random, walk->now_ns);
    return walk->health.state;
}

/* Steps of 100 ms until the state is left; how long that took. */
static double left_after_ms(struct walk *walk, enum health_state state)
{
    double ms = 0;
    while (walk->health.state == state && ms < 120000) {
        step(walk, 100, 0, 0);
        ms += 100;
    }
    return ms;
}

static void between(double value, double least, double most)
{
    if (!(value >= least && value <= most))
        fail_msg("%g is not in %g..%g", value, least, most);
}

static void test_a_single_failure_is_forgiven(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    assert_int_equal(step(&walk, 100, 0, 2), HEALTH_HEALTHY);
    assert_int_equal(step(&walk, 100, 1, 0), HEALTH_HEALTHY);
    assert_int_equal(step(&walk, 100, 0, 2), HEALTH_HEALTHY);
    assert_true(health_ramp(&walk.health, walk.now_ns) == 1);
}

static void test_three_in_a_row_eject(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    step(&walk, 100, 0, 2);
    assert_int_equal(step(&walk, 100, 0, 1), HEALTH_EJECTED);
    assert_int_equal(walk.health.ejections, 1);
}

static void test_a_rate_ejects_among_successes(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    assert_int_equal(step(&walk, 10, 4, 4), HEALTH_HEALTHY); /* too few to be a rate */
    assert_int_equal(step(&walk, 10, 0, 2), HEALTH_EJECTED); /* 6 of 10 */
    walk_init(&walk);
    for (int i = 0; i < 100; i++)
        assert_int_equal(step(&walk, 100, 3, 1), HEALTH_HEALTHY);
}

static void test_the_fleet_may_not_spare_it(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    const struct health_events events = {10, 0, 10};
    health_step(&walk.health, &events, false, &walk.random, walk.now_ns);
    assert_int_equal(walk.health.state, HEALTH_HEALTHY);
    assert_true(health_erring(&walk.health));
}

static void test_backs_off_one_two_four_to_thirty(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    step(&walk, 100, 0, 3);
    static const double expected_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (unsigned i = 0; i < COUNT_OF(expected_ms); i++) {
        const double ms = left_after_ms(&walk, HEALTH_EJECTED);
        between(ms, 0.9 * expected_ms[i], 1.1 * expected_ms[i] + 100);
        assert_int_equal(walk.health.state, HEALTH_HALF_OPEN);
        assert_true(health_probe_free(&walk.health));
        assert_int_equal(step(&walk, 100, 0, 1), HEALTH_EJECTED); /* the probe failed */
    }
}

static void test_one_probe_at_a_time(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    step(&walk, 100, 0, 3);
    left_after_ms(&walk, HEALTH_EJECTED);
    walk.sent++;
    step(&walk, 100, 0, 0);
    assert_int_equal(walk.health.state, HEALTH_HALF_OPEN);
    assert_false(health_probe_free(&walk.health));
    step(&walk, 29000, 0, 0);
    assert_false(health_probe_free(&walk.health));
    step(&walk, 2000, 0, 0); /* given up for lost */
    assert_true(health_probe_free(&walk.health));
}

static void test_comes_back_slowly(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    step(&walk, 100, 0, 3);
    left_after_ms(&walk, HEALTH_EJECTED);
    assert_int_equal(step(&walk, 100, 1, 0), HEALTH_SLOW_START);
    assert_true(health_ramp(&walk.health, walk.now_ns) == 0);
    step(&walk, 15000, 1, 0);
    assert_true(health_ramp(&walk.health, walk.now_ns) == 0.5);
    assert_int_equal(step(&walk, 15000, 1, 0), HEALTH_HEALTHY);
    assert_int_equal(walk.health.level, 1);
    step(&walk, 61000, 1, 0); /* long enough well */
    assert_int_equal(walk.health.level, 0);
    assert_int_equal(walk.health.changes, 2);
}

static void test_what_was_sent_before_does_not_prolong(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    step(&walk, 100, 0, 3);
    const int64_t until = walk.health.until_ns;
    step(&walk, 100, 0, 50);
    step(&walk, 100, 50, 0);
    assert_true(walk.health.until_ns == until);
    assert_int_equal(walk.health.state, HEALTH_EJECTED);
}

/* Up for half a second, down for half a second, for ten minutes. */
static void test_a_flapping_target_changes_state_rarely(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    for (int i = 0; i < 6000; i++) {
        const bool up = (i / 5) % 2 == 0;
        const uint64_t n = walk.health.state == HEALTH_EJECTED     ? 0
                           : walk.health.state == HEALTH_HALF_OPEN ? 1
                                                                   : 10;
        step(&walk, 100, up ? n : 0, up ? 0 : n);
    }
    between((double)walk.health.changes, 2, 20);
}

static void test_restart_is_a_slow_start(void **state)
{
    (void)state;
    struct walk walk;
    walk_init(&walk);
    health_restart(&walk.health, walk.now_ns);
    assert_int_equal(walk.health.state, HEALTH_SLOW_START);
    assert_int_equal(walk.health.changes, 0);
    step(&walk, 100, 0, 3);
    health_restart(&walk.health, walk.now_ns); /* an ejected one stays out */
    assert_int_equal(walk.health.state, HEALTH_EJECTED);
}

static void test_probes_of_an_endpoint(void **state)
{
    (void)state;
    struct probe_health probe = {0};
    static const struct {
        bool ok, changed, down;
    } rows[] = {
        {false, false, false}, {false, false, false}, {true, false, false}, {false, false, false},
        {false, false, false}, {false, true, true},   {true, false, true},  {false, false, true},
        {true, false, true},   {true, true, false},   {true, false, false},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(probe_health_observe(&probe, rows[i].ok), rows[i].changed);
        assert_int_equal(probe.down, rows[i].down);
    }
}

UNIT_MAIN(test_a_single_failure_is_forgiven, test_three_in_a_row_eject,
          test_a_rate_ejects_among_successes, test_the_fleet_may_not_spare_it,
          test_backs_off_one_two_four_to_thirty, test_one_probe_at_a_time, test_comes_back_slowly,
          test_what_was_sent_before_does_not_prolong, test_a_flapping_target_changes_state_rarely,
          test_restart_is_a_slow_start, test_probes_of_an_endpoint)
