/*
 * HTTP/2 frames that crossed ours on the way: behind a GOAWAY, a cut, a refusal;
 * and those that come before their time.
 */
#include "h2_back.h"

/* :method POST, :scheme http, :path /, :authority a.test */
#define POST "\203\206\204\001\006a.test"
#define BREW "\002\004BREW\206\204\001\006a.test"
#define AT_FRAGMENT "\203\206\004\003/#f\001\006a.test"
#define LENGTH_4 "\017\015\0014"      /* content-length: 4 */
#define X_TEST "\100\006x-test\002ok" /* into the table, as */
#define X_TEST_AGAIN "\276"

/* Streams that the client opened before our last GOAWAY came to it end nobody else's. */
static void test_behind_the_last_goaway(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct peer peer;
        peer_begin(&peer, true, pieces[p]);
        raw_headers(&peer.bytes, 1, 0, SLICE(POST));
        peer_flush(&peer);
        codec_shutdown(peer.codec);
        codec_shutdown(peer.codec);
        peer_produce(&peer);
        raw_headers(&peer.bytes, 3, 0, SLICE(POST X_TEST));
        raw_frame(&peer.bytes, RAW_DATA, 0, 3, SLICE("test"));
        raw_window_update(&peer.bytes, 3, 1000);
        raw_headers(&peer.bytes, 3, RAW_END_STREAM, SLICE("\000\006x-test\002ok"));
        raw_headers(&peer.bytes, 5, 0, SLICE(POST));
        raw_reset(&peer.bytes, 5, H2_CANCEL);
        raw_frame(&peer.bytes, RAW_DATA, RAW_END_STREAM, 1, SLICE("test"));
        peer_flush(&peer);
        assert_true(peer.alive);
        assert_int_equal(peer.pair->request_count, 1);
        assert_true(peer.pair->requests[0].ended);
        assert_false(codec_finished(peer.codec));
        respond(&peer.pair->requests[0], 200, SLICE("ok"));
        peer_produce(&peer);
        const struct said said = peer_said(&peer);
        assert_int_equal(said.goaway, H2_NO_ERROR);
        assert_int_equal(said.last_id, 1);
        assert_int_equal(said.heads, 1);
        assert_int_equal(said.data, 2);
        assert_true(codec_finished(peer.codec));
        peer_finish(&peer);
    }
}

/* The body of a request that was refused for its head counts for nothing: the answer arrives. */
static void test_body_of_a_refused_request(void **state)
{
    (void)state;
    static const struct {
        struct slice head, body;
        enum fault fault;
    } rows[] = {
        {S(BREW LENGTH_4), S("test"), FAULT_BAD_METHOD},
        {S(BREW LENGTH_4), S("more than it said"), FAULT_BAD_METHOD},
        {S(BREW LENGTH_4), S(""), FAULT_BAD_METHOD},
        {S(AT_FRAGMENT LENGTH_4), S("test"), FAULT_BAD_PATH},
    };
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            struct peer peer;
            peer_begin(&peer, true, pieces[p]);
            raw_headers(&peer.bytes, 1, 0, rows[i].head);
            raw_frame(&peer.bytes, RAW_DATA, RAW_END_STREAM, 1, rows[i].body);
            peer_flush(&peer);
            const struct said said = peer_said(&peer);
            assert_int_equal(peer.pair->refused_fault, rows[i].fault);
            assert_int_equal(said.heads, 1);
            assert_true(said.data > 0);
            assert_true(said.reset <= H2_NO_ERROR);
            assert_int_equal(said.goaway, -1);
            peer_finish(&peer);
        }
    }
}

/* The answer broke while the client still uploads: what there was of it arrives. */
static void test_behind_a_cut(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(pieces); p++) {
        struct peer peer;
        peer_begin(&peer, true, pieces[p]);
        raw_headers(&peer.bytes, 1, 0, SLICE(POST));
        peer_flush(&peer);
        respond_head(&peer.pair->requests[0], 200, -1, false);
        stream_send_body(peer.pair->requests[0].stream, SLICE("some"));
        stream_send_cut(peer.pair->requests[0].stream, H2_INTERNAL_ERROR);
        peer_produce(&peer);
        assert_int_equal(peer.pair->requests[0].why, STREAM_RESET);
        assert_int_equal(peer_said(&peer).data, 4);
        raw_frame(&peer.bytes, RAW_DATA, 0, 1, SLICE("test"));
        raw_headers(&peer.bytes, 1, RAW_END_STREAM, SLICE(X_TEST));
        raw_headers(&peer.bytes, 3, RAW_END_STREAM, SLICE(POST X_TEST_AGAIN));
        peer_flush(&peer);
        const struct said said = peer_said(&peer);
        assert_int_equal(said.reset, H2_INTERNAL_ERROR);
        assert_int_equal(said.goaway, -1);
        assert_int_equal(peer.pair->request_count, 2);
        assert_string_equal(peer.pair->requests[1].fields, "x-test=ok;");
        peer_finish(&peer);
    }
}

/* An upload that does not hear of our reset, while many other requests come and go. */
static void test_behind_a_reset_long_past(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    raw_headers(&peer.bytes, 1, 0, SLICE(POST));
    peer_flush(&peer);
    stream_reset(peer.pair->requests[0].stream, H2_CANCEL);
    for (uint32_t i = 1; i < 200; i++) {
        raw_headers(&peer.bytes, 1 + 2 * i, RAW_END_STREAM, SLICE(POST));
        peer_flush(&peer);
        respond(&peer.pair->requests[i], 200, SLICE("ok"));
        raw_frame(&peer.bytes, RAW_DATA, 0, 1, SLICE("test"));
        peer_flush(&peer);
    }
    const struct said said = peer_said(&peer);
    assert_int_equal(said.goaway, -1);
    assert_int_equal(said.resets, 1);
    assert_int_equal(said.heads, 199);
    peer_finish(&peer);
}

