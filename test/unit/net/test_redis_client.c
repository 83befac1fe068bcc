/* The client against a server played by the test, in one loop. */
#include "net/redis_client.h"

#include <event2/event.h>
#include <stdio.h>

#include "fake_redis.h"
#include "net/redis_reader.h"
#include "unit.h"

struct seen {
    int ready, lost, answers, forgotten, messages;
    char text[256];
};

struct bench {
    struct event_base *base;
    struct fake_redis servers[2];
    const char *answers[2]; /* to what is not the greeting */
    struct seen seen;
    struct redis_client *client;
};

static const char *answer_of(void *owner, const struct redisReply *command)
{
    (void)command;
    return *(const char **)owner;
}

static void on_ready(void *owner)
{
    ((struct bench *)owner)->seen.ready++;
}

static void on_lost(void *owner)
{
    ((struct bench *)owner)->seen.lost++;
}

static void on_message(void *owner, struct slice payload)
{
    struct bench *bench = owner;
    bench->seen.messages++;
    snprintf(bench->seen.text, sizeof bench->seen.text, "%.*s", SLICE_ARG(payload));
}

static const struct redis_events events = {on_ready, on_lost, on_message};

static void on_answer(void *owner, const struct redisReply *reply)
{
    struct bench *bench = owner;
    if (reply)
        bench->seen.answers++;
    else
        bench->seen.forgotten++;
}

static int bench_open(void **state)
{
    static struct bench bench;
    bench = (struct bench){.base = event_base_new()};
    for (size_t i = 0; i < COUNT_OF(bench.servers); i++) {
        fake_redis_start(&bench.servers[i], bench.base);
        bench.answers[i] = "+OK\r\n";
        bench.servers[i].answer = answer_of;
        bench.servers[i].owner = &bench.answers[i];
    }
    *state = &bench;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *bench = *state;
    redis_client_destroy(&bench->client);
    for (size_t i = 0; i < COUNT_OF(bench->servers); i++)
        fake_redis_stop(&bench->servers[i]);
    event_base_free(bench->base);
    return 0;
}

static void client_start(struct bench *bench, size_t servers, const char *channel)
{
    const struct slice urls[] = {bench->servers[0].url, bench->servers[1].url};
    const struct redis_settings settings = {.urls = urls,
                                            .url_count = servers,
                                            .name = "test",
                                            .channel = channel,
                                            .reply_ms = 300,
                                            .retry_low_ms = 5,
                                            .retry_high_ms = 20};
    struct error error;
    bench->client = redis_client_create(bench->base, &settings, &events, bench, &error);
    assert_non_null(bench->client);
}

static struct redis_status status_of(struct bench *bench)
{
    struct redis_status status;
    redis_client_status(bench->client, &status);
    return status;
}

/* Turns the loop until the fact holds; the test's own timeout is the bound. */
#define UNTIL(fact)                                    \
    do {                                               \
        while (!(fact))                                \
            event_base_loop(bench->base, EVLOOP_ONCE); \
    } while (0)

static bool call(struct bench *bench)
{
    const struct slice words[] = {SLICE("GET"), SLICE("x")};
    return redis_client_call(bench->client, words, COUNT_OF(words), on_answer, bench);
}

static void greets_and_calls(void **state)
{
    struct bench *bench = *state;
    client_start(bench, 1, NULL);
    assert_false(call(bench)); /* not ready yet */
    UNTIL(bench->seen.ready == 1);
    assert_true(call(bench));
    assert_true(call(bench));
    assert_int_equal(status_of(bench).outstanding, 2);
    UNTIL(bench->seen.answers == 2);
    assert_string_equal(bench->servers[0].log, "AUTH SELECT CLIENT ROLE GET GET ");
    assert_int_equal(status_of(bench).refused, 1);
}

static void replica_is_passed_over(void **state)
{
    struct bench *bench = *state;
    bench->servers[0].role = FAKE_REPLICA;
    client_start(bench, 2, NULL);
    UNTIL(bench->seen.ready == 1);
    assert_int_equal(bench->servers[1].accepted, 1);
    assert_non_null(strstr(status_of(bench).error, "is not a master but a slave"));
}

static void readonly_means_another_server(void **state)
{
    struct bench *bench = *state;
    bench->answers[0] = "-READONLY You can't write against a read only replica.\r\n";
    client_start(bench, 2, NULL);
    UNTIL(bench->seen.ready == 1);
    assert_true(call(bench));
    UNTIL(bench->seen.ready == 2);
    assert_int_equal(bench->seen.answers, 1);
    assert_int_equal(bench->seen.lost, 1);
    assert_int_equal(bench->servers[1].accepted, 1);
}

static void role_forbidden_counts_as_master(void **state)
{
    struct bench *bench = *state;
    bench->servers[0].role = "-NOPERM this user has no permissions to run the 'role' command\r\n";
    client_start(bench, 1, NULL);
    UNTIL(bench->seen.ready == 1);
}

