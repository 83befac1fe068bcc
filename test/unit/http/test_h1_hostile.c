/*
 * HTTP/1.1 requests and responses that must not pass: the table of hostile
 * inputs, whole and byte by byte.  What does pass is there too, so that a
 * parser refusing all would fail.
 */
#include "peer.h"

struct row {
    const char *request;
    int status; /* of the refusal; 0: taken */
};

#define H "Host: a.test\r\n"

static const struct row requests[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", 0},
    {"\r\nGET / HTTP/1.1\r\n" H "\r\n", 0},
    {"GET /a?b=%20c HTTP/1.1\r\n" H "\r\n", 0},
    {"GET / HTTP/1.0\r\n\r\n", 0},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 0},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 005\r\n\r\nhello", 0},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", 0},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n05\r\nhello\r\n0\r\nA: b\r\n\r\n",
     0},
    {"GET / HTTP/1.1\r\n" H "X-Utf8: gr\xc3\xbc\xc3\x9f\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
     0},
    /* CVE-2023-30589, CVE-2025-23167 and their like */
    {"GET / HTTP/1.1\r\n" H "X-Abc:\rxTransfer-Encoding: chunked\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: y\r\n\rX", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\nhello", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n", 400},
    {"GET / HTTP/1.1\n" H "\n", 400},
    {"GET / HTTP/1.1\r\nHost: a.test\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X:\r\n b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n X: a\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\r\n \r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H ": empty\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X Y: z\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X(: z\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\001b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\177b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "transfer_encoding: chunked\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a.test,b.test\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"GET /\r\n\r\n", 400},
    {"GET / HTTP/0.9\r\n" H "\r\n", 400},
    {"GET / HTTP/1.2\r\n" H "\r\n", 400},
    {"GET / HTTP/2.0\r\n" H "\r\n", 400},
    {"GET / HTTP/11\r\n" H "\r\n", 400},
    {"GET / http/1.1\r\n" H "\r\n", 400},
    {"GET  / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1 \r\n" H "\r\n", 400},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"GET /#f HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /%00 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /\xc3\xbc HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /a\\b HTTP/1.1\r\n" H "\r\n", 400},
    {"GET * HTTP/1.1\r\n" H "\r\n", 400},
    {"GET http://a.test/ HTTP/1.1\r\n" H "\r\n", 400},
    {"CONNECT a.test:443 HTTP/1.1\r\n" H "\r\n", 405},
    {"TRACE / HTTP/1.1\r\n" H "\r\n", 405},
    {"PROPFIND / HTTP/1.1\r\n" H "\r\n", 405},
    {"get / HTTP/1.1\r\n" H "\r\n", 405},
    {"G\x80T / HTTP/1.1\r\n" H "\r\n", 405},
    {"POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417},
    {"\x16\x03\x01\x02\x00\x01", 405}, /* TLS on a cleartext port */
};

static void front_begin(struct peer *front, size_t piece)
{
    peer_open(front, false, true, piece);
}

static int front_status(struct peer *front)
{
    buffer_append_byte(&front->out, '\0');
    int status = 0;
    (void)sscanf(front->out.memory + front->out.start, "HTTP/1.1 %d ", &status);
    front->out.end--;
    return status;
}

static void test_requests(void **state)
{
    (void)state;
    static const size_t pieces[] = {65536, 1, 3};
    int failures = 0;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            struct peer front;
            front_begin(&front, pieces[p]);
            peer_send(&front, slice_of(requests[i].request));
            const int status = front_status(&front);
            const bool complete = front.pair->request_count == 1 && front.pair->requests[0].ended;
            if (requests[i].status == 0 && (!complete || status != 0 || !front.alive))
                failures++, print_message("not taken: %s (%d)\n", requests[i].request, status);
            if (requests[i].status != 0 && (complete || status != requests[i].status))
                failures++, print_message("piece %zu: %d instead of %d: %s\n", pieces[p], status,
                                          requests[i].status, requests[i].request);
            if (requests[i].status != 0 && !complete) {
                assert_false(front.alive);
                assert_non_null(codec_failure(front.codec));
                assert_true(codec_finished(front.codec));
                assert_non_null(memmem(front.out.memory, buffer_len(&front.out), "{\"error\":", 9));
                assert_int_equal(front.pair->refused, 1);
            }
            peer_finish(&front);
        }
    }
    assert_int_equal(failures, 0);
}

