/* The feed against a Redis played by the test, in one loop. */
#include "control/redis_feed.h"

#include <event2/event.h>
#include <math.h>
#include <stdio.h>

#include "fake_redis.h"
#include "net/redis_reader.h"
#include "unit.h"

#define WORD(n, w) "$" #n "\r\n" w "\r\n"
#define REPORT(seq)                                                                     \
    "*6\r\n" WORD(5, "epoch") WORD(1, "5") WORD(3, "seq") WORD(1, seq) WORD(5, "ts_ms") \
        WORD(4, "7000")
#define SPOILED "*2\r\n" WORD(5, "epoch") WORD(1, "x")
#define ROUTERS "*2\r\n" WORD(6, "edge-2") WORD(4, "7900")
#define SNAPSHOT_ONE "*3\r\n:8000\r\n*2\r\n" WORD(11, "fra:default") REPORT("1") ROUTERS
#define SNAPSHOT_HALF_BAD \
    "*3\r\n:8000\r\n*4\r\n" WORD(11, "fra:default") REPORT("2") WORD(3, "x:y") SPOILED ROUTERS
#define SNAPSHOT_MOSTLY_BAD                                                    \
    "*3\r\n:8000\r\n*6\r\n" WORD(11, "fra:default") REPORT("3") WORD(3, "x:y") \
        SPOILED WORD(3, "x:z") SPOILED ROUTERS
#define MESSAGE_TEXT                                                                     \
    "[\"cluster\",\"iad\",\"pool\",\"default\",\"epoch\",\"5\",\"seq\",\"9\",\"ts_ms\"," \
    "\"7500\",\"running\",\"4\"]"
#define NOT_FOUND "-ERR Function not found\r\n"

struct seen {
    int reports, exchanges;
    char cluster[32];
    double age_ms;
    struct report report;
    struct fleet_share other;
    size_t others;
    uint32_t routers;
};

struct bench {
    struct event_base *base;
    struct fake_redis server;
    struct redis_feed *feed;
    struct seen seen;
    const char *snapshot; /* reply to iso1_snapshot */
    const char *exchange;
    const char *load;
    int loads, snapshots, exchanges;
    char exchanged[512]; /* the words of the last iso1_exchange */
};

static const char *answer(void *owner, const struct redisReply *command)
{
    struct bench *bench = owner;
    if (slice_eq(redis_reply_text(command->element[0]), SLICE("FUNCTION"))) {
        bench->loads++;
        return bench->load;
    }
    const struct slice function = redis_reply_text(command->element[1]);
    if (slice_eq(function, SLICE("iso1_snapshot"))) {
        bench->snapshots++;
        return bench->snapshot;
    }
    bench->exchanges++;
    bench->exchanged[0] = '\0';
    for (size_t i = 6; i < command->elements; i++) {
        strcat(bench->exchanged, command->element[i]->str);
        strcat(bench->exchanged, " ");
    }
    return bench->exchange;
}

static enum report_fate on_report(void *owner, struct slice cluster, struct slice pool,
                                  const struct report *report, double age_ms)
{
    struct bench *bench = owner;
    assert_true(slice_eq(pool, SLICE("default")));
    snprintf(bench->seen.cluster, sizeof bench->seen.cluster, "%.*s", SLICE_ARG(cluster));
    bench->seen.report = *report;
    bench->seen.age_ms = age_ms;
    bench->seen.reports++;
    return REPORT_TAKEN;
}

static size_t shares(void *owner, struct fleet_share *out, size_t most)
{
    (void)owner;
    assert_true(most >= 2);
    out[0] = (struct fleet_share){
        .name = "fra:default", .slot = 7, .inflight = 2, .pending = 1, .pending_tokens = 900};
    out[1] = (struct fleet_share){.name = "No Name", .slot = 8, .inflight = -1};
    return 2;
}

static void on_exchange(void *owner, const struct fleet_share *others, size_t count,
                        uint32_t routers, double tick_ms, double age_ms)
{
    struct bench *bench = owner;
    assert_true(tick_ms >= 100 && age_ms >= 0);
    bench->seen.exchanges++;
    bench->seen.others = count;
    bench->seen.other = others[0];
    bench->seen.routers = routers;
}

static const struct redis_feed_events events = {on_report, shares, on_exchange};

