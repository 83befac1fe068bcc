/*
 * Any bytes as what a peer sends, to each of the four codecs, whole and in
 * pieces: the same messages come out, every stream ends exactly once, and what
 * a server accepted is a head that may be passed on.
 *
 * The first byte of the input chooses the codec, the second the piece.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "http/codec.h"

#include "fuzz.h"

enum { H1_SERVER, H2_SERVER, H1_CLIENT, H2_CLIENT, ROLES };
enum { CALLS = 3 };

struct outcome {
    size_t heads, ends, closes, body_bytes;
    bool broken;
};

static void fields_must_be_valid(const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        must(field_name_valid(fields->items[i].name));
        must(field_value_valid(fields->items[i].value));
        must(!field_is_hop_by_hop(fields->items[i].name));
    }
}

static void on_body(struct stream *stream, struct slice data)
{
    struct outcome *outcome = stream->user;
    outcome->body_bytes += data.len;
    stream_consumed(stream, data.len);
}

static void on_end_of_request(struct stream *stream, const struct fields *trailers)
{
    struct outcome *outcome = stream->user;
    (void)trailers;
    outcome->ends++;
    const struct response_head head = {.status = 200, .content_length = 2};
    stream_send_response(stream, &head, false);
    stream_send_body(stream, SLICE("ok"));
    stream_send_end(stream, NULL);
}

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct outcome *outcome = stream->user;
    outcome->heads++;
    must(head->status >= 200 && head->status < 600);
    fields_must_be_valid(&head->fields);
}

static void on_end_of_response(struct stream *stream, const struct fields *trailers)
{
    struct outcome *outcome = stream->user;
    (void)trailers;
    outcome->ends++;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct outcome *outcome = stream->user;
    (void)why;
    outcome->closes++;
}

static const struct stream_events request_events = {.on_body = on_body,
                                                    .on_end = on_end_of_request,
                                                    .on_closed = on_closed};
static const struct stream_events response_events = {.on_response = on_response,
                                                     .on_body = on_body,
                                                     .on_end = on_end_of_response,
                                                     .on_closed = on_closed};

static void on_request(void *owner, struct stream *stream, const struct request_head *head)
{
    struct outcome *outcome = owner;
    outcome->heads++;
    stream->events = &request_events;
    stream->user = outcome;
    must(head->path.len > 0 && head->path.ptr[0] == '/');
    must(head->content_length >= -1);
    fields_must_be_valid(&head->fields);
}

static void ignore(void *owner)
{
    (void)owner;
}

static const struct codec_events events = {.on_request = on_request,
                                           .on_dirty = ignore,
                                           .on_capacity = ignore,
                                           .on_pong = ignore};

static void open_calls(struct codec *codec, struct outcome *outcome)
{
    static const struct slice body = {"{\"model\":\"m\"}", 13};
    const struct request_head head = {.method = METHOD_POST,
                                      .method_text = SLICE("POST"),
                                      .scheme = SLICE("http"),
                                      .authority = SLICE("a.test"),
                                      .path = SLICE("/v1/x"),
                                      .content_length = 13};
    for (int i = 0; i < CALLS && codec_capacity(codec) > 0; i++)
        (void)codec_open(codec, &head, &body, 1, &response_events, outcome);
}

static struct codec *codec_of(unsigned role, struct outcome *outcome)
{
    switch (role) {
    case H1_SERVER:
        return h1_server_create(NULL, &events, outcome);
    case H2_SERVER:
        return h2_server_create(NULL, &events, outcome);
    case H1_CLIENT:
        return h1_client_create(NULL, &events, outcome);
    default:
        return h2_client_create(NULL, &events, outcome);
    }
}

static void drain(struct codec *codec)
{
    char bytes[4096];
    while (codec_produce(codec, bytes, sizeof bytes) == sizeof bytes)
        ;
}

static struct outcome feed(unsigned role, const uint8_t *data, size_t size, size_t piece)
{
    struct outcome outcome = {0};
    struct codec *codec = codec_of(role, &outcome);
    if (role == H1_CLIENT || role == H2_CLIENT)
        open_calls(codec, &outcome);
    drain(codec);
    for (size_t at = 0; at < size && !outcome.broken; at += piece) {
        const size_t len = size - at < piece ? size - at : piece;
        /* A copy of its own, so that AddressSanitizer sees a codec that keeps pointers to it. */
        char *copy = malloc(len);
        must(copy != NULL);
        memcpy(copy, data + at, len);
        outcome.broken = !codec_feed(codec, slice_make(copy, len), 1000000000);
        free(copy);
        drain(codec);
    }
    outcome.broken |= codec_failure(codec) != NULL || codec_aborted(codec);
    codec_end_of_input(codec, true);
    drain(codec);
    codec_destroy(&codec);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    const unsigned role = data[0] % ROLES;
    const size_t piece = 1 + data[1] % 64;
    const struct outcome whole = feed(role, data + 2, size - 2, size);
    const struct outcome pieces = feed(role, data + 2, size - 2, piece);
    must(whole.closes >= whole.ends && pieces.closes >= pieces.ends);
    /* What came with the broken frame in one read may be lost with the connection. */
    if (!whole.broken && !pieces.broken) {
        must(whole.heads == pieces.heads);
        must(whole.ends == pieces.ends);
        must(whole.closes == pieces.closes);
        /* HTTP/2: a frame that breaks the session takes its own bytes with it, or not. */
        must(whole.body_bytes == pieces.body_bytes || role == H2_SERVER || role == H2_CLIENT);
    }
    if (role == H1_SERVER || role == H2_SERVER)
        must(whole.closes == whole.heads);
    return 0;
}
