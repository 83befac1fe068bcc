/*
 * An axis: values to pixels, and the ticks that a reader needs.  Pure.
 */
#ifndef REPORT_AXIS_H
#define REPORT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

enum axis_kind {
    AXIS_LINEAR,
    AXIS_LOG,
    AXIS_PERCENTILE, /* percents; every nine takes the same room */
};

enum axis_unit { AXIS_PLAIN, AXIS_MS, AXIS_SHARE, AXIS_PERCENT, AXIS_SECONDS };

struct axis {
    enum axis_kind kind;
    enum axis_unit unit;
    double low, high; /* values */
    double from, to;  /* their pixels */
};

enum { AXIS_TICKS_MOST = 24, AXIS_TEXT_BYTES = 32 };

struct axis_tick {
    double value;
    char text[AXIS_TEXT_BYTES]; /* "": a line without a label */
};

/* Pixels; what is outside of the axis is at its end. */
double axis_at(const struct axis *axis, double value);
/* Widens low and high to round values that hold `low` and `high`; on an AXIS_LOG both are > 0. */
void axis_round(struct axis *axis, double low, double high);
/* At most `labels` of them have a text.  Returns how many ticks. */
size_t axis_ticks(const struct axis *axis, size_t labels, struct axis_tick ticks[AXIS_TICKS_MOST]);
/* A value as people read it: "84 ms", "1.28 s", "99.4 %", "never", "–" for what is not known. */
void axis_text(enum axis_unit unit, double value, char out[AXIS_TEXT_BYTES]);

#endif
