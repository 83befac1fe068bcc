/*
 * A server codec against a client codec of ours whose users do anything the
 * face allows at any time, also inside upcalls: answer, cut, reset, hold back,
 * trailers, informational responses, shutdown.  Nothing may be lost or come
 * twice; the memory is AddressSanitizer's to watch.
 *
 * Byte 0: the protocol and how many bytes move at once.  Then a script of one
 * byte an action; actions inside upcalls take their byte from it too.
 */
#include <stdlib.h>
#include <string.h>

#include "http/codec.h"

#include "fuzz.h"
#include "script.h"

enum { MESSAGES = 64 };

struct game;

struct message {
    struct stream *stream; /* NULL: none, or over */
    struct game *game;
    size_t held; /* unconsumed */
    struct slice parts[2];
    bool server, head_sent, ended;
};

struct game {
    struct codec *client, *server;
    struct slice script;
    size_t step;
    size_t count;
    int depth;
    struct message messages[MESSAGES];
};

static struct slice some_body(uint8_t byte)
{
    static char bytes[70000];
    return slice_make(bytes, byte < 200 ? byte : (size_t)(byte - 199) * 1200);
}

static void send_head(struct message *message, uint8_t byte)
{
    static const int statuses[] = {200, 204, 304, 503};
    const struct response_head head = {.status = statuses[byte & 3],
                                       .content_length = byte & 4 ? (byte >> 3) : -1};
    message->head_sent = true;
    stream_send_response(message->stream, &head, (byte & 0xc0) == 0xc0);
}

static void consume(struct message *message, uint8_t byte)
{
    size_t n = byte & 1 ? message->held : message->held / 2;
    message->held -= n;
    stream_consumed(message->stream, n);
}

static void send_end(struct message *message, uint8_t byte)
{
    static struct field field = {{"x-t", 3}, {"1", 1}};
    const struct fields trailers = {.items = &field, .count = byte & 1, .capacity = 1};
    stream_send_end(message->stream, byte & 2 ? &trailers : NULL);
}

static void act_on(struct message *message, uint8_t action)
{
    struct stream *stream = message->stream;
    const struct response_head hints = {.status = 103, .content_length = -1};
    if (stream == NULL)
        return;
    if (action % 8 == 0) {
        consume(message, action);
    } else if (action % 32 == 1) {
        message->stream = NULL;
        stream_reset(stream, action & 64 ? H2_CANCEL : H2_REFUSED_STREAM);
    } else if (!message->server) {
        return;
    } else if (!message->head_sent) {
        if (action % 8 == 2)
            stream_send_informational(stream, &hints);
        else if (action % 32 == 3)
            stream_send_cut(stream, H2_INTERNAL_ERROR);
        else
            send_head(message, action);
    } else if (action % 8 == 2) {
        send_end(message, action >> 4);
    } else if (action % 16 == 3) {
        stream_send_cut(stream, H2_INTERNAL_ERROR);
    } else if (stream_queued(stream) <= STREAM_HIGH_BYTES) {
        stream_send_body(stream, some_body(action));
    }
}

/* One action of the script on one of the messages; few inside upcalls. */
static void act(struct game *game)
{
    if (game->depth > 3 || game->script.len == 0 || game->count == 0)
        return;
    game->depth++;
    const uint8_t which = script_next(&game->script);
    act_on(&game->messages[which % game->count], script_next(&game->script));
    game->depth--;
}

static void on_body(struct stream *stream, struct slice data)
{
    struct message *message = stream->user;
    must(message->stream == stream && !message->ended);
    message->held += data.len;
    act(message->game);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    struct message *message = stream->user;
    must(message->stream == stream && !message->ended);
    must(trailers->count <= 1);
    message->ended = true;
    act(message->game);
}

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct message *message = stream->user;
    must(message->stream == stream && !message->head_sent && head->status >= 200);
    message->head_sent = true;
    act(message->game);
}

static void on_informational(struct stream *stream, const struct response_head *head)
{
    struct message *message = stream->user;
    must(message->stream == stream && !message->head_sent && head->status == 103);
    act(message->game);
}

static void on_drained(struct stream *stream)
{
    struct message *message = stream->user;
    must(message->stream == stream && stream_queued(stream) <= STREAM_LOW_BYTES);
    act(message->game);
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct message *message = stream->user;
    must(message->stream == stream);
    must(why != STREAM_DONE || message->server || message->ended);
    message->stream = NULL;
    act(message->game);
}

