/*
 * When each stream's next event is due: a period is cut into slots of some
 * 40 us, streams are dealt to them in turn, and every slot that has passed
 * gives its streams one event each.  An event that finds no room (a window
 * shut, 64 KiB unsent) is left out, as is a period that was slept through: an
 * engine does not write faster because it was held up.
 */
#include <stdlib.h>

#include "backend.h"
#include "base/clock.h"
#include "base/memory.h"
#include "h2_frame.h"
#include "sse_event.h"

enum { SLOT_NS = 40000, CHUNK_HEAD = 4, CHUNK_TAIL = 2 };

struct slot {
    struct event_stream **streams;
    uint32_t count, size;
};

struct events {
    struct slot *slots;
    uint32_t slot_count;
    uint32_t dealt;     /* streams so far: which slot the next gets */
    int64_t begin_ns;   /* of slot 0 of the first period */
    int64_t done_slots; /* since then */
};

struct events *events_create(int64_t period_ns)
{
    struct events *events = memory_zalloc(sizeof *events);
    events->slot_count = (uint32_t)(period_ns / SLOT_NS);
    events->slots = memory_zalloc(events->slot_count * sizeof *events->slots);
    events->begin_ns = clock_monotonic_ns();
    return events;
}

void events_destroy(struct events **events)
{
    if (!*events)
        return;
    for (uint32_t i = 0; i < (*events)->slot_count; i++)
        free((*events)->slots[i].streams);
    free((*events)->slots);
    free(*events);
    *events = NULL;
}

struct event_stream *events_add(struct events *events, struct back_connection *connection,
                                uint32_t id)
{
    struct event_stream *stream = memory_zalloc(sizeof *stream);
    stream->connection = connection;
    stream->id = id;
    stream->window = connection->stream_window;
    /* A stride that is prime to the number of slots spreads few streams too. */
    stream->slot = (uint32_t)((uint64_t)events->dealt++ * 617 % events->slot_count);
    struct slot *slot = &events->slots[stream->slot];
    if (slot->count == slot->size) {
        slot->size = slot->size ? 2 * slot->size : 8;
        slot->streams = memory_realloc(slot->streams, slot->size * sizeof(struct event_stream *));
    }
    stream->place = slot->count;
    slot->streams[slot->count++] = stream;
    list_append(&connection->streams, &stream->link);
    return stream;
}

void events_remove(struct events *events, struct event_stream **stream)
{
    struct slot *slot = &events->slots[(*stream)->slot];
    struct event_stream *last = slot->streams[--slot->count];
    last->place = (*stream)->place;
    slot->streams[last->place] = last;
    list_remove(&(*stream)->link);
    free(*stream);
    *stream = NULL;
}

static void send_one(struct event_stream *stream, const char *event)
{
    struct back_connection *connection = stream->connection;
    if (buffer_len(&connection->out) > BACKLOG_MOST)
        return;
    if (connection->is_h2) {
        if (stream->window < SSE_EVENT_BYTES || connection->window < SSE_EVENT_BYTES)
            return;
        stream->window -= SSE_EVENT_BYTES;
        connection->window -= SSE_EVENT_BYTES;
        h2_append_head(&connection->out, SSE_EVENT_BYTES, H2_DATA, 0, stream->id);
        buffer_append(&connection->out, event, SSE_EVENT_BYTES);
    } else {
        buffer_append(&connection->out, "78\r\n", CHUNK_HEAD);
        buffer_append(&connection->out, event, SSE_EVENT_BYTES);
        buffer_append(&connection->out, "\r\n", CHUNK_TAIL);
    }
    back_connection_mark(connection);
}

int64_t events_send(struct events *events)
{
    char event[] = SSE_EVENT_TEXT;
    const int64_t now = clock_monotonic_ns();
    const int64_t due = (now - events->begin_ns) / SLOT_NS;
    if (due - events->done_slots > events->slot_count)
        events->done_slots = due - events->slot_count;
    sse_write_time(event + SSE_TIME_AT, now);
    for (; events->done_slots < due; events->done_slots++) {
        const struct slot *slot =
            &events->slots[(uint32_t)(events->done_slots % events->slot_count)];
        for (uint32_t i = 0; i < slot->count; i++)
            send_one(slot->streams[i], event);
    }
    return events->begin_ns + (events->done_slots + 1) * SLOT_NS - now;
}
