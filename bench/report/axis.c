#include "report/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* Where a value lies, in what the kind of axis counts evenly. */
static double axis_place(const struct axis *axis, double value)
{
    switch (axis->kind) {
    case AXIS_LOG:
        return log10(fmax(value, 1e-9));
    case AXIS_PERCENTILE:
        return -log10(fmax(1e-9, 1 - value / 100));
    case AXIS_LINEAR:
        break;
    }
    return value;
}

double axis_at(const struct axis *axis, double value)
{
    const double low = axis_place(axis, axis->low), high = axis_place(axis, axis->high);
    const double part = high > low ? (axis_place(axis, value) - low) / (high - low) : 0.5;
    return axis->from + fmin(1, fmax(0, part)) * (axis->to - axis->from);
}

/* The step of 1, 2 or 5 times a power of ten that makes at most `most` of `span`. */
static double step_round(double span, double most)
{
    static const double factors[] = {1, 2, 2.5, 5, 10};
    const double raw = span / most, power = pow(10, floor(log10(raw)));
    for (size_t i = 0; i < COUNT_OF(factors); i++)
        if (factors[i] * power >= raw * (1 - 1e-9))
            return factors[i] * power;
    return 10 * power;
}

/* 1, 2 or 5 times a power of ten, not above `value` or not below it. */
static double log_round(double value, bool up)
{
    static const double factors[] = {1, 2, 5, 10};
    const double power = pow(10, floor(log10(value) + 1e-9));
    double best = up ? 10 * power : power;
    for (size_t i = 0; i < COUNT_OF(factors); i++) {
        const double round = factors[i] * power;
        if (up ? round >= value * (1 - 1e-6) && round < best
               : round <= value * (1 + 1e-6) && round > best)
            best = round;
    }
    return best;
}

void axis_round(struct axis *axis, double low, double high)
{
    if (axis->kind == AXIS_LOG) {
        const double air = high < 5 * low ? sqrt(5 * low / high) : 1;
        axis->low = log_round(low / air, false);
        axis->high = log_round(high * air, true);
        return;
    }
    const double span = high > low ? high - low : fmax(fabs(high), 1);
    const double step = step_round(span, 5);
    axis->low = floor(low / step + 1e-9) * step;
    axis->high = ceil(high / step - 1e-9) * step;
    if (axis->high <= axis->low)
        axis->high = axis->low + step;
}

/* --- ticks --- */

static size_t tick_add(struct axis_tick *ticks, size_t count, enum axis_unit unit, double value,
                       bool label)
{
    if (count == AXIS_TICKS_MOST)
        return count;
    ticks[count].value = value;
    ticks[count].text[0] = '\0';
    if (label)
        axis_text(unit, value, ticks[count].text);
    return count + 1;
}

/* Steps that clocks have. */
static size_t ticks_time(const struct axis *axis, size_t labels, struct axis_tick *ticks)
{
    static const double steps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                   600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400};
    const double span = axis->high - axis->low;
    size_t s = 0, count = 0;
    while (s + 1 < COUNT_OF(steps) && span / steps[s] + 1 > (double)labels)
        s++;
    for (double k = ceil(axis->low / steps[s] - 1e-9); k * steps[s] <= axis->high + 1e-9; k++) {
        const double value = k * steps[s];
        const double unit = steps[s] < 60 ? 1 : steps[s] < 3600 ? 60 : 3600;
        count = tick_add(ticks, count, axis->unit, value, false);
        snprintf(ticks[count - 1].text, AXIS_TEXT_BYTES, "%g\xc2\xa0%s", value / unit,
                 unit < 60     ? "s"
                 : unit < 3600 ? "min"
                               : "h");
    }
    return count;
}

static size_t ticks_linear(const struct axis *axis, size_t labels, struct axis_tick *ticks)
{
    size_t count = 0;
    /* One tick says nothing of a scale: then rather more of them. */
    for (size_t most = labels > 1 ? labels - 1 : 1; count < 2 && most < 8; most++) {
        const double step = step_round(axis->high - axis->low, (double)most);
        count = 0;
        for (double k = ceil(axis->low / step - 1e-9); k * step <= axis->high + step * 1e-6; k++)
            count = tick_add(ticks, count, axis->unit, fabs(k) < 0.5 ? 0 : k * step, true);
    }
    return count;
}

/* Powers of ten; between them 2 and 5, with labels where there is room. */
static size_t ticks_log(const struct axis *axis, size_t labels, struct axis_tick *ticks)
{
    const double decades = log10(axis->high / axis->low);
    const bool fine = 3 * decades + 1 <= (double)labels;
    size_t count = 0;
    for (double power = floor(log10(axis->low) + 1e-9); power <= log10(axis->high) + 1e-9; power++)
        for (int k = 0; k < 3; k++) {
            const double value = pow(10, power) * (k == 0 ? 1 : k == 1 ? 2 : 5);
            if (value < axis->low * (1 - 1e-6) || value > axis->high * (1 + 1e-6))
                continue;
            count = tick_add(ticks, count, axis->unit, value, fine || k == 0);
        }
    return count;
}

