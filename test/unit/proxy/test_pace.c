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

static void begin(struct bench *bench)
{
    *bench = (struct bench){.now_ns = 1000 * NS_PER_S};
    assert_int_equal(pace_rest_ns(&bench->pace, bench->now_ns, bench->now_ns), 0);
}

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
    return rest_ns / US;
}

static void a_pressed_worker_rests_a_quarter_of_its_time(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    assert_int_equal(turn(&bench, 0, 900, 300, 0), 300);
    for (int64_t i = 0; i < 1000; i++)
        turn(&bench, 0, 40 + i * 7 % 1500, 100, 1);
    assert_in_range(4 * bench.rested_ns, bench.busy_ns * 5 / 4, bench.busy_ns * 17 / 12);
    assert_int_equal(counter_get(&bench.pace.busy_ns), bench.busy_ns);
    assert_int_equal(counter_get(&bench.pace.rested_ns), bench.rested_ns);
}

static void short_turns_add_up(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    for (int i = 0; i < 4; i++)
        assert_int_equal(turn(&bench, 0, 90, 40, 0), 0);
    assert_int_equal(turn(&bench, 0, 90, 40, 0), 150);
    assert_int_equal(turn(&bench, 0, 90, 40, 0), 0);
}

static void who_waits_anyhow_does_not_rest(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(turn(&bench, 50, 140, 40, 0), 0);
    /* nor is a long wait kept for later */
    turn(&bench, 100000, 10, 40, 0);
    assert_int_equal(turn(&bench, 0, 900, 40, 0), 300);
}

static void a_rest_that_took_longer_counts(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    assert_int_equal(turn(&bench, 0, 900, 300, 0), 300);
    assert_int_equal(turn(&bench, 80, 900, 300, 0), 220);
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
    assert_int_equal(turn(&bench, 0, 900, 33, 1), 300);
}

static void a_long_turn_is_put_off_no_further(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    assert_int_equal(turn(&bench, 0, 3000, 1000, 0), 0);
    assert_int_equal(turn(&bench, 0, 20000, 1000, 0), 0);
    assert_int_equal(turn(&bench, 0, 2400, 1000, 0), 600);
    assert_int_equal(turn(&bench, 0, 20000, 1000, 0), 0);
    assert_int_equal(turn(&bench, 0, 100, 40, 0), 1000); /* never more at once */
    assert_int_equal(turn(&bench, 0, 100, 40, 0), 0);
}

UNIT_MAIN(a_pressed_worker_rests_a_quarter_of_its_time, short_turns_add_up,
          who_waits_anyhow_does_not_rest, a_rest_that_took_longer_counts,
          nobody_rests_among_requests, a_long_turn_is_put_off_no_further)
