/*
 * A line chart as one SVG: axes with units, lines of several runs, their names
 * at the right ends where there is room, thresholds, titles that a pointer
 * shows.  How lines look is style.css: class `sN` is the N-th run, everywhere.
 *
 * A page draws every chart twice, for a wide and a narrow screen, so that
 * letters keep their size.
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include "base/buffer.h"
#include "report/axis.h"

struct chart_point {
    double x, y; /* y: NAN breaks the line, INFINITY never came: drawn at the top */
};

struct chart_line {
    const char *name;
    unsigned look; /* the number of the run: colour, dashes, marker */
    const struct chart_point *points;
    size_t count;
    bool markers; /* measured at these points and nowhere between */
    bool thin;
};

/* A value to be held against. */
struct chart_rule {
    double y;
    const char *text;
};

struct chart {
    const char *title;             /* for those who can't see it */
    const char *x_title, *y_title; /* x_title NULL: its ticks say enough */
    struct axis x, y;              /* from and to are set in drawing */
    const struct chart_line *lines;
    size_t count;
    const struct chart_rule *rule; /* NULL: none */
    bool names;                    /* at the ends of the lines */
    bool small;                    /* many side by side: one size for all screens */
    double height;                 /* of the plot and its axes, pixels; 0: the usual */
};

enum { CHART_WIDE = 540, CHART_NARROW = 356 };

/* Axes that hold every value, and are round. */
void chart_fit(struct chart *chart);
/* Both sizes. */
void chart_draw(const struct chart *chart, struct buffer *out);
/* The sign of a run, for legends: a piece of its line with its marker. */
void chart_key(struct buffer *out, unsigned look);
/* The marker of a run at a place. */
void chart_marker(struct buffer *out, unsigned look, double x, double y);

#endif
