/* Client codec against server codec, both protocols, at several piece sizes. */
#include "pair.h"

static const size_t steps[] = {1, 7, 1000, 65536};

#define EACH_PAIR(pair)                                                            \
    for (size_t i_ = 0; i_ < 2 * COUNT_OF(steps); i_++)                            \
        for (struct pair *pair = pair_create(i_ & 1, steps[i_ / 2]); pair != NULL; \
             pair_destroy(pair), pair = NULL)

static void test_exchange(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        const struct slice parts[] = {SLICE("{\"model\":"), SLICE(""), SLICE("\"m\"}")};
        struct request_head head = pair_head("POST", "/v1/x?y=1");
        struct arena arena;
        arena_init(&arena);
        fields_add(&head.fields, &arena, SLICE("content-type"), SLICE("application/json"));
        fields_add(&head.fields, &arena, SLICE("x-empty"), SLICE(""));
        struct message *call = pair_call_head(pair, &head, parts, 3);
        arena_finish(&arena);
        assert_int_equal(codec_stream_count(pair->client), 1);
        pair_pump(pair);
        assert_int_equal(pair->request_count, 1);
        struct message *request = &pair->requests[0];
        assert_true(request->ended);
        assert_true(slice_eq(buffer_slice(&request->body), SLICE("{\"model\":\"m\"}")));
        assert_int_equal(request->request.content_length, 13);
        assert_int_equal(request->request.method, METHOD_POST);
        assert_true(slice_eq(request->request.path, SLICE("/v1/x?y=1")));
        assert_true(slice_eq(request->request.authority, SLICE("a.test")));
        assert_string_equal(request->fields, "content-type=application/json;x-empty=;");
        respond(request, 200, SLICE("hello"));
        pair_pump(pair);
        assert_int_equal(call->status, 200);
        assert_int_equal(call->content_length, 5);
        assert_true(slice_eq(buffer_slice(&call->body), SLICE("hello")));
        assert_true(call->ended && call->closed && request->closed);
        assert_int_equal(call->why, STREAM_DONE);
        assert_int_equal(request->why, STREAM_DONE);
        assert_int_equal(codec_stream_count(pair->client), 0);
        assert_int_equal(codec_stream_count(pair->server), 0);
        assert_true(codec_capacity(pair->client) > 0);
        assert_false(codec_finished(pair->client) || codec_finished(pair->server));
    }
}

static void test_connection_is_used_again(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        for (size_t i = 0; i < 20; i++) {
            struct message *call = pair_call(pair, "GET", "/v1/models", NULL, 0);
            pair_pump(pair);
            assert_false(pair->requests[i].request.body);
            assert_true(pair->requests[i].ended);
            respond(&pair->requests[i], 200, SLICE("[]"));
            pair_pump(pair);
            assert_true(call->closed);
            assert_int_equal(call->why, STREAM_DONE);
        }
    }
}

static void test_bodies_of_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1023, 16384, 16385, 65536, 300000, 3000000};
    EACH_PAIR(pair)
    {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            if (sizes[i] > 100000 && pair->step < 1000)
                break;
            const struct slice body = pattern(sizes[i]);
            struct message *call = pair_call(pair, "POST", "/v1/x", &body, 1);
            pair_pump(pair);
            struct message *request = &pair->requests[i];
            assert_true(request->ended);
            assert_true(slice_eq(buffer_slice(&request->body), body));
            assert_int_equal(request->request.content_length,
                             sizes[i] > 0 ? (int64_t)sizes[i] : -1);
            respond(request, 200, body);
            pair_pump(pair);
            assert_true(call->ended);
            assert_true(slice_eq(buffer_slice(&call->body), body));
        }
    }
}

static void test_stream_without_length(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        pair_pump(pair);
        respond_head(&pair->requests[0], 200, -1, false);
        for (int i = 0; i < 50; i++) {
            const size_t before = buffer_len(&call->body);
            stream_send_body(pair->requests[0].stream, SLICE("data: {\"a\":1}\n\n"));
            pair_pump(pair);
            assert_int_equal(buffer_len(&call->body), before + 15); /* nothing is held back */
        }
        assert_false(call->ended);
        stream_send_end(pair->requests[0].stream, NULL);
        pair_pump(pair);
        assert_true(call->ended && call->closed && pair->requests[0].closed);
        assert_int_equal(call->content_length, -1);
        assert_true(codec_capacity(pair->client) > 0);
    }
}

