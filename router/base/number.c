#include "base/number.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static unsigned digits_of(uint64_t value)
{
    unsigned digits = 1;
    for (; value >= 10000; value /= 10000)
        digits += 4;
    return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Exactly so many digits, from the last to the first. */
static inline void write_digits(char *out, uint64_t value, unsigned digits)
{
    for (; digits >= 2; value /= 100)
        memcpy(out + (digits -= 2), pairs + value % 100 * 2, 2);
    if (digits == 1)
        *out = (char)('0' + value);
}

size_t number_write_u64(char *out, uint64_t value)
{
    const unsigned digits = digits_of(value);
    write_digits(out, value, digits);
    return digits;
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

/* Inlined where scale and decimals are constants: no division is left then. */
static inline size_t write_units(char *out, uint64_t units, uint64_t scale, unsigned decimals)
{
    const size_t len = number_write_u64(out, units / scale);
    out[len] = '.';
    write_digits(out + len + 1, units % scale, decimals);
    return len + 1 + decimals;
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
    if (decimals == 3)
        at += write_units(at, units, 1000, 3);
    else if (decimals == 0)
        at += number_write_u64(at, units);
    else
        at += write_units(at, units, (uint64_t)scales[decimals], decimals);
    return (size_t)(at - out);
}
