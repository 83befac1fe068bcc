/*
 * Our HTTP/2 codecs against nghttp2: our server with its client, our client
 * with its server.  A script makes both do anything that the protocol allows;
 * nghttp2 must never complain about us, nor we about it, and all that was sent
 * and not given up must arrive, byte for byte and field for field.
 *
 * Byte 0: our role, who gives windows back, padding.  Then the script, an
 * action and its arguments a byte each.
 */
#include "h2_game.h"

static int their_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                        void *user)
{
    (void)ng, (void)flags;
    struct game *game = user;
    struct message *message = message_by_id(game, frame->hd.stream_id);
    struct leg *leg = &message->legs[game->server ? RESPONSE : REQUEST];
    const struct slice n = slice_make(name, name_len), v = slice_make(value, value_len);
    if (slice_eq(n, SLICE(":status")))
        message->incoming = (v.ptr[0] - '0') * 100 + (v.ptr[1] - '0') * 10 + v.ptr[2] - '0';
    else if (leg->head)
        leg->trailer_got = slice_eq(n, SLICE("x-t")) && slice_eq(v, SLICE("1"));
    else if (name_len > 0 && name[0] != ':' && !slice_eq(n, SLICE("content-length"))) {
        const struct field field = field_of(leg->seed, leg->fields_got++);
        must(slice_eq(n, field.name) && slice_eq(v, field.value));
    }
    return 0;
}

static void their_headers(struct game *game, struct message *message)
{
    struct leg *leg = &message->legs[game->server ? RESPONSE : REQUEST];
    if (leg->head)
        return; /* trailers */
    if (game->server && message->incoming == 103) {
        must(leg->fields_got == 0);
        return;
    }
    must(!game->server || message->incoming == message->status);
    must(leg->fields_got == field_count(leg->seed));
    leg->head = true;
}

static int their_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    (void)ng;
    struct game *game = user;
    struct message *message =
        frame->hd.stream_id > 0 ? message_by_id(game, frame->hd.stream_id) : NULL;
    if (frame->hd.type == NGHTTP2_HEADERS)
        their_headers(game, message);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        leg_end(&message->legs[game->server ? RESPONSE : REQUEST]);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        must(message->our_reset ||
             (frame->rst_stream.error_code == NGHTTP2_NO_ERROR &&
              (game->server ? message->our_end : message->legs[RESPONSE].end)));
    if (frame->hd.type == NGHTTP2_GOAWAY)
        must(game->goodbye && frame->goaway.error_code == NGHTTP2_NO_ERROR);
    return 0;
}

static int their_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
                      size_t len, void *user)
{
    (void)ng, (void)flags;
    struct game *game = user;
    struct message *message = message_by_id(game, id);
    leg_take(message, game->server ? RESPONSE : REQUEST, data, len);
    message->owed += len;
    return 0;
}

static int their_close(nghttp2_session *ng, int32_t id, uint32_t error, void *user)
{
    (void)ng;
    struct message *message = message_by_id(user, id);
    message->their_end = true;
    if (error == NGHTTP2_REFUSED_STREAM)
        must(message->game->goodbye || message->given_up);
    if (error != NGHTTP2_NO_ERROR)
        message->given_up = true;
    return 0;
}

static int their_unsent(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *user)
{
    (void)ng, (void)error;
    if (frame->hd.type != NGHTTP2_HEADERS || !((struct game *)user)->server)
        return 0;
    struct message *message = message_by_id(user, frame->hd.stream_id);
    if (message->opened)
        return 0; /* trailers of a request that was answered early */
    must(message->given_up || message->game->goodbye);
    message->given_up = message->their_end = true;
    return 0;
}

static int their_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    (void)ng;
    if (frame->hd.type == NGHTTP2_HEADERS)
        message_by_id(user, frame->hd.stream_id)->opened = true;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        must(frame->goaway.error_code == NGHTTP2_NO_ERROR);
    return 0;
}

static int their_complaint(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *user)
{
    (void)ng;
    struct game *game = user;
    if (game->limited && error == NGHTTP2_ERR_REFUSED_STREAM) { /* sent before we knew the limit */
        message_by_id(game, frame->hd.stream_id)->given_up = true;
        return 0;
    }
    fprintf(stderr, "frame of type %d on stream %d: %s\n", frame->hd.type, frame->hd.stream_id,
            nghttp2_strerror(error));
    abort();
}

