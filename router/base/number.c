#include "base/number.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* Of each number below 1000 its three digits, and how many of them only lead. */
#define ONE(a, b, c) '0' + (a), '0' + (b), '0' + (c), (a) != 0 ? 0 : (b) != 0 ? 1 : 2
#define TEN(a, b)                                                                       \
    ONE(a, b, 0), ONE(a, b, 1), ONE(a, b, 2), ONE(a, b, 3), ONE(a, b, 4), ONE(a, b, 5), \
        ONE(a, b, 6), ONE(a, b, 7), ONE(a, b, 8), ONE(a, b, 9)
#define HUNDRED(a)                                                                          \
    TEN(a, 0), TEN(a, 1), TEN(a, 2), TEN(a, 3), TEN(a, 4), TEN(a, 5), TEN(a, 6), TEN(a, 7), \
        TEN(a, 8), TEN(a, 9)
static const char triples[] = {HUNDRED(0), HUNDRED(1), HUNDRED(2), HUNDRED(3), HUNDRED(4),
                               HUNDRED(5), HUNDRED(6), HUNDRED(7), HUNDRED(8), HUNDRED(9)};

static inline char *put_triple(char *out, uint64_t value)
{
    memcpy(out, triples + 4 * value, 3);
    return out + 3;
}

/* Without what leads; may write, but not count, a byte or two behind it. */
static inline char *put_head(char *out, uint64_t value)
{
    const char *digits = triples + 4 * value;
    memcpy(out, digits + digits[3], 3);
    return out + 3 - digits[3];
}

static char *put_long(char *out, uint64_t value) __attribute__((noinline));

/* Most are short: those without a call. */
static inline char *put_u64(char *out, uint64_t value)
{
    return ISO_LIKELY(value < 1000) ? put_head(out, value) : put_long(out, value);
}

static char *put_long(char *out, uint64_t value)
{
    return put_triple(put_u64(out, value / 1000), value % 1000);
}

size_t number_write_u64(char *out, uint64_t value)
{
    return (size_t)(put_u64(out, value) - out);
}

size_t number_write_i64(char *out, int64_t value)
{
    if (value >= 0)
        return number_write_u64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + number_write_u64(out + 1, -(uint64_t)value);
}

/* Eight digits at once: a nibble to a byte, the last digit lowest. */
static uint64_t hex_digits(uint32_t value)
{
    uint64_t x = value;
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    const uint64_t letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    return x + UINT64_C(0x3030303030303030) + letters * ('a' - '9' - 1);
}

void number_write_hex(char *out, uint64_t value)
{
    const uint64_t halves[] = {htobe64(hex_digits((uint32_t)(value >> 32))),
                               htobe64(hex_digits((uint32_t)value))};
    memcpy(out, halves, sizeof halves);
}

/* As many digits as `decimals` says. */
static void write_fraction(char *out, uint64_t units, unsigned decimals)
{
    for (; decimals > 0; units /= 10)
        out[--decimals] = (char)('0' + units % 10);
}

/* Beyond exact integers: rare, and printf is right about it. */
static ISO_COLD size_t write_huge(char *out, double value)
{
    return (size_t)snprintf(out, NUMBER_TEXT_BYTES, "%.6g", value);
}

size_t number_write_fixed(char *out, double value, unsigned decimals)
{
    static const double scales[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    CHECK_LT(decimals, COUNT_OF(scales));
    const double scaled = fabs(value) * scales[decimals];
    if (ISO_UNLIKELY(!(scaled < 9e15)))
        return write_huge(out, value);
    const uint64_t units =
        (uint64_t)(int64_t)(scaled + 0.5); /* the signed one is one instruction */
    char *at = out;
    if (value < 0 && units > 0)
        *at++ = '-';
    if (ISO_LIKELY(decimals == 3)) { /* by a constant: no division is left */
        at = put_u64(at, units / 1000);
        *at++ = '.';
        return (size_t)(put_triple(at, units % 1000) - out);
    }
    const uint64_t scale = (uint64_t)scales[decimals];
    at = put_u64(at, units / scale);
    if (decimals > 0)
        *at++ = '.';
    write_fraction(at, units % scale, decimals);
    return (size_t)(at + decimals - out);
}
