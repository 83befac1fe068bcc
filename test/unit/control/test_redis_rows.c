#include "control/redis_rows.h"

#include "net/redis_reader.h"
#include "unit.h"

struct scene {
    struct arena arena;
    struct report_refusals refusals;
};

static int scene_open(void **state)
{
    static struct scene scene;
    scene = (struct scene){0};
    arena_init(&scene.arena);
    *state = &scene;
    return 0;
}

static int scene_close(void **state)
{
    arena_finish(&((struct scene *)*state)->arena);
    return 0;
}

static bool message(struct scene *scene, const char *text, struct redis_row *row)
{
    return redis_message_read(slice_of(text), &scene->arena, row, &scene->refusals);
}

static void message_is_a_flat_array(void **state)
{
    struct redis_row row;
    assert_true(message(*state,
                        " [\"cluster\",\"fra\", \"pool\" ,\"default\",\"epoch\",\"5\",\"seq\","
                        "\"7\",\"ts_ms\",\"1000\",\"running\",\"3\",\"accelerator\",\"9\\u0031\\/"
                        "0b\"] ",
                        &row));
    assert_true(slice_eq(row.cluster, SLICE("fra")));
    assert_true(slice_eq(row.pool, SLICE("default")));
    assert_int_equal(row.report.epoch, 5);
    assert_int_equal(row.report.seq, 7);
    assert_true(row.report.running == 3);
    assert_string_equal(row.report.accelerator, "91/0b");
}

#define GOOD \
    "\"cluster\",\"fra\",\"pool\",\"default\",\"epoch\",\"5\",\"seq\",\"7\",\"ts_ms\",\"9\""

static void other_shapes_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[",
        "[]",
        "{}",
        "[" GOOD,
        "[" GOOD ",]",
        "[" GOOD "],",
        "[" GOOD "] x",
        "[" GOOD ",\"running\"]",
        "[" GOOD ",\"running\",3]",
        "[" GOOD ",\"running\",[\"3\"]]",
        "[" GOOD ",\"running\",null,\"x\"]",
        "[" GOOD ",\"a\",\"\\x\"]",
        "[" GOOD ",\"a\",\"\\u12\"]",
        "[" GOOD ",\"a\",\"\\",
        "[" GOOD ",\"a\",\"\n\"]",
        "[\"cluster\",\"fra\",\"epoch\",\"5\",\"seq\",\"7\",\"ts_ms\",\"9\"]",
        "[\"cluster\",\"Fra\",\"pool\",\"x\",\"epoch\",\"5\",\"seq\",\"7\",\"ts_ms\",\"9\"]",
        "[\"cluster\",\"fra\",\"pool\",\"x\",\"seq\",\"7\",\"ts_ms\",\"9\"]",
        "[\"cluster\",\"fra\",\"pool\",\"x\",\"epoch\",\"5\",\"seq\",\"7\"]",
        "[\"cluster\",\"fra\",\"pool\",\"x\",\"epoch\",\"-5\",\"seq\",\"7\",\"ts_ms\",\"9\"]",
    };
    struct scene *scene = *state;
    struct redis_row row;
    assert_true(message(scene, "[" GOOD "]", &row));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (message(scene, bad[i], &row))
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(scene->refusals.whole, COUNT_OF(bad));
}

static void message_of_too_many_words_is_refused(void **state)
{
    static char text[8192] = "[" GOOD;
    for (int i = 0; i < 200; i++)
        strcat(text, ",\"a\",\"b\"");
    strcat(text, "]");
    struct redis_row row;
    assert_false(message(*state, text, &row));
}

static bool snapshot_of(struct scene *scene, const char *bytes, struct redis_snapshot *out)
{
    struct redis_reader reader;
    redis_reader_init(&reader);
    redis_reader_feed(&reader, slice_of(bytes));
    struct redisReply *reply;
    assert_int_equal(redis_reader_next(&reader, &reply), REDIS_READ_REPLY);
    const bool good = redis_snapshot_read(reply, &scene->arena, out, &scene->refusals);
    freeReplyObject(reply);
    redis_reader_finish(&reader);
    return good;
}

#define WORD(n, w) "$" #n "\r\n" w "\r\n"
#define FLAT_GOOD \
    "*6\r\n" WORD(5, "epoch") WORD(1, "5") WORD(3, "seq") WORD(1, "7") WORD(5, "ts_ms") WORD(1, "9")
#define FLAT_BAD "*2\r\n" WORD(5, "epoch") WORD(1, "x")

