/*
 * A client's streams while the server changes the rules: GOAWAY, settings and
 * windows in the middle of a body, and what comes for a stream that was reset.
 */
#include <nghttp2/nghttp2.h>

#include "h2_back.h"

static void test_first_frame_is_settings(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct back back;
        peer_init(&back.peer, false, pieces[p]);
        back.call = back_call(&back);
        raw_frame(&back.peer.bytes, RAW_PING, 0, 0, SLICE("12345678"));
        peer_flush(&back.peer);
        assert_int_equal(peer_said(&back.peer).goaway, H2_PROTOCOL_ERROR);
        assert_true(codec_finished(back.peer.codec));
        codec_destroy(&back.peer.pair->client);
        assert_int_equal(back.call->why, STREAM_PROTOCOL);
        peer_finish(&back.peer);
    }
}

static void was_announced(struct message *message)
{
    assert_int_equal(message->ahead, 1);
}

/* Who has bytes in what was read together is told before any of them is passed on. */
static void test_bodies_are_announced(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    struct message *calls[] = {back.call, back_call(&back), back_call(&back), back_call(&back)};
    struct buffer *bytes = &back.peer.bytes;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        raw_headers(bytes, calls[i]->stream->id, 0, SLICE(OK));
        peer_flush(&back.peer);
    }
    stream_reset(calls[2]->stream, H2_CANCEL);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        calls[i]->on_body = was_announced;
        raw_frame(bytes, RAW_DATA, 0, 1 + 2 * (uint32_t)i, SLICE("some"));
    }
    raw_frame(bytes, RAW_PING, 0, 0, SLICE("12345678"));
    peer_flush(&back.peer);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_int_equal(calls[i]->ahead, i != 2);
        assert_int_equal(buffer_len(&calls[i]->body), i != 2 ? 4 : 0);
    }
    raw_frame(bytes, RAW_DATA, 0, 1, SLICE("alone")); /* there is nothing to do meanwhile */
    peer_flush(&back.peer);
    assert_int_equal(back.call->ahead, 1);
    peer_finish(&back.peer);
}

/* A notice first, then the last id; then a smaller one; with whatever code. */
static void test_goaway_again(void **state)
{
    (void)state;
    static const uint32_t codes[] = {H2_NO_ERROR, H2_INTERNAL_ERROR, H2_ENHANCE_YOUR_CALM, 255};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        struct message *second = back_call(&back), *third = back_call(&back);
        raw_goaway(&back.peer.bytes, 0x7fffffff, H2_NO_ERROR);
        peer_flush(&back.peer);
        assert_int_equal(codec_capacity(back.peer.codec), 0);
        assert_false(third->closed);
        raw_goaway(&back.peer.bytes, 3, codes[i]);
        peer_flush(&back.peer);
        assert_int_equal(third->why, STREAM_REFUSED);
        assert_false(second->closed);
        raw_goaway(&back.peer.bytes, 1, codes[i]);
        peer_flush(&back.peer);
        assert_int_equal(second->why, STREAM_REFUSED);
        assert_false(back.call->closed);
        assert_false(codec_finished(back.peer.codec));
        back_answer(&back, back.call, SLICE(OK));
        assert_int_equal(back.call->why, STREAM_DONE);
        assert_true(codec_finished(back.peer.codec));
        peer_finish(&back.peer);
    }
}

/* RFC 9113 6.8: the last id must not grow.  What was given back stays given back. */
static void test_goaway_last_id_grows(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct back back;
        back_begin(&back, pieces[p]);
        struct message *second = back_call(&back);
        raw_goaway(&back.peer.bytes, 1, H2_NO_ERROR);
        raw_goaway(&back.peer.bytes, 3, H2_NO_ERROR);
        peer_flush(&back.peer);
        assert_int_equal(second->why, STREAM_REFUSED);
        const struct said said = peer_said(&back.peer);
        if (said.goaway >= 0) {
            assert_int_equal(said.goaway, H2_PROTOCOL_ERROR);
            codec_destroy(&back.peer.pair->client);
            assert_int_equal(back.call->why, STREAM_PROTOCOL);
        } else {
            back_answer(&back, back.call, SLICE(OK));
            assert_int_equal(back.call->why, STREAM_DONE);
        }
        peer_finish(&back.peer);
    }
}

