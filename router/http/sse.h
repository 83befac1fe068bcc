/*
 * Watches a text/event-stream go by: counts events, sees the first `data:`
 * event, [DONE], where a boundary is, what the last usage said.  Never changes
 * or holds back a byte; copies only the data of an event that comes in pieces.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "http/facts.h"

enum { SSE_HELD_BYTES = 8192 }; /* of an event in pieces; more is not read, only counted */

struct sse {
    uint64_t data_events; /* complete events with a data line, [DONE] not counted */
    /* Set after sse_init by who wants to read along: each complete event's data, [DONE] included,
     * its lines joined by LF; valid for the call.  `done` is not set yet. */
    void (*on_event)(void *user, struct slice data);
    void *user;
    bool done;        /* `data: [DONE]` was seen */
    bool at_boundary; /* the last byte ended an event, or nothing came yet */
    bool saw_id;      /* an `id:` line came */
    uint8_t state;    /* private, as all but usage from here on */
    bool line_is_data;
    bool event_has_data;
    bool data_overflow;
    uint8_t line_len; /* of line_start */
    char line_start[8];
    struct slice data;        /* of the event under way, in the bytes being fed... */
    struct buffer held;       /* ...or here, when they were not whole; then `data` is empty */
    struct usage_facts usage; /* of the last event that had one */
};

void sse_init(struct sse *sse);
void sse_finish(struct sse *sse);
/* Returns how many data events were completed by these bytes. */
unsigned sse_feed(struct sse *sse, struct slice bytes);

#endif
