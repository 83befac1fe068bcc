/*
 * What an exchange does not take: bodies too large or too slow, paths and
 * types, slow readers, silent clusters; and what happens to exchanges under
 * way when the configuration changes or the router drains.
 */
#include "ways.h"

static void expect(const char *method, const char *path, const char *const *fields,
                   const char *body, int status, const char *code)
{
    if (caller.connection == NULL || upstream_connection_capacity(caller.connection) == 0) {
        caller_close(&caller);
        caller_open(&caller, loop, &edge.bound, false);
    }
    assert_int_equal(ask(method, path, fields, body), status);
    assert_non_null(call_field(&call, "x-request-id"));
    if (code == NULL)
        return;
    char *want = memory_printf("\"code\":\"%s\"", code);
    if (strstr(call_text(&call), want) == NULL)
        fail_msg("%s %s: %s", method, path, call_text(&call));
    assert_non_null(strstr(call_text(&call), "{\"error\":{\"message\":\""));
    free(want);
}

/* --- requests that are not taken --------------------------------------- */

static void what_is_not_the_api_is_told_so(void **state)
{
    (void)state;
    const char *const text[] = {"content-type", "text/plain", NULL};
    const char *const form[] = {"content-type", "multipart/form-data; boundary=x", NULL};
    const char *const packed[] = {"content-type", "application/json", "content-encoding", "gzip",
                                  NULL};
    const char *const vendor[] = {"content-type", "application/vnd.x+json; charset=utf-8", NULL};
    const char *const classy[] = {"content-type", "application/json", "x-isochrone-class", "best",
                                  NULL};
    open_all("", "", false);
    expect("GET", "/", NULL, NULL, 404, "not_found");
    assert_string_equal(call_field(&call, "x-should-retry"), "false");
    expect("POST", "/v2/chat", json, plain, 404, "not_found");
    expect("GET", "/v1/chat/completions", NULL, NULL, 405, "method_not_allowed");
    assert_string_equal(call_field(&call, "allow"), "POST");
    expect("DELETE", "/v1/models", NULL, NULL, 405, "method_not_allowed");
    assert_string_equal(call_field(&call, "allow"), "GET, HEAD");
    expect("POST", "/v1/files", form, "x", 415, "unsupported_media_type");
    expect("POST", "/v1/chat/completions", text, plain, 415, "unsupported_media_type");
    expect("POST", "/v1/chat/completions", packed, plain, 415, "unsupported_media_type");
    expect("POST", "/v1/chat/completions", json, "", 400, "invalid_json");
    expect("POST", "/v1/chat/completions", json, "[1]", 400, "invalid_json");
    expect("POST", "/v1/chat/completions", json, "{}", 400, "model_required");
    assert_non_null(strstr(call_text(&call), "\"param\":\"model\""));
    expect("POST", "/v1/chat/completions", json, "{\"model\":7}", 400, "invalid_value");
    expect("POST", "/v1/chat/completions", json, "{\"model\":\"m\",\"model\":\"n\"}", 400,
           "duplicate_key");
    expect("POST", "/v1/chat/completions", json, "{\"model\":\"none\"}", 404, "model_not_found");
    assert_non_null(strstr(call_text(&call), "\"param\":\"model\""));
    expect("POST", "/v1/chat/completions", classy, plain, 400, "invalid_value");
    assert_non_null(strstr(call_text(&call), "\"param\":\"x-isochrone-class\""));
    assert_int_equal(near.heads + far.heads, 0);
    expect("POST", "/v1/chat/completions", vendor, plain, 200, NULL);
    expect("POST", "/v1/embeddings?x=1", NULL, plain, 200, NULL); /* no content-type: tried */
    assert_string_equal(engine_last(&near)->path, "/v1/embeddings?x=1");
    close_all();
}

/* --- bodies ------------------------------------------------------------ */

static struct peer raw;

static void raw_open(void)
{
    peer_init(&raw, loop);
    const struct wire_target target = {.address = &edge.bound};
    wire_connect(&raw.wire, loop, &target, &peer_events, &raw);
}

static const char *raw_text(void)
{
    *buffer_reserve(&raw.in, 1) = '\0';
    return buffer_slice(&raw.in).ptr;
}

static const char *awaited;

