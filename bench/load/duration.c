#include "load/duration.h"

#include "base/check.h"

bool duration_parse(struct slice text, double *out_ms)
{
    static const struct {
        struct slice unit;
        double ms;
    } units[] = {{{"ms", 2}, 1}, {{"s", 1}, 1e3}, {{"m", 1}, 6e4}, {{"h", 1}, 3.6e6}};
    if (slice_eq(text, SLICE("0"))) {
        *out_ms = 0;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        double value;
        if (!slice_ends(text, units[i].unit) ||
            !slice_to_double(slice_make(text.ptr, text.len - units[i].unit.len), &value))
            continue;
        *out_ms = value * units[i].ms;
        return value >= 0;
    }
    return false;
}
