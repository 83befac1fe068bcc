/* Clusters that speak HTTP/2 badly: what it costs them, what the request's user learns. */
#include "h2_back.h"

/* The head of a response, then its body and end. */
static const struct {
    struct raw_pair fields[4];
    const char *body;
    enum stream_close why;
    int status;
} answers[] = {
    {{F(":status", "200"), F("x-a", "b")}, "ok", STREAM_DONE, 200},
    {{F(":status", "200"), F("content-length", "2")}, "ok", STREAM_DONE, 200},
    {{F(":status", "503"), F("retry-after", "1")}, "", STREAM_DONE, 503},
    {{F(":status", "204")}, "", STREAM_DONE, 204},
    {{F(":status", "200"), F("content-length", "3")}, "ok", STREAM_PROTOCOL, 200},
    {{F(":status", "200"), F("content-length", "1")}, "ok", STREAM_PROTOCOL, 200},
    {{F(":status", "204")}, "ok", STREAM_PROTOCOL, 204},
    {{F(":status", "200"), F("content-length", "x")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "200"), F("transfer-encoding", "chunked")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "200"), F("connection", "close")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "200"), F("x-a", "b\r\nc: d")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "200"), F("X-A", "b")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "200"), F(":path", "/")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "101")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "99")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "999")}, "ok", STREAM_PROTOCOL, 0},
    {{F(":status", "")}, "ok", STREAM_PROTOCOL, 0},
    {{F("x-a", "b")}, "ok", STREAM_PROTOCOL, 0},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        struct buffer block = {0};
        for (size_t f = 0; f < 4 && answers[i].fields[f].name.ptr != NULL; f++)
            raw_field(&block, answers[i].fields[f].name, answers[i].fields[f].value);
        const bool body = answers[i].body[0] != '\0';
        raw_headers(&back.peer.bytes, 1, body ? 0 : RAW_END_STREAM, buffer_slice(&block));
        if (body)
            raw_frame(&back.peer.bytes, RAW_DATA, RAW_END_STREAM, 1, slice_of(answers[i].body));
        peer_flush(&back.peer);
        if (!back.call->closed || back.call->why != answers[i].why ||
            back.call->status != answers[i].status)
            fail_msg("row %zu: closed %d, why %d, status %d", i, back.call->closed,
                     (int)back.call->why, back.call->status);
        assert_int_equal(back.call->ended, answers[i].why == STREAM_DONE);
        assert_int_equal(codec_capacity(back.peer.codec), 100);
        buffer_release(&block);
        peer_finish(&back.peer);
    }
}

static void send_status(struct buffer *bytes, uint32_t stream, int flags, struct slice status)
{
    struct buffer block = {0};
    raw_field(&block, SLICE(":status"), status);
    raw_headers(bytes, stream, flags, buffer_slice(&block));
    buffer_release(&block);
}

