/*
 * Streams of events: opens them all, waits until every one has given an event,
 * then counts for a while and takes the delay of each event from the time that
 * the backend wrote into it.  Bytes may come cut up in any way.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/memory.h"
#include "client.h"
#include "sse_event.h"

enum { SHAKING_MOST = 32 };

#define ASK                                                                                  \
    "{\"model\":\"qwen3-32b\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":" \
    "\"hello\"}]}"

struct event_reader {
    uint64_t time;
    uint8_t at; /* of the event that is being read */
    bool began;
};

struct streams {
    struct event_reader *readers; /* of all connections, one after the other */
    uint32_t each;
    uint32_t opened, began; /* connections, streams */
    bool counts;
    struct histogram delay_ns;
};

static void on_open(struct link *link)
{
    struct streams *streams = link->client->owner;
    for (uint32_t i = 0; i < streams->each; i++)
        link_append_request(link, 2 * i + 1, SLICE(ASK));
    streams->opened++;
    link_flush(link);
}

static void on_event(struct streams *streams, struct event_reader *reader, int64_t now_ns)
{
    const int64_t delay_ns = now_ns - (int64_t)reader->time;
    if (delay_ns < 0 || delay_ns > 3600 * NS_PER_S)
        client_fail("an event came changed");
    if (!reader->began)
        streams->began++;
    reader->began = true;
    if (streams->counts)
        histogram_add(&streams->delay_ns, (uint64_t)delay_ns);
}

static void on_frame(struct link *link, const struct h2_frame *frame)
{
    struct streams *streams = link->client->owner;
    if (frame->type != H2_DATA)
        return;
    if (frame->flags & (H2_END_STREAM | H2_PADDED) || frame->stream / 2 >= streams->each)
        client_fail("a stream ended, or was padded, or was never asked for");
    struct event_reader *reader =
        &streams->readers[link->number * streams->each + frame->stream / 2];
    for (uint32_t i = 0; i < frame->len; i++) {
        if (reader->at >= SSE_TIME_AT && reader->at < SSE_TIME_AT + SSE_TIME_DIGITS) {
            reader->time = reader->time * 10 + (uint64_t)(frame->payload[i] - '0');
        } else if (frame->len - i >= (uint32_t)SSE_TIME_AT && reader->at == 0) {
            i += SSE_TIME_AT - 1; /* nothing of interest before */
            reader->at = SSE_TIME_AT;
            continue;
        }
        if (++reader->at == SSE_EVENT_BYTES) {
            on_event(streams, reader, link->read_ns);
            reader->at = 0;
            reader->time = 0;
        }
    }
}

static void print_result(const struct histogram *delay_ns, double seconds)
{
    printf("{\"end\":true,\"events\":%llu,\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
           (unsigned long long)delay_ns->count, seconds, histogram_percentile(delay_ns, 50) / 1e3,
           histogram_percentile(delay_ns, 99) / 1e3);
    fflush(stdout);
}

int streams_run(struct client *client, uint32_t connections, uint32_t each, double seconds)
{
    struct streams streams = {.each = each};
    struct link *links = memory_zalloc(connections * sizeof *links);
    streams.readers = memory_zalloc((size_t)connections * each * sizeof *streams.readers);
    client->owner = &streams;
    client->on_open = on_open;
    client->on_frame = on_frame;
    uint32_t begun = 0;
    while (streams.began < connections * each) {
        for (; begun < connections && begun - streams.opened < SHAKING_MOST; begun++) {
            links[begun].number = begun;
            link_open(&links[begun], client, NULL);
        }
        client_turn(client, 100);
    }
    printf("{\"begin\":true,\"streams\":%u}\n", streams.began);
    fflush(stdout);
    streams.counts = true;
    const int64_t begin_ns = clock_monotonic_ns();
    const int64_t end_ns = begin_ns + (int64_t)(seconds * 1e9);
    while (clock_monotonic_ns() < end_ns)
        client_turn(client, 10);
    print_result(&streams.delay_ns, (double)(clock_monotonic_ns() - begin_ns) / 1e9);
    while (!client->stdin_closed)
        client_turn(client, 100);
    for (uint32_t i = 0; i < begun; i++)
        link_close(&links[i]);
    free(links);
    free(streams.readers);
    return 0;
}
