/*
 * What an HTTP/2 peer may make a codec hold, and that nothing is lost of what it
 * is owed: windows, what waits to be produced, header blocks, ids.
 */
#include "http/h2_head.h"
#include "http/h2_session.h"

#include "h2_back.h"

/* :method POST, :scheme http, :path /, :authority a.test */
#define POST "\203\206\204\001\006a.test"

static void open_posts(struct peer *peer, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        raw_headers(&peer->bytes, first + 2 * i, 0, SLICE(POST));
    peer_flush(peer);
}

/* All users together hold no more than the connection's window. */
static void test_connection_window(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    peer.pair->hold = true;
    open_posts(&peer, 1, 5);
    for (uint32_t i = 0; i < H2_CONNECTION_WINDOW / 16384; i++)
        raw_frame(&peer.bytes, RAW_DATA, 0, 1 + 2 * (i % 4), pattern(16384));
    peer_flush(&peer);
    assert_true(peer.alive);
    assert_int_equal(peer_said(&peer).reset, -1);
    raw_frame(&peer.bytes, RAW_DATA, 0, 9, SLICE("x"));
    peer_flush(&peer);
    assert_false(peer.alive);
    assert_int_equal(peer_said(&peer).goaway, H2_FLOW_CONTROL_ERROR);
    peer_finish(&peer);
}

/* Every byte of a DATA frame comes back, padding and its length too, on either window. */
static void test_padding_is_given_back(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    open_posts(&peer, 1, 1);
    char payload[256] = {(char)205}; /* 50 bytes of body */
    enum { FRAMES = 8192 };
    for (uint32_t i = 0; i < FRAMES; i++) {
        raw_frame(&peer.bytes, RAW_DATA, RAW_PADDED, 1, slice_make(payload, sizeof payload));
        if (i % 64 == 63)
            peer_flush(&peer);
    }
    const struct said said = peer_said(&peer);
    assert_true(peer.alive);
    assert_int_equal(said.reset, -1);
    assert_true(said.stream_credit > FRAMES * sizeof payload - H2_SERVER_STREAM_WINDOW / 2);
    assert_true(said.connection_credit > FRAMES * sizeof payload);
    assert_int_equal(buffer_len(&peer.pair->requests[0].body), FRAMES * 50);
    peer_finish(&peer);
}

/* What breaks its promise is not kept, but it is given back. */
static void test_too_much_body_is_given_back(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    enum { STREAMS = 80 };
    for (uint32_t i = 0; i < STREAMS; i++) {
        raw_headers(&peer.bytes, 1 + 2 * i, 0, SLICE(POST "\017\015\0014")); /* 4 bytes */
        raw_frame(&peer.bytes, RAW_DATA, 0, 1 + 2 * i, pattern(16384));
        peer_flush(&peer);
    }
    const struct said said = peer_said(&peer);
    assert_int_equal(said.resets, STREAMS);
    assert_int_equal(said.goaway, -1);
    assert_true(said.connection_credit > STREAMS * 16384);
    peer_finish(&peer);
}

/* A request's window is not given back behind its end. */
static void test_no_credit_behind_the_end(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    peer.pair->hold = true;
    open_posts(&peer, 1, 1);
    for (int i = 0; i < 16; i++)
        raw_frame(&peer.bytes, RAW_DATA, i == 15 ? RAW_END_STREAM : 0, 1, pattern(16384));
    peer_flush(&peer);
    stream_consumed(peer.pair->requests[0].stream, 16 * (size_t)16384);
    peer_produce(&peer);
    assert_int_equal(peer_said(&peer).stream_credit, 0);
    peer_finish(&peer);
}

/* Row 7: who does not read what we say is not read either. */
static void test_wants_read(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    open_posts(&peer, 1, 10);
    struct field field = {SLICE("x-long"), pattern(10000)};
    const struct response_head head = {.status = 200,
                                       .content_length = -1,
                                       .fields = {&field, 1, 1}};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(codec_wants_read(peer.codec), i <= 6);
        stream_send_response(peer.pair->requests[i].stream, &head, false);
    }
    char bytes[40000];
    assert_int_equal(codec_produce(peer.codec, bytes, sizeof bytes), sizeof bytes);
    assert_true(codec_wants_read(peer.codec));
    peer_finish(&peer);
}

