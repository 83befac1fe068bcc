/* slice: comparison, splitting, and numbers that must be numbers to the last byte. */
#include "unit.h"

#include "base/slice.h"

static void splits_on_every_separator(void **state)
{
    (void)state;
    struct slice rest = SLICE("a,,b"), part;
    assert_true(slice_split(&rest, ',', &part));
    assert_true(slice_eq(part, SLICE("a")));
    assert_true(slice_split(&rest, ',', &part));
    assert_int_equal(part.len, 0);
    assert_true(slice_split(&rest, ',', &part));
    assert_true(slice_eq(part, SLICE("b")));
    assert_false(slice_split(&rest, ',', &part));
}

static void trims_blanks_and_tabs(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_trim(SLICE(" \tx y\t ")), SLICE("x y")));
    assert_int_equal(slice_trim(SLICE("  ")).len, 0);
}

static void compares_without_case(void **state)
{
    (void)state;
    assert_true(slice_eq_nocase(SLICE("Content-Type"), SLICE("content-type")));
    assert_false(slice_eq_nocase(SLICE("a"), SLICE("ab")));
    assert_true(slice_starts(SLICE("/v1/x"), SLICE("/v1/")));
    assert_true(slice_ends(SLICE("a.so"), SLICE(".so")));
    assert_false(slice_ends(SLICE("o"), SLICE(".so")));
}

static void refuses_half_numbers(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    assert_true(slice_to_u64(SLICE("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(slice_to_u64(SLICE("18446744073709551616"), &u));
    assert_false(slice_to_u64(SLICE("+5"), &u));
    assert_false(slice_to_u64(SLICE("5 "), &u));
    assert_false(slice_to_u64(SLICE(""), &u));
    assert_true(slice_to_i64(SLICE("-9"), &i) && i == -9);
    assert_false(slice_to_i64(SLICE("-"), &i));
}

static void doubles_are_finite_decimals(void **state)
{
    (void)state;
    double d;
    assert_true(slice_to_double(SLICE("-1.5e3"), &d) && d > -1500.1 && d < -1499.9);
    static const char *const bad[] = {"nan", "inf", "0x10", " 5", "5 ", "1e999", "", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(slice_to_double(slice_of(bad[i]), &d));
    assert_false(slice_to_double(slice_make("1\0", 2), &d));
}

UNIT_MAIN(splits_on_every_separator, trims_blanks_and_tabs, compares_without_case,
          refuses_half_numbers, doubles_are_finite_decimals)