static void test_framing_fields_are_not_carried(void **state)
{
    (void)state;
    static const char text[] =
        "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n"
        "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
        "TE: trailers\r\nExpect: 100-continue\r\nTrailer: x-a\r\nX-Kept:  a b \r\n"
        "Cookie: a=1\r\nCookie: b=2\r\nContent-Length: 2\r\n\r\n{}";
    struct peer front;
    front_begin(&front, 5);
    peer_send(&front, slice_of(text));
    assert_int_equal(front.pair->request_count, 1);
    const struct message *request = &front.pair->requests[0];
    assert_string_equal(request->fields, "x-kept=a b;cookie=a=1; b=2;");
    assert_true(request->request.expect_continue && request->request.takes_trailers);
    assert_true(slice_starts(buffer_slice(&front.out), SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
    peer_finish(&front);
}

static void refuse_401(struct message *request)
{
    respond(request, 401, SLICE("no"));
}

static void test_final_answer_instead_of_continue(void **state)
{
    (void)state;
    static const char text[] = "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\n"
                               "Content-Length: 2\r\n\r\n";
    struct peer front;
    front_begin(&front, 65536);
    front.pair->on_request = refuse_401;
    peer_send(&front, slice_of(text));
    assert_int_equal(front_status(&front), 401);
    assert_non_null(memmem(front.out.memory, buffer_len(&front.out), "connection: close", 17));
    peer_finish(&front);
}

static void test_small_rest_keeps_the_connection(void **state)
{
    (void)state;
    static const char text[] = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    struct peer front;
    front_begin(&front, 1);
    front.pair->on_request = refuse_401;
    for (int i = 0; i < 3; i++)
        peer_send(&front, slice_of(text));
    assert_int_equal(front.pair->request_count, 3);
    assert_true(front.alive);
    assert_false(codec_finished(front.codec));
    assert_null(memmem(front.out.memory, buffer_len(&front.out), "connection: close", 17));
    peer_finish(&front);
}

static void test_pipelined_requests_take_turns(void **state)
{
    (void)state;
    static const char text[] = "GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n"
                               "GET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n"
                               "GET /3 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
                               "GET /4 HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for (size_t piece = 1; piece < 200; piece += 13) {
        struct peer front;
        front_begin(&front, piece);
        peer_send(&front, slice_of(text));
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(front.pair->request_count, i + 1);
            char path[4] = {'/', (char)('1' + i), '\0'};
            assert_true(slice_eq(front.pair->requests[i].request.path, slice_of(path)));
            respond(&front.pair->requests[i], 200, SLICE("ok"));
            peer_produce(&front);
        }
        assert_int_equal(front.pair->request_count, 3); /* nothing behind `close` */
        assert_true(codec_finished(front.codec));
        peer_finish(&front);
    }
}

static void test_head_limits(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct buffer text = {0};
        buffer_append_slice(&text, SLICE("GET /"));
        if (kind == 0)
            buffer_append_slice(&text, pattern(66000));
        buffer_append_slice(&text, SLICE(" HTTP/1.1\r\n" H));
        if (kind == 1)
            buffer_printf(&text, "x: %.*s\r\n", SLICE_ARG(pattern(66000)));
        for (int i = 0; kind == 2 && i < 101; i++)
            buffer_printf(&text, "x%d: y\r\n", i);
        for (int i = 0; kind == 3 && i < 140000; i++) /* blanks belong to no field */
            buffer_append_byte(&text, i == 0 ? 'x' : i == 1 ? ':' : ' ');
        buffer_append_slice(&text, SLICE("\r\n"));
        struct peer front;
        front_begin(&front, 1000);
        peer_send(&front, buffer_slice(&text));
        assert_int_equal(front_status(&front), 431);
        assert_int_equal(front.pair->refused_fault, FAULT_HEAD_TOO_LARGE);
        peer_finish(&front);
        buffer_release(&text);
    }
}

