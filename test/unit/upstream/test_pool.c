/* Connection pools against engines on loopback, in one loop. */
#include "unit.h"

#include <unistd.h>

#include "../net/net_kit.h"
#include "engine.h"
#include "upstream/pool.h"

enum { ASKS_MAX = 64 };

/* One request through a pool, and what came of it. */
struct ask {
    struct pool_request request;
    struct request_head head;
    struct slice part;
    struct stream *stream;
    bool started, failed, ended, closed;
    int status;
    enum stream_close why;
    char failure[128];
    unsigned order; /* of its start, from 1 */
};

struct scene {
    struct loop *loop;
    struct engine engine;
    struct connection_pool_settings settings;
    struct connection_pool *pool;
    struct list retired;
    struct ask asks[ASKS_MAX];
    size_t count, started, failed, closed;
    size_t target; /* a number some fact waits for */
};

static struct scene scene;

static void on_response(struct stream *stream, const struct response_head *head)
{
    ((struct ask *)stream->user)->status = head->status;
}

static void on_body(struct stream *stream, struct slice data)
{
    stream_consumed(stream, data.len);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    (void)trailers;
    ((struct ask *)stream->user)->ended = true;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct ask *ask = stream->user;
    ask->stream = NULL;
    ask->closed = true;
    ask->why = why;
    scene.closed++;
}

static const struct stream_events ask_upcalls = {.on_response = on_response,
                                                 .on_body = on_body,
                                                 .on_end = on_end,
                                                 .on_closed = on_closed};

static void on_started(struct pool_request *request, struct stream *stream)
{
    struct ask *ask = CONTAINER_OF(request, struct ask, request);
    assert_false(ask->started || ask->failed);
    ask->started = true;
    ask->stream = stream;
    ask->order = (unsigned)++scene.started;
}

static void on_failed(struct pool_request *request, const char *why)
{
    struct ask *ask = CONTAINER_OF(request, struct ask, request);
    assert_false(ask->started || ask->failed);
    ask->failed = true;
    snprintf(ask->failure, sizeof ask->failure, "%s", why);
    scene.failed++;
}

static struct ask *start(void)
{
    assert_true(scene.count < ASKS_MAX);
    struct ask *ask = &scene.asks[scene.count++];
    ask->head = (struct request_head){.method = METHOD_POST,
                                      .version = HTTP_1_1,
                                      .method_text = SLICE("POST"),
                                      .scheme = SLICE("http"),
                                      .authority = SLICE("engine.test"),
                                      .path = SLICE("/v1/completions"),
                                      .content_length = 2,
                                      .body = true};
    ask->part = SLICE("{}");
    ask->request = (struct pool_request){.head = &ask->head,
                                         .body_parts = &ask->part,
                                         .body_part_count = 1,
                                         .events = &ask_upcalls,
                                         .user = ask,
                                         .on_started = on_started,
                                         .on_failed = on_failed};
    connection_pool_start(scene.pool, &ask->request);
    return ask;
}

/* --- facts ------------------------------------------------------------- */

static bool closed_enough(void *arg)
{
    (void)arg;
    return scene.closed >= scene.target;
}

static bool heard_enough(void *arg)
{
    (void)arg;
    return scene.engine.completes >= scene.target;
}

static bool failed_enough(void *arg)
{
    (void)arg;
    return scene.failed >= scene.target;
}

static bool no_connection(void *arg)
{
    (void)arg;
    return connection_pool_count(scene.pool).connections == 0;
}

static bool none_retired(void *arg)
{
    (void)arg;
    return list_empty(&scene.retired);
}

static void wait_for(bool (*fact)(void *arg), size_t target)
{
    scene.target = target;
    kit_run_until(scene.loop, fact, NULL);
}

/* --- around each test -------------------------------------------------- */

static void keep_open(struct engine_request *request)
{
    (void)request;
}

static void make_pool(const struct address *address, enum upstream_protocol protocol)
{
    const struct upstream_dial dial = {.address = *address, .protocol = protocol};
    scene.pool = connection_pool_create(scene.loop, &dial, &scene.settings);
}

static void begin(enum upstream_protocol protocol)
{
    scene = (struct scene){.settings = connection_pool_default_settings};
    scene.loop = loop_create();
    list_init(&scene.retired);
    engine_open(&scene.engine, scene.loop);
    make_pool(&scene.engine.bound, protocol);
}