static bool raw_has(void *arg)
{
    (void)arg;
    return strstr(raw_text(), awaited) != NULL;
}

static void raw_await(const char *text)
{
    awaited = text;
    kit_run_until(loop, raw_has, NULL);
}

static void raw_send(const char *text)
{
    peer_send(&raw, text, strlen(text));
}

static void a_body_too_large_is_refused_before_it_comes(void **state)
{
    (void)state;
    open_all("", "", false);
    edge.tables->face.limits.body_bytes = 1000;
    raw_open();
    raw_send("POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n"
             "expect: 100-continue\r\n\r\n");
    raw_await("request_too_large");
    assert_memory_equal(raw_text(), "HTTP/1.1 413 ", 13);
    assert_non_null(strstr(raw_text(), "x-should-retry: false"));
    assert_non_null(strstr(raw_text(), "connection: close"));
    peer_finish(&raw);

    raw_open(); /* and one that does not say how long it is */
    char *chunks = memory_zalloc(4096);
    strcpy(chunks, "POST /v1/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                   "400\r\n");
    memset(chunks + strlen(chunks), 'x', 1024);
    raw_send(chunks);
    raw_await("request_too_large");
    assert_memory_equal(raw_text(), "HTTP/1.1 413 ", 13);
    peer_finish(&raw);
    free(chunks);
    expect("POST", "/v1/completions", json, plain, 200, NULL);
    close_all();
}

static void a_body_that_stops_coming_is_timed_out(void **state)
{
    (void)state;
    open_all("", "", false);
    edge.tables->face.limits.body_timeout_ms = 60;
    raw_open();
    raw_send("POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{");
    raw_await("request_timeout");
    assert_memory_equal(raw_text(), "HTTP/1.1 408 ", 13);
    peer_finish(&raw);
    assert_int_equal(faults(FAULT_REQUEST_TIMEOUT), 1);
    close_all();
}

static bool body_is_kept(void *arg)
{
    return level_get(&edge.proxy->metrics.body_bytes) >= *(const int64_t *)arg;
}

/* A promise of bytes takes no memory from others; the bytes do. */
static void bodies_together_are_bounded(void **state)
{
    (void)state;
    open_all("", "", false);
    edge.tables->face.limits.body_memory_bytes = 300000;
    raw_open();
    raw_send("POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 250000\r\n\r\n{");
    int64_t some = 1000;
    kit_run_until(loop, body_is_kept, &some);
    char *body = memory_zalloc(150001);
    memset(body, ' ', 150000);
    memcpy(body, "{\"model\":\"m\"", 12);
    body[149999] = '}';
    expect("POST", "/v1/completions", json, body, 200, NULL);
    char *rest = memory_zalloc(200001);
    memset(rest, ' ', 200000);
    raw_send(rest);
    int64_t most = 200000;
    kit_run_until(loop, body_is_kept, &most);
    expect("POST", "/v1/completions", json, body, 503, "overloaded");
    assert_non_null(call_field(&call, "retry-after"));
    assert_int_equal(faults(FAULT_BODY_MEMORY), 1);
    peer_finish(&raw);
    free(body);
    free(rest);
    close_all();
}

static void large_bodies_arrive_unchanged(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        open_all(h2 ? ", protocol: h2" : "", "", h2 != 0);
        const size_t len = 3000000;
        char *body = memory_alloc(len + 1);
        for (size_t i = 0; i < len; i++)
            body[i] = (char)('a' + i % 23);
        memcpy(body, "{\"model\":\"a\",\"x\":\"", 18);
        memcpy(body + len - 2, "\"}", 3);
        call_begin(&call, &caller, "POST", "/v1/completions", json, body);
        call_wait(&call);
        assert_int_equal(call.status, 200);
        const struct slice got = buffer_slice(&engine_last(&near)->body);
        assert_int_equal(got.len, len + 7); /* a -> theirs/a */
        assert_memory_equal(got.ptr, "{\"model\":\"theirs/a\",\"x\":\"", 25);
        assert_memory_equal(got.ptr + 25, body + 18, len - 18);
        free(body);
        close_all();
    }
}

/* --- slow ends --------------------------------------------------------- */

static size_t sent;

