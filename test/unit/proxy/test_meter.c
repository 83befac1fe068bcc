/* What a key used within the last minute, by several workers. */
#include "unit.h"

#include "base/clock.h"
#include "proxy/meter.h"

static struct meter *meter;
enum { WORKERS = 3 };
static const int64_t begin_ns = 1000 * METER_STEP_S * NS_PER_S;

static int64_t at(double s)
{
    return begin_ns + (int64_t)(s * (double)NS_PER_S);
}

static void add(uint32_t worker, uint64_t count, double s)
{
    meter_add(meter, worker, METER_REQUESTS, count, at(s));
}

static double wait_ms(uint64_t most, double s)
{
    return meter_wait_ms(meter, METER_REQUESTS, most, at(s));
}

static void all_workers_count_together(void **state)
{
    (void)state;
    meter = meter_create(WORKERS);
    assert_true(wait_ms(1, 0) == 0);
    add(0, 2, 0);
    add(2, 3, 1);
    assert_true(wait_ms(6, 1) == 0);
    assert_true(wait_ms(5, 1) > 0);
    assert_true(meter_wait_ms(meter, METER_TOKENS, 1, at(1)) == 0); /* of another kind */
    meter_drop(&meter);
    assert_null(meter);
    meter_drop(&meter);
}

/* Ten at 2 s, ten at 22 s: gone with their steps. */
static void a_minute_later_it_is_forgotten(void **state)
{
    (void)state;
    meter = meter_create(WORKERS);
    add(0, 10, 2);
    add(1, 10, 22);
    assert_true(wait_ms(10, 62) > 0);
    assert_true(wait_ms(10, 64.9) > 0);
    assert_true(wait_ms(10, 65) > 0); /* the second ten are still there */
    assert_true(wait_ms(11, 65) == 0);
    assert_true(wait_ms(10, 84.9) > 0);
    assert_true(wait_ms(10, 85) == 0);
    add(0, 1, 85); /* the step's place is used again */
    assert_true(wait_ms(2, 85) == 0);
    assert_true(wait_ms(1, 85) > 0);
    assert_true(wait_ms(1, 1000) == 0);
    meter_drop(&meter);
}

static void the_wait_is_until_there_is_room(void **state)
{
    (void)state;
    meter = meter_create(WORKERS);
    add(0, 5, 2);
    add(1, 5, 12);
    add(2, 5, 33);
    assert_true(wait_ms(15, 34) == 31000); /* the first five leave at 65 */
    assert_true(wait_ms(11, 34) == 31000);
    assert_true(wait_ms(10, 34) == 41000);
    assert_true(wait_ms(1, 34) == 61000);
    meter_drop(&meter);
}

static void too_much_is_no_overflow(void **state)
{
    (void)state;
    meter = meter_create(1);
    meter_add(meter, 0, METER_TOKENS, UINT64_MAX / 2, at(0));
    meter_add(meter, 0, METER_TOKENS, UINT64_MAX / 2, at(0));
    assert_true(meter_wait_ms(meter, METER_TOKENS, METER_COUNT_MOST - 1, at(1)) > 0);
    assert_true(meter_wait_ms(meter, METER_TOKENS, METER_COUNT_MOST, at(1)) == 0);
    assert_true(meter_wait_ms(meter, METER_TOKENS, 1, at(65)) == 0);
    struct meter *held = meter_hold(meter);
    meter_drop(&held);
    assert_true(meter_wait_ms(meter, METER_TOKENS, 1, at(1)) > 0);
    meter_drop(&meter);
}

UNIT_MAIN(all_workers_count_together, a_minute_later_it_is_forgotten,
          the_wait_is_until_there_is_room, too_much_is_no_overflow)
