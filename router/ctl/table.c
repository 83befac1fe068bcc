#include "ctl/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *table)
{
    *table = (struct table){0};
    arena_init(&table->arena);
}

void table_finish(struct table *table)
{
    arena_finish(&table->arena);
    free(table->cells);
    table->cells = NULL;
}

/* Takes `text`, which is the arena's. */
static void add(struct table *table, char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    if (table->count == table->room) {
        table->room = table->room * 2 + 64;
        table->cells = memory_realloc(table->cells, table->room * sizeof *table->cells);
    }
    const size_t column = table->count % table->columns;
    const size_t width = strlen(text);
    if (width > table->widths[column])
        table->widths[column] = width;
    table->cells[table->count++] = text;
}

static char *copy(struct table *table, const char *text)
{
    const size_t size = strlen(text) + 1;
    return memcpy(arena_alloc(&table->arena, size), text, size);
}

void table_column(struct table *table, const char *title, enum table_side side)
{
    CHECK_EQ(table->count, table->columns);
    CHECK_LT(table->columns, TABLE_COLUMNS_MOST);
    table->sides[table->columns++] = side;
    add(table, copy(table, title));
}

void table_text(struct table *table, const char *text)
{
    add(table, copy(table, text != NULL && text[0] != '\0' ? text : "-"));
}

void table_cell(struct table *table, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_text(table, text);
}

void table_number(struct table *table, double value, unsigned decimals)
{
    if (isnan(value))
        table_text(table, NULL);
    else
        table_cell(table, "%.*f", (int)decimals, value);
}

const char *span_text(double ms, char out[SPAN_TEXT_BYTES])
{
    if (isnan(ms))
        snprintf(out, SPAN_TEXT_BYTES, "-");
    else if (ms < 1000)
        snprintf(out, SPAN_TEXT_BYTES, "%.0f ms", ms);
    else if (ms < 120e3)
        snprintf(out, SPAN_TEXT_BYTES, "%.1f s", ms / 1e3);
    else if (ms < 7200e3)
        snprintf(out, SPAN_TEXT_BYTES, "%.0f min", ms / 60e3);
    else
        snprintf(out, SPAN_TEXT_BYTES, "%.0f h", ms / 3600e3);
    return out;
}

void table_span(struct table *table, double ms)
{
    char text[SPAN_TEXT_BYTES];
    table_text(table, span_text(ms, text));
}

static void print_row(const struct table *table, const char *const *cells, FILE *out)
{
    for (size_t column = 0; column < table->columns; column++) {
        const bool last = column + 1 == table->columns;
        const int width = (int)table->widths[column];
        if (table->sides[column] == TABLE_RIGHT)
            fprintf(out, "%*s", width, cells[column]);
        else
            fprintf(out, "%-*s", last ? 0 : width, cells[column]);
        fputs(last ? "\n" : "  ", out);
    }
}

void table_print(const struct table *table, FILE *out)
{
    for (size_t at = 0; at + table->columns <= table->count; at += table->columns)
        print_row(table, table->cells + at, out);
}
