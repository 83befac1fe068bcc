/* number: the same text as printf, ties apart. */
#include "unit.h"

#include <math.h>

#include "base/number.h"

static void expect_fixed(double value, unsigned decimals)
{
    char ours[NUMBER_TEXT_BYTES + 1], theirs[64];
    ours[number_write_fixed(ours, value, decimals)] = '\0';
    snprintf(theirs, sizeof theirs, "%.*f", (int)decimals, value);
    if (strcmp(theirs, "-0") == 0 || strspn(theirs, "-0.") == strlen(theirs))
        return; /* a negative zero: we drop its sign */
    assert_string_equal(ours, theirs);
}

static void integers_read_as_written(void **state)
{
    (void)state;
    char text[NUMBER_TEXT_BYTES + 1];
    text[number_write_u64(text, 0)] = '\0';
    assert_string_equal(text, "0");
    text[number_write_u64(text, UINT64_MAX)] = '\0';
    assert_string_equal(text, "18446744073709551615");
    text[number_write_i64(text, INT64_MIN)] = '\0';
    assert_string_equal(text, "-9223372036854775808");
    text[number_write_i64(text, -105)] = '\0';
    assert_string_equal(text, "-105");
}

static void expect_integer(uint64_t value)
{
    char ours[NUMBER_TEXT_BYTES + 1], theirs[NUMBER_TEXT_BYTES + 1];
    ours[number_write_u64(ours, value)] = '\0';
    snprintf(theirs, sizeof theirs, "%llu", (unsigned long long)value);
    assert_string_equal(ours, theirs);
}

static void every_length_of_integer_is_written(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 2000; value++)
        expect_integer(value);
    for (uint64_t power = 1000; power < UINT64_MAX / 10; power *= 10)
        for (uint64_t value = power - 1; value <= power + 1; value++)
            expect_integer(value);
}

static void hex_has_sixteen_digits(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 0x0123456789abcdef, 0xfedcba9876543210, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char ours[NUMBER_HEX_BYTES + 1] = {0}, theirs[NUMBER_HEX_BYTES + 1];
        number_write_hex(ours, values[i]);
        snprintf(theirs, sizeof theirs, "%016llx", (unsigned long long)values[i]);
        assert_string_equal(ours, theirs);
    }
}

static void fixed_agrees_with_printf(void **state)
{
    (void)state;
    static const double values[] = {0,    1,      9.99,     10,      0.001,     123.456,  0.0004,
                                    1e9,  99.999, 12345.67, 0.1,     1e12,      0.987654, 31.4159,
                                    7e-9, 100.01, 1023.004, 5000000, 2.71828182};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (unsigned d = 0; d <= 3; d++) {
            expect_fixed(values[i], d);
            expect_fixed(-values[i], d);
        }
}

static void rounding_carries_over(void **state)
{
    (void)state;
    char text[NUMBER_TEXT_BYTES + 1];
    text[number_write_fixed(text, 9.9996, 3)] = '\0';
    assert_string_equal(text, "10.000");
    text[number_write_fixed(text, -0.0001, 3)] = '\0';
    assert_string_equal(text, "0.000");
}

static void the_huge_still_fits(void **state)
{
    (void)state;
    char text[NUMBER_TEXT_BYTES + 1];
    text[number_write_fixed(text, 1e300, 3)] = '\0';
    assert_string_equal(text, "1e+300");
}

UNIT_MAIN(integers_read_as_written, every_length_of_integer_is_written, hex_has_sixteen_digits,
          fixed_agrees_with_printf, rounding_carries_over, the_huge_still_fits)