static void pour(struct engine_request *request)
{
    static char kilobyte[1025];
    memset(kilobyte, 'x', 1024);
    memcpy(kilobyte, "data: ", 6);
    memcpy(kilobyte + 1022, "\n\n", 2);
    engine_begin(request, 200, "text/event-stream");
    for (sent = 0; sent < 4 * 1024 * 1024; sent += 1024)
        engine_say(request, kilobyte);
    engine_say(request, "data: [DONE]\n\n");
    engine_end(request);
}

/* Bytes the engine is rid of and the caller has not got: in the router, or in no-one's hands. */
static size_t under_way(void)
{
    const struct stream *stream = engine_last(&near)->stream;
    const size_t left = stream != NULL ? stream_queued(stream) : 0;
    return sent - left - buffer_len(&call.body);
}

static bool settled(void *arg)
{
    size_t *before = arg;
    static int quiet;
    const size_t now = near.completes > 0 ? under_way() : 0;
    quiet = now == *before && now > 0 ? quiet + 1 : 0;
    *before = now;
    return quiet > 20;
}

/* Row 17: what a slow reader leaves behind stays with the cluster. */
static void a_slow_reader_is_not_read_for(void **state)
{
    (void)state;
    open_all(", protocol: h2", "", true);
    near.on_complete = pour;
    call_begin(&call, &caller, "POST", "/v1/chat/completions", json, streamed);
    call.hold = true;
    size_t before = 0;
    kit_run_until(loop, settled, &before);
    assert_in_range(under_way(), 1, 256 * 1024);
    call.hold = false;
    stream_consumed(call.stream, call.held);
    call_wait(&call);
    assert_true(call.ended);
    assert_int_equal(buffer_len(&call.body), sent + 14);
    close_all();
}

static void a_reader_that_stops_is_given_up(void **state)
{
    (void)state;
    open_all(", protocol: h2", "", true);
    edge.tables->face.limits.client_stall_ms = 1;
    near.on_complete = pour;
    call_begin(&call, &caller, "POST", "/v1/chat/completions", json, streamed);
    call.hold = true;
    call_wait(&call); /* the router looks every five seconds */
    assert_int_equal(call.why, STREAM_RESET);
    assert_int_equal(call.closed, true);
    assert_int_equal(faults(FAULT_CLIENT_STALL), 1);
    close_all();
}

static void a_cluster_that_never_answers_is_timed_out(void **state)
{
    (void)state;
    open_all("", "", false);
    near.on_complete = wait_for_ever;
    edge.tables->face.limits.first_byte_timeout_ms = 30;
    expect("POST", "/v1/completions", json, plain, 504, "upstream_timeout");
    assert_int_equal(near.heads, 1);
    assert_int_equal(far.heads, 0);
    assert_int_equal(faults(FAULT_UPSTREAM_TIMEOUT), 1);
    close_all();
}

static void begin_and_stop(struct engine_request *request)
{
    engine_begin(request, 200, "text/event-stream");
    engine_say(request, "data: {}\n\n");
}

static void a_cluster_that_stops_is_cut(void **state)
{
    (void)state;
    open_all("", "", true);
    near.on_complete = begin_and_stop;
    edge.tables->face.limits.stall_timeout_ms = 1;
    call_begin(&call, &caller, "POST", "/v1/chat/completions", json, streamed);
    call_wait(&call);
    assert_false(call.ended);
    assert_non_null(strstr(call_text(&call), "data: {}\n\ndata: {\"error\":{"));
    assert_non_null(strstr(call_text(&call), "upstream_stalled"));
    close_all();
}

/* --- a cluster's own errors -------------------------------------------- */

static int status;
static const char *type, *body_text;

static void answer_so(struct engine_request *request)
{
    engine_answer(request, status, type, body_text);
}

static void wrapped(int cluster_status, int expected, const char *code)
{
    status = cluster_status;
    expect("POST", "/v1/completions", json, plain, expected, code);
    assert_string_equal(call_field(&call, "content-type"), "application/json");
    assert_string_equal(call_field(&call, "x-isochrone-cluster"), "near");
}

