/*
 * Finds places for the names on a map: beside their points where they can be,
 * farther off with a line to them where it is crowded.  Pure.
 */
#ifndef REPORT_LABELS_H
#define REPORT_LABELS_H

#include <stdbool.h>
#include <stddef.h>

struct label {
    double x, y, radius;  /* of the point */
    double width, height; /* of the text */
    double reach;         /* how far off it may be */
    bool placed;
    double left, top;      /* where the text goes */
    bool far;              /* wants a line to its point */
    double line_x, line_y; /* where that ends, at the text */
};

/*
 * The first label is the most important one.  Points of all `count` labels
 * are kept free; those before `named` get a text.
 */
void labels_place(struct label *labels, size_t count, size_t named, double width, double height);

#endif
