#include "agent/scrape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/util.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "http/codec.h"
#include "net/wire.h"

struct scrape {
    struct loop *loop;
    struct evdns_base *dns;
    struct scrape_settings settings;
    scrape_done *done;
    void *owner;
    unsigned index;

    bool busy;
    bool ending; /* `end` is due; nothing more is taken in */
    bool complete;
    int status;
    struct evdns_getaddrinfo_request *lookup;
    bool wired; /* the wire was connected and is to be closed */
    struct wire wire;
    struct codec *codec;
    struct arena arena; /* of the request */
    struct buffer body;
    struct timer timeout;
    struct loop_task end;
    char error[256];
};

/* Once; what is under way is taken apart at the end of the turn, outside all callbacks. */
static void finish(struct scrape *scrape, const char *error)
{
    if (!scrape->busy || scrape->ending)
        return;
    scrape->ending = true;
    snprintf(scrape->error, sizeof scrape->error, "%s", error ? error : "");
    loop_destroy_later(scrape->loop, &scrape->end);
}

static void take_apart(struct scrape *scrape)
{
    timer_stop(&scrape->timeout);
    if (scrape->lookup)
        evdns_getaddrinfo_cancel(scrape->lookup);
    scrape->lookup = NULL;
    if (scrape->wired)
        wire_close(&scrape->wire);
    scrape->wired = false;
    codec_destroy(&scrape->codec);
    arena_reset(&scrape->arena);
}

static void on_end(struct loop_task *task)
{
    struct scrape *scrape = CONTAINER_OF(task, struct scrape, end);
    take_apart(scrape);
    scrape->busy = scrape->ending = false;
    const char *error = scrape->error[0] ? scrape->error : NULL;
    scrape->done(scrape->owner, scrape->index, error, buffer_slice(&scrape->body));
}

static void on_timeout(struct timer *timer)
{
    finish(CONTAINER_OF(timer, struct scrape, timeout), "took too long");
}

/* ---- the answer ----------------------------------------------------- */

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct scrape *scrape = stream->user;
    scrape->status = head->status;
    if (head->status != 200) {
        char text[64];
        snprintf(text, sizeof text, "answered %d to GET of its metrics", head->status);
        finish(scrape, text);
    }
}

static void on_body(struct stream *stream, struct slice data)
{
    struct scrape *scrape = stream->user;
    stream_consumed(stream, data.len);
    if (scrape->ending)
        return;
    if (buffer_len(&scrape->body) + data.len > SCRAPE_BYTES_MOST)
        finish(scrape, "shows more than 4 MiB of metrics");
    else
        buffer_append_slice(&scrape->body, data);
}

static void on_answered(struct stream *stream, const struct fields *trailers)
{
    struct scrape *scrape = stream->user;
    (void)trailers;
    scrape->complete = true;
    finish(scrape, NULL);
}

static void on_drained(struct stream *stream)
{
    (void)stream;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct scrape *scrape = stream->user;
    if (!scrape->complete)
        finish(scrape,
               why == STREAM_PROTOCOL ? "does not speak HTTP/1.1" : "ended before its answer did");
}