static int bench_open(void **state)
{
    static struct bench bench;
    bench = (struct bench){.base = event_base_new(),
                           .snapshot = SNAPSHOT_ONE,
                           .exchange = "*5\r\n:8000\r\n:3\r\n:10\r\n:1\r\n:1000\r\n",
                           .load = "$4\r\niso1\r\n"};
    fake_redis_start(&bench.server, bench.base);
    bench.server.answer = answer;
    bench.server.owner = &bench;
    const struct redis_feed_settings settings = {
        .urls = &bench.server.url,
        .url_count = 1,
        .prefix = SLICE("iso"),
        .router_name = SLICE("edge-1"),
        .reply_ms = 300,
    };
    struct error error;
    bench.feed = redis_feed_create(bench.base, &settings, &events, &bench, &error);
    assert_non_null(bench.feed);
    *state = &bench;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *bench = *state;
    redis_feed_destroy(&bench->feed);
    fake_redis_stop(&bench->server);
    event_base_free(bench->base);
    return 0;
}

static struct redis_feed_status status_of(struct bench *bench)
{
    struct redis_feed_status status;
    redis_feed_status(bench->feed, &status);
    return status;
}

#define UNTIL(fact)                                    \
    do {                                               \
        while (!(fact))                                \
            event_base_loop(bench->base, EVLOOP_ONCE); \
    } while (0)

static void snapshot_comes_first(void **state)
{
    struct bench *bench = *state;
    UNTIL(bench->seen.reports > 0);
    assert_string_equal(bench->seen.cluster, "fra");
    assert_int_equal(bench->seen.report.seq, 1);
    assert_true(bench->seen.age_ms >= 1000 && bench->seen.age_ms < 2000);
    assert_true(status_of(bench).snapshots > 0);
    assert_int_equal(status_of(bench).fates[REPORT_TAKEN], bench->seen.reports);
    struct redis_feed_router routers[2];
    assert_int_equal(redis_feed_routers(bench->feed, routers, 2), 1);
    assert_string_equal(routers[0].name, "edge-2");
    assert_true(routers[0].age_ms >= 100 && routers[0].age_ms < 1100);
}

