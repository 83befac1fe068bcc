/*
 * The server role of HTTP/1.1: one request at a time.  What a client pipelines
 * behind it waits, bounded, until the answer has been produced.
 */
#include <stdlib.h>

#include "http/codec_core.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"

enum {
    BODY_WINDOW_BYTES = 256 * 1024, /* request body its user has not consumed */
    KEPT_OUT_BYTES = 1024,
    LEFTOVER_BYTES = 64 * 1024,  /* pipelined bytes before reading stops */
    DRAIN_BYTES = 64 * 1024,     /* a rest of this size is read to keep the connection */
    DISCARD_BYTES = 1024 * 1024, /* and of this size so that the client sees the answer */
};

struct h1_server {
    struct codec codec; /* first */
    struct h1_parser parser;
    /* The request under way; after an early answer it stays, detached and local_ended, until the
     * rest of its body has been read and dropped.  NULL between two. */
    struct codec_stream *s;
    struct buffer out;
    struct buffer leftover;
    uint64_t body_left; /* of the response's content-length */
    size_t discarded;   /* of the request's body */
    uint32_t requests;
    bool counted;    /* the response has a content-length */
    bool chunked;    /* or is chunked */
    bool keep_alive; /* the client can take another response */
    bool closing;    /* no further request */
    bool continued;  /* 100 Continue was sent */
};

static struct h1_server *server_of(struct codec *codec)
{
    return CONTAINER_OF(codec, struct h1_server, codec);
}

static const struct h1_server *server_of_const(const struct codec *codec)
{
    return (const struct h1_server *)(const void *)codec;
}

static void begin_request(struct h1_server *server)
{
    struct codec_stream *s = codec_stream_take(&server->codec);
    s->stream.id = ++server->requests;
    server->s = s;
    server->discarded = 0;
    server->continued = false;
    h1_parser_begin(&server->parser, HTTP_REQUEST, &s->arena, &server->codec.limits);
}

