/* Clusters that speak HTTP/2 badly: what it costs them, what the request's user learns. */
#include "h2_raw.h"
#include "pair.h"

struct back {
    struct pair *pair; /* only its client is used */
    struct message *call;
    struct buffer out;
    bool alive;
};

static void back_produce(struct back *back)
{
    char bytes[4096];
    size_t n;
    do {
        n = codec_produce(back->pair->client, bytes, sizeof bytes);
        buffer_append(&back->out, bytes, n);
    } while (n > 0);
}

static void back_send(struct back *back, struct buffer *bytes)
{
    if (back->alive)
        back->alive = codec_feed(back->pair->client, buffer_slice(bytes), NS_PER_S);
    buffer_clear(bytes);
    back_produce(back);
}

static void back_begin(struct back *back)
{
    *back = (struct back){.pair = pair_create(true, 65536), .alive = true};
    struct buffer bytes = {0};
    raw_frame(&bytes, RAW_SETTINGS, 0, 0, SLICE_NONE);
    raw_frame(&bytes, RAW_SETTINGS, RAW_ACK, 0, SLICE_NONE);
    back_send(back, &bytes);
    static const struct slice body = {"{}", 2};
    back->call = pair_call(back->pair, "POST", "/v1/x", &body, 1);
    back_produce(back);
    buffer_release(&bytes);
}

static void back_end(struct back *back)
{
    pair_destroy(back->pair);
    buffer_release(&back->out);
}

struct pair_of {
    struct slice name, value;
};
#define F(name, value)                  \
    {                                   \
        {"" name, sizeof(name) - 1},    \
        {                               \
            "" value, sizeof(value) - 1 \
        }                               \
    }

/* The head of a response, then its body and end. */
static const struct {
    struct pair_of fields[4];
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
        back_begin(&back);
        struct buffer block = {0}, bytes = {0};
        for (size_t f = 0; f < 4 && answers[i].fields[f].name.ptr != NULL; f++)
            raw_field(&block, answers[i].fields[f].name, answers[i].fields[f].value);
        const bool body = answers[i].body[0] != '\0';
        raw_headers(&bytes, 1, body ? 0 : RAW_END_STREAM, buffer_slice(&block));
        if (body)
            raw_frame(&bytes, RAW_DATA, RAW_END_STREAM, 1, slice_of(answers[i].body));
        back_send(&back, &bytes);
        if (!back.call->closed || back.call->why != answers[i].why ||
            back.call->status != answers[i].status)
            fail_msg("row %zu: closed %d, why %d, status %d", i, back.call->closed,
                     (int)back.call->why, back.call->status);
        assert_int_equal(back.call->ended, answers[i].why == STREAM_DONE);
        assert_int_equal(codec_capacity(back.pair->client), 100);
        buffer_release(&block);
        buffer_release(&bytes);
        back_end(&back);
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
        back_begin(&back);
        struct buffer bytes = {0};
        char error[4];
        raw_u32(error, rows[i].error);
        if (rows[i].response)
            send_status(&bytes, 1, rows[i].whole ? RAW_END_STREAM : 0, SLICE("200"));
        raw_frame(&bytes, RAW_RST_STREAM, 0, 1, slice_make(error, 4));
        back_send(&back, &bytes);
        assert_true(back.call->closed);
        assert_int_equal(back.call->why, rows[i].why);
        buffer_release(&bytes);
        back_end(&back);
    }
}

static void test_goaway(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back);
    struct message *second = pair_call(back.pair, "POST", "/", NULL, 0);
    back_produce(&back);
    struct message *unsent = pair_call(back.pair, "POST", "/", NULL, 0);
    struct buffer bytes = {0};
    raw_frame(&bytes, RAW_GOAWAY, 0, 0, slice_make("\0\0\0\1\0\0\0\0", 8)); /* last id 1 */
    back_send(&back, &bytes);
    assert_int_equal(second->why, STREAM_REFUSED);
    assert_int_equal(unsent->why, STREAM_REFUSED);
    assert_false(back.call->closed);
    assert_int_equal(codec_capacity(back.pair->client), 0);
    assert_true(back.pair->capacity_calls > 0);
    send_status(&bytes, 1, RAW_END_STREAM, SLICE("200"));
    back_send(&back, &bytes);
    assert_int_equal(back.call->why, STREAM_DONE);
    assert_true(codec_finished(back.pair->client));
    buffer_release(&bytes);
    back_end(&back);
}