/* Calls that are not on the wire yet when the server says how few it takes, or that it takes none
 * any more: they are given back, as if they had never been. */
static void test_unsent_calls_are_given_back(void **state)
{
    (void)state;
    for (int goaway = 0; goaway < 2; goaway++) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        struct message *unsent[3];
        for (int i = 0; i < 3; i++)
            unsent[i] = pair_call(back.peer.pair, "POST", "/", NULL, 0);
        if (goaway)
            raw_goaway(&back.peer.bytes, 0x7fffffff, H2_NO_ERROR);
        else
            raw_setting(&back.peer.bytes, RAW_MAX_CONCURRENT_STREAMS, 2);
        peer_flush(&back.peer);
        for (int i = goaway ? 0 : 1; i < 3; i++)
            assert_int_equal(unsent[i]->why, STREAM_REFUSED);
        back_answer(&back, back.call, SLICE(OK));
        assert_int_equal(back.call->why, STREAM_DONE);
        if (!goaway) {
            back_answer(&back, unsent[0], SLICE(OK));
            assert_int_equal(unsent[0]->why, STREAM_DONE);
        }
        assert_int_equal(peer_said(&back.peer).heads, goaway ? 1 : 2);
        peer_finish(&back.peer);
    }
}

/* Nor can they be answered. */
static void test_unsent_calls_are_idle(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        struct message *unsent = pair_call(back.peer.pair, "POST", "/", NULL, 0);
        if (kind == 0)
            raw_headers(&back.peer.bytes, 3, RAW_END_STREAM, SLICE(OK));
        else if (kind == 1)
            raw_frame(&back.peer.bytes, RAW_DATA, RAW_END_STREAM, 3, SLICE("ok"));
        else if (kind == 2)
            raw_reset(&back.peer.bytes, 3, H2_CANCEL);
        else
            raw_window_update(&back.peer.bytes, 3, 1);
        peer_flush(&back.peer);
        const struct said said = peer_said(&back.peer);
        codec_destroy(&back.peer.pair->client);
        assert_int_equal(said.goaway, H2_PROTOCOL_ERROR);
        assert_int_equal(back.call->why, STREAM_PROTOCOL);
        assert_int_equal(unsent->why, STREAM_REFUSED);
        assert_int_equal(unsent->status, 0);
        peer_finish(&back.peer);
    }
}

static void test_capacity_follows_the_peer(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    static const uint32_t most[] = {0, 1, 0, 2, 0, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < COUNT_OF(most); i++) {
        const unsigned calls = back.peer.pair->capacity_calls;
        raw_setting(&back.peer.bytes, RAW_MAX_CONCURRENT_STREAMS, most[i]);
        peer_flush(&back.peer);
        const size_t free_ones = most[i] > 100 ? 99 : most[i] > 1 ? most[i] - 1 : 0;
        assert_int_equal(codec_capacity(back.peer.codec), free_ones);
        assert_true(back.peer.pair->capacity_calls > calls);
    }
    raw_setting(&back.peer.bytes, RAW_MAX_CONCURRENT_STREAMS, 0);
    back_answer(&back, back.call, SLICE(OK));
    assert_int_equal(back.call->why, STREAM_DONE);
    assert_int_equal(codec_capacity(back.peer.codec), 0);
    raw_setting(&back.peer.bytes, RAW_MAX_CONCURRENT_STREAMS, 1);
    peer_flush(&back.peer);
    assert_true(still_works(&back));
    peer_finish(&back.peer);
}

