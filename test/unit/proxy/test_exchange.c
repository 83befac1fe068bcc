/*
 * Exchanges driven end to end in one loop: a caller, the proxy, two engines.
 * What may be tried elsewhere, what must not, how answers end.
 */
#include "ways.h"

/* --- as it should be --------------------------------------------------- */

static void an_answer_comes_through(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 200);
        assert_string_equal(call_text(&call), "{\"ok\":true}");
        assert_true(call.ended);
        assert_string_equal(call_field(&call, "x-isochrone-cluster"), "near");
        assert_string_equal(call_field(&call, "x-isochrone-attempts"), "1");
        assert_non_null(call_field(&call, "x-request-id"));
        assert_non_null(strstr(call_field(&call, "server-timing"), "route;dur="));
        assert_non_null(call_field(&call, "date"));
        assert_null(call_field(&call, "x-isochrone-secret"));
        assert_string_equal(call_field(&call, "x-engine"), "test");
        const struct engine_request *request = engine_last(&near);
        assert_string_equal(request->method, "POST");
        assert_string_equal(request->path, "/v1/chat/completions");
        assert_memory_equal(buffer_slice(&request->body).ptr, plain, strlen(plain));
        assert_int_equal(far.heads, 0);
        assert_int_equal(faults(FAULT_NONE), 1);
        close_all();
    }
}

static void stream_two(struct engine_request *request)
{
    engine_begin(request, 200, "text/event-stream");
    engine_say(request, "data: {\"n\":1}\n\n");
}

static void a_stream_passes_at_once(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        near.on_complete = stream_two;
        post(streamed);
        call_wait_text(&call, "{\"n\":1}\n\n"); /* though it has not ended */
        assert_false(call.closed);
        assert_string_equal(call_field(&call, "cache-control"), "no-cache");
        assert_string_equal(call_field(&call, "x-accel-buffering"), "no");
        engine_say(engine_last(&near), "data: {\"n\":2}\n\n: still here\n\ndata: [DONE]\n\n");
        engine_end(engine_last(&near));
        call_wait(&call);
        assert_true(call.ended);
        assert_string_equal(call_text(&call), "data: {\"n\":1}\n\ndata: {\"n\":2}\n\n"
                                              ": still here\n\ndata: [DONE]\n\n");
        assert_int_equal(counter_get(&proxy_target_metrics(edge.proxy, 0)->events), 2);
        close_all();
    }
}

static void the_time_to_the_first_token_is_a_trailer(void **state)
{
    (void)state;
    open_all("", "", true);
    near.on_complete = stream_two;
    const char *const fields[] = {"content-type", "application/json", "te", "trailers", NULL};
    call_begin(&call, &caller, "POST", "/v1/chat/completions", fields, streamed);
    call_wait_head(&call);
    engine_say(engine_last(&near), "data: [DONE]\n\n");
    engine_end(engine_last(&near));
    call_wait(&call);
    assert_true(call.ended);
    assert_non_null(strstr(call.trailers, "server-timing=ttft;dur="));
    close_all();
}

static void usage_teaches_what_was_cached(void **state)
{
    (void)state;
    open_all("", "", true);
    edge_log_open(&edge);
    near.on_complete = stream_two;
    post("{\"model\":\"m\",\"messages\":[],\"stream\":true,\"prompt_cache_key\":\"k\"}");
    call_wait_head(&call);
    engine_say(engine_last(&near),
               "data: {\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":7,"
               "\"prompt_tokens_details\":{\"cached_tokens\":64}}}\n\ndata: [DONE]\n\n");
    engine_end(engine_last(&near));
    call_wait(&call);
    char *log = edge_log_text(&edge);
    assert_non_null(strstr(log, "\"usage_prompt_tokens\":90"));
    assert_non_null(strstr(log, "\"usage_completion_tokens\":7"));
    assert_non_null(strstr(log, "\"usage_cached_tokens\":64"));
    assert_non_null(strstr(log, "\"done\":true"));
    assert_non_null(strstr(log, "\"cluster\":\"near\""));
    assert_non_null(strstr(log, "\"decision\":{"));
    free(log);
    close_all();
}

static bool engine_has_it(void *arg)
{
    (void)arg;
    return near.completes == 1;
}