static void test_peer_limit(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back);
    struct buffer bytes = {0};
    raw_frame(&bytes, RAW_SETTINGS, 0, 0, slice_make("\0\3\0\0\0\2", 6)); /* 2 at once */
    back_send(&back, &bytes);
    assert_int_equal(codec_capacity(back.pair->client), 1);
    assert_true(back.pair->capacity_calls > 0);
    pair_call(back.pair, "POST", "/", NULL, 0);
    assert_int_equal(codec_capacity(back.pair->client), 0);
    raw_frame(&bytes, RAW_SETTINGS, 0, 0, slice_make("\0\3\0\0\0\0", 6)); /* none */
    back_send(&back, &bytes);
    assert_int_equal(codec_capacity(back.pair->client), 0);
    buffer_release(&bytes);
    back_end(&back);
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
        back_begin(&back);
        struct buffer bytes = {0};
        raw_frame(&bytes, frames[i].type, frames[i].flags, frames[i].stream, frames[i].payload);
        back_send(&back, &bytes);
        codec_destroy(&back.pair->client);
        assert_true(back.call->closed);
        if (back.call->why != STREAM_PROTOCOL)
            fail_msg("frame %zu: why %d", i, (int)back.call->why);
        buffer_release(&bytes);
        back_end(&back);
    }
}

static void test_head_bomb(void **state)
{
    (void)state;
    for (unsigned fields = 90; fields <= 300; fields += 30) {
        struct back back;
        back_begin(&back);
        struct buffer block = {0}, bytes = {0};
        raw_field(&block, SLICE(":status"), SLICE("200"));
        for (unsigned i = 0; i < fields; i++)
            raw_field(&block, SLICE("x-many"), SLICE("1"));
        raw_headers(&bytes, 1, RAW_END_STREAM, buffer_slice(&block));
        back_send(&back, &bytes);
        assert_int_equal(back.call->why, fields <= 100 ? STREAM_DONE : STREAM_PROTOCOL);
        assert_int_equal(back.alive, fields <= 200);
        buffer_release(&block);
        buffer_release(&bytes);
        back_end(&back);
    }
}

static void test_unread_body_is_bounded(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back);
    back.call->hold = true;
    struct buffer bytes = {0};
    send_status(&bytes, 1, 0, SLICE("200"));
    for (int i = 0; i < 5; i++)
        raw_frame(&bytes, RAW_DATA, 0, 1, pattern(16384));
    back_send(&back, &bytes);
    assert_true(buffer_len(&back.call->body) <= STREAM_WINDOW_BYTES);
    assert_int_equal(back.call->why, STREAM_PROTOCOL); /* it sent beyond the window */
    buffer_release(&bytes);
    back_end(&back);
}

static void test_trailers_relayed_are_few(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back);
    struct buffer bytes = {0}, block = {0};
    send_status(&bytes, 1, 0, SLICE("200"));
    raw_field(&block, SLICE("grpc-status"), SLICE("0"));
    raw_field(&block, SLICE("authorization"), SLICE("x"));
    raw_field(&block, SLICE("host"), SLICE("x"));
    raw_field(&block, SLICE("x-isochrone-cluster"), SLICE("x"));
    raw_field(&block, SLICE("x-t"), SLICE("1"));
    raw_headers(&bytes, 1, RAW_END_STREAM, buffer_slice(&block));
    back_send(&back, &bytes);
    assert_string_equal(back.call->trailers, "grpc-status=0;x-t=1;");
    buffer_release(&bytes);
    buffer_release(&block);
    back_end(&back);
}

UNIT_MAIN(test_answers, test_resets, test_goaway, test_peer_limit, test_connection_errors,
          test_head_bomb, test_unread_body_is_bounded, test_trailers_relayed_are_few)
