/*
 * Aligned columns for a terminal: cells in the order of the columns, row by
 * row, then printed with every column as wide as its widest cell.  Whatever
 * could move a terminal's cursor is shown as '?'.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"

enum { TABLE_COLUMNS_MOST = 48 };
enum table_side { TABLE_LEFT, TABLE_RIGHT };

struct table {
    struct arena arena;
    enum table_side sides[TABLE_COLUMNS_MOST];
    size_t widths[TABLE_COLUMNS_MOST];
    size_t columns;
    const char **cells; /* the titles first */
    size_t count, room;
};

void table_init(struct table *table);
void table_finish(struct table *table);
/* All columns before the first cell. */
void table_column(struct table *table, const char *title, enum table_side side);
void table_cell(struct table *table, const char *format, ...) ISO_PRINTF(2, 3);
/* "-" when it is NULL or "". */
void table_text(struct table *table, const char *text);
/* "-" when it is NAN. */
void table_number(struct table *table, double value, unsigned decimals);
/* Milliseconds as people read ages: 250 ms, 1.2 s, 5 min, 3 h; "-" when it is NAN. */
void table_span(struct table *table, double ms);
void table_print(const struct table *table, FILE *out);

/* The same text as table_span's; returns out. */
enum { SPAN_TEXT_BYTES = 32 };
const char *span_text(double ms, char out[SPAN_TEXT_BYTES]);

#endif