/* A client that does not read gets its answers, but no hints any more. */
static void test_informational_heads_pile_up(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    open_posts(&peer, 1, 10);
    struct field field = {SLICE("x-long"), pattern(10000)};
    struct response_head head = {.status = 103, .content_length = -1, .fields = {&field, 1, 1}};
    for (int i = 0; i < 100; i++)
        stream_send_informational(peer.pair->requests[i % 10].stream, &head);
    head.status = 200;
    stream_send_response(peer.pair->requests[0].stream, &head, false);
    peer_produce(&peer);
    assert_int_equal(peer_said(&peer).heads, 7 + 1);
    stream_send_informational(peer.pair->requests[1].stream, &head);
    peer_produce(&peer);
    assert_int_equal(peer_said(&peer).heads, 9);
    peer_finish(&peer);
}

/* Else its owner would try for ever. */
static void test_no_output_without_a_window(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    raw_setting(&peer.bytes, RAW_INITIAL_WINDOW_SIZE, 1000000);
    open_posts(&peer, 1, 1);
    struct message *request = &peer.pair->requests[0];
    respond_head(request, 200, -1, false);
    stream_send_body(request->stream, pattern(70000));
    peer_produce(&peer);
    assert_int_equal(stream_queued(request->stream), 70000 - 65535);
    const unsigned dirty = peer.pair->dirty;
    raw_frame(&peer.bytes, RAW_PING, RAW_ACK, 0, SLICE("12345678")); /* wants no answer */
    peer_flush(&peer);
    assert_int_equal(peer.pair->dirty, dirty);
    raw_window_update(&peer.bytes, 0, 10000);
    peer_flush(&peer);
    assert_true(peer.pair->dirty > dirty);
    assert_int_equal(stream_queued(request->stream), 0);
    peer_finish(&peer);
}

static void test_block_bytes(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    assert_false(codec_head_begun(peer.codec));
    buffer_append_slice(&peer.bytes, SLICE("\0\100\0\001\0\0\0\0\001")); /* of a HEADERS frame */
    peer_flush(&peer);
    assert_true(codec_head_begun(peer.codec));
    buffer_append_slice(&peer.bytes, pattern(16384));
    peer_flush(&peer);
    unsigned frames = 1;
    for (; peer.alive && frames < 60; frames++) {
        assert_true(codec_head_begun(peer.codec));
        raw_frame(&peer.bytes, RAW_CONTINUATION, 0, 1, pattern(16384));
        peer_flush(&peer);
    }
    assert_int_equal(frames, H2_BLOCK_BYTES / 16384 + 1);
    assert_int_equal(peer_said(&peer).goaway, H2_ENHANCE_YOUR_CALM);
    peer_finish(&peer);
}

static void send_path(struct peer *peer, size_t len)
{
    struct buffer block = {0};
    buffer_append_slice(&block, SLICE("\203\206\001\006a.test\004"));
    char *path = memory_zalloc(len);
    memset(path, '/', len);
    raw_string(&block, slice_make(path, len));
    raw_field(&block, SLICE("x-a"), SLICE("b"));
    const struct slice all = buffer_slice(&block);
    for (size_t at = 0; at < all.len; at += 16384) {
        const size_t n = all.len - at < 16384 ? all.len - at : 16384;
        raw_frame(&peer->bytes, at == 0 ? RAW_HEADERS : RAW_CONTINUATION,
                  (at == 0 ? RAW_END_STREAM : 0) | (at + n == all.len ? RAW_END_HEADERS : 0), 1,
                  slice_make(all.ptr + at, n));
    }
    peer_flush(peer);
    free(path);
    buffer_release(&block);
}

/* Pseudo headers count, too: 431, whether the path or the field behind it was too much. */
static void test_path_of_64_kib(void **state)
{
    (void)state;
    static const size_t lengths[] = {65500, 65530};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct peer peer;
        peer_begin(&peer, true, SIZE_MAX);
        send_path(&peer, lengths[i]);
        assert_int_equal(peer.pair->refused_fault, FAULT_HEAD_TOO_LARGE);
        assert_int_equal(peer.pair->request_count, 0);
        assert_int_equal(peer_said(&peer).reset, -1);
        peer_finish(&peer);
    }
}

/* Heads that need more than a frame, either way. */
static size_t long_came;

static void answer_long(struct message *request)
{
    long_came = request->request.fields.items[0].value.len;
    struct field fields[] = {{SLICE("x-long"), pattern(40000)}, {SLICE("x-last"), SLICE("1")}};
    const struct response_head head = {.status = 200,
                                       .content_length = 2,
                                       .fields = {fields, 2, 2}};
    stream_send_response(request->stream, &head, false);
    stream_send_body(request->stream, SLICE("ok"));
    stream_send_end(request->stream, NULL);
}