static void snapshot_keeps_the_good_rows(void **state)
{
    struct redis_snapshot snapshot;
    assert_true(snapshot_of(*state,
                            "*3\r\n:1000\r\n*8\r\n" WORD(5, "fra:a") FLAT_GOOD WORD(5, "fra:b")
                                FLAT_BAD WORD(3, "fra")
                                    FLAT_GOOD WORD(5, "fra:c") ":3\r\n*4\r\n" WORD(2, "e1")
                                        WORD(3, "990") WORD(2, "E2") WORD(3, "990"),
                            &snapshot));
    assert_int_equal(snapshot.now_ms, 1000);
    assert_int_equal(snapshot.row_count, 1);
    assert_int_equal(snapshot.refused, 3);
    assert_int_equal(snapshot.rows[0].report.seq, 7);
    assert_int_equal(snapshot.router_count, 1);
    assert_int_equal(snapshot.routers[0].ts_ms, 990);
}

static void snapshot_of_another_shape_is_refused(void **state)
{
    static const char *const bad[] = {
        ":1\r\n",
        "$-1\r\n",
        "-ERR no\r\n",
        "*0\r\n",
        "*2\r\n:1\r\n*0\r\n",
        "*3\r\n:-1\r\n*0\r\n*0\r\n",
        "*3\r\n$1\r\n1\r\n*0\r\n*0\r\n",
        "*3\r\n:1\r\n:2\r\n*0\r\n",
        "*3\r\n:1\r\n*0\r\n$-1\r\n",
        "*3\r\n:1\r\n*1\r\n:1\r\n*0\r\n",
    };
    struct redis_snapshot snapshot;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (snapshot_of(*state, bad[i], &snapshot))
            fail_msg("taken: %s", bad[i]);
    assert_true(snapshot_of(*state, "*3\r\n:1\r\n*0\r\n*0\r\n", &snapshot));
}

static bool exchange_of(const char *bytes, const struct fleet_share *sent, size_t count,
                        struct fleet_share *others, struct redis_exchange *out)
{
    struct redis_reader reader;
    redis_reader_init(&reader);
    redis_reader_feed(&reader, slice_of(bytes));
    struct redisReply *reply;
    assert_int_equal(redis_reader_next(&reader, &reply), REDIS_READ_REPLY);
    const bool good = redis_exchange_read(reply, sent, count, others, out);
    freeReplyObject(reply);
    redis_reader_finish(&reader);
    return good;
}

static void exchange_takes_our_own_off(void **state)
{
    (void)state;
    const struct fleet_share sent[2] = {
        {.name = "fra:a", .slot = 3, .inflight = 2, .pending = 1, .pending_tokens = 900},
        {.name = "fra:b", .slot = 4},
    };
    struct fleet_share others[2];
    struct redis_exchange exchange;
    assert_true(exchange_of("*8\r\n:5000\r\n:3\r\n:10\r\n:1\r\n:899\r\n:0\r\n:4\r\n:5\r\n", sent, 2,
                            others, &exchange));
    assert_int_equal(exchange.now_ms, 5000);
    assert_int_equal(exchange.routers, 3);
    assert_int_equal(others[0].slot, 3);
    assert_string_equal(others[0].name, "fra:a");
    assert_int_equal(others[0].inflight, 8);
    assert_int_equal(others[0].pending, 0);
    assert_int_equal(others[0].pending_tokens, 0);
    assert_int_equal(others[1].pending_tokens, 5);
}

static void exchange_of_another_shape_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "-ERR x\r\n",
        "*2\r\n:5000\r\n:3\r\n",
        "*5\r\n:5000\r\n:0\r\n:1\r\n:1\r\n:1\r\n",
        "*5\r\n:5000\r\n:3\r\n:-1\r\n:1\r\n:1\r\n",
        "*5\r\n:5000\r\n:3\r\n$1\r\n1\r\n:1\r\n:1\r\n",
        "*5\r\n:5000\r\n:3\r\n:1\r\n:1\r\n:9223372036854775807\r\n",
        "*5\r\n$-1\r\n:3\r\n:1\r\n:1\r\n:1\r\n",
    };
    const struct fleet_share sent = {.name = "fra:a"};
    struct fleet_share others;
    struct redis_exchange exchange;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (exchange_of(bad[i], &sent, 1, &others, &exchange))
            fail_msg("taken: %s", bad[i]);
    assert_true(exchange_of("*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", &sent, 1, &others, &exchange));
}

#define IN_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(message_is_a_flat_array),
        IN_SCENE(other_shapes_are_refused),
        IN_SCENE(message_of_too_many_words_is_refused),
        IN_SCENE(snapshot_keeps_the_good_rows),
        IN_SCENE(snapshot_of_another_shape_is_refused),
        IN_SCENE(exchange_takes_our_own_off),
        IN_SCENE(exchange_of_another_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
