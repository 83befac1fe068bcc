/*
 * HTTP/1.1 as proxies speak it to a backend: one request after the other, each
 * with a length or in chunks.
 */
#include <strings.h>

#include "backend.h"

enum { HEAD_MOST = 16384 };

/* The value of a header field; its name with the colon. */
static struct slice value_of(struct slice head, const char *name)
{
    struct slice line;
    while (slice_split(&head, '\r', &line)) {
        if (slice_starts(line, SLICE("\n")))
            line = slice_make(line.ptr + 1, line.len - 1);
        if (line.len > strlen(name) && strncasecmp(line.ptr, name, strlen(name)) == 0)
            return slice_trim(slice_make(line.ptr + strlen(name), line.len - strlen(name)));
    }
    return SLICE_NONE;
}

static void answer(struct back_connection *connection)
{
    struct buffer *out = &connection->out;
    const bool streams = connection->is_post && connection->backend->events;
    if (streams)
        buffer_append_slice(out, SLICE("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                                       "transfer-encoding: chunked\r\n\r\n"));
    else
        buffer_printf(
            out,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
            ANSWER_BYTES, answer_body);
    if (streams)
        events_add(connection->backend->events, connection, 0);
    back_connection_mark(connection);
}

static bool read_head(struct back_connection *connection, struct slice bytes, bool *more)
{
    const char *end = memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4);
    *more = !end;
    if (!end)
        return bytes.len < HEAD_MOST;
    const struct slice head = slice_make(bytes.ptr, (size_t)(end - bytes.ptr) + 2);
    connection->is_post = slice_starts(head, SLICE("POST "));
    connection->is_chunked = value_of(head, "transfer-encoding:").len != 0;
    connection->body_left = 0;
    const struct slice length = value_of(head, "content-length:");
    if (length.len && !slice_to_u64(length, &connection->body_left))
        return false;
    connection->has_head = true;
    buffer_consume(&connection->in, head.len + 2);
    return true;
}

/* A chunk's head, with the end of the chunk before it; body_left becomes its length and the CRLF
 * behind it. */
static bool read_chunk_head(struct back_connection *connection, bool *more, bool *last)
{
    const struct slice bytes = buffer_slice(&connection->in);
    const char *end = memmem(bytes.ptr, bytes.len, "\r\n", 2);
    *more = !end;
    if (!end)
        return bytes.len < HEAD_MOST;
    uint64_t len = 0;
    for (const char *at = bytes.ptr; at < end && *at != ';'; at++) {
        const char *digits = "0123456789abcdef";
        const char *digit = memchr(digits, *at | 0x20, 16);
        if (!digit || len > UINT32_MAX)
            return false;
        len = len << 4 | (uint64_t)(digit - digits);
    }
    *last = len == 0;
    connection->body_left = len + 2;
    buffer_consume(&connection->in, (size_t)(end - bytes.ptr) + 2);
    return true;
}

static void skip_body(struct back_connection *connection)
{
    const size_t have = buffer_len(&connection->in);
    const size_t skipped = have < connection->body_left ? have : (size_t)connection->body_left;
    buffer_consume(&connection->in, skipped);
    connection->body_left -= skipped;
}

bool h1_read(struct back_connection *connection)
{
    bool more = false;
    while (!more && (connection->has_head || buffer_len(&connection->in))) {
        if (!connection->has_head) {
            if (!read_head(connection, buffer_slice(&connection->in), &more))
                return false;
            connection->is_last = !connection->is_chunked;
            continue;
        }
        skip_body(connection);
        if (connection->body_left)
            break;
        if (connection->is_last) {
            connection->has_head = false;
            answer(connection);
        } else if (!read_chunk_head(connection, &more, &connection->is_last)) {
            return false;
        }
    }
    return true;
}
