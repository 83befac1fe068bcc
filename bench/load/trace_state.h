/* What the parts of trace reading share; nobody else includes it. */
#ifndef LOAD_TRACE_STATE_H
#define LOAD_TRACE_STATE_H

#include "load/trace.h"

struct trace_reader {
    struct trace *trace;
    struct error *error;
    uint64_t line;   /* from 1 */
    double first_ms; /* Azure: of the first row */
    /* Mooncake: by hash id, 1 + the last row that had it; 0 none. */
    uint32_t *owners;
    size_t owner_room;
};

/* Each reads one line into a new row; false with a sentence. */
typedef bool trace_line_reader(struct trace_reader *reader, struct slice line);
trace_line_reader trace_read_arrival, trace_read_azure, trace_read_mooncake;

/* Room for one more, zeroed. */
struct trace_row *trace_add_row(struct trace *trace);
void trace_add_piece(struct trace *trace, struct piece piece);

#endif
