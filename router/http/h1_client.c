/*
 * The client role of HTTP/1.1: one request at a time to a cluster.  Anything
 * irregular ends the connection's use; nothing is ever pipelined.
 */
#include <stdlib.h>

#include "http/codec_core.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

enum { INFORMATIONAL_MAX = 8 };

struct h1_client {
    struct codec codec; /* first */
    struct h1_parser parser;
    struct codec_stream *s; /* NULL between two requests */
    struct buffer out;      /* the request's head */
    uint32_t requests;
    bool closing; /* not used again */
};

static struct h1_client *client_of(struct codec *codec)
{
    return CONTAINER_OF(codec, struct h1_client, codec);
}

static const struct h1_client *client_of_const(const struct codec *codec)
{
    return (const struct h1_client *)(const void *)codec;
}

static void end_stream(struct h1_client *client, enum stream_close why)
{
    struct codec_stream *s = client->s;
    client->s = NULL;
    codec_stream_close(s, why);
    codec_stream_bury(s);
    if (client->codec.events->on_capacity != NULL)
        client->codec.events->on_capacity(client->codec.owner);
}

static bool refuse(struct h1_client *client, const char *why)
{
    client->parser.fault = FAULT_BAD_GATEWAY;
    client->parser.why = why;
    return false;
}

static bool is_informational(const struct h1_client *client)
{
    return client->parser.llhttp.status_code < 200;
}

static bool on_informational(struct h1_client *client)
{
    struct codec_stream *s = client->s;
    struct response_head head = {.status = client->parser.llhttp.status_code};
    if (head.status == 101)
        return refuse(client, "101 that nobody asked for");
    if (++s->informational_count > INFORMATIONAL_MAX)
        return refuse(client, "too many informational responses");
    if (head_gather_response(&client->parser.gather, &head) != FAULT_NONE ||
        head_accept_response(&head) != FAULT_NONE)
        return refuse(client, "malformed response head");
    if (head.status != 100 && s->stream.events->on_informational != NULL)
        s->stream.events->on_informational(&s->stream, &head);
    return client->s == s;
}

static bool on_head(void *owner, bool *skip_body)
{
    struct h1_client *client = owner;
    struct codec_stream *s = client->s;
    if (s == NULL)
        return false;
    if (is_informational(client))
        return on_informational(client);
    s->response.status = client->parser.llhttp.status_code;
    if (head_gather_response(&client->parser.gather, &s->response) != FAULT_NONE ||
        head_accept_response(&s->response) != FAULT_NONE)
        return refuse(client, "malformed response head");
    *skip_body = response_is_bodiless(s->request.method, s->response.status);
    s->response_seen = true;
    s->stream.events->on_response(&s->stream, &s->response);
    return client->s == s;
}

static bool on_body(void *owner, struct slice data)
{
    struct h1_client *client = owner;
    struct codec_stream *s = client->s;
    if (s == NULL)
        return false;
    s->unconsumed += (uint32_t)data.len;
    s->stream.events->on_body(&s->stream, data);
    return client->s == s;
}

static const struct h1_parser_events parser_events = {.on_head = on_head, .on_body = on_body};

static void begin_response(struct h1_client *client)
{
    h1_parser_begin(&client->parser, HTTP_RESPONSE, &client->s->arena, &client->codec.limits);
}

static void response_complete(struct h1_client *client, bool clean_boundary)
{
    struct codec_stream *s = client->s;
    s->remote_ended = true;
    if (!clean_boundary || !s->local_ended || !h1_parser_keep_alive(&client->parser))
        client->closing = true;
    head_gather_trailers(&client->parser.gather, &s->trailers);
    s->stream.events->on_end(&s->stream, &s->trailers);
    if (client->s != s)
        return;
    buffer_clear(&client->out); /* what is left of it after an early answer */
    end_stream(client, STREAM_DONE);
}

static bool fail(struct h1_client *client, const char *why)
{
    client->closing = true;
    client->codec.failure = why;
    buffer_clear(&client->out);
    if (client->s != NULL)
        end_stream(client, client->s->head_sent ? STREAM_PROTOCOL : STREAM_REFUSED);
    return false;
}

static bool feed(struct codec *codec, struct slice bytes, int64_t now_ns)
{
    (void)now_ns;
    struct h1_client *client = client_of(codec);
    if (codec->failure != NULL)
        return false;
    while (bytes.len > 0) {
        if (client->s == NULL)
            return client->closing ? true : fail(client, "bytes from an idle cluster connection");
        if (!client->s->head_sent)
            return fail(client, "an answer before the request");
        struct slice rest;
        switch (h1_parser_feed(&client->parser, bytes, &rest)) {
        case H1_MORE:
        case H1_STOPPED:
            return true;
        case H1_BROKEN:
            return fail(client, client->parser.why);
        case H1_COMPLETE:
            if (client->s == NULL)
                return true;
            if (is_informational(client))
                begin_response(client);
            else
                response_complete(client, rest.len == 0);
            bytes = rest;
            break;
        }
    }
    return true;
}