static void test_long_heads(void **state)
{
    (void)state;
    static const size_t lengths[] = {16300, 16384, 32768 - 60, 32768, 50000};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct pair *pair = pair_create(true, 4096);
        pair->on_request = answer_long;
        struct request_head head = pair_head("POST", "/");
        struct field field = {SLICE("x-long"), pattern(lengths[i])};
        head.fields = (struct fields){&field, 1, 1};
        const struct slice body = S("{}");
        const struct message *call = pair_call_head(pair, &head, &body, 1);
        pair_pump(pair);
        assert_int_equal(long_came, lengths[i]);
        assert_int_equal(buffer_len(&pair->requests[0].body), 2);
        assert_int_equal(call->why, STREAM_DONE);
        assert_int_equal(call->status, 200);
        assert_int_equal(buffer_len(&call->body), 2);
        assert_true(pair->client_alive && pair->server_alive);
        pair_destroy(pair);
    }
}

/* Before it knows our limit a client may open more: those are refused, and it may try again. */
static void test_streams_before_the_limit_is_known(void **state)
{
    (void)state;
    struct peer peer;
    peer_init(&peer, true, SIZE_MAX);
    raw_preface(&peer.bytes);
    open_posts(&peer, 1, codec_default_limits.streams + 3);
    struct said said = peer_said(&peer);
    assert_int_equal(said.resets, 3);
    assert_int_equal(said.reset, H2_REFUSED_STREAM);
    assert_int_equal(said.goaway, -1);
    raw_frame(&peer.bytes, RAW_DATA, RAW_END_STREAM, 1 + 2 * codec_default_limits.streams,
              SLICE("late"));
    peer_flush(&peer);
    assert_int_equal(peer_said(&peer).goaway, -1);
    peer_finish(&peer);
}

/* The connection is told goodbye in two steps while there are ids left. */
static void test_ids_run_out(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    const uint32_t last = H2_LAST_STREAM_ID;
    open_posts(&peer, last - 1, 1);
    assert_int_equal(peer_said(&peer).goaway, -1);
    open_posts(&peer, last + 1, 1);
    assert_int_equal(peer_said(&peer).goaway, H2_NO_ERROR);
    assert_int_equal(peer_said(&peer).last_id, H2_ID_MAX);
    open_posts(&peer, last + 20003, 2);
    assert_int_equal(peer_said(&peer).last_id, last + 20003);
    assert_int_equal(peer.pair->request_count, 3);
    const size_t said = buffer_len(&peer.out);
    codec_shutdown(peer.codec);
    peer_produce(&peer);
    assert_int_equal(buffer_len(&peer.out), said);
    peer_finish(&peer);

    struct back back;
    back_begin(&back, SIZE_MAX);
    h2_session_of(back.peer.codec)->next_id = last + 1;
    assert_int_equal(codec_capacity(back.peer.codec), 0);
    peer_finish(&back.peer);
}

/* What was reset is remembered over a jump of ids. */
static void test_reset_and_a_jump(void **state)
{
    (void)state;
    static const uint32_t jumps[] = {2, 126, 128, 130, 252, 254, 1000};
    for (size_t i = 0; i < COUNT_OF(jumps); i++) {
        struct peer peer;
        peer_begin(&peer, true, SIZE_MAX);
        open_posts(&peer, 1, 1);
        stream_reset(peer.pair->requests[0].stream, H2_CANCEL);
        open_posts(&peer, 1 + jumps[i], 1);
        raw_frame(&peer.bytes, RAW_DATA, 0, 1, SLICE("late"));
        peer_flush(&peer);
        assert_int_equal(peer_said(&peer).goaway, -1);
        if (jumps[i] > 2 && i % 2 != 0) /* one that was skipped */
            raw_headers(&peer.bytes, jumps[i] - 1, 0, SLICE(POST));
        else if (jumps[i] > 2)
            raw_frame(&peer.bytes, RAW_DATA, 0, jumps[i] - 1, SLICE("x"));
        peer_flush(&peer);
        assert_int_equal(peer_said(&peer).goaway, jumps[i] > 2 ? H2_PROTOCOL_ERROR : -1);
        peer_finish(&peer);
    }
}

/* Empty frames are counted in a row only. */
static void test_empty_frames_between_others(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    open_posts(&peer, 1, 1);
    for (int i = 0; i < 100; i++)
        raw_frame(&peer.bytes, RAW_DATA, 0, 1, i % 10 == 9 ? SLICE("x") : SLICE_NONE);
    peer_flush(&peer);
    assert_true(peer.alive);
    peer_finish(&peer);
}