static void errors_that_are_no_objects_become_ours(void **state)
{
    (void)state;
    open_all("", "", false);
    near.on_complete = answer_so;
    type = "text/html";
    body_text = "<h1>no</h1>";
    wrapped(500, 502, "bad_gateway");
    wrapped(502, 502, "bad_gateway");
    wrapped(400, 400, "bad_request");
    wrapped(404, 404, "not_found");
    wrapped(413, 413, "request_too_large");
    wrapped(401, 502, "bad_gateway");
    wrapped(429, 503, "upstream_overloaded");
    assert_non_null(call_field(&call, "retry-after"));
    wrapped(503, 503, "upstream_overloaded");
    assert_int_equal(far.heads, 0);
    type = "application/json";
    body_text = "{\"error\":{\"message\":\"theirs\",\"type\":\"t\",\"param\":null,\"code\":null}}";
    status = 422;
    expect("POST", "/v1/completions", json, plain, 422, NULL);
    assert_string_equal(call_text(&call), body_text);
    close_all();
}

/* --- change under way -------------------------------------------------- */

static bool near_has_it(void *arg)
{
    (void)arg;
    return near.completes > 0;
}

static void exchanges_outlive_the_configuration_they_began_with(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        open_all(h2 ? ", protocol: h2" : "", "", true);
        near.on_complete = wait_for_ever;
        call_begin(&call, &caller, "POST", "/v1/completions", json, plain);
        kit_run_until(loop, near_has_it, NULL);
        char *other = memory_printf("policies: [{plugin: nearest}]\nclusters:\n"
                                    "  - {name: far, models: [m], endpoints: [{url: \"%s\"}]}\n",
                                    far.url);
        edge_reload(&edge, other);
        free(other);
        edge_tick(&edge);
        struct call second;
        call_begin(&second, &caller, "POST", "/v1/completions", json, plain);
        call_wait(&second);
        assert_string_equal(call_field(&second, "x-isochrone-cluster"), "far");
        engine_answer(engine_last(&near), 200, "application/json", "{\"late\":1}");
        call_wait(&call);
        assert_int_equal(call.status, 200);
        assert_string_equal(call_text(&call), "{\"late\":1}");
        assert_int_equal(upstream_count(edge.proxy->upstream).connections, 1);
        call_finish(&second);
        close_all();
    }
}

static void requests_in_a_pool_that_is_retired_are_served(void **state)
{
    (void)state;
    open_all("", "", true);
    call_begin(&call, &caller, "POST", "/v1/completions", json, plain);
    for (int i = 0; i < 100 && upstream_count(edge.proxy->upstream).waiting == 0; i++)
        loop_turn(loop);
    char *other = memory_printf("policies: [{plugin: nearest}]\nclusters:\n"
                                "  - {name: far, models: [m], endpoints: [{url: \"%s\"}]}\n",
                                far.url);
    edge_reload(&edge, other);
    free(other);
    call_wait(&call);
    assert_int_equal(call.status, 200);
    assert_string_equal(call_field(&call, "x-isochrone-cluster"), "near");
    close_all();
}

static bool drained(void *arg)
{
    (void)arg;
    return edge.proxy->host.count == 0;
}

/* Nothing under way fails. */
static void draining_lets_requests_end(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        open_all("", "", h2 != 0);
        near.on_complete = wait_for_ever;
        call_begin(&call, &caller, "POST", "/v1/completions", json, plain);
        kit_run_until(loop, near_has_it, NULL);
        connection_host_drain(&edge.proxy->host);
        loop_turn(loop);
        connection_host_drain(&edge.proxy->host);
        engine_answer(engine_last(&near), 200, "application/json", "{}");
        call_wait(&call);
        assert_int_equal(call.status, 200);
        assert_true(call.ended);
        kit_run_until(loop, drained, NULL);
        close_all();
    }
}

UNIT_MAIN(what_is_not_the_api_is_told_so, a_body_too_large_is_refused_before_it_comes,
          a_body_that_stops_coming_is_timed_out, bodies_together_are_bounded,
          large_bodies_arrive_unchanged, a_slow_reader_is_not_read_for,
          a_reader_that_stops_is_given_up, a_cluster_that_never_answers_is_timed_out,
          a_cluster_that_stops_is_cut, errors_that_are_no_objects_become_ours,
          exchanges_outlive_the_configuration_they_began_with,
          requests_in_a_pool_that_is_retired_are_served, draining_lets_requests_end)
