/*
 * HTTP/2 peers that break rules: floods, smuggling and whatever else a codec
 * can meet, written frame by frame.
 */
#include "h2_peer.h"

enum outcome { TAKEN, RESET, ANSWERED };

static const struct {
    struct raw_pair fields[8]; /* replace those of a good request by name, or are added */
    enum outcome outcome;
    enum fault fault; /* of an answer */
} heads[] = {
    {{F("x-a", "b")}, TAKEN, 0},
    {{F("te", "trailers")}, TAKEN, 0},
    {{F("content-length", "003")}, TAKEN, 0},
    {{F("host", "a.test")}, TAKEN, 0},
    {{F("http2-settings", "AAMAAABk")}, TAKEN, 0},
    {{F("x-8bit", "\xc3\xbc")}, TAKEN, 0},
    {{F(":path", "/a/../b;c%2f//?d")}, TAKEN, 0},
    {{F("x-a", "b\r\nc: d")}, RESET, 0},
    {{F("x-a", "b\nc")}, RESET, 0},
    {{F("x-a", "b\0c")}, RESET, 0},
    {{F("x-a", "b\001c")}, RESET, 0},
    {{F("x-a", "b\177c")}, RESET, 0},
    {{F("x-a", " b")}, RESET, 0},
    {{F("x-a", "b\t")}, RESET, 0},
    {{F("X-A", "b")}, RESET, 0},
    {{F("x a", "b")}, RESET, 0},
    {{F("x:a", "b")}, RESET, 0},
    {{F("", "b")}, RESET, 0},
    {{F("x\xff", "b")}, RESET, 0},
    {{F(":other", "b")}, RESET, 0},
    {{F("x-a", "b"), F(":late", "c")}, RESET, 0},
    {{F(":status", "200")}, RESET, 0},
    {{F(":protocol", "websocket")}, RESET, 0},
    {{F(":path", "")}, RESET, 0},
    {{F(":path", "x")}, RESET, 0},
    {{F(":path", "/a b")}, RESET, 0},
    {{F(":path", "*")}, RESET, 0},
    {{F(":path", "http://a.test/")}, RESET, 0},
    {{F(":path", "/#f")}, ANSWERED, FAULT_BAD_PATH},
    {{F(":path", "/\xc3\xbc")}, ANSWERED, FAULT_BAD_PATH},
    {{F(":path", "/%00")}, ANSWERED, FAULT_BAD_PATH},
    {{F(":method", "")}, RESET, 0},
    {{F(":method", "GE T")}, RESET, 0},
    {{F(":method", "GET\r\n")}, RESET, 0},
    {{F(":method", "get")}, ANSWERED, FAULT_BAD_METHOD},
    {{F(":method", "TRACE")}, ANSWERED, FAULT_BAD_METHOD},
    {{F(":method", "CONNECT")}, RESET, 0},
    {{F(":scheme", "https")}, ANSWERED, FAULT_BAD_REQUEST},
    {{F(":scheme", "ftp")}, ANSWERED, FAULT_BAD_REQUEST},
    {{F(":scheme", "h t")}, RESET, 0},
    {{F(":authority", "")}, RESET, 0},
    {{F(":authority", ""), F("host", "a.test")}, RESET, 0},
    {{F(":authority", "a b")}, RESET, 0},
    {{F(":authority", "a/b")}, RESET, 0},
    {{F(":authority", "u@a.test")}, ANSWERED, FAULT_BAD_AUTHORITY},
    {{F(":authority", "a.test,b.test")}, ANSWERED, FAULT_BAD_AUTHORITY},
    {{F("host", "b.test")}, ANSWERED, FAULT_BAD_AUTHORITY},
    {{F("host", "a.test"), F("host", "a.test")}, RESET, 0},
    {{F("content-length", "3"), F("content-length", "3")}, RESET, 0},
    {{F("content-length", "3"), F("content-length", "4")}, RESET, 0},
    {{F("content-length", "+3")}, RESET, 0},
    {{F("content-length", "-1")}, RESET, 0},
    {{F("content-length", "0x3")}, RESET, 0},
    {{F("content-length", "")}, RESET, 0},
    {{F("content-length", "99999999999999999999")}, RESET, 0},
    {{F("transfer-encoding", "chunked")}, RESET, 0},
    {{F("connection", "close")}, RESET, 0},
    {{F("keep-alive", "x")}, RESET, 0},
    {{F("proxy-connection", "x")}, RESET, 0},
    {{F("upgrade", "h2c")}, RESET, 0},
    {{F("te", "gzip")}, RESET, 0},
    {{F("transfer_encoding", "chunked")}, ANSWERED, FAULT_BAD_HEAD},
    {{F("expect", "200-ok")}, ANSWERED, FAULT_EXPECTATION},
};