static void finish(void)
{
    connection_pool_destroy(&scene.pool);
    connection_pool_destroy_all(&scene.retired);
    loop_turn(scene.loop);
    engine_close(&scene.engine);
    loop_destroy(&scene.loop);
}

static void answer_all(void)
{
    LIST_EACH (node, &scene.engine.requests) {
        struct engine_request *request = LIST_ENTRY(node, struct engine_request, link);
        if (request->complete && request->stream != NULL)
            engine_answer(request, 200, "application/json", "{}");
    }
}

/* --- HTTP/1.1 ---------------------------------------------------------- */

static void one_connection_carries_requests_in_turn(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    for (size_t i = 1; i <= 5; i++) {
        const struct ask *ask = start();
        wait_for(closed_enough, i);
        assert_int_equal(ask->status, 200);
        assert_int_equal(ask->why, STREAM_DONE);
    }
    assert_int_equal(counter_get(&scene.engine.host.counters.accepted), 1);
    const struct connection_pool_counts counts = connection_pool_count(scene.pool);
    assert_int_equal(counts.connections, 1);
    assert_int_equal(counts.streams, 0);
    finish();
}

static void at_once_each_has_its_own_and_they_are_used_again(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    scene.engine.on_complete = keep_open;
    for (int i = 0; i < 8; i++)
        start();
    assert_int_equal(connection_pool_count(scene.pool).dialling, 8);
    assert_int_equal(connection_pool_count(scene.pool).waiting, 8);
    wait_for(heard_enough, 8);
    assert_int_equal(connection_pool_count(scene.pool).streams, 8);
    answer_all();
    wait_for(closed_enough, 8);
    scene.engine.on_complete = NULL;
    for (int i = 0; i < 8; i++)
        start();
    assert_int_equal(scene.started, 16); /* at once: all eight are warm */
    wait_for(closed_enough, 16);
    assert_int_equal(counter_get(&scene.engine.host.counters.accepted), 8);
    finish();
}

