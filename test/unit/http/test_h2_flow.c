/*
 * HTTP/2 flow control: what a codec sends stays within the windows it was
 * given, however they move; what it received is given back; nobody starves.
 */
#include "base/random.h"
#include "h2_peer.h"

enum { BODIES = 250, AT_ONCE = 20, BODY_MAX = 30000, GREETING_WINDOW = 65535 };

/* The windows as the codec's peer keeps them.  Streams are numbered from 0 here. */
struct ledger {
    struct peer peer;
    struct random random;
    int64_t connection, initial;
    int64_t window[PAIR_MAX];
    size_t want[PAIR_MAX], got[PAIR_MAX];
    bool ended[PAIR_MAX];
    uint32_t opened, done;
};

static size_t below(struct ledger *ledger, size_t limit)
{
    return (size_t)(random_u64(&ledger->random) % limit);
}

static struct slice body_of(const struct ledger *ledger, uint32_t stream)
{
    return slice_make(pattern(stream * 37 + ledger->want[stream]).ptr + stream * 37,
                      ledger->want[stream]);
}

static void ledger_data(struct ledger *ledger, const struct raw_reader *frame)
{
    const uint32_t stream = (frame->stream - 1) / 2;
    const size_t len = frame->payload.len;
    assert_true(stream < ledger->opened);
    assert_false(ledger->ended[stream]);
    assert_true(len == 0 || (int64_t)len <= ledger->connection);
    assert_true(len == 0 || (int64_t)len <= ledger->window[stream]);
    ledger->connection -= (int64_t)len;
    ledger->window[stream] -= (int64_t)len;
    assert_true(ledger->got[stream] + len <= ledger->want[stream]);
    assert_memory_equal(body_of(ledger, stream).ptr + ledger->got[stream], frame->payload.ptr, len);
    ledger->got[stream] += len;
}

static void ledger_end(struct ledger *ledger, uint32_t stream)
{
    assert_int_equal(ledger->got[stream], ledger->want[stream]);
    ledger->ended[stream] = true;
    ledger->done++;
    if (ledger->peer.codec == ledger->peer.pair->client)
        raw_headers(&ledger->peer.bytes, 2 * stream + 1, RAW_END_STREAM, SLICE("\210"));
}

/* Reads what was produced since the last time. */
static void ledger_read(struct ledger *ledger)
{
    struct raw_reader reader = {.rest = buffer_slice(&ledger->peer.out)};
    while (raw_next(&reader)) {
        assert_int_not_equal(reader.type, RAW_GOAWAY);
        assert_int_not_equal(reader.type, RAW_RST_STREAM);
        if (reader.type == RAW_DATA)
            ledger_data(ledger, &reader);
        if ((reader.type == RAW_DATA || reader.type == RAW_HEADERS) &&
            (reader.flags & RAW_END_STREAM) != 0)
            ledger_end(ledger, (reader.stream - 1) / 2);
    }
    buffer_clear(&ledger->peer.out);
}

static void ledger_flush(struct ledger *ledger)
{
    ledger->peer.pair->now_ns += NS_PER_S; /* so that no flood is seen */
    peer_flush(&ledger->peer);
    ledger_read(ledger);
}

static void set_initial(struct ledger *ledger, size_t window)
{
    raw_setting(&ledger->peer.bytes, RAW_INITIAL_WINDOW_SIZE, (uint32_t)window);
    for (uint32_t i = 0; i < ledger->opened; i++)
        ledger->window[i] += (int64_t)window - ledger->initial;
    ledger->initial = (int64_t)window;
}

static void credit(struct ledger *ledger, bool connection, size_t bytes)
{
    uint32_t stream = ledger->opened > 0 ? (uint32_t)below(ledger, ledger->opened) : 0;
    while (stream < ledger->opened && ledger->ended[stream])
        stream++;
    if (connection) {
        raw_window_update(&ledger->peer.bytes, 0, (uint32_t)bytes);
        ledger->connection += (int64_t)bytes;
    } else if (stream < ledger->opened) {
        raw_window_update(&ledger->peer.bytes, 2 * stream + 1, (uint32_t)bytes);
        ledger->window[stream] += (int64_t)bytes;
    }
}