static bool replaces(size_t row, struct slice name)
{
    for (size_t i = 0; i < 8 && heads[row].fields[i].name.ptr != NULL; i++) {
        if (name.ptr[0] == ':' && slice_eq(heads[row].fields[i].name, name))
            return true;
    }
    return false;
}

static void write_head(struct buffer *block, size_t row)
{
    static const struct raw_pair good[] = {F(":method", "POST"), F(":scheme", "http"),
                                           F(":path", "/v1/x"), F(":authority", "a.test")};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (!replaces(row, good[i].name))
            raw_field(block, good[i].name, good[i].value);
    }
    for (size_t i = 0; i < 8 && heads[row].fields[i].name.ptr != NULL; i++)
        raw_field(block, heads[row].fields[i].name, heads[row].fields[i].value);
}

static void test_heads(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t row = 0; row < COUNT_OF(heads); row++) {
        struct peer front;
        peer_begin(&front, true, SIZE_MAX);
        struct buffer block = {0};
        write_head(&block, row);
        raw_headers(&front.bytes, 1, 0, buffer_slice(&block));
        raw_frame(&front.bytes, RAW_DATA, RAW_END_STREAM, 1, SLICE("abc"));
        peer_flush(&front);
        const struct said said = peer_said(&front);
        const bool taken = front.pair->request_count == 1 && front.pair->requests[0].ended;
        enum outcome outcome = taken ? TAKEN : said.heads > 0 ? ANSWERED : RESET;
        const bool right = outcome == heads[row].outcome && front.alive && said.goaway == -1 &&
                           (outcome != RESET || said.reset == H2_PROTOCOL_ERROR) &&
                           (outcome != ANSWERED ||
                            (said.error_object && front.pair->refused_fault == heads[row].fault));
        if (!right) {
            print_message("row %zu %.*s: outcome %d, reset %d, goaway %d, fault %d\n", row,
                          SLICE_ARG(heads[row].fields[0].name), (int)outcome, (int)said.reset,
                          (int)said.goaway, (int)front.pair->refused_fault);
            failures++;
        }
        buffer_release(&block);
        peer_finish(&front);
    }
    assert_int_equal(failures, 0);
}

static void open_request(struct peer *front, uint32_t id, int flags)
{
    struct buffer block = {0};
    raw_request_fields(&block);
    raw_headers(&front->bytes, id, flags, buffer_slice(&block));
    peer_flush(front);
    buffer_release(&block);
}

static void test_carried_fields(void **state)
{
    (void)state;
    struct peer front;
    peer_begin(&front, true, SIZE_MAX);
    struct buffer block = {0};
    raw_request_fields(&block);
    raw_field(&block, SLICE("cookie"), SLICE("a=1"));
    raw_field(&block, SLICE("te"), SLICE("trailers"));
    raw_field(&block, SLICE("x-b"), SLICE(""));
    raw_field(&block, SLICE("cookie"), SLICE("b=2"));
    raw_field(&block, SLICE("http2-settings"), SLICE("AA"));
    raw_headers(&front.bytes, 1, RAW_END_STREAM, buffer_slice(&block));
    peer_flush(&front);
    assert_int_equal(front.pair->request_count, 1);
    assert_string_equal(front.pair->requests[0].fields, "cookie=a=1; b=2;x-b=;");
    assert_false(front.pair->requests[0].request.body);
    buffer_release(&block);
    peer_finish(&front);
}

