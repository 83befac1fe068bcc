/*
 * HTTP/2 peers that break rules: floods, smuggling and whatever else a codec
 * can meet, written frame by frame.
 */
#include "h2_raw.h"
#include "pair.h"

struct front {
    struct pair *pair; /* only its server is used */
    struct buffer out; /* all it produced */
    bool alive;
    int64_t now_ns;
};

static void front_produce(struct front *front)
{
    char bytes[4096];
    size_t n;
    do {
        n = codec_produce(front->pair->server, bytes, sizeof bytes);
        buffer_append(&front->out, bytes, n);
    } while (n > 0);
}

static void front_send(struct front *front, struct buffer *bytes)
{
    if (front->alive)
        front->alive = codec_feed(front->pair->server, buffer_slice(bytes), front->now_ns);
    buffer_clear(bytes);
    front_produce(front);
}

static void front_begin(struct front *front)
{
    *front = (struct front){.pair = pair_create(true, 65536), .alive = true, .now_ns = NS_PER_S};
    struct buffer bytes = {0};
    raw_preface(&bytes);
    raw_frame(&bytes, RAW_SETTINGS, RAW_ACK, 0, SLICE_NONE);
    front_send(front, &bytes);
    buffer_release(&bytes);
}

static void front_end(struct front *front)
{
    pair_destroy(front->pair);
    buffer_release(&front->out);
}

struct seen {
    int64_t goaway, reset; /* error codes, -1 none */
    unsigned headers;
    bool error_object;
};

static struct seen front_seen(const struct front *front)
{
    struct seen seen = {.goaway = -1, .reset = -1};
    struct raw_reader reader = {.rest = buffer_slice(&front->out)};
    while (raw_next(&reader)) {
        if (reader.type == RAW_GOAWAY)
            seen.goaway = raw_read_u32(reader.payload, 4);
        else if (reader.type == RAW_RST_STREAM)
            seen.reset = raw_read_u32(reader.payload, 0);
        else if (reader.type == RAW_HEADERS)
            seen.headers++;
        else if (reader.type == RAW_DATA && slice_starts(reader.payload, SLICE("{\"error\":")))
            seen.error_object = true;
    }
    return seen;
}

enum outcome { TAKEN, RESET, ANSWERED };

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

static const struct {
    struct pair_of fields[8]; /* replace those of a good request by name, or are added */
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
    static const struct pair_of good[] = {F(":method", "POST"), F(":scheme", "http"),
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
        struct front front;
        front_begin(&front);
        struct buffer block = {0}, bytes = {0};
        write_head(&block, row);
        raw_headers(&bytes, 1, 0, buffer_slice(&block));
        raw_frame(&bytes, RAW_DATA, RAW_END_STREAM, 1, SLICE("abc"));
        front_send(&front, &bytes);
        const struct seen seen = front_seen(&front);
        const bool taken = front.pair->request_count == 1 && front.pair->requests[0].ended;
        enum outcome outcome = taken ? TAKEN : seen.headers > 0 ? ANSWERED : RESET;
        const bool right = outcome == heads[row].outcome && front.alive && seen.goaway == -1 &&
                           (outcome != RESET || seen.reset == H2_PROTOCOL_ERROR) &&
                           (outcome != ANSWERED ||
                            (seen.error_object && front.pair->refused_fault == heads[row].fault));
        if (!right) {
            print_message("row %zu %.*s: outcome %d, reset %d, goaway %d, fault %d\n", row,
                          SLICE_ARG(heads[row].fields[0].name), (int)outcome, (int)seen.reset,
                          (int)seen.goaway, (int)front.pair->refused_fault);
            failures++;
        }
        buffer_release(&block);
        buffer_release(&bytes);
        front_end(&front);
    }
    assert_int_equal(failures, 0);
}

static void open_request(struct front *front, uint32_t id, int flags)
{
    struct buffer block = {0}, bytes = {0};
    raw_request_fields(&block);
    raw_headers(&bytes, id, flags, buffer_slice(&block));
    front_send(front, &bytes);
    buffer_release(&block);
    buffer_release(&bytes);
}

