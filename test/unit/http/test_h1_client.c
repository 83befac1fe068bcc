/* What a cluster may answer over HTTP/1.1, and what costs it the connection. */
#include "peer.h"

struct back {
    struct peer peer;
    struct message *call;
};

static void back_begin(struct back *back, const char *method, size_t piece)
{
    peer_open(&back->peer, false, false, piece);
    back->call = pair_call(back->peer.pair, method, "/v1/x", NULL, 0);
    peer_produce(&back->peer);
}

enum after { REUSABLE, CLOSED, BROKEN, NEEDS_EOF };

static const struct {
    const char *method, *response;
    int status;
    const char *body;
    enum after after;
} responses[] = {
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", REUSABLE},
    {"GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok",
     REUSABLE},
    {"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", REUSABLE},
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 200, "", REUSABLE},
    {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", REUSABLE},
    {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", REUSABLE},
    {"GET",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
     "Content-Length: 2\r\n\r\nok",
     200, "ok", REUSABLE},
    {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, "ok",
     CLOSED},
    {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", CLOSED},
    {"GET", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok", NEEDS_EOF},
    {"GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 0, "",
     BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", 0, "",
     BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nX: a\001\r\n\r\n", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\nX Y: a\r\n\r\n", 0, "", BROKEN},
    {"GET", "HTTP/2.0 200 OK\r\n\r\n", 0, "", BROKEN},
    {"GET", "HTTP/1.1 99 OK\r\n\r\n", 0, "", BROKEN},
    {"GET", "HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n", 0, "", BROKEN},
    {"GET", "HTTP/1.1 2000 OK\r\n\r\n", 0, "", BROKEN},
    {"GET", "SSH-2.0-OpenSSH\r\n", 0, "", BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokX0\r\n\r\n", 200, "ok",
     BROKEN},
    {"GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 200, "", BROKEN},
};

static void check_row(struct back *back, size_t i)
{
    const struct message *call = back->call;
    const enum after after = responses[i].after;
    if (after == NEEDS_EOF) {
        assert_false(call->ended);
        codec_end_of_input(back->peer.codec, true);
    }
    assert_true(call->closed);
    if (call->status != responses[i].status ||
        !slice_eq(buffer_slice(&call->body), slice_of(responses[i].body)))
        fail_msg("status %d: %s", call->status, responses[i].response);
    if ((call->why == STREAM_DONE) != (after != BROKEN) || call->ended != (after != BROKEN))
        fail_msg("closed as %d: %s", (int)call->why, responses[i].response);
    assert_int_equal(back->peer.alive, after != BROKEN);
    assert_int_equal(codec_capacity(back->peer.codec), after == REUSABLE ? 1 : 0);
    assert_int_equal(codec_finished(back->peer.codec), after != REUSABLE);
    if (after == BROKEN) {
        assert_int_equal(call->why, STREAM_PROTOCOL);
        assert_non_null(codec_failure(back->peer.codec));
    }
}

static void test_responses(void **state)
{
    (void)state;
    static const size_t pieces[] = {65536, 1, 5};
    for (size_t i = 0; i < COUNT_OF(responses); i++) {
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            struct back back;
            back_begin(&back, responses[i].method, pieces[p]);
            peer_send(&back.peer, slice_of(responses[i].response));
            check_row(&back, i);
            peer_finish(&back.peer);
        }
    }
}

static void test_cut_answers_are_not_whole(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct back back;
        back_begin(&back, "GET", 1);
        peer_send(&back.peer, slice_of(texts[i]));
        codec_end_of_input(back.peer.codec, true);
        assert_false(back.call->ended);
        assert_int_equal(back.call->why, STREAM_LOST);
        peer_finish(&back.peer);
    }
    struct back back; /* close-delimited, over TLS without close_notify */
    back_begin(&back, "GET", 100);
    peer_send(&back.peer, SLICE("HTTP/1.1 200 OK\r\n\r\nok"));
    codec_end_of_input(back.peer.codec, false);
    assert_int_equal(back.call->why, STREAM_LOST);
    peer_finish(&back.peer);
}

static void test_bytes_while_idle(void **state)
{
    (void)state;
    struct back back;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    back_begin(&back, "GET", 100);
    peer_send(&back.peer, slice_of(answer));
    assert_int_equal(codec_capacity(back.peer.codec), 1);
    peer_send(&back.peer, SLICE("H"));
    assert_false(back.peer.alive);
    assert_int_equal(codec_capacity(back.peer.codec), 0);
    peer_finish(&back.peer);
    back_begin(&back, "GET", 100); /* in the same piece as the answer */
    static const char two[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n";
    peer_send(&back.peer, slice_of(two));
    assert_int_equal(back.call->why, STREAM_DONE);
    assert_int_equal(codec_capacity(back.peer.codec), 0);
    peer_finish(&back.peer);
}

static void test_answer_before_the_request(void **state)
{
    (void)state;
    struct pair *pair = pair_create(false, 65536);
    struct message *call = pair_call(pair, "POST", "/", NULL, 0);
    static const char stale[] = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    assert_false(codec_feed(pair->client, slice_make(stale, sizeof stale - 1), 0));
    assert_int_equal(call->why, STREAM_REFUSED); /* cannot have started: may be tried elsewhere */
    pair_destroy(pair);
}

static void test_request_on_the_wire(void **state)
{
    (void)state;
    struct pair *pair = pair_create(false, 65536);
    struct arena arena;
    arena_init(&arena);
    struct request_head head = pair_head("POST", "/v1/x");
    head.body = true;
    fields_add(&head.fields, &arena, SLICE("x-a"), SLICE("b"));
    fields_add(&head.fields, &arena, SLICE("connection"), SLICE("keep-alive"));
    fields_add(&head.fields, &arena, SLICE("x-evil"), SLICE("a\r\nb: c"));
    const struct slice parts[] = {SLICE("he"), SLICE("llo")};
    pair_call_head(pair, &head, parts, 2);
    arena_finish(&arena);
    char bytes[4096];
    const size_t n = codec_produce(pair->client, bytes, sizeof bytes);
    assert_true(
        slice_eq(slice_make(bytes, n), SLICE("POST /v1/x HTTP/1.1\r\nhost: a.test\r\nx-a: b\r\n"
                                             "content-length: 5\r\n\r\nhello")));
    pair_destroy(pair);
}

UNIT_MAIN(test_responses, test_cut_answers_are_not_whole, test_bytes_while_idle,
          test_answer_before_the_request, test_request_on_the_wire)
