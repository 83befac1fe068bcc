#include "http/h2_streams.h"

#include <stdlib.h>

#include "http/codec_core.h"

void h2_streams_init(struct h2_streams *streams)
{
    list_init(&streams->list);
    streams->bucket_count = H2_STREAMS_FIRST;
}

void h2_streams_finish(struct h2_streams *streams)
{
    free(streams->buckets);
    streams->buckets = NULL;
}

/* The ids of one peer go up by two. */
static struct codec_stream **bucket_of(struct h2_streams *streams, uint32_t id)
{
    struct codec_stream **buckets = streams->buckets ? streams->buckets : streams->first;
    return &buckets[(id >> 1) & (streams->bucket_count - 1)];
}

static void grow(struct h2_streams *streams)
{
    free(streams->buckets);
    streams->bucket_count *= 4;
    streams->buckets = memory_zalloc(streams->bucket_count * sizeof *streams->buckets);
    LIST_EACH (node, &streams->list) {
        struct codec_stream *s = LIST_ENTRY(node, struct codec_stream, link);
        struct codec_stream **bucket = bucket_of(streams, s->stream.id);
        s->bucket_next = *bucket;
        *bucket = s;
    }
}

void h2_streams_add(struct h2_streams *streams, struct codec_stream *s)
{
    list_append(&streams->list, &s->link);
    if (++streams->count > streams->bucket_count) {
        grow(streams);
    } else {
        struct codec_stream **bucket = bucket_of(streams, s->stream.id);
        s->bucket_next = *bucket;
        *bucket = s;
    }
    streams->found = s;
}

void h2_streams_remove(struct h2_streams *streams, struct codec_stream *s)
{
    struct codec_stream **at = bucket_of(streams, s->stream.id);
    while (*at != s)
        at = &(*at)->bucket_next;
    *at = s->bucket_next;
    list_remove(&s->link);
    streams->count--;
    if (streams->found == s)
        streams->found = NULL;
}

struct codec_stream *h2_streams_find(struct h2_streams *streams, uint32_t id)
{
    struct codec_stream *s = streams->found;
    if (s != NULL && s->stream.id == id)
        return s;
    s = *bucket_of(streams, id);
    while (s != NULL && s->stream.id != id)
        s = s->bucket_next;
    if (s != NULL)
        streams->found = s;
    return s;
}

struct codec_stream *h2_streams_ahead(struct h2_streams *streams, uint32_t id)
{
    return *bucket_of(streams, id);
}

static void shift(uint64_t bits[H2_HISTORY / 64], uint32_t steps)
{
    if (steps >= H2_HISTORY) {
        bits[0] = bits[1] = 0;
    } else if (steps >= 64) {
        bits[1] = bits[0] << (steps - 64);
        bits[0] = 0;
    } else {
        bits[1] = bits[1] << steps | bits[0] >> (64 - steps);
        bits[0] <<= steps;
    }
}

void h2_history_opened(struct h2_streams *streams, uint32_t id)
{
    const uint32_t steps = (id - streams->last_id + 1) / 2; /* at least 1; the first id is 1 */
    shift(streams->opened, steps);
    shift(streams->reset, steps);
    streams->opened[0] |= 1;
    streams->last_id = id;
}

static bool bit(const uint64_t bits[H2_HISTORY / 64], uint32_t step)
{
    return (bits[step / 64] >> step % 64) & 1;
}

void h2_history_reset(struct h2_streams *streams, uint32_t id)
{
    const uint32_t step = (streams->last_id - id) / 2;
    if (id <= streams->last_id && step < H2_HISTORY)
        streams->reset[step / 64] |= UINT64_C(1) << step % 64;
}

enum h2_past h2_history_of(const struct h2_streams *streams, uint32_t id)
{
    const uint32_t step = (streams->last_id - id) / 2;
    if (step >= H2_HISTORY)
        return H2_LONG_PAST;
    if (!bit(streams->opened, step))
        return H2_NEVER;
    return bit(streams->reset, step) ? H2_RESET : H2_CLOSED;
}