static void of_a_stream_s_request_little_is_held(void **state)
{
    (void)state;
    enum { LONG = 40000 };
    char *body = memory_zalloc(LONG + 200);
    const char begin[] = "{\"model\":\"m\",\"stream\":true,\"prompt\":\"";
    memset(body, 'x', LONG);
    memcpy(body, begin, sizeof begin - 1);
    strcpy(body + LONG, "\"}");
    EACH_WAY(w)
    {
        open_way(w, "");
        edge_log_open(&edge);
        struct level *held = &edge.proxy->metrics.body_bytes;
        near.on_complete = wait_for_ever;
        call_begin(&call, &caller, "POST", "/v1/completions?key=secret", json, body);
        kit_run_until(loop, engine_has_it, NULL);
        assert_int_equal(level_get(held), strlen(body)); /* it might have to go elsewhere */
        engine_begin(engine_last(&near), 200, "text/event-stream");
        engine_say(engine_last(&near), "data: {\"n\":1}\n\n");
        call_wait_text(&call, "{\"n\":1}\n\n");
        assert_int_equal(level_get(held), 0);
        engine_say(engine_last(&near), "data: [DONE]\n\n");
        engine_end(engine_last(&near));
        call_wait(&call);
        assert_true(call.ended);
        char *log = edge_log_text(&edge);
        assert_non_null(
            strstr(log, "\"method\":\"POST\",\"path\":\"/v1/completions\",\"model\":\"m\""));
        assert_non_null(strstr(log, "\"client\":\"127.0.0.1\""));
        assert_non_null(strstr(log, "\"bytes_in\":40002"));
        assert_non_null(strstr(log, "\"cluster\":\"near\",\"endpoint\":\"http"));
        assert_non_null(strstr(log, "\"decision\":{"));
        assert_non_null(strstr(log, call_field(&call, "x-request-id")));
        assert_null(strstr(log, "secret"));
        free(log);
        close_all();
    }
    free(body);
}

/* --- elsewhere --------------------------------------------------------- */

static void a_failed_connection_is_tried_elsewhere(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        engine_stop_listening(&near);
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 200);
        assert_string_equal(call_field(&call, "x-isochrone-cluster"), "far");
        assert_string_equal(call_field(&call, "x-isochrone-attempts"), "2");
        assert_string_equal(field_of(engine_last(&far)->fields, "x-retry"), "1");
        assert_int_equal(counter_get(&edge.proxy->metrics.retries[0]), 1);
        assert_int_equal(edge.proxy->budget.retrying, 0);
        close_all();
    }
}

static void a_name_without_address_is_tried_elsewhere(void **state)
{
    (void)state;
    open_all("", "", false);
    char *yaml = memory_printf(
        "policies: [{plugin: nearest}]\nclusters:\n"
        "  - {name: near, latitude: 50, longitude: 8, models: [m], endpoints: [{url: "
        "\"http://nowhere.test\"}]}\n"
        "  - {name: far, latitude: 31, longitude: 121, models: [m], endpoints: [{url: \"%s\"}]}\n"
        "edge: {name: test, latitude: 50, longitude: 8}\n",
        far.url);
    edge_reload(&edge, yaml);
    free(yaml);
    for (int i = 0; i < 8; i++) {
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 200);
        assert_string_equal(call_field(&call, "x-isochrone-cluster"), "far");
    }
    close_all();
}

static void no_connection_anywhere_is_said(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        engine_stop_listening(&near);
        engine_stop_listening(&far);
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 502);
        assert_non_null(strstr(call_text(&call), "\"code\":\"upstream_unreachable\""));
        assert_string_equal(call_field(&call, "x-isochrone-attempts"), "2");
        assert_int_equal(faults(FAULT_UPSTREAM_CONNECT), 1);
        close_all();
    }
}

static bool both_are_busy(void *arg)
{
    (void)arg;
    return near.completes == 1 && far.completes == 1;
}

/* A pool of ours that is full says nothing of the cluster. */
static void no_connection_free_is_tried_elsewhere_and_then_waited_for(void **state)
{
    (void)state;
    struct call others[2], third;
    edge_pool = connection_pool_default_settings;
    edge_pool.connections_h1 = 1;
    open_all("", "", true);
    edge_pool.connections_h1 = 0;
    near.on_complete = far.on_complete = wait_for_ever;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        call_begin(&others[i], &caller, "POST", "/v1/completions", json, plain);
    kit_run_until(loop, both_are_busy, NULL);
    edge.tables->face.limits.connect_timeout_ms = 30;
    post(plain);
    call_wait(&call);
    assert_int_equal(call.status, 503);
    assert_non_null(strstr(call_text(&call), "\"code\":\"upstream_busy\""));
    assert_non_null(call_field(&call, "retry-after"));
    assert_int_equal(near.heads + far.heads, 2);
    const struct ledger_slot *slot = ledger_at(edge.proxy->ledger, 0);
    assert_int_equal(atomic_load(&slot->failures), 0);
    assert_int_equal(atomic_load(&slot->outcomes[FLIGHT_WITHDRAWN]), 1);

    edge.tables->face.limits.connect_timeout_ms = 60000;
    call_begin(&third, &caller, "POST", "/v1/completions", json, plain);
    near.on_complete = NULL;
    engine_answer(engine_last(&near), 200, "application/json", "{}");
    call_wait(&third);
    assert_int_equal(third.status, 200);
    assert_string_equal(call_field(&third, "x-isochrone-cluster"), "near");
    assert_string_equal(call_field(&third, "x-isochrone-attempts"), "1");
    assert_string_equal(call_field(&others[0], "x-isochrone-cluster"), "near");
    call_finish(&third);
    call_finish(&others[0]);
    call_finish(&others[1]);
    close_all();
}

