/* burst: over once, after it was much and then little for a while. */
#include "unit.h"

#include "base/clock.h"
#include "control/burst.h"

enum { MIB = 1024 * 1024 };

static struct burst burst;
static int64_t now_ms;

static int set_up(void **state)
{
    (void)state;
    burst = (struct burst){0};
    now_ms = 1000;
    return 0;
}

static bool over_with(int64_t mib, int64_t after_ms)
{
    now_ms += after_ms;
    return burst_is_over(&burst, mib * MIB, now_ms * NS_PER_MS);
}

static void little_is_no_burst(void **state)
{
    (void)state;
    assert_false(over_with(63, 0));
    assert_false(over_with(0, 100));
    assert_false(over_with(0, 60000));
}

static void it_is_over_once_after_a_calm(void **state)
{
    (void)state;
    assert_false(over_with(400, 0));
    assert_false(over_with(20, 100));
    assert_false(over_with(99, BURST_CALM_MS - 1));
    assert_true(over_with(30, 1));
    assert_false(over_with(0, 60000));
    assert_false(over_with(64, 100));
    assert_false(over_with(0, 100));
    assert_true(over_with(0, BURST_CALM_MS));
}

static void it_is_not_over_while_much_comes_again(void **state)
{
    (void)state;
    assert_false(over_with(400, 0));
    assert_false(over_with(0, 100));
    assert_false(over_with(100, BURST_CALM_MS)); /* a quarter of it */
    assert_false(over_with(0, 100));
    assert_false(over_with(0, BURST_CALM_MS - 1));
    assert_true(over_with(0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(little_is_no_burst, set_up),
        cmocka_unit_test_setup(it_is_over_once_after_a_calm, set_up),
        cmocka_unit_test_setup(it_is_not_over_while_much_comes_again, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