static int their_words(nghttp2_session *ng, int error, const char *text, size_t len, void *user)
{
    (void)ng, (void)error, (void)user;
    fprintf(stderr, "%.*s\n", (int)len, text);
    abort();
}

static ssize_t their_padding(nghttp2_session *ng, const nghttp2_frame *frame, size_t most,
                             void *user)
{
    (void)ng;
    struct game *game = user;
    const size_t padded = frame->hd.length + (game->pads ? script_next(&game->script) : 0);
    return (ssize_t)(padded < most ? padded : most);
}

static ssize_t their_read(nghttp2_session *ng, int32_t id, uint8_t *out, size_t size,
                          uint32_t *flags, nghttp2_data_source *source, void *user)
{
    const int which = ((struct game *)user)->server ? REQUEST : RESPONSE;
    struct message *message = source->ptr;
    struct leg *leg = &message->legs[which];
    size_t n = leg->len - leg->sent;
    if (n > size)
        n = size;
    memcpy(out, leg_bytes(message, which) + leg->sent, n);
    leg->sent += n;
    if (leg->sent == leg->len) {
        nghttp2_nv trailer = {(uint8_t *)(uintptr_t) "x-t", (uint8_t *)(uintptr_t) "1", 3, 1, 0};
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (leg->trailer) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            must(nghttp2_submit_trailer(ng, id, &trailer, 1) == 0);
        }
    }
    return (ssize_t)n;
}

static nghttp2_nv nv(struct slice name, struct slice value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len,
                        value.len, NGHTTP2_NV_FLAG_NONE};
}

static size_t their_fields(nghttp2_nv *list, size_t count, const struct leg *leg, bool length,
                           char digits[static 24])
{
    for (unsigned i = 0; i < field_count(leg->seed); i++) {
        const struct field field = field_of(leg->seed, i);
        list[count++] = nv(field.name, field.value);
    }
    snprintf(digits, 24, "%zu", leg->len);
    if (length)
        list[count++] = nv(SLICE("content-length"), slice_of(digits));
    return count;
}

static void their_open(struct game *game)
{
    const struct plan plan = plan_next(game);
    if (game->count == MESSAGES || game->left || !nghttp2_session_check_request_allowed(game->ng))
        return;
    struct message *message = message_of(game, plan);
    const struct leg *leg = &message->legs[REQUEST];
    char digits[24];
    nghttp2_nv list[FIELDS_MAX + 5] = {nv(SLICE(":method"),
                                          message->head_method ? SLICE("HEAD") : SLICE("POST")),
                                       nv(SLICE(":scheme"), SLICE("http")),
                                       nv(SLICE(":path"), SLICE("/v1/x")),
                                       nv(SLICE(":authority"), SLICE("a.test"))};
    const size_t count = their_fields(list, 4, leg, (plan.kind & 16) != 0, digits);
    const nghttp2_data_provider body = {.source = {.ptr = message}, .read_callback = their_read};
    const bool none = leg->len == 0 && !leg->trailer && (plan.kind & 32) != 0;
    const int32_t id =
        nghttp2_submit_request(game->ng, NULL, list, count, none ? NULL : &body, message);
    must(id > 0 && message_by_id(game, id) == message);
}

static void their_answer(struct game *game, struct message *message, int32_t id)
{
    const struct plan plan = plan_next(game);
    choose_answer(message, plan);
    const struct leg *leg = &message->legs[RESPONSE];
    char status[4], digits[24];
    snprintf(status, sizeof status, "%d", message->status);
    nghttp2_nv list[FIELDS_MAX + 2] = {nv(SLICE(":status"), slice_of(status))};
    const size_t count =
        their_fields(list, 1, leg, (plan.kind & 16) != 0 && message->status != 204, digits);
    const nghttp2_data_provider body = {.source = {.ptr = message}, .read_callback = their_read};
    const bool none =
        is_bodiless(message) || (leg->len == 0 && !leg->trailer && (plan.kind & 32) != 0);
    must(nghttp2_submit_response(game->ng, id, list, count, none ? NULL : &body) == 0);
}

static void their_consume(struct game *game, struct message *message, int32_t id, size_t len)
{
    message->owed -= len;
    if (game->manual)
        (void)nghttp2_session_consume(game->ng, id, len);
}