static void test_resets(void **state)
{
    (void)state;
    static const struct {
        uint32_t error;
        bool response, whole;
        enum stream_close why;
    } rows[] = {
        {H2_REFUSED_STREAM, false, false, STREAM_REFUSED},
        {H2_REFUSED_STREAM, true, false, STREAM_RESET}, /* it has answered: it had started */
        {H2_INTERNAL_ERROR, false, false, STREAM_RESET},
        {H2_INTERNAL_ERROR, true, false, STREAM_RESET},
        {H2_NO_ERROR, true, false, STREAM_RESET}, /* never a clean end */
        {H2_NO_ERROR, true, true, STREAM_DONE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        if (rows[i].response)
            send_status(&back.peer.bytes, 1, rows[i].whole ? RAW_END_STREAM : 0, SLICE("200"));
        raw_reset(&back.peer.bytes, 1, rows[i].error);
        peer_flush(&back.peer);
        assert_true(back.call->closed);
        assert_int_equal(back.call->why, rows[i].why);
        peer_finish(&back.peer);
    }
}

static void test_goaway(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    struct message *second = pair_call(back.peer.pair, "POST", "/", NULL, 0);
    peer_produce(&back.peer);
    struct message *unsent = pair_call(back.peer.pair, "POST", "/", NULL, 0);
    raw_goaway(&back.peer.bytes, 1, H2_NO_ERROR);
    peer_flush(&back.peer);
    assert_int_equal(second->why, STREAM_REFUSED);
    assert_int_equal(unsent->why, STREAM_REFUSED);
    assert_false(back.call->closed);
    assert_int_equal(codec_capacity(back.peer.codec), 0);
    assert_true(back.peer.pair->capacity_calls > 0);
    send_status(&back.peer.bytes, 1, RAW_END_STREAM, SLICE("200"));
    peer_flush(&back.peer);
    assert_int_equal(back.call->why, STREAM_DONE);
    assert_true(codec_finished(back.peer.codec));
    peer_finish(&back.peer);
}

static void test_peer_limit(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    raw_setting(&back.peer.bytes, RAW_MAX_CONCURRENT_STREAMS, 2);
    peer_flush(&back.peer);
    assert_int_equal(codec_capacity(back.peer.codec), 1);
    assert_true(back.peer.pair->capacity_calls > 0);
    pair_call(back.peer.pair, "POST", "/", NULL, 0);
    assert_int_equal(codec_capacity(back.peer.codec), 0);
    raw_setting(&back.peer.bytes, RAW_MAX_CONCURRENT_STREAMS, 0);
    peer_flush(&back.peer);
    assert_int_equal(codec_capacity(back.peer.codec), 0);
    peer_finish(&back.peer);
}

/* Each breaks the connection; every open stream learns it. */
static void test_connection_errors(void **state)
{
    (void)state;
    static const struct {
        int type, flags;
        uint32_t stream;
        struct slice payload;
    } frames[] = {
        {RAW_PUSH_PROMISE, RAW_END_HEADERS, 1, {"\0\0\0\2", 4}},
        {RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 2, {"\210", 1}}, /* it opens a stream */
        {RAW_WINDOW_UPDATE, 0, 0, {"\177\377\377\377", 4}},
        {RAW_WINDOW_UPDATE, 0, 0, {"\0\0\0\0", 4}},
        {RAW_SETTINGS, 0, 0, {"\0\2\0\0\0\2", 6}},
        {RAW_SETTINGS, 0, 0, {"\0", 1}},
        {RAW_DATA, 0, 0, {"x", 1}},
        {RAW_DATA, 0, 7, {"x", 1}},
        {RAW_HEADERS, RAW_END_HEADERS, 1, {"\377\377\377\377\377\377", 6}}, /* broken HPACK */
        {RAW_CONTINUATION, RAW_END_HEADERS, 1, {"", 0}},
    };
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        raw_frame(&back.peer.bytes, frames[i].type, frames[i].flags, frames[i].stream,
                  frames[i].payload);
        peer_flush(&back.peer);
        codec_destroy(&back.peer.pair->client);
        assert_true(back.call->closed);
        if (back.call->why != STREAM_PROTOCOL)
            fail_msg("frame %zu: why %d", i, (int)back.call->why);
        peer_finish(&back.peer);
    }
}

static void test_head_bomb(void **state)
{
    (void)state;
    for (unsigned fields = 90; fields <= 300; fields += 30) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        struct buffer block = {0};
        raw_field(&block, SLICE(":status"), SLICE("200"));
        for (unsigned i = 0; i < fields; i++)
            raw_field(&block, SLICE("x-many"), SLICE("1"));
        raw_headers(&back.peer.bytes, 1, RAW_END_STREAM, buffer_slice(&block));
        peer_flush(&back.peer);
        assert_int_equal(back.call->why, fields <= 100 ? STREAM_DONE : STREAM_PROTOCOL);
        assert_int_equal(back.peer.alive, fields <= 200);
        buffer_release(&block);
        peer_finish(&back.peer);
    }
}

static void test_unread_body_is_bounded(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    back.call->hold = true;
    send_status(&back.peer.bytes, 1, 0, SLICE("200"));
    for (int i = 0; i < 5; i++)
        raw_frame(&back.peer.bytes, RAW_DATA, 0, 1, pattern(16384));
    peer_flush(&back.peer);
    assert_true(buffer_len(&back.call->body) <= STREAM_WINDOW_BYTES);
    assert_int_equal(back.call->why, STREAM_PROTOCOL); /* it sent beyond the window */
    peer_finish(&back.peer);
}

static void test_trailers_relayed_are_few(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    struct buffer block = {0};
    send_status(&back.peer.bytes, 1, 0, SLICE("200"));
    raw_field(&block, SLICE("grpc-status"), SLICE("0"));
    raw_field(&block, SLICE("authorization"), SLICE("x"));
    raw_field(&block, SLICE("host"), SLICE("x"));
    raw_field(&block, SLICE("x-isochrone-cluster"), SLICE("x"));
    raw_field(&block, SLICE("x-t"), SLICE("1"));
    raw_headers(&back.peer.bytes, 1, RAW_END_STREAM, buffer_slice(&block));
    peer_flush(&back.peer);
    assert_string_equal(back.call->trailers, "grpc-status=0;x-t=1;");
    buffer_release(&block);
    peer_finish(&back.peer);
}

UNIT_MAIN(test_answers, test_resets, test_goaway, test_peer_limit, test_connection_errors,
          test_head_bomb, test_unread_body_is_bounded, test_trailers_relayed_are_few)