static void over_the_limit_they_wait_first_come_first_served(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    connection_pool_destroy(&scene.pool);
    scene.settings.connections_h1 = 2;
    make_pool(&scene.engine.bound, UPSTREAM_H1);
    for (int i = 0; i < 10; i++)
        start();
    assert_int_equal(connection_pool_count(scene.pool).dialling, 2);
    wait_for(closed_enough, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(scene.asks[i].order, i + 1);
    assert_int_equal(counter_get(&scene.engine.host.counters.accepted), 2);
    finish();
}

static void a_connection_closed_behind_our_back_is_not_used(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    start();
    wait_for(closed_enough, 1);
    connection_host_finish(&scene.engine.host); /* and the loop has not looked since */
    const struct ask *ask = start();
    assert_false(ask->started);
    wait_for(closed_enough, 2);
    assert_int_equal(ask->status, 200);
    assert_int_equal(counter_get(&scene.engine.host.counters.accepted), 2);
    finish();
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    connection_pool_destroy(&scene.pool);
    scene.settings.idle_timeout_h1_ms = 1;
    make_pool(&scene.engine.bound, UPSTREAM_H1);
    start();
    wait_for(closed_enough, 1);
    wait_for(no_connection, 0);
    start();
    wait_for(closed_enough, 2);
    assert_int_equal(scene.asks[1].status, 200);
    finish();
}

static bool one_lost(void *arg)
{
    (void)arg;
    return scene.engine.closes == 1 && connection_pool_count(scene.pool).connections == 1;
}

static void a_reset_stream_costs_its_connection_alone(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    scene.engine.on_complete = keep_open;
    struct ask *first = start();
    start();
    wait_for(heard_enough, 2);
    stream_reset(first->stream, H2_CANCEL);
    first->stream = NULL;
    wait_for(one_lost, 0);
    answer_all();
    wait_for(closed_enough, 1);
    assert_int_equal(scene.asks[1].status, 200);
    finish();
}

/* --- HTTP/2 ------------------------------------------------------------ */

static void streams_share_a_connection(void **state)
{
    (void)state;
    begin(UPSTREAM_H2);
    scene.engine.on_complete = keep_open;
    for (int i = 0; i < 40; i++)
        start();
    assert_int_equal(connection_pool_count(scene.pool).dialling, 1);
    wait_for(heard_enough, 40);
    assert_int_equal(counter_get(&scene.engine.host.counters.accepted), 1);
    assert_int_equal(connection_pool_count(scene.pool).streams, 40);
    answer_all();
    wait_for(closed_enough, 40);
    assert_int_equal(connection_pool_count(scene.pool).streams, 0);
    finish();
}

static bool two_open(void *arg)
{
    (void)arg;
    return connection_pool_count(scene.pool).connections == 2;
}

/* Twelve fit; the next connection is made when fewer than eight are left, not when none is. */
static void the_next_connection_is_opened_before_the_last_is_full(void **state)
{
    (void)state;
    begin(UPSTREAM_H2);
    scene.engine.host.settings.limits.streams = 12;
    scene.engine.on_complete = keep_open;
    start();
    wait_for(heard_enough, 1); /* its SETTINGS have come too */
    for (int i = 0; i < 9; i++)
        start();
    assert_int_equal(scene.started, 10);
    wait_for(heard_enough, 10);
    wait_for(two_open, 0);
    start();
    wait_for(heard_enough, 11);
    for (int i = 0; i < 13; i++)
        start();
    assert_int_equal(scene.started, 24); /* at once */
    wait_for(heard_enough, 24);
    assert_in_range(counter_get(&scene.engine.host.counters.accepted), 2, 3);
    answer_all();
    wait_for(closed_enough, 24);
    finish();
}

static void room_that_comes_back_is_filled_again(void **state)
{
    (void)state;
    begin(UPSTREAM_H2);
    connection_pool_destroy(&scene.pool);
    scene.settings.connections_h2 = 1;
    make_pool(&scene.engine.bound, UPSTREAM_H2);
    scene.engine.host.settings.limits.streams = 2;
    scene.engine.on_complete = keep_open;
    start();
    wait_for(heard_enough, 1);
    for (int i = 0; i < 5; i++)
        start();
    wait_for(heard_enough, 2);
    assert_int_equal(connection_pool_count(scene.pool).waiting, 4);
    scene.engine.on_complete = NULL;
    answer_all();
    wait_for(closed_enough, 6);
    assert_int_equal(counter_get(&scene.engine.host.counters.accepted), 1);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(scene.asks[i].order, i + 1);
    finish();
}

static void after_goaway_streams_end_and_new_ones_go_elsewhere(void **state)
{
    (void)state;
    begin(UPSTREAM_H2);
    scene.engine.on_complete = keep_open;
    start();
    wait_for(heard_enough, 1);
    connection_host_drain(&scene.engine.host);
    connection_host_drain(&scene.engine.host);
    scene.engine.host.draining = false; /* of the connections to come */
    for (int i = 0; i < 20 && connection_pool_count(scene.pool).streams == 1; i++)
        loop_turn(scene.loop);
    start();
    wait_for(heard_enough, 2);
    answer_all();
    wait_for(closed_enough, 2);
    assert_int_equal(scene.asks[0].status, 200);
    assert_int_equal(scene.asks[1].status, 200);
    finish();
}

static void a_refused_stream_is_told_as_one(void **state)
{
    (void)state;
    begin(UPSTREAM_H2);
    scene.engine.refuses = true;
    const struct ask *ask = start();
    wait_for(closed_enough, 1);
    assert_int_equal(ask->why, STREAM_REFUSED);
    assert_int_equal(ask->status, 0);
    finish();
}

/* --- no connection ----------------------------------------------------- */

static void a_failed_dial_fails_who_waits_and_nobody_else(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    scene.engine.on_complete = keep_open;
    start();
    wait_for(heard_enough, 1);
    engine_stop_listening(&scene.engine);
    const struct ask *second = start(), *third = start();
    assert_false(second->failed); /* never from inside */
    wait_for(failed_enough, 2);
    assert_true(second->failed && third->failed);
    assert_non_null(strstr(second->failure, "refused"));
    answer_all();
    wait_for(closed_enough, 1);
    assert_int_equal(scene.asks[0].status, 200);
    start(); /* on the one that is still there */
    wait_for(heard_enough, 2);
    finish();
}

static void a_failed_dial_of_a_shared_connection_fails_all_that_wait(void **state)
{
    (void)state;
    begin(UPSTREAM_H2);
    engine_stop_listening(&scene.engine);
    for (int i = 0; i < 5; i++)
        start();
    assert_int_equal(connection_pool_count(scene.pool).dialling, 1);
    wait_for(failed_enough, 5);
    assert_int_equal(connection_pool_count(scene.pool).waiting, 0);
    finish();
}

/* The kernel takes the connection, but nobody speaks TLS. */
static void a_silent_listener_runs_into_the_time_out(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    connection_pool_destroy(&scene.pool);
    struct address silent;
    const int fd = kit_listen(&silent);
    struct error error;
    const struct tls_client_settings settings = {.offer_h2 = true, .offer_h1 = true};
    struct tls_client *tls = tls_client_create(&settings, &error);
    assert_non_null(tls);
    scene.settings.connect_timeout_ms = 50;
    const struct upstream_dial dial = {.address = silent, .tls = tls, .server_name = "engine.test"};
    scene.pool = connection_pool_create(scene.loop, &dial, &scene.settings);
    tls_client_drop(&tls);
    start();
    start();
    wait_for(failed_enough, 2);
    assert_string_equal(scene.asks[0].failure, "connect timed out");
    close(fd);
    finish();
}

static void who_gives_up_waiting_is_not_called(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    struct ask *first = start();
    const struct ask *second = start();
    connection_pool_cancel(&first->request);
    wait_for(closed_enough, 1);
    assert_false(first->started || first->failed);
    assert_int_equal(second->status, 200);
    finish();
}

/* --- retiring ---------------------------------------------------------- */

static void a_retired_pool_serves_who_waits_and_goes(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        begin(h2 ? UPSTREAM_H2 : UPSTREAM_H1);
        start();
        start();
        connection_pool_retire(&scene.pool, &scene.retired);
        assert_null(scene.pool);
        assert_false(list_empty(&scene.retired));
        wait_for(closed_enough, 2);
        assert_int_equal(scene.asks[1].status, 200);
        wait_for(none_retired, 0);
        finish();
    }
}