static void ledger_begin(struct ledger *ledger, bool server, uint64_t seed)
{
    *ledger = (struct ledger){.connection = GREETING_WINDOW, .initial = GREETING_WINDOW};
    random_seed(&ledger->random, seed);
    peer_begin(&ledger->peer, server, SIZE_MAX);
    ledger->peer.pair->now_ns = NS_PER_S;
    if (!server) { /* its preface is not a frame */
        const struct slice out = buffer_slice(&ledger->peer.out);
        assert_true(slice_starts(out, SLICE("PRI *")));
        buffer_consume(&ledger->peer.out, 24);
    }
    ledger_read(ledger);
}

static void ledger_next(struct ledger *ledger, size_t want)
{
    ledger->want[ledger->opened] = want;
    ledger->window[ledger->opened] = ledger->initial;
    ledger->opened++;
}

static void open_request(struct ledger *ledger, size_t want)
{
    ledger_next(ledger, want);
    raw_headers(&ledger->peer.bytes, 2 * ledger->opened - 1, RAW_END_STREAM,
                SLICE("\202\206\204\001\006a.test"));
    peer_flush(&ledger->peer);
    struct message *request = &ledger->peer.pair->requests[ledger->opened - 1];
    respond_head(request, 200, below(ledger, 2) ? (int64_t)want : -1, false);
    for (struct slice rest = body_of(ledger, ledger->opened - 1); rest.len > 0;) {
        const size_t n = 1 + below(ledger, rest.len);
        stream_send_body(request->stream, slice_make(rest.ptr, n));
        rest = slice_make(rest.ptr + n, rest.len - n);
    }
    stream_send_end(request->stream, NULL);
}

static void open_call(struct ledger *ledger, size_t want, struct slice parts[3])
{
    ledger_next(ledger, want);
    const struct slice body = body_of(ledger, ledger->opened - 1);
    const size_t cut = below(ledger, body.len + 1);
    parts[0] = slice_make(body.ptr, cut);
    parts[1] = SLICE_NONE;
    parts[2] = slice_make(body.ptr + cut, body.len - cut);
    pair_call(ledger->peer.pair, "POST", "/", parts, 3);
}

static bool may_open(const struct ledger *ledger)
{
    return ledger->opened < BODIES && ledger->opened - ledger->done < AT_ONCE;
}

static void play(bool server, uint64_t seed)
{
    static struct slice parts[BODIES][3];
    struct ledger *ledger = malloc(sizeof *ledger);
    assert_non_null(ledger);
    ledger_begin(ledger, server, seed);
    for (unsigned turns = 0; ledger->done < BODIES; turns++) {
        assert_true(turns < 100000);
        const size_t want = below(ledger, 3) ? below(ledger, 300) : below(ledger, BODY_MAX);
        const size_t action = below(ledger, 16);
        if (action < 6 && may_open(ledger) && server)
            open_request(ledger, want);
        else if (action < 6 && may_open(ledger))
            open_call(ledger, want, parts[ledger->opened]);
        else if (action == 6)
            set_initial(ledger, below(ledger, 3) ? below(ledger, 100) : below(ledger, 20000));
        else if (action == 7 || ledger->connection < 100)
            credit(ledger, true, 1 + below(ledger, 10000));
        else if (ledger->opened > 0)
            credit(ledger, false, 1 + below(ledger, action < 12 ? 1000 : 10000));
        ledger_flush(ledger);
    }
    ledger_flush(ledger); /* the last answer */
    assert_int_equal(codec_stream_count(ledger->peer.codec), 0);
    peer_finish(&ledger->peer);
    free(ledger);
}

static void test_server_stays_within_windows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        play(true, seed);
}

static void test_client_stays_within_windows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        play(false, seed);
}

/* 100 streams want more than the connection gives; all get it in the end, and a stream whose own
 * window is shut keeps nobody waiting. */