static bool on_head(void *owner, bool *skip_body)
{
    struct h1_server *server = owner;
    struct h1_parser *parser = &server->parser;
    struct codec_stream *s = server->s;
    struct request_head *head = &s->request;
    (void)skip_body;
    head->version = parser->llhttp.http_minor == 1 ? HTTP_1_1 : HTTP_1_0;
    head->method_text = slice_of(llhttp_method_name(parser->llhttp.method));
    head->method = method_of(head->method_text);
    head->scheme = server->codec.limits.secure ? SLICE("https") : SLICE("http");
    head->path = parser->target;
    server->keep_alive = h1_parser_keep_alive(parser);
    enum fault fault = head_gather_request(&parser->gather, head);
    if (fault == FAULT_NONE)
        fault = head_accept_request(head, server->codec.limits.secure);
    if (fault != FAULT_NONE) {
        parser->fault = fault;
        parser->why = "refused request head";
        return false;
    }
    head->body = head->content_length > 0 || parser->gather.transfer_encoding_count > 0;
    codec_stream_announce(s);
    if (server->s == s && stream_attached(s) && head->expect_continue && !s->head_begun &&
        head->version == HTTP_1_1) {
        buffer_append_slice(&server->out, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
        server->continued = true;
    }
    return true;
}

static bool on_body(void *owner, struct slice data)
{
    struct h1_server *server = owner;
    struct codec_stream *s = server->s;
    if (s == NULL || !stream_attached(s)) {
        server->discarded += data.len;
        return true;
    }
    s->unconsumed += (uint32_t)data.len;
    s->stream.events->on_body(&s->stream, data);
    return true;
}

static const struct h1_parser_events parser_events = {.on_head = on_head, .on_body = on_body};

static void end_stream(struct h1_server *server, enum stream_close why)
{
    struct codec_stream *s = server->s;
    server->s = NULL;
    codec_stream_close(s, why);
    codec_stream_bury(s);
}

/* Everything of the answer was produced. */
static void response_done(struct h1_server *server)
{
    server->s->local_ended = true;
    server->closing |= !server->keep_alive;
    if (server->s->remote_ended)
        end_stream(server, STREAM_DONE);
    else
        codec_stream_close(server->s, STREAM_DONE);
}

/* The message cannot be ended cleanly. */
static void cut(struct h1_server *server)
{
    server->closing = true;
    server->codec.aborted = true;
    buffer_release(&server->out);
    if (server->s != NULL)
        end_stream(server, STREAM_RESET);
}

/* What the client sent is not HTTP, or not allowed: answer if that is still possible. */
static void fail(struct h1_server *server)
{
    struct codec_stream *s = server->s;
    server->closing = true;
    server->keep_alive = false;
    server->codec.failure = server->parser.why;
    if (s == NULL)
        return;
    codec_stream_close(s, STREAM_PROTOCOL);
    if (server->s != s)
        return;
    s->remote_ended = true;
    if (s->local_ended)
        end_stream(server, STREAM_PROTOCOL);
    else if (s->head_begun)
        cut(server);
    else
        codec_stream_refuse(s, server->parser.fault);
}

static void request_complete(struct h1_server *server)
{
    struct codec_stream *s = server->s;
    if (s == NULL)
        return;
    s->remote_ended = true;
    head_gather_trailers(&server->parser.gather, &s->trailers);
    if (stream_attached(s))
        s->stream.events->on_end(&s->stream, &s->trailers);
    else if (s->local_ended)
        end_stream(server, STREAM_DONE);
}

/* Feeds the parser until the request at hand is complete; what is behind it is kept. */
static void parse(struct h1_server *server, struct slice bytes)
{
    if (server->s == NULL) {
        if (server->closing)
            return;
        begin_request(server);
    }
    struct slice rest;
    const enum h1_result result = h1_parser_feed(&server->parser, bytes, &rest);
    if (result == H1_BROKEN) {
        if (!server->codec.aborted)
            fail(server);
    } else if (result == H1_COMPLETE) {
        request_complete(server);
        if (!server->closing)
            buffer_append_slice(&server->leftover, rest);
    }
    if (server->s != NULL && server->s->local_ended && server->discarded > DISCARD_BYTES)
        end_stream(server, STREAM_DONE);
}

/* Requests that came before their turn. */
static void parse_leftover(struct h1_server *server)
{
    while (server->s == NULL && buffer_len(&server->leftover) > 0 && !server->closing) {
        struct buffer pending = server->leftover;
        server->leftover = (struct buffer){0};
        parse(server, buffer_slice(&pending));
        buffer_release(&pending);
    }
    if (server->closing)
        buffer_release(&server->leftover);
}

static bool feed(struct codec *codec, struct slice bytes, int64_t now_ns)
{
    (void)now_ns;
    struct h1_server *server = server_of(codec);
    if (codec->failure != NULL || codec->aborted)
        return false;
    if (bytes.len == 0)
        return true;
    if (server->s != NULL && server->s->remote_ended) {
        if (!server->closing)
            buffer_append_slice(&server->leftover, bytes);
        return true;
    }
    parse(server, bytes);
    parse_leftover(server);
    return codec->failure == NULL;
}

static void end_of_input(struct codec *codec, bool clean)
{
    struct h1_server *server = server_of(codec);
    server->closing = true;
    server->keep_alive = false;
    buffer_release(&server->leftover);
    if (server->s != NULL && !(clean && server->s->remote_ended))
        end_stream(server, STREAM_LOST);
}

static size_t produce(struct codec *codec, char *out, size_t size)
{
    struct h1_server *server = server_of(codec);
    size_t done = 0;
    for (;;) {
        const size_t len = buffer_len(&server->out);
        const size_t n = len < size - done ? len : size - done;
        if (n > 0) {
            memcpy(out + done, buffer_slice(&server->out).ptr, n);
            buffer_consume(&server->out, n);
            done += n;
        }
        struct codec_stream *s = server->s;
        if (s != NULL && n > 0) {
            s->head_sent = true;
            codec_stream_drained(s, len - n);
        }
        if (buffer_len(&server->out) > 0) {
            if (done == size)
                break;
            continue; /* on_drained brought more */
        }
        s = server->s;
        if (s == NULL || s->local_ended)
            break;
        if (s->cutting)
            cut(server);
        else if (s->ending)
            response_done(server);
        else
            break;
        parse_leftover(server);
    }
    if (buffer_len(&server->out) == 0 && server->out.size > KEPT_OUT_BYTES)
        buffer_release(&server->out);
    return done;
}

static bool wants_read(const struct codec *codec)
{
    const struct h1_server *server = server_of_const(codec);
    const struct codec_stream *s = server->s;
    if (s == NULL)
        return true;
    if (s->remote_ended) /* read on, so that the client's leaving is noticed */
        return buffer_len(&server->leftover) < LEFTOVER_BYTES;
    return s->unconsumed < BODY_WINDOW_BYTES;
}

static bool has_output(const struct codec *codec)
{
    const struct h1_server *server = server_of_const(codec);
    const struct codec_stream *s = server->s;
    return buffer_len(&server->out) > 0 ||
           (s != NULL && !s->local_ended && (s->cutting || s->ending));
}

static bool finished(const struct codec *codec)
{
    const struct h1_server *server = server_of_const(codec);
    return codec->aborted ||
           (server->closing && !has_output(codec) && (server->s == NULL || codec->failure != NULL));
}

static bool head_begun(const struct codec *codec)
{
    const struct h1_server *server = server_of_const(codec);
    return server->s != NULL && server->s->user == USER_UNANNOUNCED && !server->s->head_begun &&
           h1_parser_begun(&server->parser);
}

static void timed_out(struct codec *codec)
{
    struct h1_server *server = server_of(codec);
    if (head_begun(codec)) {
        server->parser.fault = FAULT_REQUEST_TIMEOUT;
        server->parser.why = "the head did not arrive in time";
        fail(server);
    } else if (server->s != NULL && server->s->local_ended) {
        end_stream(server, STREAM_DONE); /* waited long enough for the rest of its body */
    } else if (server->s != NULL && server->s->user == USER_UNANNOUNCED) {
        end_stream(server, STREAM_LOST); /* blank lines only */
    }
    server->closing = true;
}

static void shutdown(struct codec *codec)
{
    server_of(codec)->closing = true;
}

static size_t capacity(const struct codec *codec)
{
    (void)codec;
    return 0;
}

static void send_informational(struct stream *stream, const struct response_head *head)
{
    struct h1_server *server = server_of(stream->codec);
    if (codec_stream_of(stream)->request.version != HTTP_1_1)
        return;
    const struct h1_framing framing = {.content_length = -1};
    h1_write_response(&server->out, head, &framing);
}

/* An answer before the end of the request: is the rest so short that reading it is cheaper than
 * another connection? */
static bool request_drains(const struct h1_server *server)
{
    const struct codec_stream *s = server->s;
    if (s->remote_ended || !s->request.body)
        return true;
    if (s->request.content_length < 0 || (s->request.expect_continue && !server->continued))
        return false;
    return s->request.content_length <= (int64_t)server->parser.body_bytes + DRAIN_BYTES;
}

static void send_response(struct stream *stream, const struct response_head *head, bool end)
{
    struct h1_server *server = server_of(stream->codec);
    struct codec_stream *s = codec_stream_of(stream);
    CHECK(!s->head_begun);
    s->head_begun = true;
    s->bodiless = response_is_bodiless(s->request.method, head->status);
    struct h1_framing framing = {.content_length = head->content_length};
    if (end && !s->bodiless)
        framing.content_length = 0;
    if (head->status == 204)
        framing.content_length = -1;
    server->counted = framing.content_length >= 0 && !s->bodiless;
    server->body_left = server->counted ? (uint64_t)framing.content_length : 0;
    server->chunked = !server->counted && !s->bodiless && s->request.version == HTTP_1_1;
    framing.chunked = server->chunked;
    if (server->closing || s->request.version != HTTP_1_1 || !request_drains(server))
        server->keep_alive = false;
    framing.close = !server->keep_alive;
    h1_write_response(&server->out, head, &framing);
    if (end || s->bodiless)
        s->ending = true;
}

static void send_body(struct stream *stream, struct slice data)
{
    struct h1_server *server = server_of(stream->codec);
    if (server->chunked) {
        h1_write_chunk(&server->out, data);
        return;
    }
    if (server->counted && data.len > server->body_left)
        data.len = (size_t)server->body_left; /* more would be read as the next response */
    server->body_left -= server->counted ? data.len : 0;
    buffer_append_slice(&server->out, data);
}

static void send_cut(struct stream *stream, enum h2_error error)
{
    (void)error;
    codec_stream_of(stream)->cutting = true;
}

static void send_end(struct stream *stream, const struct fields *trailers)
{
    struct h1_server *server = server_of(stream->codec);
    struct codec_stream *s = codec_stream_of(stream);
    if (server->counted && server->body_left > 0) { /* shorter than promised: not a clean end */
        s->cutting = true;
        return;
    }
    s->ending = true;
    if (server->chunked)
        h1_write_last_chunk(&server->out, s->request.takes_trailers ? trailers : NULL);
}

static size_t queued(const struct stream *stream)
{
    return buffer_len(&server_of_const(stream->codec)->out);
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
    struct h1_server *server = server_of(stream->codec);
    server->closing = true;
    server->codec.aborted = codec_stream_of(stream)->head_begun;
    buffer_release(&server->out);
    end_stream(server, STREAM_RESET);
}

static void destroy(struct codec *codec)
{
    struct h1_server *server = server_of(codec);
    codec_enter(codec);
    if (server->s != NULL)
        end_stream(server, STREAM_LOST);
    codec_leave(codec);
    h1_parser_finish(&server->parser);
    buffer_release(&server->out);
    buffer_release(&server->leftover);
    free(server);
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
    .timed_out = timed_out,
    .shutdown = shutdown,
    .capacity = capacity,
    .send_informational = send_informational,
    .send_response = send_response,
    .send_body = send_body,
    .send_end = send_end,
    .send_cut = send_cut,
    .queued = queued,
    .consumed = consumed,
    .reset = reset,
};

struct codec *h1_server_create(const struct codec_limits *limits, const struct codec_events *events,
                               void *owner)
{
    struct h1_server *server = memory_zalloc(sizeof *server);
    codec_init(&server->codec, &ops, limits, events, owner);
    h1_parser_init(&server->parser, &parser_events, server);
    server->keep_alive = true;
    return &server->codec;
}