/* What was on its way when we reset is read for the tables' sake, and given back. */
static void test_late_frames_of_a_reset_stream(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct back back;
        back_begin(&back, pieces[p]);
        stream_reset(back.call->stream, H2_CANCEL);
        peer_produce(&back.peer);
        raw_headers(&back.peer.bytes, 1, 0, SLICE(OK "\100\003x-a\001b"));
        for (int i = 0; i < 100; i++) {
            raw_frame(&back.peer.bytes, RAW_DATA, 0, 1, pattern(16384));
            if (i % 4 == 3)
                peer_flush(&back.peer);
        }
        raw_window_update(&back.peer.bytes, 1, 1000);
        raw_headers(&back.peer.bytes, 1, RAW_END_STREAM, SLICE("\100\003x-t\001c"));
        raw_reset(&back.peer.bytes, 1, H2_CANCEL);
        peer_flush(&back.peer);
        struct message *next = back_call(&back);
        back_answer(&back, next, SLICE(OK "\277\276"));
        const struct said said = peer_said(&back.peer);
        assert_int_equal(said.goaway, -1);
        assert_int_equal(said.resets, 1);
        assert_int_equal(next->why, STREAM_DONE);
        assert_string_equal(next->fields, "x-a=b;x-t=c;");
        assert_true(said.connection_credit >= 100 * 16384 - 512 * 1024);
        assert_false(back.call->closed);
        assert_int_equal(buffer_len(&back.call->body), 0);
        peer_finish(&back.peer);
    }
}

/* A reset in the middle of what one piece holds: nothing of it comes up. */
static void reset_call(struct message *call)
{
    stream_reset(call->stream, H2_CANCEL);
}

static void test_reset_inside_an_upcall(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct back back;
        back_begin(&back, pieces[p]);
        back.call->on_body = reset_call;
        raw_headers(&back.peer.bytes, 1, 0, SLICE(OK));
        raw_frame(&back.peer.bytes, RAW_DATA, 0, 1, SLICE("x"));
        raw_frame(&back.peer.bytes, RAW_DATA, RAW_END_STREAM, 1, SLICE("y"));
        peer_flush(&back.peer);
        assert_int_equal(buffer_len(&back.call->body), 1);
        assert_false(back.call->ended);
        assert_false(back.call->closed);
        const struct said said = peer_said(&back.peer);
        assert_int_equal(said.goaway, -1);
        assert_true(still_works(&back));
        peer_finish(&back.peer);
    }
}

static size_t data_sent(const struct back *back)
{
    return peer_said(&back->peer).data;
}

/* 10 bytes may go, then 7 too many went, then one more may. */
static void test_window_shrinks_below_what_is_in_flight(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct back back;
        peer_begin(&back.peer, false, pieces[p]);
        raw_setting(&back.peer.bytes, RAW_INITIAL_WINDOW_SIZE, 10);
        peer_flush(&back.peer);
        const struct slice body = pattern(100);
        back.call = pair_call(back.peer.pair, "POST", "/", &body, 1);
        peer_produce(&back.peer);
        assert_int_equal(data_sent(&back), 10);
        raw_setting(&back.peer.bytes, RAW_INITIAL_WINDOW_SIZE, 3);
        peer_flush(&back.peer);
        raw_window_update(&back.peer.bytes, 1, 7);
        peer_flush(&back.peer);
        assert_int_equal(data_sent(&back), 10);
        raw_window_update(&back.peer.bytes, 1, 1);
        peer_flush(&back.peer);
        assert_int_equal(data_sent(&back), 11);
        raw_setting(&back.peer.bytes, RAW_INITIAL_WINDOW_SIZE, 0);
        peer_flush(&back.peer);
        raw_setting(&back.peer.bytes, RAW_INITIAL_WINDOW_SIZE, 1000);
        peer_flush(&back.peer);
        assert_int_equal(data_sent(&back), 100);
        assert_int_equal(stream_queued(back.call->stream), 0);
        peer_finish(&back.peer);
    }
}