static void end_of_input(struct codec *codec, bool clean)
{
    struct h1_client *client = client_of(codec);
    client->closing = true;
    buffer_clear(&client->out);
    struct codec_stream *s = client->s;
    if (s == NULL)
        return;
    if (clean && s->response_seen && h1_parser_end(&client->parser))
        response_complete(client, false);
    else
        end_stream(client, s->head_sent ? STREAM_LOST : STREAM_REFUSED);
}

static size_t produce(struct codec *codec, char *out, size_t size)
{
    struct h1_client *client = client_of(codec);
    const size_t head_len = buffer_len(&client->out);
    size_t done = head_len < size ? head_len : size;
    if (done > 0) {
        memcpy(out, buffer_slice(&client->out).ptr, done);
        buffer_consume(&client->out, done);
    }
    struct codec_stream *s = client->s;
    if (s == NULL)
        return done;
    s->head_sent |= done > 0;
    done += body_parts_take(&s->body, out + done, size - done);
    s->local_ended = buffer_len(&client->out) == 0 && s->body.left == 0;
    return done;
}

static bool wants_read(const struct codec *codec)
{
    const struct codec_stream *s = client_of_const(codec)->s;
    return s == NULL || s->unconsumed < STREAM_WINDOW_BYTES;
}

static bool has_output(const struct codec *codec)
{
    const struct h1_client *client = client_of_const(codec);
    return client->s != NULL && !client->s->local_ended;
}

static bool finished(const struct codec *codec)
{
    const struct h1_client *client = client_of_const(codec);
    return client->closing && client->s == NULL;
}

static bool head_begun(const struct codec *codec)
{
    (void)codec;
    return false;
}

static void shutdown(struct codec *codec)
{
    client_of(codec)->closing = true;
}

static size_t capacity(const struct codec *codec)
{
    const struct h1_client *client = client_of_const(codec);
    return client->s == NULL && !client->closing ? 1 : 0;
}

static struct stream *open_stream(struct codec *codec, const struct request_head *head,
                                  const struct slice *parts, size_t part_count,
                                  const struct stream_events *events, void *user)
{
    struct h1_client *client = client_of(codec);
    struct codec_stream *s = codec_stream_take(codec);
    s->stream.id = ++client->requests;
    s->request.method = head->method;
    s->ending = true;
    body_parts_init(&s->body, parts, part_count);
    const bool body = head->body || s->body.left > 0;
    client->s = s;
    begin_response(client);
    h1_write_request(&client->out, head, body ? (int64_t)s->body.left : -1);
    codec_stream_attach(s, events, user);
    return &s->stream;
}

static size_t queued(const struct stream *stream)
{
    return codec_stream_of_const(stream)->body.left;
}

static void consumed(struct stream *stream, size_t len)
{
    struct codec_stream *s = codec_stream_of(stream);
    CHECK_LE(len, s->unconsumed);
    s->unconsumed -= (uint32_t)len;
}

static void reset(struct stream *stream, enum h2_error error)
{
    (void)error;
    struct h1_client *client = client_of(stream->codec);
    client->closing = true;
    buffer_clear(&client->out);
    end_stream(client, STREAM_RESET);
}

static void destroy(struct codec *codec)
{
    struct h1_client *client = client_of(codec);
    codec_enter(codec);
    if (client->s != NULL)
        end_stream(client, client->s->head_sent ? STREAM_LOST : STREAM_REFUSED);
    codec_leave(codec);
    h1_parser_finish(&client->parser);
    buffer_release(&client->out);
    free(client);
}

static const struct codec_ops ops = {
    .destroy = destroy,
    .feed = feed,
    .end_of_input = end_of_input,
    .produce = produce,
    .wants_read = wants_read,
    .finished = finished,
    .has_output = has_output,
    .head_begun = head_begun,
    .timed_out = shutdown,
    .shutdown = shutdown,
    .capacity = capacity,
    .open = open_stream,
    .queued = queued,
    .consumed = consumed,
    .reset = reset,
};

struct codec *h1_client_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner)
{
    struct h1_client *client = memory_zalloc(sizeof *client);
    codec_init(&client->codec, &ops, limits, events, owner);
    h1_parser_init(&client->parser, &parser_events, client);
    return &client->codec;
}
