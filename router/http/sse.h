/*
 * Watches a text/event-stream go by: counts events, sees the first `data:`
 * event, [DONE], where a boundary is.  Never changes or holds back a byte.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { SSE_TAIL_BYTES = 2048 };

struct sse {
    uint64_t data_events; /* complete events with a data line, [DONE] not counted */
    bool done;            /* `data: [DONE]` was seen */
    bool at_boundary;     /* the last byte ended an event, or nothing came yet */
    bool saw_id;          /* an `id:` line came */
    /* Set after sse_init by who wants to read along: each complete event's data, [DONE] included,
     * as far as it fits SSE_TAIL_BYTES; valid for the call.  `done` is not set yet. */
    void (*on_event)(void *user, struct slice data);
    void *user;
    uint8_t state; /* private from here on, but for usage and usage_len */
    bool line_is_data;
    bool event_has_data;
    uint16_t line_len;
    char line_start[8];
    /* The data of the last event that mentioned "usage", if it fits; for usage_parse (padding
     * included). */
    uint16_t usage_len;
    uint16_t data_len;
    bool data_overflow;
    char data[SSE_TAIL_BYTES + 64];
    char usage[SSE_TAIL_BYTES + 64];
};

void sse_init(struct sse *sse);
/* Returns how many data events were completed by these bytes. */
unsigned sse_feed(struct sse *sse, struct slice bytes);

#endif