/* A WINDOW_UPDATE or some for each DATA frame of ours is what a peer does that is slow to read. */
static void test_updates_have_a_reason(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    open_posts(&peer, 1, 1);
    struct message *request = &peer.pair->requests[0];
    respond_head(request, 200, -1, false);
    for (int i = 0; i < 1000; i++) {
        stream_send_body(request->stream, SLICE("data: x\n\n"));
        peer_produce(&peer);
        raw_window_update(&peer.bytes, 0, 9);
        raw_window_update(&peer.bytes, 1, 9);
        peer_flush(&peer);
    }
    assert_true(peer.alive);
    peer_finish(&peer);
}

/* A cluster may refuse or reset as much as it likes: that costs us nothing we had not asked for. */
static void test_a_cluster_resets_all(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    for (int i = 0; i < 290; i++) {
        struct message *call = back_call(&back);
        raw_reset(&back.peer.bytes, call->stream->id, H2_REFUSED_STREAM);
        peer_flush(&back.peer);
        assert_int_equal(call->why, STREAM_REFUSED);
    }
    assert_true(still_works(&back));
    peer_finish(&back.peer);
}

static void test_pongs_are_for_pings(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    assert_true(codec_ping(back.peer.codec));
    for (int i = 0; i < 3; i++)
        raw_frame(&back.peer.bytes, RAW_PING, RAW_ACK, 0, SLICE("\0\0\0\0\0\0\0\0"));
    peer_flush(&back.peer);
    assert_int_equal(back.peer.pair->pongs, 1);
    peer_finish(&back.peer);
}

/* Fields of this value that were sent as never to be indexed, by all heads so far. */
static unsigned secrets_sent(const struct back *back, struct slice value)
{
    unsigned count = 0;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder, h2_field_mark);
    struct raw_reader reader = {.rest = buffer_slice(&back->peer.out)};
    reader.rest = slice_make(reader.rest.ptr + 24, reader.rest.len - 24);
    while (raw_next(&reader)) {
        struct hpack_field field;
        char room[HPACK_ROOM_BYTES];
        if (reader.type != RAW_HEADERS)
            continue;
        hpack_decode_begin(&decoder, reader.payload, room);
        while (hpack_decode_next(&decoder, &field) == HPACK_FIELD)
            count += field.secret && slice_eq(field.value, value);
    }
    hpack_decoder_finish(&decoder);
    return count;
}

/* Secrets of many go over one connection to a cluster: into no table. */
static void test_secrets_are_not_indexed(void **state)
{
    (void)state;
    static const char *const names[] = {"authorization", "cookie", "x-api-key", "api-key"};
    struct back back;
    back_begin(&back, SIZE_MAX);
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        struct request_head head = pair_head("POST", "/");
        struct field fields[] = {{slice_of(names[i]), SLICE("secret")},
                                 {SLICE("x-public"), SLICE("secret")}};
        head.fields = (struct fields){fields, 2, 2};
        for (unsigned twice = 1; twice <= 2; twice++) {
            pair_call_head(back.peer.pair, &head, NULL, 0);
            peer_produce(&back.peer);
            assert_int_equal(secrets_sent(&back, SLICE("secret")), 2 * i + twice);
        }
    }
    peer_finish(&back.peer);
}

/* Two blocks of several frames, one behind the other, are two blocks. */
static void test_blocks_in_frames(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    for (uint32_t id = 1; id < 6; id += 2) {
        raw_frame(&peer.bytes, RAW_HEADERS, 0, id, SLICE("\203\206"));
        raw_frame(&peer.bytes, RAW_CONTINUATION, 0, id, SLICE("\204\001"));
        raw_frame(&peer.bytes, RAW_CONTINUATION, RAW_END_HEADERS, id, SLICE("\006a.test"));
    }
    peer_flush(&peer);
    assert_int_equal(peer.pair->request_count, 3);
    assert_int_equal(peer_said(&peer).goaway, -1);
    raw_frame(&peer.bytes, RAW_HEADERS, RAW_END_HEADERS | RAW_PADDED, 7, SLICE("\001"));
    peer_flush(&peer);
    assert_int_equal(peer_said(&peer).goaway, H2_PROTOCOL_ERROR);
    peer_finish(&peer);
}

static void test_settings_in_a_frame(void **state)
{
    (void)state;
    for (size_t count = 32; count <= 33; count++) {
        struct peer peer;
        peer_begin(&peer, true, SIZE_MAX);
        char payload[33 * 6] = {0};
        raw_frame(&peer.bytes, RAW_SETTINGS, 0, 0, slice_make(payload, count * 6));
        peer_flush(&peer);
        assert_int_equal(peer.alive, count == 32);
        peer_finish(&peer);
    }
}