static void test_connection_window_exhausted(void **state)
{
    (void)state;
    struct ledger *ledger = malloc(sizeof *ledger);
    assert_non_null(ledger);
    ledger_begin(ledger, true, 1);
    set_initial(ledger, 0);
    open_request(ledger, 10);
    for (int i = 1; i < 100; i++)
        open_request(ledger, 3000);
    for (uint32_t i = 1; i < 100; i++) {
        raw_window_update(&ledger->peer.bytes, 2 * i + 1, 3000);
        ledger->window[i] += 3000;
    }
    ledger_flush(ledger);
    assert_int_equal(ledger->connection, 0);
    assert_true(ledger->done < 99);
    for (int i = 0; i < 1000 && ledger->done < 99; i++) {
        credit(ledger, true, 1 + below(ledger, 3000));
        ledger_flush(ledger);
    }
    assert_int_equal(ledger->done, 99);
    assert_int_equal(ledger->got[0], 0);
    credit(ledger, true, 10000);
    raw_window_update(&ledger->peer.bytes, 1, 10);
    ledger->window[0] += 10;
    ledger_flush(ledger);
    assert_int_equal(ledger->done, 100);
    peer_finish(&ledger->peer);
    free(ledger);
}

static void top_up(struct message *request)
{
    while (request->stream != NULL && stream_queued(request->stream) <= STREAM_HIGH_BYTES)
        stream_send_body(request->stream, pattern(16384));
}

static void respond_at_length(struct message *request)
{
    respond_head(request, 200, -1, false);
    if (request->stream->id <= 3) /* two that never end */
        top_up(request);
    else
        stream_send_body(request->stream, pattern(30000));
    if (request->stream->id > 3)
        stream_send_end(request->stream, NULL);
}

/* Two streams that always have more to send, with windows without bound, leave the others theirs.
 */
static bool shares_fairly(size_t room)
{
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    peer.pair->on_request = respond_at_length;
    raw_setting(&peer.bytes, RAW_INITIAL_WINDOW_SIZE, 0x7fffffff);
    raw_window_update(&peer.bytes, 0, 0x7fff0000 - 65535);
    for (uint32_t id = 1; id < 20; id += 2)
        raw_headers(&peer.bytes, id, RAW_END_STREAM, SLICE("\202\206\204\001\006a.test"));
    peer.alive = codec_feed(peer.codec, buffer_slice(&peer.bytes), NS_PER_S);
    assert_int_equal(peer.pair->request_count, 10);
    char *bytes = malloc(room);
    assert_non_null(bytes);
    size_t produced = 0;
    unsigned ended = 0;
    while (ended < 8 && produced < 1500000) { /* ten fair shares of 30000 are 300000 */
        produced += codec_produce(peer.codec, bytes, room);
        top_up(&peer.pair->requests[0]);
        top_up(&peer.pair->requests[1]);
        ended = 0;
        for (int i = 2; i < 10; i++)
            ended += peer.pair->requests[i].closed;
    }
    free(bytes);
    peer_finish(&peer);
    return ended == 8;
}

/* The same for uploads: the first is as large as all others together, twenty times over. */
static bool uploads_share_fairly(size_t room)
{
    struct peer peer;
    peer_begin(&peer, false, SIZE_MAX);
    raw_setting(&peer.bytes, RAW_INITIAL_WINDOW_SIZE, 0x7fffffff);
    raw_window_update(&peer.bytes, 0, 0x7fff0000 - 65535);
    peer_flush(&peer);
    const struct slice large = pattern(4000000), small = pattern(20000);
    for (int i = 0; i < 11; i++)
        pair_call(peer.pair, "POST", "/", i == 0 ? &large : &small, 1);
    char *bytes = malloc(room);
    assert_non_null(bytes);
    size_t produced = 0, left = 1;
    while (left > 0 && produced < 1000000) {
        produced += codec_produce(peer.codec, bytes, room);
        left = 0;
        for (int i = 1; i < 11; i++)
            left += stream_queued(peer.pair->calls[i].stream);
    }
    free(bytes);
    peer_finish(&peer);
    return left == 0;
}

static void test_fairness(void **state)
{
    (void)state;
    static const size_t rooms[] = {65536, 16384 + 9, 16384, 5000, 1000};
    for (size_t i = 0; i < COUNT_OF(rooms); i++) {
        assert_true(shares_fairly(rooms[i]));
        assert_true(uploads_share_fairly(rooms[i]));
    }
}

/* Between our two codecs, with users that take their time: all arrives, and after megabytes the
 * windows are as wide as at first. */