/* Rows 42 and 43. */
static void test_content_length_must_match(void **state)
{
    (void)state;
    static const struct {
        const char *length, *data;
        bool end_with_trailers;
    } rows[] = {{"5", "abc", false}, {"2", "abc", false}, {"5", "", false}, {"5", "abc", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer front;
        peer_begin(&front, true, SIZE_MAX);
        struct buffer block = {0};
        raw_request_fields(&block);
        raw_field(&block, SLICE("content-length"), slice_of(rows[i].length));
        const bool data = rows[i].data[0] != '\0';
        raw_headers(&front.bytes, 1, data ? 0 : RAW_END_STREAM, buffer_slice(&block));
        if (data)
            raw_frame(&front.bytes, RAW_DATA, rows[i].end_with_trailers ? 0 : RAW_END_STREAM, 1,
                      slice_of(rows[i].data));
        buffer_clear(&block);
        raw_field(&block, SLICE("x-t"), SLICE("1"));
        if (rows[i].end_with_trailers)
            raw_headers(&front.bytes, 1, RAW_END_STREAM, buffer_slice(&block));
        peer_flush(&front);
        assert_int_equal(front.pair->request_count, data); /* else nobody heard of it */
        if (data) {
            assert_false(front.pair->requests[0].ended);
            assert_true(front.pair->requests[0].closed);
            assert_int_equal(front.pair->requests[0].why, STREAM_PROTOCOL);
        }
        assert_int_equal(peer_said(&front).reset, H2_PROTOCOL_ERROR);
        buffer_release(&block);
        peer_finish(&front);
    }
}

/* Row 50: what frames a message comes before it, and pseudo headers are no trailers. */
static void test_trailers(void **state)
{
    (void)state;
    static const struct {
        struct raw_pair field;
        bool taken;
    } rows[] = {
        {F("x-t", "1"), true},
        {F("authorization", "x"), true},
        {F("content-length", "3"), false},
        {F("transfer-encoding", "chunked"), false},
        {F(":path", "/"), false},
        {F(":status", "200"), false},
        {F("connection", "close"), false},
        {F("X-T", "1"), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer front;
        peer_begin(&front, true, SIZE_MAX);
        open_request(&front, 1, 0);
        struct buffer block = {0};
        raw_field(&block, rows[i].field.name, rows[i].field.value);
        raw_frame(&front.bytes, RAW_DATA, 0, 1, SLICE("abc"));
        raw_headers(&front.bytes, 1, RAW_END_STREAM, buffer_slice(&block));
        peer_flush(&front);
        assert_int_equal(front.pair->requests[0].ended, rows[i].taken);
        assert_int_equal(peer_said(&front).reset, rows[i].taken ? -1 : H2_PROTOCOL_ERROR);
        buffer_release(&block);
        peer_finish(&front);
    }
}

/* Rows 14 and 15: answered with 431 above the limit, gone above twice that. */
static void test_head_limits(void **state)
{
    (void)state;
    static const struct {
        unsigned fields;
        size_t value;
        bool cookie, gone;
    } rows[] = {{99, 10, false, false},
                {101, 10, false, false},
                {101, 1, true, false},
                {3, 30000, false, false},
                {300, 1, false, true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer front;
        peer_begin(&front, true, SIZE_MAX);
        struct buffer block = {0};
        raw_request_fields(&block);
        for (unsigned f = 0; f < rows[i].fields; f++)
            raw_field(&block, rows[i].cookie ? SLICE("cookie") : SLICE("x-many"),
                      pattern(rows[i].value));
        struct slice rest = buffer_slice(&block);
        for (bool first = true; rest.len > 0; first = false) {
            const size_t n = rest.len < 16384 ? rest.len : 16384;
            raw_frame(&front.bytes, first ? RAW_HEADERS : RAW_CONTINUATION,
                      (first ? RAW_END_STREAM : 0) | (n == rest.len ? RAW_END_HEADERS : 0), 1,
                      slice_make(rest.ptr, n));
            rest = slice_make(rest.ptr + n, rest.len - n);
        }
        peer_flush(&front);
        const struct said said = peer_said(&front);
        assert_int_equal(front.alive, !rows[i].gone);
        if (i == 0) {
            assert_int_equal(front.pair->request_count, 1);
        } else if (!rows[i].gone) {
            assert_int_equal(front.pair->refused_fault, FAULT_HEAD_TOO_LARGE);
            assert_true(said.error_object);
        } else {
            assert_int_equal(said.goaway, H2_ENHANCE_YOUR_CALM);
            assert_true(codec_finished(front.codec));
        }
        buffer_release(&block);
        peer_finish(&front);
    }
}

struct flood {
    int type, flags;
    bool on_stream; /* an open one, else 0 */
    struct slice payload;
};

static unsigned flood(const struct flood *flood, unsigned most, int64_t spacing_ns,
                      struct peer *front)
{
    peer_begin(front, true, SIZE_MAX);
    open_request(front, 1, 0);
    unsigned sent = 0;
    while (front->alive && sent < most) {
        raw_frame(&front->bytes, flood->type, flood->flags, flood->on_stream ? 1 : 0,
                  flood->payload);
        front->pair->now_ns += spacing_ns;
        peer_flush(front);
        sent++;
    }
    return sent;
}

/* Rows 6 to 12: frames that cost the sender nothing. */
static void test_floods(void **state)
{
    (void)state;
    static const struct flood floods[] = {
        {RAW_PING, 0, false, {"12345678", 8}},
        {RAW_PING, RAW_ACK, false, {"12345678", 8}},
        {RAW_SETTINGS, 0, false, {NULL, 0}},
        {RAW_DATA, 0, true, {NULL, 0}},
        {RAW_DATA, RAW_PADDED, true, {"\003\0\0\0", 4}},
        {RAW_PRIORITY, 0, true, {"\0\0\0\003\020", 5}},
        {RAW_WINDOW_UPDATE, 0, false, {"\0\0\0\001", 4}},
        {RAW_WINDOW_UPDATE, 0, true, {"\0\0\0\001", 4}},
        {200, 0, false, {"junk", 4}},
        {16, 0, false, {"\0\0\0\001u=1", 7}}, /* PRIORITY_UPDATE */
    };
    for (size_t i = 0; i < COUNT_OF(floods); i++) {
        struct peer front;
        const unsigned sent = flood(&floods[i], 1000, 0, &front);
        if (sent > 300)
            fail_msg("flood %zu: %u frames taken", i, sent);
        assert_non_null(codec_failure(front.codec));
        assert_int_equal(peer_said(&front).goaway, H2_ENHANCE_YOUR_CALM);
        assert_true(codec_finished(front.codec));
        assert_int_equal(front.pair->requests[0].why, STREAM_PROTOCOL);
        peer_finish(&front);
    }
}

static void test_slow_frames_are_no_flood(void **state)
{
    (void)state;
    static const struct flood floods[] = {
        {RAW_PING, 0, false, {"12345678", 8}},
        {RAW_PRIORITY, 0, true, {"\0\0\0\003\020", 5}},
        {RAW_WINDOW_UPDATE, 0, true, {"\0\0\0\001", 4}},
    };
    for (size_t i = 0; i < COUNT_OF(floods); i++) {
        struct peer front;
        assert_int_equal(flood(&floods[i], 1000, NS_PER_S / 9, &front), 1000);
        assert_true(front.alive);
        peer_finish(&front);
    }
}

/* Row 1: rapid reset.  Rows 3 and 4: streams that make us reset. */
static void test_reset_floods(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct peer front;
        peer_begin(&front, true, SIZE_MAX);
        struct buffer block = {0};
        raw_request_fields(&block);
        if (kind == 1)
            raw_field(&block, SLICE("x-bad"), SLICE("a\nb"));
        unsigned sent = 0;
        for (uint32_t id = 1; front.alive && sent < 1000; id += 2, sent++) {
            raw_headers(&front.bytes, id, RAW_END_STREAM, buffer_slice(&block));
            if (kind == 0)
                raw_reset(&front.bytes, id, H2_CANCEL);
            peer_flush(&front);
            if (codec_finished(front.codec))
                break;
        }
        assert_true(sent <= 250);
        assert_non_null(codec_failure(front.codec));
        assert_true(peer_said(&front).goaway > 0);
        buffer_release(&block);
        peer_finish(&front);
    }
}

/* Row 5. */
static void test_continuation_flood(void **state)
{
    (void)state;
    struct peer front;
    peer_begin(&front, true, SIZE_MAX);
    struct buffer block = {0};
    raw_request_fields(&block);
    raw_frame(&front.bytes, RAW_HEADERS, 0, 1, buffer_slice(&block));
    peer_flush(&front);
    assert_true(codec_head_begun(front.codec));
    unsigned sent = 0;
    for (; front.alive && sent < 1000; sent++) {
        raw_frame(&front.bytes, RAW_CONTINUATION, 0, 1, SLICE_NONE);
        peer_flush(&front);
    }
    assert_true(sent <= 100);
    buffer_release(&block);
    peer_finish(&front);
}

static void test_not_http2(void **state)
{
    (void)state;
    struct pair *pair = pair_create(true, 65536);
    assert_false(codec_feed(pair->server, SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0));
    assert_non_null(codec_failure(pair->server));
    assert_int_equal(http_sniff(SLICE("GET / HTTP/1.1")), SNIFF_H1);
    assert_int_equal(http_sniff(SLICE("")), SNIFF_MORE);
    assert_int_equal(http_sniff(SLICE("PRI * HTTP/2.0\r\n")), SNIFF_MORE);
    assert_int_equal(http_sniff(SLICE("PRI * HTTP/1.1\r\n")), SNIFF_H1);
    assert_int_equal(http_sniff(SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n...")), SNIFF_H2);
    assert_int_equal(http_sniff(SLICE("P")), SNIFF_MORE);
    pair_destroy(pair);
}

/* Row 57: an answer before the request's end. */
static void test_early_answer_stops_the_upload(void **state)
{
    (void)state;
    struct peer front;
    peer_begin(&front, true, SIZE_MAX);
    open_request(&front, 1, 0);
    respond(&front.pair->requests[0], 413, SLICE("no"));
    peer_produce(&front);
    assert_int_equal(peer_said(&front).reset, H2_NO_ERROR);
    assert_int_equal(front.pair->requests[0].why, STREAM_DONE);
    peer_finish(&front);
}

/* Row 17: what a client does not read is not sent, and not buffered without bound. */
static void test_closed_window(void **state)
{
    (void)state;
    struct peer front;
    peer_init(&front, true, SIZE_MAX);
    buffer_append_slice(&front.bytes, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    raw_setting(&front.bytes, RAW_INITIAL_WINDOW_SIZE, 0);
    peer_flush(&front);
    open_request(&front, 1, RAW_END_STREAM);
    respond_head(&front.pair->requests[0], 200, -1, false);
    stream_send_body(front.pair->requests[0].stream, pattern(70000));
    peer_produce(&front);
    assert_int_equal(stream_queued(front.pair->requests[0].stream), 70000);
    raw_window_update(&front.bytes, 1, 10);
    peer_flush(&front);
    assert_int_equal(stream_queued(front.pair->requests[0].stream), 69990);
    stream_reset(front.pair->requests[0].stream, H2_CANCEL);
    peer_produce(&front);
    assert_int_equal(peer_said(&front).reset, H2_CANCEL);
    assert_int_equal(codec_stream_count(front.codec), 0);
    peer_finish(&front);
}

/* Unconsumed bodies close their stream's window, not the others'. */
static void test_body_window(void **state)
{
    (void)state;
    struct peer front;
    peer_begin(&front, true, SIZE_MAX);
    front.pair->hold = true;
    open_request(&front, 1, 0);
    open_request(&front, 3, 0);
    for (int i = 0; i < 16; i++)
        raw_frame(&front.bytes, RAW_DATA, 0, 1, pattern(16384));
    peer_flush(&front);
    assert_true(front.alive);
    assert_int_equal(buffer_len(&front.pair->requests[0].body), 16 * 16384);
    raw_frame(&front.bytes, RAW_DATA, 0, 3, pattern(16384));
    peer_flush(&front);
    assert_int_equal(peer_said(&front).reset, -1);
    raw_frame(&front.bytes, RAW_DATA, 0, 1, pattern(1)); /* beyond the window */
    peer_flush(&front);
    assert_int_equal(peer_said(&front).reset, H2_FLOW_CONTROL_ERROR);
    peer_finish(&front);
}

UNIT_MAIN(test_heads, test_carried_fields, test_content_length_must_match, test_trailers,
          test_head_limits, test_floods, test_slow_frames_are_no_flood, test_reset_floods,
          test_continuation_flood, test_not_http2, test_early_answer_stops_the_upload,
          test_closed_window, test_body_window)