static void test_trailers(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct arena arena;
        arena_init(&arena);
        struct request_head head = pair_head("POST", "/v1/x");
        fields_add(&head.fields, &arena, SLICE("te"), SLICE("trailers"));
        struct message *call = pair_call_head(pair, &head, NULL, 0);
        pair_pump(pair);
        if (pair->h2) /* an HTTP/1.1 client of ours frames by itself and sends no te */
            assert_true(pair->requests[0].request.takes_trailers);
        respond_head(&pair->requests[0], 200, -1, false);
        stream_send_body(pair->requests[0].stream, SLICE("x"));
        struct fields trailers = {0};
        fields_add(&trailers, &arena, SLICE("x-ttft"), SLICE("12"));
        fields_add(&trailers, &arena, SLICE("authorization"), SLICE("no"));
        stream_send_end(pair->requests[0].stream, &trailers);
        arena_finish(&arena);
        pair_pump(pair);
        assert_true(call->ended && call->closed);
        assert_string_equal(call->trailers, pair->h2 ? "x-ttft=12;" : "");
    }
}

static void test_no_body_where_none_belongs(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        int status;
    } rows[] = {{"HEAD", 200}, {"GET", 204}, {"GET", 304}, {"HEAD", 404}};
    EACH_PAIR(pair)
    {
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            struct message *call = pair_call(pair, rows[i].method, "/", NULL, 0);
            pair_pump(pair);
            respond(&pair->requests[i], rows[i].status, SLICE("not seen"));
            pair_pump(pair);
            assert_int_equal(call->status, rows[i].status);
            assert_int_equal(buffer_len(&call->body), 0);
            assert_int_equal(call->content_length, rows[i].status == 204 ? -1 : 8);
            assert_true(call->ended && call->closed && pair->requests[i].closed);
        }
    }
}

static void test_informational(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        pair_pump(pair);
        const struct response_head hints = {.status = 103, .content_length = -1};
        for (int i = 0; i < 3; i++)
            stream_send_informational(pair->requests[0].stream, &hints);
        pair_pump(pair);
        assert_int_equal(call->informational, 3);
        assert_int_equal(call->status, 0);
        respond(&pair->requests[0], 200, SLICE("ok"));
        pair_pump(pair);
        assert_int_equal(call->why, STREAM_DONE);
        assert_int_equal(call->status, 200);
    }
}

static void test_too_many_informational(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        pair_pump(pair);
        const struct response_head hints = {.status = 103, .content_length = -1};
        for (int i = 0; i < 9; i++)
            stream_send_informational(pair->requests[0].stream, &hints);
        pair_pump(pair);
        assert_true(call->closed);
        assert_int_equal(call->why, STREAM_PROTOCOL);
    }
}

/* The server's user stops at the mark; what the codec holds stays bounded by it. */
static void test_response_backpressure(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        if (pair->step < 1000)
            continue;
        pair->hold = true;
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        pair_pump(pair);
        struct message *request = &pair->requests[0];
        respond_head(request, 200, -1, false);
        size_t sent = 0;
        for (int round = 0; round < 1000; round++) {
            while (stream_queued(request->stream) <= STREAM_HIGH_BYTES) {
                stream_send_body(request->stream, pattern(8192));
                sent += 8192;
            }
            /* an owner that does not read while the codec does not want to */
            for (int i = 0; i < 200 && codec_wants_read(pair->client); i++)
                pair_move(pair, false);
            pair_move(pair, true);
            if (buffer_len(&call->body) > 0 && !codec_wants_read(pair->client))
                break;
        }
        assert_true(buffer_len(&call->body) <= 2 * STREAM_WINDOW_BYTES);
        assert_true(stream_queued(request->stream) <= STREAM_HIGH_BYTES + 8192 + 16);
        while (stream_queued(request->stream) <= STREAM_HIGH_BYTES) {
            stream_send_body(request->stream, pattern(8192));
            sent += 8192;
        }
        const unsigned drained = request->drained;
        call->hold = false;
        stream_consumed(call->stream, buffer_len(&call->body));
        pair_pump(pair);
        assert_true(request->drained > drained);
        stream_send_end(request->stream, NULL);
        pair_pump(pair);
        assert_true(call->ended);
        assert_int_equal(buffer_len(&call->body), sent);
    }
}