static const struct stream_events stream_events = {.on_response = on_response,
                                                   .on_informational = on_informational,
                                                   .on_body = on_body,
                                                   .on_end = on_end,
                                                   .on_drained = on_drained,
                                                   .on_closed = on_closed};

static struct message *message_of(struct game *game, bool server)
{
    struct message *message = &game->messages[game->count++];
    *message = (struct message){.game = game, .server = server};
    return message;
}

static void on_request(void *owner, struct stream *stream, const struct request_head *head)
{
    struct game *game = owner;
    (void)head;
    must(game->count < MESSAGES);
    struct message *message = message_of(game, true);
    message->stream = stream;
    stream->events = &stream_events;
    stream->user = message;
    act(game);
}

static void ignore(void *owner)
{
    (void)owner;
}

static void on_capacity(void *owner);

static const struct codec_events codec_events = {.on_request = on_request,
                                                 .on_dirty = ignore,
                                                 .on_capacity = on_capacity,
                                                 .on_pong = ignore};

static void open_call(struct game *game, uint8_t byte)
{
    if (game->count + 2 > MESSAGES / 2 || codec_capacity(game->client) == 0)
        return;
    const struct request_head head = {.method = byte & 1 ? METHOD_POST : METHOD_HEAD,
                                      .method_text = byte & 1 ? SLICE("POST") : SLICE("HEAD"),
                                      .scheme = SLICE("http"),
                                      .authority = SLICE("a.test"),
                                      .path = SLICE("/v1/x"),
                                      .content_length = -1};
    struct message *message = message_of(game, false);
    message->parts[0] = SLICE("{\"model\":\"m\"}");
    message->parts[1] = some_body(200 + byte % 56);
    message->stream = codec_open(game->client, &head, message->parts,
                                 byte & 1 ? byte >> 1 & 3 ? 2 : 1 : 0, &stream_events, message);
    must(message->stream != NULL);
}

static void on_capacity(void *owner)
{
    struct game *game = owner;
    const uint8_t action =
        game->script.len > 0 && game->depth <= 3 ? script_next(&game->script) : 0;
    if (action & 1)
        open_call(game, action >> 1);
    else if (action != 0)
        act(game);
}

static bool move(struct game *game, struct codec *from, struct codec *to)
{
    static char bytes[65536];
    if (!codec_wants_read(to))
        return false;
    const size_t n = codec_produce(from, bytes, game->step);
    must(n <= game->step);
    if (n == 0)
        return false;
    char *copy = malloc(n);
    must(copy != NULL);
    memcpy(copy, bytes, n);
    (void)!codec_feed(to, slice_make(copy, n), 1000000000);
    free(copy);
    return true;
}

static void play(struct game *game)
{
    for (unsigned turns = 0; game->script.len > 0 && turns < 2000; turns++) {
        const uint8_t action = script_next(&game->script);
        switch (action & 7) {
        case 0:
            open_call(game, action >> 3);
            break;
        case 1:
            if (action == 249)
                codec_shutdown(game->server);
            else if (action == 225)
                codec_shutdown(game->client);
            else if (action == 241)
                codec_end_of_input(game->server, true);
            else if (action == 233)
                codec_timed_out(game->server);
            else
                (void)codec_ping(game->client);
            break;
        case 2:
        case 3:
            act(game);
            break;
        case 4:
        case 5:
            move(game, game->client, game->server);
            break;
        default:
            move(game, game->server, game->client);
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct game game;
    static const size_t steps[] = {65536, 16384, 1000, 9, 1};
    if (size < 2)
        return 0;
    game =
        (struct game){.script = slice_make(data + 1, size - 1), .step = steps[(data[0] >> 1) % 5]};
    const bool h2 = data[0] & 1;
    game.client = h2 ? h2_client_create(NULL, &codec_events, &game)
                     : h1_client_create(NULL, &codec_events, &game);
    game.server = h2 ? h2_server_create(NULL, &codec_events, &game)
                     : h1_server_create(NULL, &codec_events, &game);
    play(&game);
    game.script = SLICE_NONE;
    for (int i = 0; i < 1000; i++) {
        const bool moved = move(&game, game.client, game.server);
        if (!move(&game, game.server, game.client) && !moved)
            break;
    }
    codec_destroy(&game.client);
    codec_destroy(&game.server);
    for (size_t i = 0; i < game.count; i++)
        must(game.messages[i].stream == NULL);
    return 0;
}