/* RFC 9113 6.8: no new streams behind any GOAWAY, not even a notice. */
static void test_goaway_before_the_request_went(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    struct message *unsent = pair_call(back.peer.pair, "POST", "/", NULL, 0);
    raw_goaway(&back.peer.bytes, 0x7fffffff, H2_NO_ERROR);
    peer_flush(&back.peer);
    assert_true(unsent->closed);
    assert_int_equal(unsent->why, STREAM_REFUSED);
    assert_false(back.call->closed);
    assert_int_equal(peer_said(&back.peer).heads, 1);
    peer_finish(&back.peer);
}

/* The server does not know the id yet. */
static void test_before_the_request_went(void **state)
{
    (void)state;
    for (int frame = 0; frame < 4; frame++) {
        struct back back;
        back_begin(&back, SIZE_MAX);
        struct message *unsent = pair_call(back.peer.pair, "POST", "/", NULL, 0);
        if (frame == 0)
            raw_headers(&back.peer.bytes, 3, RAW_END_STREAM, SLICE(OK));
        else if (frame == 1)
            raw_frame(&back.peer.bytes, RAW_DATA, 0, 3, SLICE("test"));
        else if (frame == 2)
            raw_window_update(&back.peer.bytes, 3, 1);
        else
            raw_reset(&back.peer.bytes, 3, H2_REFUSED_STREAM);
        peer_flush(&back.peer);
        assert_int_equal(peer_said(&back.peer).goaway, H2_PROTOCOL_ERROR);
        assert_int_equal(unsent->status, 0);
        assert_int_equal(unsent->why, STREAM_REFUSED);
        assert_int_equal(back.call->why, STREAM_PROTOCOL);
        peer_finish(&back.peer);
    }
}

static void reset_the_next(struct message *call)
{
    stream_reset(call[1].stream, H2_CANCEL);
    call[1].stream = NULL;
}

/* Nothing is to be produced for it, and all the same there is room for another. */
static void test_reset_of_an_unsent_request_is_told(void **state)
{
    (void)state;
    struct back back;
    back_begin(&back, SIZE_MAX);
    back.call->on_body = reset_the_next;
    pair_call(back.peer.pair, "POST", "/", NULL, 0);
    raw_headers(&back.peer.bytes, 1, 0, SLICE(OK));
    raw_frame(&back.peer.bytes, RAW_DATA, 0, 1, SLICE("x"));
    const unsigned calls = back.peer.pair->capacity_calls;
    assert_true(codec_feed(back.peer.codec, buffer_slice(&back.peer.bytes), NS_PER_S));
    assert_int_equal(back.peer.pair->capacity_calls, calls + 1);
    assert_int_equal(codec_produce(back.peer.codec, (char[16]){0}, 16), 0);
    assert_int_equal(back.peer.pair->capacity_calls, calls + 1);
    peer_finish(&back.peer);
}

static struct stream *closing;

static void touch_the_closed(struct message *request)
{
    (void)request;
    stream_consumed(closing, 4);
    stream_reset(closing, H2_CANCEL);
}

/* On a stream that is over, what its user still does in on_closed has no effect. */
static void test_inside_on_closed(void **state)
{
    (void)state;
    struct peer peer;
    peer_begin(&peer, true, SIZE_MAX);
    peer.pair->hold = true;
    raw_headers(&peer.bytes, 1, 0, SLICE(POST));
    raw_frame(&peer.bytes, RAW_DATA, 0, 1, SLICE("test"));
    peer_flush(&peer);
    closing = peer.pair->requests[0].stream;
    peer.pair->requests[0].on_closed = touch_the_closed;
    raw_reset(&peer.bytes, 1, H2_CANCEL);
    peer_flush(&peer);
    assert_int_equal(peer.pair->requests[0].why, STREAM_RESET);
    assert_int_equal(codec_stream_count(peer.codec), 0);
    assert_int_equal(peer_said(&peer).reset, -1);
    peer_finish(&peer);
}

/* A head that does not stay is copied: it is written when the caller's is long gone. */
static void test_head_of_the_caller_is_gone(void **state)
{
    (void)state;
    struct pair *pair = pair_create(true, 65536);
    char *text = memory_strdup("POSThttpa.test/v1/xx-aab");
    struct field *field = memory_alloc(sizeof *field);
    *field = (struct field){slice_make(text + 19, 3), slice_make(text + 22, 2)};
    const struct request_head head = {.method = METHOD_POST,
                                      .method_text = slice_make(text, 4),
                                      .scheme = slice_make(text + 4, 4),
                                      .authority = slice_make(text + 8, 6),
                                      .path = slice_make(text + 14, 5),
                                      .fields = {field, 1, 1},
                                      .content_length = -1};
    pair_call_head(pair, &head, NULL, 0);
    memset(text, '!', strlen(text));
    free(text);
    free(field);
    pair_pump(pair);
    assert_int_equal(pair->request_count, 1);
    assert_string_equal(pair->requests[0].fields, "x-a=ab;");
    pair_destroy(pair);
}

UNIT_MAIN(test_behind_the_last_goaway, test_body_of_a_refused_request, test_behind_a_cut,
          test_behind_a_reset_long_past, test_goaway_before_the_request_went,
          test_before_the_request_went, test_reset_of_an_unsent_request_is_told,
          test_inside_on_closed, test_head_of_the_caller_is_gone)