static void messages_come_after(void **state)
{
    struct bench *bench = *state;
    UNTIL(status_of(bench).subscriber.state == REDIS_READY && bench->seen.reports > 0);
    char message[256];
    snprintf(message, sizeof message, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$%zu\r\n%s\r\n",
             strlen(MESSAGE_TEXT), MESSAGE_TEXT);
    fake_redis_send(&bench->server, message);
    UNTIL(strcmp(bench->seen.cluster, "iad") == 0);
    assert_true(bench->seen.report.running == 4);
    assert_true(bench->seen.age_ms >= 500);
    fake_redis_send(&bench->server, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\n[]\r\n");
    UNTIL(status_of(bench).refusals.whole > 0);
    assert_int_equal(status_of(bench).subscriber.connects, 1);
}

static void exchange_sends_ours_and_gets_the_others(void **state)
{
    struct bench *bench = *state;
    UNTIL(bench->seen.exchanges > 0);
    assert_string_equal(bench->exchanged, "edge-1 100 {iso}:router: fra:default 2 1 900 ");
    assert_int_equal(bench->seen.others, 1);
    assert_int_equal(bench->seen.other.slot, 7);
    assert_int_equal(bench->seen.other.inflight, 8);
    assert_int_equal(bench->seen.other.pending, 0);
    assert_int_equal(bench->seen.other.pending_tokens, 100);
    assert_int_equal(bench->seen.routers, 3);
    assert_int_equal(status_of(bench).routers, 3);
    const int before = bench->seen.exchanges;
    UNTIL(bench->seen.exchanges > before + 1);
}

static void missing_library_is_loaded(void **state)
{
    struct bench *bench = *state;
    bench->snapshot = bench->exchange = NOT_FOUND;
    UNTIL(bench->loads > 0);
    bench->snapshot = SNAPSHOT_ONE;
    UNTIL(bench->seen.reports > 0);
    assert_true(status_of(bench).library_loads > 0);
}

static void library_loaded_by_another_is_as_good(void **state)
{
    struct bench *bench = *state;
    bench->snapshot = bench->exchange = NOT_FOUND;
    bench->load = "-ERR Library 'iso1' already exists\r\n";
    UNTIL(bench->loads > 0);
    bench->snapshot = SNAPSHOT_ONE;
    UNTIL(bench->seen.reports > 0);
}

static void bad_rows_are_left_out_and_counted(void **state)
{
    struct bench *bench = *state;
    bench->snapshot = SNAPSHOT_HALF_BAD;
    UNTIL(bench->seen.reports > 0);
    assert_int_equal(bench->seen.report.seq, 2);
    assert_true(status_of(bench).refusals.whole > 0);
    assert_int_equal(status_of(bench).snapshots_refused, 0);
}

static void snapshot_that_is_mostly_bad_is_refused_whole(void **state)
{
    struct bench *bench = *state;
    bench->snapshot = SNAPSHOT_MOSTLY_BAD;
    UNTIL(status_of(bench).snapshots_refused > 0);
    assert_int_equal(bench->seen.reports, 0);
    assert_int_equal(status_of(bench).snapshots, 0);
    assert_true(isnan(status_of(bench).snapshot_ms));
}

static void replies_of_another_shape_change_nothing(void **state)
{
    struct bench *bench = *state;
    bench->snapshot = "-ERR oh\r\n";
    bench->exchange = "*3\r\n:8000\r\n:3\r\n:10\r\n";
    UNTIL(status_of(bench).snapshots_refused > 0 && status_of(bench).exchanges_refused > 1);
    assert_int_equal(bench->seen.exchanges, 0);
    assert_int_equal(status_of(bench).routers, 1);
    assert_int_equal(status_of(bench).commands.connects, 1);
}

static void lost_connection_is_made_again_and_resynced(void **state)
{
    struct bench *bench = *state;
    UNTIL(bench->seen.reports > 0 && status_of(bench).subscriber.state == REDIS_READY);
    const int snapshots = bench->snapshots;
    fake_redis_hang_up(&bench->server);
    UNTIL(status_of(bench).commands.connects == 2 && status_of(bench).subscriber.connects == 2);
    UNTIL(bench->snapshots > snapshots);
}

static void loading_and_half_replies_are_survived(void **state)
{
    struct bench *bench = *state;
    bench->snapshot = bench->exchange = "-LOADING Redis is loading the dataset in memory\r\n";
    UNTIL(status_of(bench).commands.failures > 0);
    bench->snapshot = bench->exchange = "*3\r\n:8000\r\n*2\r\n$11\r\nfra:def";
    UNTIL(status_of(bench).commands.failures > 2);
    assert_int_equal(bench->seen.reports, 0);
    bench->snapshot = SNAPSHOT_ONE;
    bench->exchange = "*5\r\n:8000\r\n:3\r\n:10\r\n:1\r\n:1000\r\n";
    UNTIL(bench->seen.reports > 0 && bench->seen.exchanges > 0);
}

static void frozen_server_leaves_ages_growing(void **state)
{
    struct bench *bench = *state;
    UNTIL(bench->seen.exchanges > 0 && bench->seen.reports > 0);
    bench->server.mute = true;
    UNTIL(status_of(bench).commands.state == REDIS_WAITING);
    assert_true(status_of(bench).exchange_ms > 300);
    bench->server.mute = false;
    const int reports = bench->seen.reports;
    UNTIL(bench->seen.reports > reports);
}

static void tick_grows_with_routers_and_targets(void **state)
{
    (void)state;
    assert_true(redis_feed_tick_ms(1, 0) == 100);
    assert_true(redis_feed_tick_ms(3, 8) == 100);
    assert_true(fabs(redis_feed_tick_ms(100, 100) - 350) < 1);
    assert_true(fabs(redis_feed_tick_ms(1000, 1000) - 30500) < 1);
    assert_true(redis_feed_tick_ms(1000000, 4096) == 60000);
}

#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(snapshot_comes_first),
        WITH_BENCH(messages_come_after),
        WITH_BENCH(exchange_sends_ours_and_gets_the_others),
        WITH_BENCH(missing_library_is_loaded),
        WITH_BENCH(library_loaded_by_another_is_as_good),
        WITH_BENCH(bad_rows_are_left_out_and_counted),
        WITH_BENCH(snapshot_that_is_mostly_bad_is_refused_whole),
        WITH_BENCH(replies_of_another_shape_change_nothing),
        WITH_BENCH(lost_connection_is_made_again_and_resynced),
        WITH_BENCH(loading_and_half_replies_are_survived),
        WITH_BENCH(frozen_server_leaves_ages_growing),
        cmocka_unit_test(tick_grows_with_routers_and_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