static void test_stream_window_overflow(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct back back;
        peer_begin(&back.peer, false, pieces[p]);
        const struct slice body = pattern(100000);
        back.call = pair_call(back.peer.pair, "POST", "/", &body, 1);
        peer_produce(&back.peer);
        assert_int_equal(data_sent(&back), 65535);
        raw_window_update(&back.peer.bytes, 1, 0x7fffffff);
        raw_window_update(&back.peer.bytes, 1, 1);
        peer_flush(&back.peer);
        assert_int_equal(peer_said(&back.peer).reset, H2_FLOW_CONTROL_ERROR);
        assert_int_equal(back.call->why, STREAM_PROTOCOL);
        assert_true(still_works(&back));
        peer_finish(&back.peer);
    }
}

static void test_large_frames_are_not_sent_unasked(void **state)
{
    (void)state;
    struct back back;
    peer_begin(&back.peer, false, SIZE_MAX);
    const struct slice body = pattern(60000);
    back.call = pair_call(back.peer.pair, "POST", "/", &body, 1);
    peer_produce(&back.peer);
    struct raw_reader reader = {.rest = buffer_slice(&back.peer.out)};
    reader.rest = slice_make(reader.rest.ptr + 24, reader.rest.len - 24);
    while (raw_next(&reader))
        assert_true(reader.payload.len <= 16384);
    assert_int_equal(data_sent(&back), 60000);
    peer_finish(&back.peer);
}

/* Decodes every header block that was sent so far, as the peer must. */
static unsigned decode_heads(const struct back *back, nghttp2_hd_inflater *inflater, size_t *from)
{
    unsigned heads = 0;
    struct raw_reader reader = {.rest = buffer_slice(&back->peer.out)};
    reader.rest = slice_make(reader.rest.ptr + *from, reader.rest.len - *from);
    while (raw_next(&reader)) {
        if (reader.type != RAW_HEADERS)
            continue;
        assert_true((reader.flags & RAW_END_HEADERS) != 0);
        const uint8_t *at = (const uint8_t *)reader.payload.ptr;
        size_t left = reader.payload.len;
        int flags = 0;
        while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
            nghttp2_nv field;
            const ssize_t n = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, left, 1);
            assert_true(n >= 0);
            at += n;
            left -= (size_t)n;
        }
        assert_int_equal(nghttp2_hd_inflate_end_headers(inflater), 0);
        heads++;
    }
    *from = buffer_len(&back->peer.out);
    return heads;
}

static void test_header_table_size(void **state)
{
    (void)state;
    struct back back;
    nghttp2_hd_inflater *inflater;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    back_begin(&back, SIZE_MAX);
    size_t from = 24;
    assert_int_equal(decode_heads(&back, inflater, &from), 1);
    static const uint32_t sizes[][2] = {{0, 4096}, {0, 0},       {4096, 4096}, {100, 0},
                                        {1, 200},  {65536, 128}, {128, 65536}, {4096, 4096}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (size_t s = 0; s < 2; s++) {
            raw_setting(&back.peer.bytes, RAW_HEADER_TABLE_SIZE, sizes[i][s]);
            assert_int_equal(nghttp2_hd_inflate_change_table_size(inflater, sizes[i][s]), 0);
        }
        peer_flush(&back.peer);
        back_call(&back);
        back_call(&back);
        assert_int_equal(decode_heads(&back, inflater, &from), 2);
    }
    nghttp2_hd_inflate_del(inflater);
    peer_finish(&back.peer);
}

UNIT_MAIN(test_unsent_calls_are_given_back, test_unsent_calls_are_idle,
          test_first_frame_is_settings, test_bodies_are_announced, test_goaway_again,
          test_goaway_last_id_grows, test_capacity_follows_the_peer,
          test_late_frames_of_a_reset_stream, test_reset_inside_an_upcall,
          test_window_shrinks_below_what_is_in_flight, test_stream_window_overflow,
          test_large_frames_are_not_sent_unasked, test_header_table_size)