static void their_act(struct game *game)
{
    const uint8_t which = script_next(&game->script), action = script_next(&game->script);
    const size_t at = game->count > 0 ? which % game->count : 0;
    struct message *message = &game->messages[at];
    const int32_t id = (int32_t)(2 * at + 1);
    nghttp2_nv hints = nv(SLICE(":status"), SLICE("103"));
    if (game->count == 0 || message->their_end ||
        !(game->server ? message->opened : message->legs[REQUEST].head))
        return;
    if (action % 16 == 0) {
        message->given_up = true;
        must(nghttp2_submit_rst_stream(game->ng, 0, id, NGHTTP2_CANCEL) == 0);
    } else if (action % 4 == 1) {
        their_consume(game, message, id, action & 4 ? message->owed : message->owed / 2);
    } else if (action % 4 == 2) {
        (void)nghttp2_submit_window_update(game->ng, 0, id, (action >> 2) * 100);
    } else if (!game->server && !message->answered && !message->given_up) {
        if (action % 8 == 3)
            must(nghttp2_submit_headers(game->ng, 0, id, NULL, &hints, 1, NULL) == 0);
        else
            their_answer(game, message, id);
    }
}

static bool move_out(struct game *game, size_t room)
{
    static char bytes[65536];
    const size_t n = codec_produce(game->codec, bytes, room);
    must(n <= room);
    if (n > 0)
        must(nghttp2_session_mem_recv(game->ng, (const uint8_t *)bytes, n) == (ssize_t)n);
    return n > 0;
}

static bool move_in(struct game *game, size_t most)
{
    const uint8_t *bytes;
    ssize_t n = 1;
    while (buffer_len(&game->wire) < most && n > 0) {
        n = nghttp2_session_mem_send(game->ng, &bytes);
        must(n >= 0);
        buffer_append(&game->wire, bytes, (size_t)n);
    }
    const size_t len = buffer_len(&game->wire) < most ? buffer_len(&game->wire) : most;
    if (len == 0 || !codec_wants_read(game->codec) || codec_finished(game->codec))
        return false;
    char *copy = malloc(len); /* so that a sanitizer sees who reads beyond it or keeps it */
    must(copy != NULL);
    memcpy(copy, buffer_slice(&game->wire).ptr, len);
    game->now_ns += NS_PER_S;
    must(codec_feed(game->codec, slice_make(copy, len), game->now_ns));
    free(copy);
    buffer_consume(&game->wire, len);
    game->unread = 0;
    return true;
}

static bool pump(struct game *game)
{
    bool moved = false, more = true;
    for (unsigned i = 0; more; i++) {
        must(i < 100000);
        more = move_out(game, 65536);
        more |= move_in(game, 65536);
        moved |= more;
    }
    return moved;
}

/* nghttp2 is not made to go on after it said goodbye. */
static void their_goodbye(struct game *game)
{
    for (size_t i = 0; game->server && i < game->count; i++) {
        if (!game->messages[i].opened && !game->messages[i].their_end)
            return;
    }
    if (game->parting++ > 0) /* it would let the last id grow */
        return;
    game->goodbye = true;
    game->left = game->server;
    must(nghttp2_submit_goaway(game->ng, 0, nghttp2_session_get_last_proc_stream_id(game->ng),
                               NGHTTP2_NO_ERROR, NULL, 0) == 0);
}

static void their_control(struct game *game)
{
    static const uint32_t windows[] = {0, 1, 100, 5000, 65535, 1 << 20, 16384, 70000};
    static const uint32_t tables[] = {0, 64, 200, 4096, 4096, 8192, 65536, 1};
    const uint8_t action = script_next(&game->script), value = action >> 5;
    nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, windows[value]};
    const nghttp2_priority_spec priority = {.stream_id = value, .weight = 5};
    if (++game->unread > 20)
        pump(game);
    switch (action % 8) {
    case 0:
        must(nghttp2_submit_settings(game->ng, 0, &entry, 1) == 0);
        break;
    case 1:
        entry = (nghttp2_settings_entry){NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, tables[value]};
        must(nghttp2_submit_settings(game->ng, 0, &entry, 1) == 0);
        break;
    case 2:
        entry = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16384 + value * 9999u};
        must(nghttp2_submit_settings(game->ng, 0, &entry, 1) == 0);
        break;
    case 3:
        game->limited = true;
        entry = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, value * 3};
        must(nghttp2_submit_settings(game->ng, 0, &entry, 1) == 0);
        break;
    case 4:
        must(nghttp2_submit_ping(game->ng, 0, NULL) == 0);
        break;
    case 5:
        (void)nghttp2_submit_window_update(game->ng, 0, 0, value * 1000 + 1);
        break;
    case 6:
        (void)nghttp2_submit_priority(game->ng, 0, 2 * value + 9, &priority);
        break;
    default:
        if (value == 7)
            their_goodbye(game);
    }
}