static void a_refused_stream_is_tried_elsewhere(void **state)
{
    (void)state;
    open_all(", protocol: h2", "", true);
    near.refuses = true;
    post(plain);
    call_wait(&call);
    assert_int_equal(call.status, 200);
    assert_string_equal(call_field(&call, "x-isochrone-cluster"), "far");
    assert_int_equal(near.heads, 1);
    far.refuses = true;
    post(plain);
    call_wait(&call);
    assert_int_equal(call.status, 502);
    assert_non_null(strstr(call_text(&call), "upstream_refused"));
    close_all();
}

static void hang_up(struct engine_request *request)
{
    connection_host_finish(&request->engine->host);
}

/* DESIGN.md section 8: it may have started. */
static void a_lost_connection_after_the_request_is_not_tried_again(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        near.on_complete = hang_up;
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 502);
        assert_non_null(strstr(call_text(&call), "\"code\":\"upstream_lost\""));
        assert_int_equal(near.heads, 1);
        assert_int_equal(far.heads, 0);
        assert_int_equal(faults(FAULT_UPSTREAM_LOST), 1);
        close_all();
    }
}

static void overloaded(struct engine_request *request)
{
    engine_answer(request, 503, "application/json", "{\"error\":{\"message\":\"busy\"}}");
}

static const char retrying[] = "routes: [{match: {model: [m]}, retry_refused: true}]\n";

static void a_refusal_is_relayed_unless_the_route_says_otherwise(void **state)
{
    (void)state;
    open_all("", "", false);
    near.on_complete = overloaded;
    post(plain);
    call_wait(&call);
    assert_int_equal(call.status, 503);
    assert_non_null(strstr(call_text(&call), "busy"));
    assert_int_equal(far.heads, 0);
    close_all();
}

static void a_refusal_may_go_elsewhere_once(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, retrying);
        near.on_complete = overloaded;
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 200);
        assert_string_equal(call_field(&call, "x-isochrone-cluster"), "far");
        assert_int_equal(counter_get(&edge.proxy->metrics.retries[1]), 1);
        far.on_complete = overloaded;
        post(plain);
        call_wait(&call);
        assert_int_equal(call.status, 503); /* the second cluster's own words */
        assert_non_null(strstr(call_text(&call), "busy"));
        assert_int_equal(edge.proxy->budget.retrying, 0);
        close_all();
    }
}

/* Nobody else: what is told is the refusal, with a time to come back. */
static void a_refusal_that_finds_nobody_else(void **state)
{
    (void)state;
    open_all("", "", false);
    near.on_complete = overloaded;
    char *yaml = memory_printf("policies: [{plugin: nearest}]\n%sclusters:\n"
                               "  - {name: only, models: [m], endpoints: [{url: \"%s\"}]}\n",
                               retrying, near.url);
    edge_reload(&edge, yaml);
    free(yaml);
    post(plain);
    call_wait(&call);
    assert_int_equal(call.status, 503);
    assert_non_null(strstr(call_text(&call), "\"code\":\"upstream_overloaded\""));
    assert_non_null(call_field(&call, "retry-after"));
    assert_non_null(call_field(&call, "retry-after-ms"));
    assert_int_equal(near.heads, 1);
    close_all();
}

/* --- cut --------------------------------------------------------------- */

static void stream_then_cut(struct engine_request *request)
{
    engine_begin(request, 200, "text/event-stream");
    engine_say(request, "data: {\"n\":1}\n\ndata: {\"half");
    engine_cut(request);
}