static void a_retired_pool_waits_for_its_last_stream(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        begin(h2 ? UPSTREAM_H2 : UPSTREAM_H1);
        scene.engine.on_complete = keep_open;
        start();
        wait_for(heard_enough, 1);
        connection_pool_retire(&scene.pool, &scene.retired);
        assert_false(list_empty(&scene.retired));
        answer_all();
        wait_for(closed_enough, 1);
        assert_int_equal(scene.asks[0].status, 200);
        wait_for(none_retired, 0);
        finish();
    }
}

static void a_retired_pool_whose_waiters_left_goes(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    struct ask *ask = start();
    connection_pool_retire(&scene.pool, &scene.retired);
    connection_pool_cancel(&ask->request);
    wait_for(none_retired, 0);
    finish();
}

static void retiring_an_idle_pool_is_at_once(void **state)
{
    (void)state;
    begin(UPSTREAM_H1);
    start();
    wait_for(closed_enough, 1);
    connection_pool_retire(&scene.pool, &scene.retired);
    loop_turn(scene.loop);
    assert_true(list_empty(&scene.retired));
    connection_pool_retire(&scene.pool, &scene.retired); /* of none */
    finish();
}

/* Shutdown with a stream open in a retired pool: it hears that it is lost, nothing leaks. */
static void what_is_left_of_the_retired_can_be_ended(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        begin(h2 ? UPSTREAM_H2 : UPSTREAM_H1);
        scene.engine.on_complete = keep_open;
        start();
        wait_for(heard_enough, 1);
        connection_pool_retire(&scene.pool, &scene.retired);
        connection_pool_destroy_all(&scene.retired);
        assert_int_equal(scene.asks[0].why, STREAM_LOST);
        assert_true(scene.asks[0].closed);
        finish();
    }
}

UNIT_MAIN(one_connection_carries_requests_in_turn, at_once_each_has_its_own_and_they_are_used_again,
          over_the_limit_they_wait_first_come_first_served,
          a_connection_closed_behind_our_back_is_not_used, idle_connections_are_closed,
          a_reset_stream_costs_its_connection_alone, streams_share_a_connection,
          the_next_connection_is_opened_before_the_last_is_full,
          room_that_comes_back_is_filled_again, after_goaway_streams_end_and_new_ones_go_elsewhere,
          a_refused_stream_is_told_as_one, a_failed_dial_fails_who_waits_and_nobody_else,
          a_failed_dial_of_a_shared_connection_fails_all_that_wait,
          a_silent_listener_runs_into_the_time_out, who_gives_up_waiting_is_not_called,
          a_retired_pool_serves_who_waits_and_goes, a_retired_pool_waits_for_its_last_stream,
          a_retired_pool_whose_waiters_left_goes, retiring_an_idle_pool_is_at_once,
          what_is_left_of_the_retired_can_be_ended)
