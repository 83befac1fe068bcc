/*
 * The game of fuzz_h2_peer.c: its messages, and what our codec's user does and
 * sees of them.
 */
#ifndef FUZZ_H2_GAME_H
#define FUZZ_H2_GAME_H

#include <nghttp2/nghttp2.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "http/codec.h"

#include "fuzz.h"
#include "script.h"

enum { MESSAGES = 90, SCRIPT_MAX = 1000, FIELDS_MAX = 7 };
enum { REQUEST, RESPONSE };

/* One direction of a message, as it was meant and as it came. */
struct leg {
    size_t len, sent, got;
    uint8_t seed; /* of its fields */
    unsigned fields_got;
    bool head, end, trailer, trailer_got;
};

struct message {
    struct game *game;
    struct stream *stream; /* ours; NULL: not there yet, or over */
    struct leg legs[2];
    struct field fields[FIELDS_MAX];
    struct slice parts[2];
    size_t held;  /* bytes our user has not given back */
    size_t owed;  /* bytes nghttp2's user has not given back */
    int status;   /* of the response */
    int incoming; /* status of the head that nghttp2 reads */
    bool head_method, answered;
    bool given_up;  /* by one side, before its end */
    bool early;     /* answered before the request's end, which need not come then */
    bool our_reset; /* our user asked for it */
    bool opened;    /* by nghttp2's client, on the wire */
    bool our_end, their_end;
};

struct game {
    struct codec *codec;
    nghttp2_session *ng;
    struct slice script;
    struct buffer wire; /* from nghttp2 */
    bool server;        /* ours */
    bool manual;        /* nghttp2's user gives windows back */
    bool pads, limited, goodbye, over;
    bool left; /* nghttp2's client: it is over with the last stream */
    unsigned parting;
    unsigned pings, pongs, unread; /* frames that cost us patience if they come at once */
    int64_t now_ns;
    size_t count; /* of messages */
    struct message messages[MESSAGES];
};

static char body_bytes[200000];

/* Of one leg of a message, three bytes of the script. */
struct plan {
    uint8_t kind, seed, length;
};

static struct plan plan_next(struct game *game)
{
    const uint8_t kind = script_next(&game->script);
    const uint8_t seed = script_next(&game->script);
    return (struct plan){kind, seed, script_next(&game->script)};
}

static size_t length_of(uint8_t byte)
{
    return byte < 192 ? byte : (size_t)(byte - 191) * 1400;
}

static const char *leg_bytes(const struct message *message, int leg)
{
    return body_bytes + (size_t)(message - message->game->messages) * 31 + leg * 7;
}

static unsigned field_count(uint8_t seed)
{
    return seed & 7;
}

/* Some that an encoder may treat in a way of their own, some that come again and again. */
static struct field field_of(uint8_t seed, unsigned i)
{
    static const char *const names[] = {"x-a",
                                        "accept",
                                        "user-agent",
                                        "traceparent",
                                        "x-request-id",
                                        "authorization",
                                        "x-forwarded-for",
                                        "server-timing",
                                        "x-very-long-name-of-a-field",
                                        "date",
                                        "x-b",
                                        "content-type"};
    static const size_t lengths[] = {1, 0, 5, 20, 64, 130, 900, 3000};
    return (struct field){.name = slice_of(names[((seed >> 3) + i * 5) % COUNT_OF(names)]),
                          .value = slice_make(body_bytes + (seed * 7 + i) % 64,
                                              lengths[(seed + i * 3) % COUNT_OF(lengths)])};
}

static struct fields fields_of(struct message *message, int leg)
{
    const uint8_t seed = message->legs[leg].seed;
    for (unsigned i = 0; i < field_count(seed); i++)
        message->fields[i] = field_of(seed, i);
    return (struct fields){.items = message->fields,
                           .count = field_count(seed),
                           .capacity = FIELDS_MAX};
}

/* A new message: what its client wants to send. */
static struct message *message_of(struct game *game, struct plan plan)
{
    struct message *message = &game->messages[game->count++];
    *message = (struct message){.game = game, .head_method = (plan.kind & 7) == 7};
    message->legs[REQUEST] = (struct leg){.seed = plan.seed,
                                          .len = message->head_method ? 0 : length_of(plan.length),
                                          .trailer = !game->server ? false : (plan.kind & 8) != 0};
    return message;
}