static void a_cut_stream_never_looks_complete(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        near.on_complete = stream_then_cut;
        post(streamed);
        call_wait(&call);
        assert_int_equal(call.status, 200);
        assert_false(call.ended);
        assert_int_not_equal(call.why, STREAM_DONE);
        if (ways[w].client_h2) { /* a reset connection may take its last bytes along */
            assert_non_null(strstr(call_text(&call), "{\"half\n\ndata: {\"error\":{"));
            assert_non_null(strstr(call_text(&call), "\"code\":\"upstream_cut\""));
        }
        assert_int_equal(near.heads + far.heads, 1);
        assert_int_equal(faults(FAULT_UPSTREAM_CUT), 1);
        close_all();
    }
}

static void end_without_done(struct engine_request *request)
{
    engine_answer(request, 200, "text/event-stream", "data: {\"n\":1}\n\n");
}

static void a_stream_without_done_is_cut(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        near.on_complete = end_without_done;
        post(streamed);
        call_wait(&call);
        assert_false(call.ended);
        assert_int_equal(faults(FAULT_UPSTREAM_CUT), 1);
        close_all();
    }
    open_all("", "", true); /* other paths end their streams as they like */
    near.on_complete = end_without_done;
    call_begin(&call, &caller, "POST", "/v1/responses", json, streamed);
    call_wait(&call);
    assert_true(call.ended);
    close_all();
}

static void half_a_document(struct engine_request *request)
{
    engine_begin(request, 200, "application/json");
    engine_say(request, "{\"half\":");
    engine_cut(request);
}

static void a_cut_document_is_cut_for_the_client(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        open_way(w, "");
        near.on_complete = half_a_document;
        post(plain);
        call_wait(&call);
        assert_false(call.ended);
        assert_null(strstr(call_text(&call), "error"));
        close_all();
    }
}

/* --- the client goes --------------------------------------------------- */

static bool engine_lost_it(void *arg)
{
    (void)arg;
    return near.closes == 1;
}

/* Waiting for the head and in mid-stream. */
static void a_client_that_goes_takes_its_request_along(void **state)
{
    (void)state;
    EACH_WAY(w)
    {
        for (int streaming = 0; streaming < 2; streaming++) {
            open_way(w, "");
            near.on_complete = streaming ? stream_two : wait_for_ever;
            post(streamed);
            kit_run_until(loop, engine_has_it, NULL);
            if (streaming)
                call_wait_head(&call);
            stream_reset(call.stream, H2_NO_ERROR);
            call.stream = NULL;
            kit_run_until(loop, engine_lost_it, NULL);
            assert_int_not_equal(engine_last(&near)->why, STREAM_DONE);
            assert_int_equal(faults(FAULT_CLIENT_GONE), 1);
            assert_int_equal(upstream_count(edge.proxy->upstream).streams, 0);
            close_all();
        }
    }
}

static bool waits_for_connection(void *arg)
{
    (void)arg;
    return upstream_count(edge.proxy->upstream).waiting == 1;
}

static bool gone(void *arg)
{
    (void)arg;
    return faults(FAULT_CLIENT_GONE) == 1;
}

/* ... and while it waits for a connection. */
static void a_client_that_goes_before_the_connection_is_there(void **state)
{
    (void)state;
    open_all(", protocol: h2", "", true);
    near.host.settings.limits.streams = 1;
    near.on_complete = wait_for_ever;
    struct call first;
    call_begin(&first, &caller, "POST", "/v1/chat/completions", json, plain);
    kit_run_until(loop, engine_has_it, NULL);
    engine_stop_listening(&near);
    post(plain);
    kit_run_until(loop, waits_for_connection, NULL);
    stream_reset(call.stream, H2_CANCEL);
    call.stream = NULL;
    kit_run_until(loop, gone, NULL);
    assert_int_equal(upstream_count(edge.proxy->upstream).waiting, 0);
    call_finish(&first);
    close_all();
}

UNIT_MAIN(an_answer_comes_through, a_stream_passes_at_once,
          the_time_to_the_first_token_is_a_trailer, usage_teaches_what_was_cached,
          of_a_stream_s_request_little_is_held, a_failed_connection_is_tried_elsewhere,
          a_name_without_address_is_tried_elsewhere, no_connection_anywhere_is_said,
          no_connection_free_is_tried_elsewhere_and_then_waited_for,
          a_refused_stream_is_tried_elsewhere,
          a_lost_connection_after_the_request_is_not_tried_again,
          a_refusal_is_relayed_unless_the_route_says_otherwise, a_refusal_may_go_elsewhere_once,
          a_refusal_that_finds_nobody_else, a_cut_stream_never_looks_complete,
          a_stream_without_done_is_cut, a_cut_document_is_cut_for_the_client,

          a_client_that_goes_takes_its_request_along,
          a_client_that_goes_before_the_connection_is_there)