static void take_some(struct random *random, struct message *messages, size_t count, size_t *taken)
{
    for (size_t i = 0; i < count; i++) {
        const size_t waiting = buffer_len(&messages[i].body) - taken[i];
        if (waiting == 0 || messages[i].stream == NULL || random_u64(random) % 3 == 0)
            continue;
        const size_t n = random_u64(random) % 2 ? waiting : 1 + random_u64(random) % waiting;
        taken[i] += n;
        stream_consumed(messages[i].stream, n);
    }
}

static void echo_now(struct message *request)
{
    respond(request, 200, buffer_slice(&request->body));
}

static void echo(struct message *request)
{
    request->on_end = echo_now;
}

static void test_slow_users(void **state)
{
    (void)state;
    static const size_t steps[] = {65536, 1000, 17};
    for (size_t s = 0; s < COUNT_OF(steps); s++) {
        struct pair *pair = pair_create(true, steps[s]);
        struct random random;
        static size_t taken[2][PAIR_MAX];
        struct slice bodies[PAIR_MAX];
        memset(taken, 0, sizeof taken);
        random_seed(&random, s);
        pair->hold = true;
        pair->on_request = echo;
        const size_t count = steps[s] > 100 ? 200 : 20;
        size_t closed = 0;
        for (unsigned turns = 0; closed < count; turns++) {
            assert_true(turns < 1000000);
            if (pair->call_count < count && random_u64(&random) % 4 == 0 &&
                codec_capacity(pair->client) > 0) {
                struct slice *body = &bodies[pair->call_count];
                *body = pattern(random_u64(&random) % (random_u64(&random) % 8 ? 3000 : 400000));
                pair_call(pair, "POST", "/", body, 1);
            }
            pair_move(pair, true);
            pair_move(pair, false);
            take_some(&random, pair->requests, pair->request_count, taken[0]);
            take_some(&random, pair->calls, pair->call_count, taken[1]);
            closed = 0;
            for (size_t i = 0; i < pair->call_count; i++)
                closed += pair->calls[i].closed;
        }
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(pair->calls[i].why, STREAM_DONE);
            assert_true(slice_eq(buffer_slice(&pair->calls[i].body), bodies[i]));
        }
        pair_pump(pair);
        assert_int_equal(codec_stream_count(pair->server), 0);
        pair_destroy(pair);
    }
}

enum abandon { BY_CLIENT, BY_SERVER, UNCONSUMED, ABANDONS };

static void hold_then_answer(struct message *request)
{
    request->hold = true;
    respond_head(request, 200, -1, false);
    stream_send_body(request->stream, pattern(60000));
}

/* Bodies nobody consumed, on streams that were given up: 12 MB each way through 1 MB windows. */
static void test_abandoned_bodies_are_given_back(void **state)
{
    (void)state;
    for (int how = 0; how < ABANDONS; how++) {
        struct pair *pair = pair_create(true, 65536);
        pair->on_request = hold_then_answer;
        const struct slice body = pattern(60000);
        for (int i = 0; i < 200; i++) {
            struct message *call = pair_call(pair, "POST", "/", &body, 1);
            call->hold = true;
            pair_pump(pair);
            struct message *request = &pair->requests[pair->request_count - 1];
            assert_int_equal(buffer_len(&call->body), 60000);
            assert_int_equal(buffer_len(&request->body), 60000);
            if (how == BY_CLIENT)
                stream_reset(call->stream, H2_CANCEL);
            else if (how == BY_SERVER)
                stream_reset(request->stream, H2_INTERNAL_ERROR);
            else
                stream_send_end(request->stream, NULL);
            pair_pump(pair);
            buffer_release(&call->body);
            buffer_release(&request->body);
            assert_int_equal(codec_stream_count(pair->client), 0);
            assert_int_equal(codec_stream_count(pair->server), 0);
        }
        pair->on_request = echo;
        const struct slice large = pattern(3000000);
        struct message *last = pair_call(pair, "POST", "/", &large, 1);
        pair_pump(pair);
        assert_int_equal(last->why, STREAM_DONE);
        assert_int_equal(buffer_len(&last->body), large.len);
        pair_destroy(pair);
    }
}

UNIT_MAIN(test_server_stays_within_windows, test_client_stays_within_windows,
          test_connection_window_exhausted, test_fairness, test_slow_users,
          test_abandoned_bodies_are_given_back)