static struct message *message_by_id(struct game *game, int64_t id)
{
    const size_t at = (size_t)(id - 1) / 2;
    must(id % 2 == 1 && at < game->count);
    return &game->messages[at];
}

static bool is_bodiless(const struct message *message)
{
    return response_is_bodiless(message->head_method ? METHOD_HEAD : METHOD_POST, message->status);
}

static void choose_answer(struct message *message, struct plan plan)
{
    static const int statuses[] = {200, 200, 404, 503, 200, 204, 304, 500};
    message->answered = true;
    message->status = statuses[plan.kind & 7];
    const bool none = is_bodiless(message);
    message->legs[RESPONSE] = (struct leg){.seed = plan.seed,
                                           .len = none ? 0 : length_of(plan.length),
                                           .trailer = !none && (plan.kind & 8) != 0};
}

static void leg_take(struct message *message, int leg, const void *data, size_t len)
{
    struct leg *l = &message->legs[leg];
    must(l->head && !l->end && l->got + len <= l->len);
    must(len == 0 || memcmp(leg_bytes(message, leg) + l->got, data, len) == 0);
    l->got += len;
}

static void leg_end(struct leg *leg)
{
    must(leg->head && !leg->end && leg->got == leg->len && leg->trailer_got == leg->trailer);
    leg->end = true;
}

static void our_body(struct stream *stream, struct slice data)
{
    struct message *message = stream->user;
    must(message->stream == stream);
    leg_take(message, message->game->server ? REQUEST : RESPONSE, data.ptr, data.len);
    message->held += data.len;
}

static void our_end(struct stream *stream, const struct fields *trailers)
{
    struct message *message = stream->user;
    struct leg *leg = &message->legs[message->game->server ? REQUEST : RESPONSE];
    must(message->stream == stream);
    must(trailers->count == (leg->trailer ? 1 : 0));
    if (leg->trailer)
        must(slice_eq(trailers->items[0].name, SLICE("x-t")) &&
             slice_eq(trailers->items[0].value, SLICE("1")));
    leg->trailer_got = leg->trailer;
    leg_end(leg);
    if (!message->game->server && !message->legs[REQUEST].end)
        message->early = true;
}

static void our_fields(struct leg *leg, const struct fields *fields)
{
    must(!leg->head && fields->count == field_count(leg->seed));
    for (unsigned i = 0; i < fields->count; i++) {
        const struct field field = field_of(leg->seed, i);
        must(slice_eq(fields->items[i].name, field.name));
        must(slice_eq(fields->items[i].value, field.value));
    }
    leg->head = true;
}

static void our_response(struct stream *stream, const struct response_head *head)
{
    struct message *message = stream->user;
    must(message->stream == stream && head->status == message->status);
    our_fields(&message->legs[RESPONSE], &head->fields);
}

static void our_informational(struct stream *stream, const struct response_head *head)
{
    const struct message *message = stream->user;
    must(message->stream == stream && !message->legs[RESPONSE].head && head->status == 103);
}

static void our_drained(struct stream *stream)
{
    must(stream_queued(stream) <= STREAM_LOW_BYTES);
}

static void our_closed(struct stream *stream, enum stream_close why)
{
    struct message *message = stream->user;
    must(message->stream == stream);
    message->stream = NULL;
    must(why != STREAM_PROTOCOL);
    must(why != STREAM_LOST || message->game->over);
    if (why != STREAM_DONE)
        message->given_up = true;
    if (why == STREAM_REFUSED)
        must((message->game->goodbye || message->game->limited) && !message->legs[RESPONSE].head);
    if (why == STREAM_DONE)
        must(message->game->server ? message->our_end : message->legs[RESPONSE].end);
}

static const struct stream_events stream_events = {.on_response = our_response,
                                                   .on_informational = our_informational,
                                                   .on_body = our_body,
                                                   .on_end = our_end,
                                                   .on_drained = our_drained,
                                                   .on_closed = our_closed};

static void our_request(void *owner, struct stream *stream, const struct request_head *head)
{
    struct message *message = message_by_id(owner, stream->id);
    must(message->stream == NULL);
    must(head->method == (message->head_method ? METHOD_HEAD : METHOD_POST));
    must(slice_eq(head->path, SLICE("/v1/x")) && slice_eq(head->authority, SLICE("a.test")));
    our_fields(&message->legs[REQUEST], &head->fields);
    message->stream = stream;
    stream->events = &stream_events;
    stream->user = message;
}