static void test_many_streams_at_once(void **state)
{
    (void)state;
    static const size_t some[] = {7, 65536};
    for (size_t s = 0; s < COUNT_OF(some); s++) {
        struct pair *pair = pair_create(true, some[s]);
        const struct slice body = pattern(5000);
        pair_pump(pair); /* SETTINGS */
        assert_int_equal(codec_capacity(pair->client), 100);
        for (int i = 0; i < 100; i++)
            pair_call(pair, "POST", "/v1/x", &body, 1);
        assert_int_equal(codec_capacity(pair->client), 0);
        struct request_head head = pair_head("GET", "/");
        assert_null(codec_open(pair->client, &head, NULL, 0, &call_stream_events, NULL));
        pair_pump(pair);
        assert_int_equal(pair->request_count, 100);
        for (int i = 99; i >= 0; i--)
            respond(&pair->requests[i], 200, pattern((size_t)i * 100));
        pair_pump(pair);
        for (int i = 0; i < 100; i++)
            assert_int_equal(pair->calls[i].why, STREAM_DONE);
        size_t total = 0;
        for (int i = 0; i < 100; i++)
            total += buffer_len(&pair->calls[i].body);
        assert_int_equal(total, 100 * 99 / 2 * 100);
        assert_int_equal(codec_capacity(pair->client), 100);
        pair_destroy(pair);
    }
}

/* RFC 7541 6.2.3: what came as never to be indexed goes on so; names that tell are never. */
static void test_secrets_stay_secret(void **state)
{
    (void)state;
    struct pair *pair = pair_create(true, 65536);
    struct field items[] = {{SLICE("x-plain"), SLICE("1"), false},
                            {SLICE("x-marked"), SLICE("2"), true},
                            {SLICE("authorization"), SLICE("Bearer 3"), false}};
    struct request_head head = pair_head("GET", "/");
    head.fields = (struct fields){.items = items, .count = 3, .capacity = 3};
    for (size_t call = 0; call < 2; call++) { /* the second time from tables, where there are */
        pair_call_head(pair, &head, NULL, 0);
        pair_pump(pair);
        assert_int_equal(pair->request_count, call + 1);
        const struct fields *came = &pair->requests[call].request.fields;
        assert_int_equal(came->count, 3);
        assert_false(came->items[0].secret);
        assert_true(came->items[1].secret);
        assert_true(came->items[2].secret);
    }
    pair_destroy(pair);
}

static void test_client_resets_in_every_phase(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        const struct slice body = pattern(3000);
        /* before a byte was produced */
        struct message *call = pair_call(pair, "POST", "/v1/x", &body, 1);
        stream_reset(call->stream, H2_CANCEL);
        pair_pump(pair);
        assert_int_equal(pair->request_count, 0);
        assert_false(call->closed); /* no upcall after a reset */
        if (!pair->h2) {
            assert_true(codec_finished(pair->client));
            continue;
        }
        /* waiting for the answer */
        call = pair_call(pair, "POST", "/v1/x", &body, 1);
        pair_pump(pair);
        stream_reset(call->stream, H2_CANCEL);
        pair_pump(pair);
        assert_true(pair->requests[0].closed);
        assert_int_equal(pair->requests[0].why, STREAM_RESET);
        /* in the middle of the answer */
        call = pair_call(pair, "POST", "/v1/x", &body, 1);
        pair_pump(pair);
        respond_head(&pair->requests[1], 200, -1, false);
        stream_send_body(pair->requests[1].stream, SLICE("data"));
        pair_pump(pair);
        assert_int_equal(buffer_len(&call->body), 4);
        stream_reset(call->stream, H2_CANCEL);
        pair_pump(pair);
        assert_int_equal(pair->requests[1].why, STREAM_RESET);
        assert_int_equal(codec_capacity(pair->client), 100);
        assert_int_equal(codec_stream_count(pair->server), 0);
    }
}

