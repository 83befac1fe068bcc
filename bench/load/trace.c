#include "load/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "load/trace_state.h"

/* ---- rows and pieces ---- */

struct trace_row *trace_add_row(struct trace *trace)
{
    if (trace->count == trace->room) {
        trace->room = trace->room > 0 ? 2 * trace->room : 1024;
        trace->rows = memory_realloc(trace->rows, trace->room * sizeof *trace->rows);
    }
    struct trace_row *row = &trace->rows[trace->count++];
    *row = (struct trace_row){.place = TRACE_NO_PLACE};
    return row;
}

void trace_add_piece(struct trace *trace, struct piece piece)
{
    if (trace->piece_count == trace->piece_room) {
        trace->piece_room = trace->piece_room > 0 ? 2 * trace->piece_room : 1024;
        trace->pieces = memory_realloc(trace->pieces, trace->piece_room * sizeof *trace->pieces);
    }
    trace->pieces[trace->piece_count++] = piece;
}

/* ---- turns ---- */

/* Copies the pieces of the turn before as far as they may be reused; answers how many tokens. */
static uint32_t reuse(struct trace *trace, const struct trace_row *before, struct trace_row *row)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < before->piece_count && taken < row->reusable_tokens; i++) {
        struct piece piece = trace->pieces[before->first_piece + i];
        if (piece.tokens > row->reusable_tokens - taken)
            piece.tokens = row->reusable_tokens - taken;
        taken += piece.tokens;
        trace_add_piece(trace, piece);
        row->piece_count++;
    }
    return taken;
}

/*
 * A turn begins with the reusable part of the one before.  Where that was kept
 * whole its last piece just goes on: its text has no end.  Where it was cut,
 * another piece begins.
 */
static void compose(struct trace *trace, const struct trace_row *before, struct trace_row *row,
                    uint64_t number)
{
    row->first_piece = trace->piece_count;
    const uint32_t taken = before != NULL ? reuse(trace, before, row) : 0;
    if (row->piece_count > 0 && taken == before->prompt_tokens)
        trace->pieces[trace->piece_count - 1].tokens += row->prompt_tokens - taken;
    else if (taken < row->prompt_tokens || row->piece_count == 0) {
        trace_add_piece(trace, (struct piece){number, row->prompt_tokens - taken});
        row->piece_count++;
    }
}

static int by_turn(const void *a, const void *b)
{
    const struct trace_row *x = *(struct trace_row *const *)a, *y = *(struct trace_row *const *)b;
    if (x->conversation != y->conversation)
        return x->conversation < y->conversation ? -1 : 1;
    if (x->turn != y->turn)
        return x->turn < y->turn ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void compose_all(struct trace *trace)
{
    struct trace_row **order = memory_alloc((trace->count + 1) * sizeof *order);
    size_t n = 0;
    for (size_t i = 0; i < trace->count; i++)
        if (trace->rows[i].piece_count == 0)
            order[n++] = &trace->rows[i];
    qsort(order, n, sizeof *order, by_turn);
    for (size_t i = 0; i < n; i++) {
        const bool goes_on = i > 0 && order[i]->conversation > 0 &&
                             order[i]->conversation == order[i - 1]->conversation;
        compose(trace, goes_on ? order[i - 1] : NULL, order[i], (uint64_t)i + 1);
    }
    free(order);
}

/* ---- the file ---- */

static bool contains(struct slice line, struct slice word)
{
    return memmem(line.ptr, line.len, word.ptr, word.len) != NULL;
}

static trace_line_reader *choose(struct slice line)
{
    if (slice_starts(line, SLICE("TIMESTAMP,")))
        return trace_read_azure;
    if (contains(line, SLICE("\"at_ms\"")))
        return trace_read_arrival;
    return contains(line, SLICE("\"input_length\"")) ? trace_read_mooncake : NULL;
}

static bool read_line(struct trace_reader *reader, trace_line_reader **read, struct slice line)
{
    reader->line++;
    if (line.len == 0)
        return true;
    if (*read == NULL) {
        *read = choose(line);
        if (*read == NULL)
            return error_set(reader->error,
                             "the first line is neither of isobench simulate --write-arrivals "
                             "(\"at_ms\"), nor Azure's (TIMESTAMP,ContextTokens,GeneratedTokens), "
                             "nor Mooncake's (\"timestamp\", \"input_length\")");
        if (*read == trace_read_azure)
            return true; /* the header */
    }
    if (reader->trace->count == TRACE_ROWS_MOST)
        return error_set(reader->error, "at most %d requests", TRACE_ROWS_MOST);
    return (*read)(reader, line) ||
           error_prefix(reader->error, "line %llu", (unsigned long long)reader->line);
}

static bool read_lines(struct trace_reader *reader, FILE *file)
{
    trace_line_reader *read = NULL;
    char *text = NULL;
    size_t size = 0;
    bool good = true;
    for (ssize_t len; good && (len = getline(&text, &size, file)) >= 0;) {
        while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
            len--;
        good = read_line(reader, &read, slice_make(text, (size_t)len));
    }
    free(text);
    if (good && ferror(file))
        return error_set(reader->error, "%s", strerror(errno));
    return good &&
           (reader->trace->count > 0 || error_set(reader->error, "there is no request in it"));
}

static int by_time(const void *a, const void *b)
{
    const struct trace_row *x = a, *y = b;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return x->conversation < y->conversation ? -1 : x->conversation > y->conversation;
}

static void finish(struct trace *trace, double time_scale)
{
    for (size_t i = 0; i < trace->count; i++)
        trace->rows[i].at_ns = (int64_t)((double)trace->rows[i].at_ns * time_scale);
    compose_all(trace);
    qsort(trace->rows, trace->count, sizeof *trace->rows, by_time);
}

struct trace *trace_read(const char *file, double time_scale, struct error *error)
{
    struct trace *trace = memory_zalloc(sizeof *trace);
    struct trace_reader reader = {.trace = trace, .error = error};
    FILE *in = fopen(file, "re");
    const bool good = in != NULL ? read_lines(&reader, in) || error_prefix(error, "%s", file)
                                 : error_set(error, "%s: %s", file, strerror(errno));
    if (in != NULL)
        fclose(in);
    free(reader.owners);
    if (good)
        finish(trace, time_scale);
    else
        trace_destroy(&trace);
    return trace;
}

void trace_destroy(struct trace **trace_at)
{
    struct trace *trace = *trace_at;
    *trace_at = NULL;
    if (trace == NULL)
        return;
    free(trace->rows);
    free(trace->pieces);
    free(trace);
}
