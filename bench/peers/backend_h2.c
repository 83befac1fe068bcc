/*
 * HTTP/2 as a backend needs it: heads are not read beyond whether a body
 * follows (what a request is answered with depends on nothing else), bodies
 * are counted, windows kept.
 */
#include <stdlib.h>

#include "backend.h"
#include "base/memory.h"
#include "h2_frame.h"

enum { STREAMS_MOST = 1024, STATUS_200 = 0x88, CONTENT_TYPE = 31, CONTENT_LENGTH = 28 };

void h2_begin(struct back_connection *connection)
{
    struct buffer *out = &connection->out;
    h2_append_head(out, 12, H2_SETTINGS, 0, 0);
    h2_append_setting(out, H2_MAX_CONCURRENT_STREAMS, STREAMS_MOST);
    h2_append_setting(out, H2_INITIAL_WINDOW_SIZE, H2_WINDOW_WIDE);
    h2_append_window_update(out, 0, H2_WINDOW_WIDE - H2_WINDOW_DEFAULT);
    connection->window = connection->stream_window = H2_WINDOW_DEFAULT;
    back_connection_mark(connection);
}

static void append_head(struct buffer *out, uint32_t id, bool is_stream)
{
    struct buffer block = {0};
    buffer_append_byte(&block, (char)STATUS_200);
    h2_append_indexed(&block, CONTENT_TYPE,
                      is_stream ? SLICE("text/event-stream") : SLICE("application/json"));
    if (!is_stream)
        h2_append_indexed(&block, CONTENT_LENGTH, SLICE("1024"));
    h2_append_head(out, buffer_len(&block), H2_HEADERS, H2_END_HEADERS, id);
    buffer_append_slice(out, buffer_slice(&block));
    buffer_release(&block);
}

static void answer_now(struct back_connection *connection, uint32_t id)
{
    connection->window -= ANSWER_BYTES;
    append_head(&connection->out, id, false);
    h2_append_head(&connection->out, ANSWER_BYTES, H2_DATA, H2_END_STREAM, id);
    buffer_append(&connection->out, answer_body, ANSWER_BYTES);
    back_connection_mark(connection);
}

static void answer(struct back_connection *connection, uint32_t id)
{
    if (connection->window >= ANSWER_BYTES) {
        answer_now(connection, id);
        return;
    }
    if (connection->owed_count == connection->owed_size) {
        connection->owed_size = connection->owed_size ? 2 * connection->owed_size : 64;
        connection->owed =
            memory_realloc(connection->owed, connection->owed_size * sizeof *connection->owed);
    }
    connection->owed[connection->owed_count++] = id;
}

static void answer_owed(struct back_connection *connection)
{
    while (connection->owed_count && connection->window >= ANSWER_BYTES)
        answer_now(connection, connection->owed[--connection->owed_count]);
}

static void begin_events(struct back_connection *connection, uint32_t id)
{
    const size_t number = id / 2;
    if (number >= connection->by_number_size) {
        const size_t old = connection->by_number_size;
        const size_t size = 2 * number + 64;
        connection->by_number =
            memory_realloc(connection->by_number, size * sizeof(struct event_stream *));
        memset(connection->by_number + old, 0, (size - old) * sizeof(struct event_stream *));
        connection->by_number_size = size;
    }
    append_head(&connection->out, id, true);
    connection->by_number[number] = events_add(connection->backend->events, connection, id);
    back_connection_mark(connection);
}

static struct event_stream **find_stream(struct back_connection *connection, uint32_t id)
{
    const size_t number = id / 2;
    return number < connection->by_number_size && connection->by_number[number]
               ? &connection->by_number[number]
               : NULL;
}

static void on_data(struct back_connection *connection, const struct h2_frame *frame)
{
    connection->received += frame->len;
    if (connection->received > H2_WINDOW_WIDE / 4) {
        h2_append_window_update(&connection->out, 0, (uint32_t)connection->received);
        connection->received = 0;
        back_connection_mark(connection);
    }
    if (!(frame->flags & H2_END_STREAM))
        return;
    if (connection->backend->events)
        begin_events(connection, frame->stream);
    else
        answer(connection, frame->stream);
}

static void on_settings(struct back_connection *connection, const struct h2_frame *frame)
{
    for (uint32_t at = 0; !(frame->flags & H2_ACK) && at + 6 <= frame->len; at += 6) {
        if (frame->payload[at] != 0 || frame->payload[at + 1] != H2_INITIAL_WINDOW_SIZE)
            continue;
        const int64_t window = h2_u32(frame->payload + at + 2);
        LIST_EACH (node, &connection->streams)
            LIST_ENTRY(node, struct event_stream, link)->window +=
                window - connection->stream_window;
        connection->stream_window = window;
    }
}

static void on_window_update(struct back_connection *connection, const struct h2_frame *frame)
{
    const uint32_t more = h2_u32(frame->payload) & 0x7fffffff;
    if (frame->stream == 0) {
        connection->window += more;
        answer_owed(connection);
        return;
    }
    struct event_stream **stream = find_stream(connection, frame->stream);
    if (stream)
        (*stream)->window += more;
}

static void on_frame(struct back_connection *connection, const struct h2_frame *frame)
{
    switch (frame->type) {
    case H2_HEADERS:
        if (frame->flags & H2_END_STREAM)
            answer(connection, frame->stream);
        break;
    case H2_DATA:
        on_data(connection, frame);
        break;
    case H2_SETTINGS:
        on_settings(connection, frame);
        break;
    case H2_WINDOW_UPDATE:
        on_window_update(connection, frame);
        break;
    case H2_RST_STREAM: {
        struct event_stream **stream = find_stream(connection, frame->stream);
        if (stream)
            events_remove(connection->backend->events, stream);
        break;
    }
    default:
        break;
    }
    if (frame->type == H2_SETTINGS || frame->type == H2_PING) {
        h2_acknowledge(&connection->out, frame);
        back_connection_mark(connection);
    }
}

bool h2_read(struct back_connection *connection)
{
    struct h2_frame frame;
    while (h2_frame_read(buffer_slice(&connection->in), &frame)) {
        on_frame(connection, &frame);
        buffer_consume(&connection->in, H2_HEAD_BYTES + frame.len);
    }
    return buffer_len(&connection->in) < H2_HEAD_BYTES || frame.len <= H2_FRAME_MOST;
}