static void test_server_resets_in_every_phase(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        pair_pump(pair);
        respond_head(&pair->requests[0], 200, -1, false);
        stream_send_body(pair->requests[0].stream, SLICE("data"));
        pair_pump(pair);
        stream_reset(pair->requests[0].stream, H2_INTERNAL_ERROR);
        pair_pump(pair);
        assert_false(call->ended); /* never a clean end */
        if (pair->h2) {
            assert_int_equal(call->why, STREAM_RESET);
        } else {
            assert_true(codec_finished(pair->server) && codec_aborted(pair->server));
            codec_end_of_input(pair->client, false);
            assert_int_equal(call->why, STREAM_LOST);
        }
        assert_true(call->closed);
    }
}

static void test_cut_after_what_is_queued(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        pair_pump(pair);
        struct message *request = &pair->requests[0];
        respond_head(request, 200, -1, false);
        stream_send_body(request->stream, SLICE("data: {\"error\":{}}\n\n"));
        stream_send_cut(request->stream, H2_INTERNAL_ERROR);
        pair_pump(pair);
        assert_true(slice_eq(buffer_slice(&call->body), SLICE("data: {\"error\":{}}\n\n")));
        assert_false(call->ended);
        assert_true(request->closed);
        assert_int_equal(request->why, STREAM_RESET);
        if (pair->h2)
            assert_int_equal(call->why, STREAM_RESET);
        else
            assert_true(codec_aborted(pair->server) && codec_finished(pair->server));
    }
}

static void test_refused_stream(void **state)
{
    (void)state;
    struct pair *pair = pair_create(true, 65536);
    struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
    pair_pump(pair);
    stream_reset(pair->requests[0].stream, H2_REFUSED_STREAM);
    pair_pump(pair);
    assert_int_equal(call->why, STREAM_REFUSED);
    pair_destroy(pair);
}

static void test_goaway_in_two_steps(void **state)
{
    (void)state;
    struct pair *pair = pair_create(true, 65536);
    struct message *first = pair_call(pair, "POST", "/v1/x", NULL, 0);
    pair_pump(pair);
    struct message *second = pair_call(pair, "POST", "/v1/x", NULL, 0);
    codec_shutdown(pair->server);
    pair_pump(pair); /* the second was on its way and is still taken */
    assert_int_equal(pair->request_count, 2);
    assert_int_equal(codec_capacity(pair->client), 0);
    assert_true(pair->capacity_calls > 0);
    codec_shutdown(pair->server);
    pair_pump(pair);
    assert_false(codec_finished(pair->server));
    respond(&pair->requests[0], 200, SLICE("1"));
    respond(&pair->requests[1], 200, SLICE("2"));
    pair_pump(pair);
    assert_int_equal(first->why, STREAM_DONE);
    assert_int_equal(second->why, STREAM_DONE);
    assert_true(codec_finished(pair->server));
    assert_true(codec_finished(pair->client));
    pair_destroy(pair);
}

static void test_streams_above_goaway_are_refused(void **state)
{
    (void)state;
    struct pair *pair = pair_create(true, 65536);
    struct message *first = pair_call(pair, "POST", "/v1/x", NULL, 0);
    pair_pump(pair);
    codec_shutdown(pair->server);
    codec_shutdown(pair->server);
    struct message *late = pair_call(pair, "POST", "/v1/x", NULL, 0);
    char bytes[4096];
    const size_t n = codec_produce(pair->client, bytes, sizeof bytes); /* lost on the way */
    assert_true(n > 0);
    pair_pump(pair);
    assert_true(late->closed);
    assert_int_equal(late->why, STREAM_REFUSED);
    assert_false(first->closed);
    pair_destroy(pair);
}