/* The largest window there is may be had, and no byte more. */
static void test_largest_window(void **state)
{
    (void)state;
    for (uint32_t stream = 0; stream < 2; stream++) {
        struct peer peer;
        peer_begin(&peer, true, SIZE_MAX);
        open_posts(&peer, 1, 1);
        raw_window_update(&peer.bytes, stream, 0x7fffffff - 65535);
        peer_flush(&peer);
        assert_int_equal(peer_said(&peer).goaway, -1);
        assert_int_equal(peer_said(&peer).reset, -1);
        raw_window_update(&peer.bytes, stream, 1);
        peer_flush(&peer);
        const struct said said = peer_said(&peer);
        assert_int_equal(stream > 0 ? said.reset : said.goaway, H2_FLOW_CONTROL_ERROR);
        peer_finish(&peer);
    }
}

/* An idle connection, or one that is slow to begin: a GOAWAY, and nothing it says matters. */
static void test_timed_out(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    open_posts(&peer, 1, 1);
    codec_timed_out(peer.codec);
    codec_timed_out(peer.codec);
    assert_false(codec_finished(peer.codec));
    buffer_clear(&peer.out);
    peer_produce(&peer);
    assert_int_equal(buffer_len(&peer.out), 9 + 8);
    assert_int_equal(peer_said(&peer).last_id, 1);
    assert_true(codec_finished(peer.codec));
    open_posts(&peer, 3, 1);
    assert_true(peer.alive);
    assert_int_equal(peer.pair->request_count, 1);
    assert_int_equal(buffer_len(&peer.out), 9 + 8);
    peer_finish(&peer);
}

/* A cluster that answers without reading the request gets no more of it. */
static void test_answer_stops_the_upload(void **state)
{
    (void)state;
    struct back back;
    peer_begin(&back.peer, false, SIZE_MAX);
    const struct slice body = pattern(100000);
    back.call = pair_call(back.peer.pair, "POST", "/", &body, 1);
    peer_produce(&back.peer);
    back_answer(&back, back.call, SLICE(OK));
    assert_int_equal(back.call->why, STREAM_DONE);
    raw_window_update(&back.peer.bytes, 0, 100000);
    raw_window_update(&back.peer.bytes, 1, 100000);
    peer_flush(&back.peer);
    const struct said said = peer_said(&back.peer);
    assert_int_equal(said.reset, H2_NO_ERROR);
    assert_int_equal(said.data, 65535);
    assert_true(still_works(&back));
    peer_finish(&back.peer);
}

/* A body stays where it is until there is room for it; but few bytes are one frame, or not yet. */
static void test_small_buffers(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    open_posts(&peer, 1, 1);
    struct message *request = &peer.pair->requests[0];
    respond_head(request, 200, -1, false);
    stream_send_body(request->stream, pattern(60000));
    peer_produce(&peer);
    raw_window_update(&peer.bytes, 1, 100000);
    raw_window_update(&peer.bytes, 0, 100000);
    peer_flush(&peer);
    stream_send_body(request->stream, pattern(50000));
    char bytes[2000];
    assert_int_equal(codec_produce(peer.codec, bytes, 1000), 1000);
    assert_in_range(stream_queued(request->stream), 50000 - 2048, 50000 - 991);
    peer_produce(&peer);
    assert_int_equal(stream_queued(request->stream), 0);
    stream_send_body(request->stream, pattern(3000));
    assert_int_equal(codec_produce(peer.codec, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(h2_frame_read(bytes).len, 3000);
    assert_int_equal(codec_produce(peer.codec, bytes, sizeof bytes), 9 + 3000 - sizeof bytes);
    peer_finish(&peer);
}

UNIT_MAIN(test_connection_window, test_padding_is_given_back, test_too_much_body_is_given_back,
          test_no_credit_behind_the_end, test_wants_read, test_informational_heads_pile_up,
          test_no_output_without_a_window, test_block_bytes, test_path_of_64_kib, test_long_heads,
          test_streams_before_the_limit_is_known, test_ids_run_out, test_reset_and_a_jump,
          test_empty_frames_between_others, test_updates_have_a_reason, test_a_cluster_resets_all,
          test_pongs_are_for_pings, test_secrets_are_not_indexed, test_blocks_in_frames,
          test_settings_in_a_frame, test_largest_window, test_timed_out,
          test_answer_stops_the_upload, test_small_buffers)