static void test_tiny_chunks_are_a_glitch(void **state)
{
    (void)state;
    struct peer front;
    front_begin(&front, 1000);
    static const char head[] = "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n";
    peer_send(&front, slice_of(head));
    struct buffer chunks = {0};
    for (int i = 0; i < 3000; i++)
        buffer_append_slice(&chunks, SLICE("00000000000001;aaaaaaaaaaaaaaaaa\r\nx\r\n"));
    peer_send(&front, buffer_slice(&chunks));
    assert_false(front.alive);
    assert_int_equal(front.pair->requests[0].why, STREAM_PROTOCOL);
    assert_int_equal(front_status(&front), 400);
    buffer_release(&chunks);
    peer_finish(&front);
}

static void test_half_close_and_loss(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\n" H "\r\n";
    for (int clean = 0; clean < 2; clean++) {
        struct peer front;
        front_begin(&front, 65536);
        peer_send(&front, slice_of(text));
        codec_end_of_input(front.codec, clean);
        assert_int_equal(front.pair->requests[0].closed, !clean);
        if (clean) {
            respond(&front.pair->requests[0], 200, SLICE("ok"));
            peer_produce(&front);
            assert_int_equal(front_status(&front), 200);
        }
        assert_true(codec_finished(front.codec));
        peer_finish(&front);
    }
}

static void test_slow_head_times_out(void **state)
{
    (void)state;
    struct peer front;
    front_begin(&front, 1);
    assert_false(codec_head_begun(front.codec));
    peer_send(&front, SLICE("GET / HT"));
    assert_true(codec_head_begun(front.codec));
    codec_timed_out(front.codec);
    peer_produce(&front);
    assert_int_equal(front_status(&front), 408);
    assert_true(codec_finished(front.codec));
    peer_finish(&front);
    front_begin(&front, 1);
    codec_timed_out(front.codec); /* idle: closes without a word */
    peer_produce(&front);
    assert_int_equal(buffer_len(&front.out), 0);
    assert_true(codec_finished(front.codec));
    peer_finish(&front);
}

static void test_shorter_than_promised_is_cut(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\n" H "\r\n";
    struct peer front;
    front_begin(&front, 65536);
    peer_send(&front, slice_of(text));
    respond_head(&front.pair->requests[0], 200, 10, false);
    stream_send_body(front.pair->requests[0].stream, SLICE("12345"));
    stream_send_end(front.pair->requests[0].stream, NULL);
    peer_produce(&front);
    assert_true(codec_aborted(front.codec));
    peer_finish(&front);
}

static void test_response_is_never_split(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\n" H "\r\n";
    struct peer front;
    front_begin(&front, 65536);
    peer_send(&front, slice_of(text));
    struct arena arena;
    arena_init(&arena);
    struct response_head head = {.status = 200, .content_length = 0};
    fields_add(&head.fields, &arena, SLICE("x-a"), SLICE("b\r\nset-cookie: c"));
    fields_add(&head.fields, &arena, SLICE("x b"), SLICE("c"));
    fields_add(&head.fields, &arena, SLICE("transfer-encoding"), SLICE("chunked"));
    fields_add(&head.fields, &arena, SLICE("x-ok"), SLICE("d"));
    stream_send_response(front.pair->requests[0].stream, &head, true);
    arena_finish(&arena);
    peer_produce(&front);
    assert_true(slice_eq(buffer_slice(&front.out),
                         SLICE("HTTP/1.1 200 OK\r\nx-ok: d\r\ncontent-length: 0\r\n\r\n")));
    peer_finish(&front);
}

UNIT_MAIN(test_requests, test_framing_fields_are_not_carried, test_final_answer_instead_of_continue,
          test_small_rest_keeps_the_connection, test_pipelined_requests_take_turns,
          test_head_limits, test_tiny_chunks_are_a_glitch, test_half_close_and_loss,
          test_slow_head_times_out, test_shorter_than_promised_is_cut, test_response_is_never_split)