static void frozen_server_is_given_up(void **state)
{
    struct bench *bench = *state;
    client_start(bench, 1, NULL);
    UNTIL(bench->seen.ready == 1);
    bench->servers[0].mute = true;
    assert_true(call(bench));
    UNTIL(bench->seen.forgotten == 1);
    assert_int_equal(bench->seen.lost, 1);
    assert_non_null(strstr(status_of(bench).error, "does not answer"));
    bench->servers[0].mute = false;
    UNTIL(bench->seen.ready == 2);
}

static void server_that_never_greets_is_given_up(void **state)
{
    struct bench *bench = *state;
    bench->servers[0].mute = true;
    client_start(bench, 2, NULL);
    UNTIL(bench->seen.ready == 1);
    assert_int_equal(bench->servers[1].accepted, 1);
}

static void hang_up_in_mid_reply_is_survived(void **state)
{
    struct bench *bench = *state;
    client_start(bench, 1, NULL);
    UNTIL(bench->seen.ready == 1);
    bench->answers[0] = "*2\r\n$5\r\nhal";
    assert_true(call(bench));
    UNTIL(strstr(bench->servers[0].log, "GET") != NULL);
    UNTIL(fake_redis_sent(&bench->servers[0]));
    fake_redis_hang_up(&bench->servers[0]);
    UNTIL(bench->seen.forgotten == 1);
    bench->answers[0] = "+OK\r\n";
    UNTIL(bench->seen.ready == 2);
    assert_true(call(bench));
    UNTIL(bench->seen.answers == 1);
}

static void nonsense_ends_the_connection(void **state)
{
    struct bench *bench = *state;
    bench->answers[0] = "HTTP/1.1 200 OK\r\n";
    client_start(bench, 1, NULL);
    UNTIL(bench->seen.ready == 1);
    assert_true(call(bench));
    UNTIL(bench->seen.forgotten == 1);
    assert_non_null(strstr(status_of(bench).error, "not the Redis protocol"));
}

static void unasked_replies_are_counted(void **state)
{
    struct bench *bench = *state;
    bench->answers[0] = "+OK\r\n+OK\r\n*-1\r\n";
    client_start(bench, 1, NULL);
    UNTIL(bench->seen.ready == 1);
    assert_true(call(bench));
    UNTIL(bench->seen.answers == 1);
    UNTIL(status_of(bench).unexpected == 2);
    assert_int_equal(bench->seen.lost, 0);
}

static void subscriber_gets_messages_and_pings(void **state)
{
    struct bench *bench = *state;
    client_start(bench, 1, "c");
    UNTIL(bench->seen.ready == 1);
    assert_false(call(bench));
    static const char message[] = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n";
    fake_redis_send(&bench->servers[0], message);
    UNTIL(bench->seen.messages == 1);
    assert_string_equal(bench->seen.text, "hello");
    const uint64_t replies = status_of(bench).replies;
    UNTIL(status_of(bench).replies > replies); /* the answer to its PING */
    bench->servers[0].mute = true;
    UNTIL(bench->seen.lost == 1);
}

static void nobody_there_keeps_trying(void **state)
{
    struct bench *bench = *state;
    struct redis_settings settings = {.retry_low_ms = 1, .retry_high_ms = 4, .url_count = 1};
    const struct slice nowhere = SLICE("unix:/nonexistent/redis.sock");
    settings.urls = &nowhere;
    struct error error;
    bench->client = redis_client_create(bench->base, &settings, &events, bench, &error);
    UNTIL(status_of(bench).failures >= 5);
    assert_int_equal(bench->seen.ready, 0);
    assert_non_null(strstr(status_of(bench).error, "cannot connect"));
}

static void bad_url_is_refused(void **state)
{
    struct bench *bench = *state;
    const struct slice bad = SLICE("http://x");
    const struct redis_settings settings = {.urls = &bad, .url_count = 1};
    struct error error;
    assert_null(redis_client_create(bench->base, &settings, &events, bench, &error));
    assert_non_null(strstr(error.text, "expected redis://"));
}

#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(greets_and_calls),
        WITH_BENCH(replica_is_passed_over),
        WITH_BENCH(readonly_means_another_server),
        WITH_BENCH(role_forbidden_counts_as_master),
        WITH_BENCH(frozen_server_is_given_up),
        WITH_BENCH(server_that_never_greets_is_given_up),
        WITH_BENCH(hang_up_in_mid_reply_is_survived),
        WITH_BENCH(nonsense_ends_the_connection),
        WITH_BENCH(unasked_replies_are_counted),
        WITH_BENCH(subscriber_gets_messages_and_pings),
        WITH_BENCH(nobody_there_keeps_trying),
        WITH_BENCH(bad_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