static const struct stream_events stream_events = {
    .on_response = on_response,
    .on_body = on_body,
    .on_end = on_answered,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

/* ---- the connection ------------------------------------------------- */

static void flush(struct scrape *scrape)
{
    char *out = loop_write_scratch(scrape->loop);
    size_t len;
    while ((len = codec_produce(scrape->codec, out, LOOP_SCRATCH_BYTES)) > 0)
        wire_write(&scrape->wire, out, len);
}

static void on_dirty(void *owner)
{
    (void)owner; /* one small request: it is flushed where it is made */
}

static void on_capacity(void *owner)
{
    (void)owner;
}

static const struct codec_events codec_events = {.on_dirty = on_dirty, .on_capacity = on_capacity};

static void request_send(struct scrape *scrape)
{
    struct request_head head = {
        .method = METHOD_GET,
        .version = HTTP_1_1,
        .method_text = SLICE("GET"),
        .scheme = scrape->settings.tls ? SLICE("https") : SLICE("http"),
        .authority = slice_of(scrape->settings.authority),
        .path = slice_of(scrape->settings.path),
        .content_length = -1,
    };
    fields_add(&head.fields, &scrape->arena, SLICE("accept"), SLICE("text/plain;version=0.0.4"));
    fields_add(&head.fields, &scrape->arena, SLICE("user-agent"), SLICE("isochrone-agent"));
    if (codec_open(scrape->codec, &head, NULL, 0, &stream_events, scrape))
        flush(scrape);
    else
        finish(scrape, "took no request");
}

static void on_open(void *owner)
{
    struct scrape *scrape = owner;
    if (scrape->ending)
        return;
    scrape->codec = h1_client_create(&codec_default_limits, &codec_events, scrape);
    request_send(scrape);
}

static void on_readable(void *owner)
{
    struct scrape *scrape = owner;
    char *in = loop_read_scratch(scrape->loop);
    while (!scrape->ending) {
        const ssize_t len = wire_read(&scrape->wire, in, LOOP_SCRATCH_BYTES);
        if (len == 0)
            return;
        if (len < 0 && scrape->codec)
            codec_end_of_input(scrape->codec, scrape->wire.end == WIRE_EOF);
        if (len < 0) {
            finish(scrape, wire_end_text(&scrape->wire));
            return;
        }
        if (!codec_feed(scrape->codec, slice_make(in, (size_t)len), loop_now_ns(scrape->loop)))
            finish(scrape, "does not speak HTTP/1.1");
    }
}

static void on_writable(void *owner)
{
    (void)owner;
}

static const struct wire_events wire_events = {on_open, on_readable, on_writable};

static void on_resolved(int result, struct evutil_addrinfo *found, void *arg)
{
    struct scrape *scrape = arg;
    if (result == EVUTIL_EAI_CANCEL) /* by take_apart, maybe of a scrape that is gone */
        return;
    scrape->lookup = NULL;
    if (result != 0 || !found) {
        finish(scrape, evutil_gai_strerror(result));
    } else if (!scrape->ending && found->ai_addrlen <= sizeof(struct sockaddr_storage)) {
        struct address address = {.len = found->ai_addrlen};
        memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
        const struct wire_target target = {.address = &address,
                                           .tls = scrape->settings.tls,
                                           .server_name = scrape->settings.host};
        scrape->wired = true;
        wire_connect(&scrape->wire, scrape->loop, &target, &wire_events, scrape);
    }
    if (found)
        evutil_freeaddrinfo(found);
}

/* ---- life ----------------------------------------------------------- */

struct scrape *scrape_create(struct loop *loop, struct evdns_base *dns,
                             const struct scrape_settings *settings, scrape_done *done, void *owner,
                             unsigned index)
{
    struct scrape *scrape = memory_zalloc(sizeof *scrape);
    scrape->loop = loop;
    scrape->dns = dns;
    scrape->settings = *settings;
    scrape->done = done;
    scrape->owner = owner;
    scrape->index = index;
    arena_init(&scrape->arena);
    timer_init(&scrape->timeout, on_timeout);
    loop_task_init(&scrape->end, on_end);
    return scrape;
}

void scrape_destroy(struct scrape **handle)
{
    struct scrape *scrape = *handle;
    if (!scrape)
        return;
    *handle = NULL;
    take_apart(scrape);
    loop_task_cancel(&scrape->end);
    arena_finish(&scrape->arena);
    buffer_release(&scrape->body);
    free(scrape);
}

void scrape_start(struct scrape *scrape)
{
    if (scrape->busy)
        return;
    scrape->busy = true;
    scrape->complete = false;
    scrape->status = 0;
    buffer_clear(&scrape->body);
    timer_start(&scrape->timeout, scrape->loop, scrape->settings.timeout_ms);
    char port[8];
    snprintf(port, sizeof port, "%u", scrape->settings.port);
    const struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct evdns_getaddrinfo_request *lookup =
        evdns_getaddrinfo(scrape->dns, scrape->settings.host, port, &hints, on_resolved, scrape);
    if (scrape->busy && !scrape->ending && !scrape->wired)
        scrape->lookup = lookup; /* NULL when it was answered at once */
}
