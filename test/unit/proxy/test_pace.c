#include "proxy/pace.h"

#include "base/clock.h"
#include "unit.h"

enum { US = 1000 };

/* A worker's turns, one after the other, at a clock of its own. */
struct bench {
    struct pace pace;
    int64_t now_ns;
    int64_t busy_ns, rested_ns;
};

/* One that waited, worked, and rests for as long as it is told: how long, in us. */
static int64_t turn(struct bench *bench, int64_t waited_us, int64_t busy_us, uint32_t events,
                    uint32_t requests)
{
    const int64_t began_ns = bench->now_ns + waited_us * US;
    bench->now_ns = began_ns + busy_us * US;
    bench->pace.events += events;
    bench->pace.requests += requests;
    const int64_t rest_ns = pace_rest_ns(&bench->pace, began_ns, bench->now_ns);
    bench->now_ns += rest_ns;
    bench->busy_ns += busy_us * US;
    bench->rested_ns += rest_ns;
    if (rest_ns > 0)
        pace_rested(&bench->pace, bench->now_ns);
    return rest_ns / US;
}

static void begin(struct bench *bench)
{
    *bench = (struct bench){.now_ns = 1000 * NS_PER_S};
    assert_int_equal(turn(bench, 0, 0, 0, 0), 0);
}

/* It has been so for a while. */
static void begin_pressed(struct bench *bench)
{
    begin(bench);
    for (int i = 0; i < 100; i++)
        turn(bench, 0, 90, 40, 0);
    while (turn(bench, 0, 90, 40, 0) == 0)
        continue;
}

static void a_pressed_worker_rests_a_quarter_of_its_time(void **state)
{
    (void)state;
    struct bench bench;
    begin_pressed(&bench);
    assert_int_equal(turn(&bench, 0, 900, 300, 0), 300);
    for (int64_t i = 0; i < 10000; i++)
        turn(&bench, 0, 40 + i * 7 % 1500, 100, 1);
    assert_in_range(12 * bench.rested_ns, 39 * bench.busy_ns / 10, 4 * bench.busy_ns);
    assert_int_equal(counter_get(&bench.pace.busy_ns), bench.busy_ns);
    assert_int_equal(counter_get(&bench.pace.rested_ns), bench.rested_ns);
}

static void short_turns_add_up(void **state)
{
    (void)state;
    struct bench bench;
    begin_pressed(&bench);
    for (int i = 0; i < 4; i++)
        assert_int_equal(turn(&bench, 0, 90, 40, 0), 0);
    assert_int_equal(turn(&bench, 0, 90, 40, 0), 150);
    assert_int_equal(turn(&bench, 0, 90, 40, 0), 0);
}

static void a_pile_is_worked_off_without_rest(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    for (int i = 0; i < 100; i++) {
        turn(&bench, 10000, 10, 4, 0);
        assert_int_equal(turn(&bench, 0, 20000, 100, 0), 0);
        for (int k = 0; k < 8; k++)
            assert_int_equal(turn(&bench, 0, 600, 100, 0), 0);
    }
    turn(&bench, 10000, 10, 4, 0);
    for (int k = 0; k < 9; k++)
        assert_int_equal(turn(&bench, 0, 600, 100, 0), 0);
    assert_true(turn(&bench, 0, 600, 100, 0) > 0); /* it does not end */
}

static void who_waits_anyhow_does_not_rest(void **state)
{
    (void)state;
    struct bench bench;
    begin_pressed(&bench);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(turn(&bench, 50, 140, 40, 0), 0);
}

static void a_rest_may_take_longer(void **state)
{
    (void)state;
    struct bench bench;
    begin_pressed(&bench);
    bench.now_ns += 900 * US;
    bench.pace.events += 300;
    const uint64_t rested_ns = counter_get(&bench.pace.rested_ns);
    const int64_t rest_ns = pace_rest_ns(&bench.pace, bench.now_ns - 900 * US, bench.now_ns);
    assert_int_equal(rest_ns, 300 * US);
    bench.now_ns += rest_ns + 80 * US;
    pace_rested(&bench.pace, bench.now_ns);
    assert_int_equal(counter_get(&bench.pace.rested_ns) - rested_ns, 380 * US);
    assert_int_equal(turn(&bench, 0, 900, 300, 0), 300);
}

static void nobody_rests_among_requests(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    for (int i = 0; i < 100; i++)
        assert_int_equal(turn(&bench, 0, 900, 32, 1), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(turn(&bench, 0, 900, 0, 0), 0); /* bodies, say */
    for (int i = 0; i < 9; i++)
        assert_int_equal(turn(&bench, 0, 900, 33, 1), 0);
    assert_true(turn(&bench, 0, 900, 33, 1) > 0);
}

static void a_long_turn_is_put_off_no_further(void **state)
{
    (void)state;
    struct bench bench;
    begin_pressed(&bench);
    assert_int_equal(turn(&bench, 0, 3000, 1000, 0), 0);
    assert_int_equal(turn(&bench, 0, 20000, 1000, 0), 0);
    assert_int_equal(turn(&bench, 0, 2400, 1000, 0), 600);
    assert_int_equal(turn(&bench, 0, 20000, 1000, 0), 0);
    assert_int_equal(turn(&bench, 0, 100, 40, 0), 1000); /* never more at once */
    assert_int_equal(turn(&bench, 0, 100, 40, 0), 0);
}

UNIT_MAIN(a_pressed_worker_rests_a_quarter_of_its_time, short_turns_add_up,
          a_pile_is_worked_off_without_rest, who_waits_anyhow_does_not_rest, a_rest_may_take_longer,
          nobody_rests_among_requests, a_long_turn_is_put_off_no_further)
