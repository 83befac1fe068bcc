/*
 * One direction of a slow network path: bytes go in with the time they arrive
 * at the other end, and come out in order, never before that.  Pure; the
 * caller of a connection holds two of them.
 */
#ifndef SIM_DELAY_LINE_H
#define SIM_DELAY_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/* Arrivals are counted in whole milliseconds, so that many share one wake-up: half a tick early or
 * late, nothing on average. */
#define DELAY_TICK_NS INT64_C(1000000)

struct delay_mark {
    int64_t due_ns;
    size_t bytes;
};

struct delay_line {
    struct buffer bytes;
    struct delay_mark *marks; /* ring; size is a power of two */
    uint32_t marks_size;
    uint32_t marks_head;
    uint32_t marks_count;
    int64_t last_due_ns; /* nothing overtakes */
    bool ends;           /* behind the last byte comes the end */
    int64_t end_due_ns;
};

void delay_line_finish(struct delay_line *line);
void delay_line_push(struct delay_line *line, struct slice data, int64_t due_ns);
/* After this nothing may be pushed. */
void delay_line_push_end(struct delay_line *line, int64_t due_ns);
/* The bytes that have arrived; take them off with delay_line_take. */
struct slice delay_line_due(const struct delay_line *line, int64_t now_ns);
void delay_line_take(struct delay_line *line, size_t len);
/* Everything before the end was taken, and the end has arrived too. */
bool delay_line_ended(const struct delay_line *line, int64_t now_ns);
/* When the next byte or the end arrives; INT64_MAX: nothing is on its way. */
int64_t delay_line_next_ns(const struct delay_line *line);
static inline size_t delay_line_len(const struct delay_line *line)
{
    return buffer_len(&line->bytes);
}

#endif
