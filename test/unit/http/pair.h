/*
 * A client codec and a server codec joined in memory, with what each side saw
 * written down.  pair_pump moves bytes, `step` at a time, until both are quiet.
 */
#ifndef TEST_PAIR_H
#define TEST_PAIR_H

#include "base/buffer.h"
#include "base/clock.h"
#include "http/codec.h"
#include "unit.h"

enum { PAIR_MAX = 300 };

struct message {
    struct stream *stream; /* NULL once closed */
    struct pair *pair;
    struct request_head request;
    int status;
    int64_t content_length;
    unsigned informational;
    unsigned ahead; /* how often a body was announced */
    struct buffer body;
    char fields[512]; /* "name=value;" of the head */
    char trailers[128];
    bool ended;
    bool closed;
    enum stream_close why;
    unsigned drained;
    bool hold; /* do not consume */
    void (*on_body)(struct message *message);
    void (*on_end)(struct message *message);
    void (*on_closed)(struct message *message);
};

struct pair {
    struct codec *client, *server;
    size_t step;
    int64_t now_ns;
    bool h2;
    struct message requests[PAIR_MAX]; /* as the server saw them */
    size_t request_count;
    struct message calls[PAIR_MAX]; /* the client's */
    size_t call_count;
    void (*on_request)(struct message *message);
    void (*on_call_closed)(struct message *message);
    unsigned refused, dirty, pongs, capacity_calls;
    enum fault refused_fault;
    size_t to_client, to_server; /* bytes */
    bool client_alive, server_alive;
    bool hold; /* new messages do not consume */
};

static void join_fields(char *out, size_t size, const struct fields *fields)
{
    size_t at = strlen(out);
    for (uint32_t i = 0; fields != NULL && i < fields->count; i++) {
        const int n = snprintf(out + at, size - at, "%.*s=%.*s;", SLICE_ARG(fields->items[i].name),
                               SLICE_ARG(fields->items[i].value));
        if (n < 0 || (size_t)n >= size - at)
            break;
        at += (size_t)n;
    }
}

static void message_body(struct stream *stream, struct slice data)
{
    struct message *message = stream->user;
    buffer_append_slice(&message->body, data);
    if (!message->hold)
        stream_consumed(stream, data.len);
    if (message->on_body != NULL)
        message->on_body(message);
}

static void message_end(struct stream *stream, const struct fields *trailers)
{
    struct message *message = stream->user;
    assert_false(message->ended);
    message->ended = true;
    join_fields(message->trailers, sizeof message->trailers, trailers);
    if (message->on_end != NULL)
        message->on_end(message);
}

static void message_closed(struct stream *stream, enum stream_close why)
{
    struct message *message = stream->user;
    assert_false(message->closed);
    message->closed = true;
    message->why = why;
    message->stream = NULL;
    if (message->on_closed != NULL)
        message->on_closed(message);
}

static void message_drained(struct stream *stream)
{
    ((struct message *)stream->user)->drained++;
}

static void call_response(struct stream *stream, const struct response_head *head)
{
    struct message *call = stream->user;
    assert_int_equal(call->status, 0);
    call->status = head->status;
    call->content_length = head->content_length;
    join_fields(call->fields, sizeof call->fields, &head->fields);
}

static void call_informational(struct stream *stream, const struct response_head *head)
{
    (void)head;
    ((struct message *)stream->user)->informational++;
}

static void call_body_ahead(struct stream *stream)
{
    ((struct message *)stream->user)->ahead++;
}

static const struct stream_events request_stream_events = {.on_body = message_body,
                                                           .on_end = message_end,
                                                           .on_drained = message_drained,
                                                           .on_closed = message_closed};
static const struct stream_events call_stream_events = {.on_response = call_response,
                                                        .on_informational = call_informational,
                                                        .on_body = message_body,
                                                        .on_body_ahead = call_body_ahead,
                                                        .on_end = message_end,
                                                        .on_closed = message_closed};

static void pair_on_request(void *owner, struct stream *stream, const struct request_head *head)
{
    struct pair *pair = owner;
    assert_true(pair->request_count < PAIR_MAX);
    struct message *request = &pair->requests[pair->request_count++];
    *request =
        (struct message){.stream = stream, .pair = pair, .request = *head, .hold = pair->hold};
    join_fields(request->fields, sizeof request->fields, &head->fields);
    stream->events = &request_stream_events;
    stream->user = request;
    if (pair->on_request != NULL)
        pair->on_request(request);
}

