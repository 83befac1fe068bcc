#include "http/sse.h"

enum { SSE_LF, SSE_AFTER_CR }; /* sse->state: a CR ended the last line, its LF may follow */

void sse_init(struct sse *sse)
{
    memset(sse, 0, offsetof(struct sse, data));
    sse->at_boundary = true;
}

static bool line_starts(const struct sse *sse, struct slice prefix)
{
    return sse->line_len >= prefix.len && memcmp(sse->line_start, prefix.ptr, prefix.len) == 0;
}

static void keep_data(struct sse *sse, struct slice bytes)
{
    if (bytes.len > (size_t)SSE_TAIL_BYTES - sse->data_len) {
        sse->data_overflow = true;
        return;
    }
    memcpy(sse->data + sse->data_len, bytes.ptr, bytes.len);
    sse->data_len = (uint16_t)(sse->data_len + bytes.len);
}

static bool data_is_done(const struct sse *sse)
{
    struct slice text = slice_make(sse->data, sse->data_len);
    if (text.len > 0)
        text.len--; /* the line's end */
    return !sse->data_overflow && slice_eq(slice_trim(text), SLICE("[DONE]"));
}

/* An empty line: the event is complete. */
static unsigned event_end(struct sse *sse)
{
    unsigned events = 0;
    if (sse->event_has_data && sse->on_event != NULL) {
        const size_t line_ends = sse->data_len > 0 && !sse->data_overflow;
        sse->on_event(sse->user, slice_make(sse->data, sse->data_len - line_ends));
    }
    if (sse->event_has_data && data_is_done(sse)) {
        sse->done = true;
    } else if (sse->event_has_data) {
        events = 1;
        if (!sse->data_overflow && memmem(sse->data, sse->data_len, "\"usage\"", 7) != NULL) {
            memcpy(sse->usage, sse->data, sse->data_len);
            sse->usage_len = sse->data_len;
        }
    }
    sse->data_events += events;
    sse->event_has_data = sse->data_overflow = false;
    sse->data_len = 0;
    sse->at_boundary = true;
    return events;
}

static unsigned line_end(struct sse *sse)
{
    unsigned events = 0;
    if (sse->line_len == 0)
        events = event_end(sse);
    else if (sse->line_is_data)
        keep_data(sse, SLICE("\n"));
    else if (line_starts(sse, SLICE("id")) && (sse->line_len == 2 || sse->line_start[2] == ':'))
        sse->saw_id = true;
    sse->line_len = 0;
    sse->line_is_data = false;
    return events;
}

/* Part of a line, without its end. */
static void line_bytes(struct sse *sse, struct slice bytes)
{
    static const struct slice data = {"data:", 5};
    while (bytes.len > 0 && sse->line_len < sizeof sse->line_start && !sse->line_is_data) {
        sse->line_start[sse->line_len++] = *bytes.ptr++;
        bytes.len--;
        if (sse->line_len == data.len && line_starts(sse, data))
            sse->line_is_data = sse->event_has_data = true;
    }
    if (sse->line_is_data)
        keep_data(sse, bytes);
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
    return events;
}
