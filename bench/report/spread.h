/*
 * Moves labels apart: each wants a place on a line and takes some of it.  Used
 * for names at the ends of lines and on maps.  Pure.
 */
#ifndef REPORT_SPREAD_H
#define REPORT_SPREAD_H

#include <stdbool.h>
#include <stddef.h>

/* One label: where its middle wants to be, how much it takes; `at` comes out. */
struct spread {
    double want, size, at;
};

/* Keeps their order; false when `low` to `high` has no room for all. */
bool spread_apart(struct spread *labels, size_t count, double low, double high);

#endif