static void test_carried_fields(void **state)
{
    (void)state;
    struct front front;
    front_begin(&front);
    struct buffer block = {0}, bytes = {0};
    raw_request_fields(&block);
    raw_field(&block, SLICE("cookie"), SLICE("a=1"));
    raw_field(&block, SLICE("te"), SLICE("trailers"));
    raw_field(&block, SLICE("x-b"), SLICE(""));
    raw_field(&block, SLICE("cookie"), SLICE("b=2"));
    raw_field(&block, SLICE("http2-settings"), SLICE("AA"));
    raw_headers(&bytes, 1, RAW_END_STREAM, buffer_slice(&block));
    front_send(&front, &bytes);
    assert_int_equal(front.pair->request_count, 1);
    assert_string_equal(front.pair->requests[0].fields, "cookie=a=1; b=2;x-b=;");
    assert_false(front.pair->requests[0].request.body);
    buffer_release(&block);
    buffer_release(&bytes);
    front_end(&front);
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
        struct front front;
        front_begin(&front);
        struct buffer block = {0}, bytes = {0};
        raw_request_fields(&block);
        raw_field(&block, SLICE("content-length"), slice_of(rows[i].length));
        const bool data = rows[i].data[0] != '\0';
        raw_headers(&bytes, 1, data ? 0 : RAW_END_STREAM, buffer_slice(&block));
        if (data)
            raw_frame(&bytes, RAW_DATA, rows[i].end_with_trailers ? 0 : RAW_END_STREAM, 1,
                      slice_of(rows[i].data));
        buffer_clear(&block);
        raw_field(&block, SLICE("x-t"), SLICE("1"));
        if (rows[i].end_with_trailers)
            raw_headers(&bytes, 1, RAW_END_STREAM, buffer_slice(&block));
        front_send(&front, &bytes);
        assert_int_equal(front.pair->request_count, data); /* else nobody heard of it */
        if (data) {
            assert_false(front.pair->requests[0].ended);
            assert_true(front.pair->requests[0].closed);
            assert_int_equal(front.pair->requests[0].why, STREAM_PROTOCOL);
        }
        assert_int_equal(front_seen(&front).reset, H2_PROTOCOL_ERROR);
        buffer_release(&block);
        buffer_release(&bytes);
        front_end(&front);
    }
}

/* Row 50: what frames a message comes before it, and pseudo headers are no trailers. */
static void test_trailers(void **state)
{
    (void)state;
    static const struct {
        struct pair_of field;
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
        struct front front;
        front_begin(&front);
        open_request(&front, 1, 0);
        struct buffer block = {0}, bytes = {0};
        raw_field(&block, rows[i].field.name, rows[i].field.value);
        raw_frame(&bytes, RAW_DATA, 0, 1, SLICE("abc"));
        raw_headers(&bytes, 1, RAW_END_STREAM, buffer_slice(&block));
        front_send(&front, &bytes);
        assert_int_equal(front.pair->requests[0].ended, rows[i].taken);
        assert_int_equal(front_seen(&front).reset, rows[i].taken ? -1 : H2_PROTOCOL_ERROR);
        buffer_release(&block);
        buffer_release(&bytes);
        front_end(&front);
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
        struct front front;
        front_begin(&front);
        struct buffer block = {0}, bytes = {0};
        raw_request_fields(&block);
        for (unsigned f = 0; f < rows[i].fields; f++)
            raw_field(&block, rows[i].cookie ? SLICE("cookie") : SLICE("x-many"),
                      pattern(rows[i].value));
        struct slice rest = buffer_slice(&block);
        for (bool first = true; rest.len > 0; first = false) {
            const size_t n = rest.len < 16384 ? rest.len : 16384;
            raw_frame(&bytes, first ? RAW_HEADERS : RAW_CONTINUATION,
                      (first ? RAW_END_STREAM : 0) | (n == rest.len ? RAW_END_HEADERS : 0), 1,
                      slice_make(rest.ptr, n));
            rest = slice_make(rest.ptr + n, rest.len - n);
        }
        front_send(&front, &bytes);
        const struct seen seen = front_seen(&front);
        assert_int_equal(front.alive, !rows[i].gone);
        if (i == 0) {
            assert_int_equal(front.pair->request_count, 1);
        } else if (!rows[i].gone) {
            assert_int_equal(front.pair->refused_fault, FAULT_HEAD_TOO_LARGE);
            assert_true(seen.error_object);
        } else {
            assert_int_equal(seen.goaway, H2_ENHANCE_YOUR_CALM);
            assert_true(codec_finished(front.pair->server));
        }
        buffer_release(&block);
        buffer_release(&bytes);
        front_end(&front);
    }
}

struct flood {
    int type, flags;
    bool on_stream; /* an open one, else 0 */
    struct slice payload;
};

static unsigned flood(const struct flood *flood, unsigned most, int64_t spacing_ns,
                      struct front *front)
{
    front_begin(front);
    open_request(front, 1, 0);
    struct buffer bytes = {0};
    unsigned sent = 0;
    while (front->alive && sent < most) {
        raw_frame(&bytes, flood->type, flood->flags, flood->on_stream ? 1 : 0, flood->payload);
        front->now_ns += spacing_ns;
        front_send(front, &bytes);
        sent++;
    }
    buffer_release(&bytes);
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
        struct front front;
        const unsigned sent = flood(&floods[i], 1000, 0, &front);
        if (sent > 300)
            fail_msg("flood %zu: %u frames taken", i, sent);
        assert_non_null(codec_failure(front.pair->server));
        assert_int_equal(front_seen(&front).goaway, H2_ENHANCE_YOUR_CALM);
        assert_true(codec_finished(front.pair->server));
        assert_int_equal(front.pair->requests[0].why, STREAM_PROTOCOL);
        front_end(&front);
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
        struct front front;
        assert_int_equal(flood(&floods[i], 1000, NS_PER_S / 9, &front), 1000);
        assert_true(front.alive);
        front_end(&front);
    }
}