static void ignore(void *owner)
{
    (void)owner;
}

static void our_pong(void *owner)
{
    ((struct game *)owner)->pongs++;
}

static const struct codec_events codec_events = {.on_request = our_request,
                                                 .on_dirty = ignore,
                                                 .on_capacity = ignore,
                                                 .on_pong = our_pong};

static void our_open(struct game *game)
{
    const struct plan plan = plan_next(game);
    if (game->count == MESSAGES || codec_capacity(game->codec) == 0)
        return;
    struct message *message = message_of(game, plan);
    const size_t len = message->legs[REQUEST].len, cut = len * (plan.kind >> 4) / 16;
    const char *bytes = leg_bytes(message, REQUEST);
    message->parts[0] = slice_make(bytes, cut);
    message->parts[1] = slice_make(bytes + cut, len - cut);
    const struct request_head head = {.method = message->head_method ? METHOD_HEAD : METHOD_POST,
                                      .method_text =
                                          message->head_method ? SLICE("HEAD") : SLICE("POST"),
                                      .scheme = SLICE("http"),
                                      .authority = SLICE("a.test"),
                                      .path = SLICE("/v1/x"),
                                      .fields = fields_of(message, REQUEST),
                                      .content_length = -1,
                                      .stays = (plan.kind & 16) != 0};
    message->stream = codec_open(game->codec, &head, message->parts, 2, &stream_events, message);
    must(message->stream != NULL && message_by_id(game, message->stream->id) == message);
    if ((plan.kind & 16) == 0) /* they were copied */
        memset(message->fields, 0xff, sizeof message->fields);
}

static void our_answer(struct message *message, struct plan plan)
{
    choose_answer(message, plan);
    const struct leg *leg = &message->legs[RESPONSE];
    const struct response_head head = {.status = message->status,
                                       .fields = fields_of(message, RESPONSE),
                                       .content_length =
                                           (plan.kind & 16) != 0 ? (int64_t)leg->len : -1};
    const bool end = leg->len == 0 && !leg->trailer && (plan.kind & 64) != 0;
    message->our_end = end || is_bodiless(message);
    message->early = message->our_end && !message->legs[REQUEST].end;
    stream_send_response(message->stream, &head, end);
}

static void our_send(struct message *message, size_t most)
{
    struct leg *leg = &message->legs[RESPONSE];
    static struct field field = {{"x-t", 3}, {"1", 1}};
    const struct fields trailers = {.items = &field, .count = 1, .capacity = 1};
    const size_t left = leg->len - leg->sent, n = left < most ? left : most;
    if (message->our_end || stream_queued(message->stream) > STREAM_HIGH_BYTES)
        return;
    stream_send_body(message->stream, slice_make(leg_bytes(message, RESPONSE) + leg->sent, n));
    leg->sent += n;
    if (leg->sent < leg->len)
        return;
    message->our_end = true;
    message->early = !message->legs[REQUEST].end;
    stream_send_end(message->stream, leg->trailer ? &trailers : NULL);
}

static void our_consume(struct message *message, size_t len)
{
    if (message->stream == NULL)
        return;
    message->held -= len;
    stream_consumed(message->stream, len);
}

static void our_give_up(struct message *message, bool cut)
{
    message->given_up = message->our_reset = true;
    if (cut && message->game->server && !message->our_end) {
        message->our_end = true;
        stream_send_cut(message->stream, H2_INTERNAL_ERROR);
    } else {
        struct stream *stream = message->stream;
        message->stream = NULL;
        stream_reset(stream, H2_CANCEL);
    }
}

static void our_act(struct game *game)
{
    const uint8_t which = script_next(&game->script), action = script_next(&game->script);
    struct message *message = game->count > 0 ? &game->messages[which % game->count] : NULL;
    const struct response_head hints = {.status = 103, .content_length = -1};
    if (message == NULL || message->stream == NULL)
        return;
    if (action % 16 == 0)
        our_give_up(message, (action & 16) != 0);
    else if (action % 4 == 1)
        our_consume(message, action & 4 ? message->held : message->held / 2);
    else if (!game->server)
        return;
    else if (message->answered)
        our_send(message, length_of(script_next(&game->script)));
    else if (action % 4 == 2 && !message->our_end)
        stream_send_informational(message->stream, &hints);
    else if (!message->our_end)
        our_answer(message, plan_next(game));
}

#endif
