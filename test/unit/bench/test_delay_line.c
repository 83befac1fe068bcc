/* Bytes on a slow path: in order, whole, never early by more than half a tick. */
#include "unit.h"

#include "base/clock.h"
#include "sim/delay_line.h"

static void arrives_when_due(void **state)
{
    (void)state;
    struct delay_line line = {0};
    assert_true(delay_line_next_ns(&line) == INT64_MAX);
    delay_line_push(&line, SLICE("abc"), 10 * NS_PER_MS);
    delay_line_push(&line, SLICE("de"), 20 * NS_PER_MS);
    assert_int_equal(delay_line_due(&line, 9 * NS_PER_MS).len, 0);
    assert_true(slice_eq(delay_line_due(&line, 10 * NS_PER_MS), SLICE("abc")));
    delay_line_take(&line, 2);
    assert_true(delay_line_next_ns(&line) == 10 * NS_PER_MS);
    assert_true(slice_eq(delay_line_due(&line, 25 * NS_PER_MS), SLICE("cde")));
    delay_line_take(&line, 3);
    assert_int_equal(delay_line_len(&line), 0);
    delay_line_finish(&line);
}

static void nothing_overtakes(void **state)
{
    (void)state;
    struct delay_line line = {0};
    delay_line_push(&line, SLICE("first"), 20 * NS_PER_MS);
    delay_line_push(&line, SLICE("second"), 10 * NS_PER_MS);
    assert_int_equal(delay_line_due(&line, 15 * NS_PER_MS).len, 0);
    assert_true(slice_eq(delay_line_due(&line, 20 * NS_PER_MS), SLICE("firstsecond")));
    delay_line_finish(&line);
}

static void the_end_comes_last(void **state)
{
    (void)state;
    struct delay_line line = {0};
    delay_line_push(&line, SLICE("x"), 20 * NS_PER_MS);
    delay_line_push_end(&line, 10 * NS_PER_MS);
    assert_false(delay_line_ended(&line, 30 * NS_PER_MS)); /* a byte is still in */
    delay_line_take(&line, 1);
    assert_false(delay_line_ended(&line, 15 * NS_PER_MS));
    assert_true(delay_line_next_ns(&line) == 20 * NS_PER_MS);
    assert_true(delay_line_ended(&line, 20 * NS_PER_MS));
    delay_line_finish(&line);
}

static void many_marks_keep_their_order(void **state)
{
    (void)state;
    struct delay_line line = {0};
    unsigned char expected = 0;
    for (int64_t ms = 0; ms < 300; ms++) {
        const char byte = (char)ms;
        delay_line_push(&line, slice_make(&byte, 1), (ms + 50) * NS_PER_MS);
        const struct slice due = delay_line_due(&line, ms * NS_PER_MS);
        for (size_t i = 0; i < due.len; i++)
            assert_int_equal((unsigned char)due.ptr[i], expected++);
        delay_line_take(&line, due.len);
    }
    assert_int_equal(expected, 250);
    assert_int_equal(delay_line_len(&line), 50);
    delay_line_finish(&line);
}

UNIT_MAIN(arrives_when_due, nothing_overtakes, the_end_comes_last, many_marks_keep_their_order)