/* Row 1: rapid reset.  Rows 3 and 4: streams that make us reset. */
static void test_reset_floods(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct front front;
        front_begin(&front);
        struct buffer block = {0}, bytes = {0};
        raw_request_fields(&block);
        if (kind == 1)
            raw_field(&block, SLICE("x-bad"), SLICE("a\nb"));
        unsigned sent = 0;
        for (uint32_t id = 1; front.alive && sent < 1000; id += 2, sent++) {
            raw_headers(&bytes, id, RAW_END_STREAM, buffer_slice(&block));
            if (kind == 0)
                raw_frame(&bytes, RAW_RST_STREAM, 0, id, slice_make("\0\0\0\010", 4));
            front_send(&front, &bytes);
            if (codec_finished(front.pair->server))
                break;
        }
        assert_true(sent <= 250);
        assert_non_null(codec_failure(front.pair->server));
        assert_true(front_seen(&front).goaway > 0);
        buffer_release(&block);
        buffer_release(&bytes);
        front_end(&front);
    }
}

/* Row 5. */
static void test_continuation_flood(void **state)
{
    (void)state;
    struct front front;
    front_begin(&front);
    struct buffer bytes = {0}, block = {0};
    raw_request_fields(&block);
    raw_frame(&bytes, RAW_HEADERS, 0, 1, buffer_slice(&block));
    front_send(&front, &bytes);
    assert_true(codec_head_begun(front.pair->server));
    unsigned sent = 0;
    for (; front.alive && sent < 1000; sent++) {
        raw_frame(&bytes, RAW_CONTINUATION, 0, 1, SLICE_NONE);
        front_send(&front, &bytes);
    }
    assert_true(sent <= 100);
    buffer_release(&bytes);
    buffer_release(&block);
    front_end(&front);
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
    struct front front;
    front_begin(&front);
    open_request(&front, 1, 0);
    respond(&front.pair->requests[0], 413, SLICE("no"));
    front_produce(&front);
    assert_int_equal(front_seen(&front).reset, H2_NO_ERROR);
    assert_int_equal(front.pair->requests[0].why, STREAM_DONE);
    front_end(&front);
}

/* Row 17: what a client does not read is not sent, and not buffered without bound. */
static void test_closed_window(void **state)
{
    (void)state;
    struct front front;
    *(&front) = (struct front){.pair = pair_create(true, 65536), .alive = true};
    struct buffer bytes = {0};
    buffer_append_slice(&bytes, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    raw_frame(&bytes, RAW_SETTINGS, 0, 0, slice_make("\0\004\0\0\0\0", 6));
    front_send(&front, &bytes);
    open_request(&front, 1, RAW_END_STREAM);
    respond_head(&front.pair->requests[0], 200, -1, false);
    stream_send_body(front.pair->requests[0].stream, pattern(70000));
    front_produce(&front);
    assert_int_equal(stream_queued(front.pair->requests[0].stream), 70000);
    raw_frame(&bytes, RAW_WINDOW_UPDATE, 0, 1, slice_make("\0\0\0\012", 4));
    front_send(&front, &bytes);
    assert_int_equal(stream_queued(front.pair->requests[0].stream), 69990);
    stream_reset(front.pair->requests[0].stream, H2_CANCEL);
    front_produce(&front);
    assert_int_equal(front_seen(&front).reset, H2_CANCEL);
    assert_int_equal(codec_stream_count(front.pair->server), 0);
    buffer_release(&bytes);
    front_end(&front);
}

/* Unconsumed bodies close their stream's window, not the others'. */
static void test_body_window(void **state)
{
    (void)state;
    struct front front;
    front_begin(&front);
    front.pair->hold = true;
    open_request(&front, 1, 0);
    open_request(&front, 3, 0);
    struct buffer bytes = {0};
    for (int i = 0; i < 16; i++)
        raw_frame(&bytes, RAW_DATA, 0, 1, pattern(16384));
    front_send(&front, &bytes);
    assert_true(front.alive);
    assert_int_equal(buffer_len(&front.pair->requests[0].body), 16 * 16384);
    raw_frame(&bytes, RAW_DATA, 0, 3, pattern(16384));
    front_send(&front, &bytes);
    assert_int_equal(front_seen(&front).reset, -1);
    raw_frame(&bytes, RAW_DATA, 0, 1, pattern(1)); /* beyond the window */
    front_send(&front, &bytes);
    assert_int_equal(front_seen(&front).reset, H2_FLOW_CONTROL_ERROR);
    buffer_release(&bytes);
    front_end(&front);
}

UNIT_MAIN(test_heads, test_carried_fields, test_content_length_must_match, test_trailers,
          test_head_limits, test_floods, test_slow_frames_are_no_flood, test_reset_floods,
          test_continuation_flood, test_not_http2, test_early_answer_stops_the_upload,
          test_closed_window, test_body_window)
