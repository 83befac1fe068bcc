#include "http/sse.h"

#include <string.h>

enum { SSE_LF, SSE_AFTER_CR }; /* sse->state: a CR ended the last line, its LF may follow */

static const struct slice data_field = {"data:", 5};

void sse_init(struct sse *sse)
{
    *sse = (struct sse){.at_boundary = true, .usage = {-1, -1, -1}};
}

void sse_finish(struct sse *sse)
{
    buffer_release(&sse->held);
}

static bool line_starts(const struct sse *sse, struct slice prefix)
{
    return sse->line_len >= prefix.len && memcmp(sse->line_start, prefix.ptr, prefix.len) == 0;
}

static void hold(struct sse *sse, struct slice bytes)
{
    if (bytes.len > SSE_HELD_BYTES - buffer_len(&sse->held))
        sse->data_overflow = true;
    else
        buffer_append_slice(&sse->held, bytes);
}

/* The fed bytes go, or more data comes that does not lie behind. */
static void hold_data(struct sse *sse)
{
    if (sse->data.len > 0)
        hold(sse, sse->data);
    sse->data = SLICE_NONE;
}

static void add_data(struct sse *sse, struct slice bytes)
{
    if (sse->data.len == 0 && buffer_len(&sse->held) == 0 && !sse->data_overflow) {
        sse->data = bytes;
        return;
    }
    hold_data(sse);
    hold(sse, bytes);
}

static void read_usage(struct sse *sse, struct slice data)
{
    struct usage_facts usage;
    usage_parse_tail(data, &usage);
    if (usage.prompt_tokens >= 0 || usage.completion_tokens >= 0)
        sse->usage = usage;
}

/* A data event is complete; returns whether it counts. */
static bool data_end(struct sse *sse)
{
    const bool pieces = buffer_len(&sse->held) > 0;
    const struct slice data = pieces ? buffer_slice(&sse->held) : sse->data;
    if (sse->on_event != NULL)
        sse->on_event(sse->user, data);
    const bool done = !sse->data_overflow && slice_eq(slice_trim(data), SLICE("[DONE]"));
    if (done)
        sse->done = true;
    else if (!sse->data_overflow)
        read_usage(sse, data);
    if (pieces)
        buffer_release(&sse->held); /* rare: not worth its memory until the next time */
    sse->data = SLICE_NONE;
    sse->event_has_data = sse->data_overflow = false;
    return !done;
}

static unsigned line_end(struct sse *sse)
{
    unsigned events = 0;
    if (sse->line_len == 0) { /* an empty line: the event is complete */
        events = sse->event_has_data && data_end(sse);
        sse->data_events += events;
        sse->at_boundary = true;
    } else if (!sse->line_is_data && line_starts(sse, SLICE("id")) &&
               (sse->line_len == 2 || sse->line_start[2] == ':')) {
        sse->saw_id = true;
    }
    sse->line_len = 0;
    sse->line_is_data = false;
    return events;
}

static void data_line_begin(struct sse *sse)
{
    if (sse->event_has_data)
        add_data(sse, SLICE("\n"));
    sse->line_is_data = sse->event_has_data = true;
}

/* Part of a line, without its end. */
static void line_bytes(struct sse *sse, struct slice bytes)
{
    while (bytes.len > 0 && sse->line_len < sizeof sse->line_start && !sse->line_is_data) {
        sse->line_start[sse->line_len++] = *bytes.ptr++;
        bytes.len--;
        if (sse->line_len == data_field.len && line_starts(sse, data_field))
            data_line_begin(sse);
    }
    if (sse->line_is_data && bytes.len > 0)
        add_data(sse, bytes);
}

static size_t line_length(struct slice bytes)
{
    const char *lf = memchr(bytes.ptr, '\n', bytes.len);
    const size_t to_lf = lf != NULL ? (size_t)(lf - bytes.ptr) : bytes.len;
    const char *cr = memchr(bytes.ptr, '\r', to_lf);
    return cr != NULL ? (size_t)(cr - bytes.ptr) : to_lf;
}

unsigned sse_feed(struct sse *sse, struct slice bytes)
{
    unsigned events = 0;
    while (bytes.len > 0) {
        if (sse->state == SSE_AFTER_CR) {
            sse->state = SSE_LF;
            if (*bytes.ptr == '\n') {
                bytes = slice_make(bytes.ptr + 1, bytes.len - 1);
                continue;
            }
        }
        const size_t len = line_length(bytes);
        if (len > 0) {
            sse->at_boundary = false;
            line_bytes(sse, slice_make(bytes.ptr, len));
        }
        bytes = slice_make(bytes.ptr + len, bytes.len - len);
        if (bytes.len == 0)
            break;
        sse->state = *bytes.ptr == '\r' ? SSE_AFTER_CR : SSE_LF;
        bytes = slice_make(bytes.ptr + 1, bytes.len - 1);
        events += line_end(sse);
    }
    hold_data(sse);
    return events;
}