static void test_connection_lost(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        if (i_ >= 4) /* before or after the request was produced */
            pair_pump(pair);
        const bool sent = pair->request_count > 0;
        codec_end_of_input(pair->client, false);
        assert_true(call->closed);
        assert_int_equal(call->why, sent ? STREAM_LOST : STREAM_REFUSED);
        codec_end_of_input(pair->server, false);
        if (sent) {
            assert_true(pair->requests[0].closed);
            assert_int_equal(pair->requests[0].why, STREAM_LOST);
        }
        assert_int_equal(codec_capacity(pair->client), 0);
    }
}

static void test_destroy_ends_streams(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        struct message *call = pair_call(pair, "POST", "/v1/x", NULL, 0);
        pair_pump(pair);
        codec_destroy(&pair->server);
        assert_int_equal(pair->requests[0].why, STREAM_LOST);
        codec_destroy(&pair->client);
        assert_int_equal(call->why, STREAM_LOST);
    }
}

static void answer_413(struct message *request)
{
    respond(request, 413, SLICE("too large"));
}

static void test_early_response(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        if (pair->step == 1)
            continue;
        pair->on_request = answer_413;
        const struct slice body = pattern(500000);
        struct message *call = pair_call(pair, "POST", "/v1/x", &body, 1);
        pair_pump(pair);
        assert_int_equal(call->status, 413);
        assert_true(call->ended && call->closed);
        assert_int_equal(call->why, STREAM_DONE);
        assert_true(pair->requests[0].closed);
        assert_true(pair->to_server < 450000); /* the upload stopped */
        if (!pair->h2)
            assert_int_equal(codec_capacity(pair->client), 0);
    }
}

static void reset_in_body(struct message *message)
{
    struct stream *stream = message->stream;
    message->stream = NULL;
    stream_reset(stream, H2_CANCEL);
}

static void reset_with_the_body(struct message *request)
{
    request->on_body = reset_in_body;
}

static void test_reset_inside_an_upcall(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        const struct slice body = pattern(40000);
        pair->on_request = reset_with_the_body;
        struct message *call = pair_call(pair, "POST", "/v1/x", &body, 1);
        pair_pump(pair);
        assert_false(pair->requests[0].ended || pair->requests[0].closed);
        if (pair->h2)
            assert_int_equal(call->why, STREAM_RESET);
        else
            assert_true(codec_finished(pair->server));
    }
}

static void call_again(struct message *call)
{
    struct pair *pair = call->pair;
    if (pair->call_count < 5)
        pair_call(pair, "GET", "/", NULL, 0);
}

static void answer_at_once(struct message *request)
{
    respond(request, 200, SLICE("ok"));
}

static void test_open_inside_on_closed(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        pair->on_call_closed = call_again;
        pair->on_request = answer_at_once;
        pair_call(pair, "GET", "/", NULL, 0);
        pair_pump(pair);
        assert_int_equal(pair->request_count, 5);
        for (int i = 0; i < 5; i++)
            assert_int_equal(pair->calls[i].why, STREAM_DONE);
    }
}

static void test_ping(void **state)
{
    (void)state;
    EACH_PAIR(pair)
    {
        assert_int_equal(codec_ping(pair->client), pair->h2);
        pair_pump(pair);
        assert_int_equal(pair->pongs, pair->h2 ? 1 : 0);
        assert_int_equal(codec_is_h2(pair->client), pair->h2);
    }
}

UNIT_MAIN(test_exchange, test_connection_is_used_again, test_bodies_of_every_size,
          test_stream_without_length, test_trailers, test_no_body_where_none_belongs,
          test_informational, test_too_many_informational, test_response_backpressure,
          test_many_streams_at_once, test_secrets_stay_secret, test_client_resets_in_every_phase,
          test_server_resets_in_every_phase, test_cut_after_what_is_queued, test_refused_stream,
          test_goaway_in_two_steps, test_streams_above_goaway_are_refused, test_connection_lost,
          test_destroy_ends_streams, test_early_response, test_reset_inside_an_upcall,
          test_open_inside_on_closed, test_ping)
