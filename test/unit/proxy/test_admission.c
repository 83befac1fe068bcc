/* The order of those that wait, and what can be told of their wait. */
#include "unit.h"

#include <math.h>

#include "base/clock.h"
#include "proxy/admission.h"

enum { BATCH, FLEX, INTERACTIVE, PRIORITY };
enum { MODEL = 7, OTHER = 8 };

static struct admission admission;
static struct admission_entry entries[4 * ADMISSION_LANES];

static void begin(void)
{
    memset(entries, 0, sizeof entries);
    admission_init(&admission);
}

static void join(uint32_t i, uint64_t key, uint32_t rank, int64_t at_ms)
{
    admission_join(&admission, &entries[i], key, rank, at_ms * NS_PER_MS);
}

static void leave(uint32_t i, bool let_in, int64_t at_ms)
{
    admission_leave(&admission, &entries[i], let_in, at_ms * NS_PER_MS);
}

static void next_is(uint32_t i)
{
    struct admission_lane *lane = admission_turn(&admission);
    assert_non_null(lane);
    assert_ptr_equal(admission_next(lane), &entries[i]);
}

static void the_highest_rank_goes_first_and_then_the_first(void **state)
{
    (void)state;
    begin();
    assert_null(admission_turn(&admission));
    join(0, MODEL, FLEX, 0);
    join(1, MODEL, INTERACTIVE, 1);
    join(2, MODEL, PRIORITY, 2);
    join(3, MODEL, PRIORITY, 3);
    join(4, MODEL, BATCH, 4);
    assert_int_equal(admission.count, 5);
    assert_int_equal(admission_lanes(&admission), 1);
    static const uint32_t order[] = {2, 3, 1, 0, 4};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        next_is(order[i]);
        leave(order[i], true, 10);
    }
    assert_int_equal(admission.count, 0);
    assert_int_equal(admission_lanes(&admission), 0);
    leave(0, true, 20); /* again: nothing */
    assert_int_equal(admission.count, 0);
}

static void who_wants_something_else_is_not_behind(void **state)
{
    (void)state;
    begin();
    assert_false(admission_is_behind(&admission, MODEL, BATCH));
    join(0, MODEL, INTERACTIVE, 0);
    assert_true(admission_is_behind(&admission, MODEL, BATCH));
    assert_true(admission_is_behind(&admission, MODEL, INTERACTIVE));
    assert_false(admission_is_behind(&admission, MODEL, PRIORITY));
    assert_false(admission_is_behind(&admission, OTHER, BATCH));
    leave(0, false, 1);
    assert_false(admission_is_behind(&admission, MODEL, BATCH));
}

static void lanes_take_turns(void **state)
{
    (void)state;
    begin();
    join(0, MODEL, BATCH, 0);
    join(1, OTHER, PRIORITY, 0);
    next_is(0);
    next_is(1);
    next_is(0);
    assert_int_equal(admission_lanes(&admission), 2);
}

static void the_last_of_the_lowest_gives_way(void **state)
{
    (void)state;
    begin();
    join(0, MODEL, INTERACTIVE, 0);
    assert_null(admission_last_below(&admission, INTERACTIVE));
    assert_ptr_equal(admission_last_below(&admission, PRIORITY), &entries[0]);
    join(1, MODEL, BATCH, 1);
    join(2, OTHER, BATCH, 3);
    join(3, MODEL, BATCH, 2);
    join(4, OTHER, FLEX, 4);
    assert_ptr_equal(admission_last_below(&admission, PRIORITY), &entries[2]);
    leave(2, false, 5);
    assert_ptr_equal(admission_last_below(&admission, PRIORITY), &entries[3]);
    assert_null(admission_last_below(&admission, BATCH));
}

/* Ten a second are let in: the eleventh waits a second. */
static void a_wait_is_told_by_how_many_are_let_in(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < 40; i++)
        join(i, MODEL, INTERACTIVE, 0);
    assert_true(admission_wait_ms(&admission, MODEL, INTERACTIVE, 500 * NS_PER_MS) == 0);
    for (uint32_t i = 0; i < 30; i++)
        leave(i, true, 100 * (i + 1));
    const int64_t now_ns = 3000 * NS_PER_MS;
    const double wait_ms = admission_wait_ms(&admission, MODEL, INTERACTIVE, now_ns);
    assert_true(wait_ms > 900 && wait_ms < 1100);
    assert_true(admission_wait_ms(&admission, MODEL, PRIORITY, now_ns) == 0);
    assert_true(admission_wait_ms(&admission, MODEL, BATCH, now_ns) == wait_ms);
    assert_true(admission_wait_ms(&admission, OTHER, BATCH, now_ns) == 0);
    /* And longer when nothing moves any more. */
    assert_true(admission_wait_ms(&admission, MODEL, INTERACTIVE, 3 * now_ns) > 5 * wait_ms);
}

static void nothing_moves_for_ever(void **state)
{
    (void)state;
    begin();
    join(0, MODEL, INTERACTIVE, 0);
    assert_true(isinf(admission_wait_ms(&admission, MODEL, INTERACTIVE, 2000 * NS_PER_MS)));
    leave(0, false, 2000);
    join(1, MODEL, INTERACTIVE, 2100); /* the lane is a new one */
    assert_true(admission_wait_ms(&admission, MODEL, INTERACTIVE, 2200 * NS_PER_MS) == 0);
}

static void more_lanes_than_there_are_share(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < COUNT_OF(entries); i++)
        join(i, i, INTERACTIVE, i);
    assert_int_equal(admission_lanes(&admission), ADMISSION_LANES);
    assert_int_equal(admission.count, COUNT_OF(entries));
    uint32_t left = COUNT_OF(entries);
    for (struct admission_lane *lane; (lane = admission_turn(&admission)) != NULL; left--)
        admission_leave(&admission, admission_next(lane), true, 0);
    assert_int_equal(left, 0);
}

static void count_one(struct admission_entry *entry, void *arg)
{
    uint32_t *count = arg;
    *count += 1 + entry->rank;
}

static void each_is_visited_once(void **state)
{
    (void)state;
    begin();
    join(0, MODEL, BATCH, 0);
    join(1, OTHER, PRIORITY, 0);
    join(2, OTHER, PRIORITY, 0);
    uint32_t count = 0;
    admission_each(&admission, count_one, &count);
    assert_int_equal(count, 3 + 2 * PRIORITY);
}

UNIT_MAIN(the_highest_rank_goes_first_and_then_the_first, who_wants_something_else_is_not_behind,
          lanes_take_turns, the_last_of_the_lowest_gives_way, a_wait_is_told_by_how_many_are_let_in,
          nothing_moves_for_ever, more_lanes_than_there_are_share, each_is_visited_once)
