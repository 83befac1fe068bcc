#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* Writes backwards from `end`; returns where it begins. */
static char *write_back(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

size_t number_write_u64(char *out, uint64_t value)
{
    char text[24];
    const char *begin = write_back(text + sizeof text, value);
    const size_t len = (size_t)(text + sizeof text - begin);
    memcpy(out, begin, len);
    return len;
}

size_t number_write_i64(char *out, int64_t value)
{
    if (value >= 0)
        return number_write_u64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + number_write_u64(out + 1, -(uint64_t)value);
}

size_t number_write_fixed(char *out, double value, unsigned decimals)
{
    static const double scales[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    CHECK_LT(decimals, COUNT_OF(scales));
    const double scaled = fabs(value) * scales[decimals];
    if (!(scaled < 9e15)) /* beyond exact integers: rare, and printf is right about it */
        return (size_t)snprintf(out, NUMBER_TEXT_BYTES, "%.6g", value);
    const uint64_t units = (uint64_t)(scaled + 0.5);
    size_t len = 0;
    if (value < 0 && units > 0)
        out[len++] = '-';
    if (decimals == 0)
        return len + number_write_u64(out + len, units);
    const uint64_t scale = (uint64_t)scales[decimals];
    len += number_write_u64(out + len, units / scale);
    out[len++] = '.';
    memset(out + len, '0', decimals);
    char text[24];
    const char *begin = write_back(text + sizeof text, units % scale);
    const size_t digits = (size_t)(text + sizeof text - begin);
    memcpy(out + len + decimals - digits, begin, digits);
    return len + decimals;
}