static void our_control(struct game *game)
{
    const uint8_t action = script_next(&game->script);
    if (action == 255) {
        game->goodbye = true;
        codec_shutdown(game->codec);
    } else if (++game->unread <= 20 && codec_ping(game->codec)) {
        game->pings++;
    }
}

static void play(struct game *game)
{
    static const size_t rooms[] = {1, 10, 100, 1000, 5000, 16384, 16393, 65536};
    while (game->script.len > 0) {
        const uint8_t action = script_next(&game->script);
        const size_t room = rooms[action >> 5];
        switch (action & 15) {
        case 0:
        case 1:
            if (game->server)
                their_open(game);
            else
                our_open(game);
            break;
        case 2:
        case 3:
        case 4:
            our_act(game);
            break;
        case 5:
        case 6:
            their_act(game);
            break;
        case 7:
            their_control(game);
            break;
        case 8:
            our_control(game);
            break;
        case 9:
        case 10:
        case 11:
            move_out(game, room);
            break;
        case 12:
        case 13:
        case 14:
            move_in(game, room);
            break;
        default:
            pump(game);
        }
    }
}

/* Both sides finish what they have begun. */
static void finish(struct game *game)
{
    const nghttp2_settings_entry entries[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535},
                                              {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}};
    must(nghttp2_submit_settings(game->ng, 0, entries, 2) == 0);
    game->pads = false;
    for (unsigned turn = 0; pump(game) || turn < 3; turn++) {
        must(turn < 10000);
        for (size_t i = 0; i < game->count; i++) {
            struct message *message = &game->messages[i];
            const int32_t id = (int32_t)(2 * i + 1);
            our_consume(message, message->held);
            their_consume(game, message, id, message->owed);
            if (game->server && message->stream != NULL && !message->answered && !message->our_end)
                our_answer(message, (struct plan){0, 1, 1});
            if (game->server && message->stream != NULL)
                our_send(message, SIZE_MAX);
            if (!game->server && message->legs[REQUEST].head && !message->answered &&
                !message->their_end && !message->given_up)
                their_answer(game, message, id);
        }
    }
}

static void check(const struct message *message)
{
    const struct leg *request = &message->legs[REQUEST], *response = &message->legs[RESPONSE];
    if (message->given_up)
        return;
    must(request->head && (request->end || message->early));
    must(response->head && response->end);
    must(message->stream == NULL && message->their_end);
}

static nghttp2_session_callbacks *callbacks_create(void)
{
    nghttp2_session_callbacks *c;
    must(nghttp2_session_callbacks_new(&c) == 0);
    nghttp2_session_callbacks_set_on_header_callback(c, their_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, their_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, their_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, their_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, their_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, their_unsent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, their_complaint);
    nghttp2_session_callbacks_set_error_callback2(c, their_words);
    nghttp2_session_callbacks_set_select_padding_callback(c, their_padding);
    return c;
}

static void begin(struct game *game)
{
    static nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    if (callbacks == NULL)
        callbacks = callbacks_create();
    must(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, game->manual);
    if (game->server) {
        game->codec = h2_server_create(NULL, &codec_events, game);
        must(nghttp2_session_client_new2(&game->ng, callbacks, game, option) == 0);
    } else {
        game->codec = h2_client_create(NULL, &codec_events, game);
        must(nghttp2_session_server_new2(&game->ng, callbacks, game, option) == 0);
    }
    nghttp2_option_del(option);
    must(nghttp2_submit_settings(game->ng, 0, NULL, 0) == 0);
    for (size_t i = 0; i < sizeof body_bytes && body_bytes[i] == 0; i++)
        body_bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct game game;
    if (size < 2 || size > SCRIPT_MAX)
        return 0;
    game = (struct game){.script = slice_make(data + 1, size - 1),
                         .server = data[0] & 1,
                         .manual = data[0] & 2,
                         .pads = data[0] & 4};
    begin(&game);
    play(&game);
    finish(&game);
    for (size_t i = 0; i < game.count; i++)
        check(&game.messages[i]);
    must(game.goodbye || (game.pongs == game.pings && codec_stream_count(game.codec) == 0));
    game.over = true;
    codec_destroy(&game.codec);
    for (size_t i = 0; i < game.count; i++)
        must(game.messages[i].stream == NULL);
    nghttp2_session_del(game.ng);
    buffer_release(&game.wire);
    return 0;
}