static size_t ticks_percentile(const struct axis *axis, size_t labels, struct axis_tick *ticks)
{
    static const double few[] = {0, 50, 90, 99, 99.9, 99.99, 99.999};
    static const double many[] = {0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 99.999};
    const bool fine = labels > 7;
    const double *values = fine ? many : few;
    const size_t all = fine ? COUNT_OF(many) : COUNT_OF(few);
    size_t count = 0;
    for (size_t i = 0; i < all; i++)
        if (values[i] >= axis->low - 1e-9 && values[i] <= axis->high + 1e-9)
            count = tick_add(ticks, count, axis->unit, values[i], true);
    return count;
}

size_t axis_ticks(const struct axis *axis, size_t labels, struct axis_tick ticks[AXIS_TICKS_MOST])
{
    switch (axis->kind) {
    case AXIS_LOG:
        return ticks_log(axis, labels, ticks);
    case AXIS_PERCENTILE:
        return ticks_percentile(axis, labels, ticks);
    case AXIS_LINEAR:
        break;
    }
    if (axis->unit == AXIS_SECONDS && axis->high - axis->low >= 1)
        return ticks_time(axis, labels, ticks);
    return ticks_linear(axis, labels, ticks);
}

/* --- values as text --- */

/* 1,234,567 */
static void count_text(double value, char out[AXIS_TEXT_BYTES])
{
    char digits[24];
    size_t at = 0;
    const size_t len = (size_t)snprintf(digits, sizeof digits, "%.0f", fmin(value, 1e15));
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

/* Three digits that count, without zeros behind the point. */
static void number_text(double value, const char *unit, char out[AXIS_TEXT_BYTES])
{
    const double size = fabs(value);
    const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.0995 ? 2 : 3;
    char digits[AXIS_TEXT_BYTES];
    if (size >= 1000)
        count_text(value, digits);
    else
        snprintf(digits, sizeof digits, "%.*f", decimals, value);
    if (strchr(digits, '.') != NULL) {
        size_t len = strlen(digits);
        while (digits[len - 1] == '0')
            digits[--len] = '\0';
        if (digits[len - 1] == '.')
            digits[len - 1] = '\0';
    }
    snprintf(out, AXIS_TEXT_BYTES, "%.20s%s", digits, unit);
}

static void ms_text(double ms, char out[AXIS_TEXT_BYTES])
{
    if (ms == 0)
        number_text(0, "", out);
    else if (fabs(ms) < 0.9995)
        number_text(ms * 1e3, "\xc2\xa0\xc2\xb5s", out);
    else if (fabs(ms) < 999.5)
        number_text(ms, "\xc2\xa0ms", out);
    else
        number_text(ms / 1e3, "\xc2\xa0s", out);
}

static void seconds_text(double seconds, char out[AXIS_TEXT_BYTES])
{
    const double whole = round(seconds);
    if (whole < 120 || fmod(whole, 60) != 0)
        number_text(seconds, "\xc2\xa0s", out);
    else
        number_text(seconds / 60, "\xc2\xa0min", out);
}

/* Near the whole, what is missing is what counts: 99.94 % must not read as 100 %. */
static void share_text(double share, char out[AXIS_TEXT_BYTES])
{
    const double percent = 100 * share;
    if (percent <= 99 || percent >= 100) {
        number_text(percent, "\xc2\xa0%", out);
        return;
    }
    const int decimals = percent < 99.9 ? 1 : percent < 99.99 ? 2 : 3;
    const double fine = pow(10, decimals);
    snprintf(out, AXIS_TEXT_BYTES, "%.*f\xc2\xa0%%", decimals, floor(percent * fine) / fine);
}

void axis_text(enum axis_unit unit, double value, char out[AXIS_TEXT_BYTES])
{
    if (isnan(value) || isinf(value)) {
        snprintf(out, AXIS_TEXT_BYTES, "%s", isnan(value) ? "\xe2\x80\x93" : "never");
        return;
    }
    switch (unit) {
    case AXIS_MS:
        ms_text(value, out);
        break;
    case AXIS_SHARE:
        share_text(value, out);
        break;
    case AXIS_PERCENT:
        snprintf(out, AXIS_TEXT_BYTES, "p%g", value);
        break;
    case AXIS_SECONDS:
        seconds_text(value, out);
        break;
    case AXIS_PLAIN:
        number_text(value, "", out);
    }
}