static void pair_on_dirty(void *owner)
{
    ((struct pair *)owner)->dirty++;
}

static void pair_on_capacity(void *owner)
{
    ((struct pair *)owner)->capacity_calls++;
}

static void pair_on_pong(void *owner)
{
    ((struct pair *)owner)->pongs++;
}

static struct slice pair_on_refused(void *owner, enum fault fault)
{
    ((struct pair *)owner)->refused++;
    ((struct pair *)owner)->refused_fault = fault;
    return SLICE("refused-id");
}

static const struct codec_events pair_events = {.on_request = pair_on_request,
                                                .on_dirty = pair_on_dirty,
                                                .on_capacity = pair_on_capacity,
                                                .on_pong = pair_on_pong,
                                                .on_refused = pair_on_refused};

static inline struct pair *pair_create(bool h2, size_t step)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->h2 = h2;
    pair->step = step;
    pair->now_ns = NS_PER_S;
    pair->client_alive = pair->server_alive = true;
    pair->client = h2 ? h2_client_create(NULL, &pair_events, pair)
                      : h1_client_create(NULL, &pair_events, pair);
    pair->server = h2 ? h2_server_create(NULL, &pair_events, pair)
                      : h1_server_create(NULL, &pair_events, pair);
    return pair;
}

static inline void pair_destroy(struct pair *pair)
{
    codec_destroy(&pair->client);
    codec_destroy(&pair->server);
    for (size_t i = 0; i < pair->request_count; i++)
        buffer_release(&pair->requests[i].body);
    for (size_t i = 0; i < pair->call_count; i++)
        buffer_release(&pair->calls[i].body);
    free(pair);
}

/* Moves up to one buffer of bytes; false when there were none. */
static inline bool pair_move(struct pair *pair, bool to_server)
{
    struct codec *from = to_server ? pair->client : pair->server;
    struct codec *to = to_server ? pair->server : pair->client;
    bool *alive = to_server ? &pair->server_alive : &pair->client_alive;
    if (from == NULL)
        return false;
    char bytes[65536];
    const size_t n = codec_produce(from, bytes, pair->step);
    assert_true(n <= pair->step);
    *(to_server ? &pair->to_server : &pair->to_client) += n;
    if (n > 0 && to != NULL && *alive) {
        /* a copy of its own, so that AddressSanitizer sees a codec that keeps pointers to it */
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, bytes, n);
        *alive = codec_feed(to, slice_make(copy, n), pair->now_ns);
        free(copy);
    }
    return n > 0;
}

static inline void pair_pump(struct pair *pair)
{
    bool moved;
    do {
        moved = pair_move(pair, true);
        moved |= pair_move(pair, false);
    } while (moved);
}

static inline struct request_head pair_head(const char *method, const char *path)
{
    return (struct request_head){.method = method_of(slice_of(method)),
                                 .method_text = slice_of(method),
                                 .scheme = SLICE("http"),
                                 .authority = SLICE("a.test"),
                                 .path = slice_of(path),
                                 .content_length = -1};
}

static inline struct message *pair_call_head(struct pair *pair, const struct request_head *head,
                                             const struct slice *parts, size_t part_count)
{
    assert_true(pair->call_count < PAIR_MAX);
    struct message *call = &pair->calls[pair->call_count++];
    *call = (struct message){.pair = pair, .hold = pair->hold, .on_closed = pair->on_call_closed};
    call->stream = codec_open(pair->client, head, parts, part_count, &call_stream_events, call);
    assert_non_null(call->stream);
    return call;
}

static inline struct message *pair_call(struct pair *pair, const char *method, const char *path,
                                        const struct slice *parts, size_t part_count)
{
    struct request_head head = pair_head(method, path);
    return pair_call_head(pair, &head, parts, part_count);
}

static inline void respond_head(struct message *request, int status, int64_t length, bool end)
{
    const struct response_head head = {.status = status, .content_length = length};
    stream_send_response(request->stream, &head, end);
}

static inline void respond(struct message *request, int status, struct slice body)
{
    respond_head(request, status, (int64_t)body.len, false);
    stream_send_body(request->stream, body);
    stream_send_end(request->stream, NULL);
}

/* Deterministic bytes of any length. */
static inline struct slice pattern(size_t len)
{
    static char bytes[4 * 1024 * 1024];
    if (bytes[1] == 0) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
    }
    assert_true(len <= sizeof bytes);
    return slice_make(bytes, len);
}

#endif
