#include "net/redis_reader.h"
#include "unit.h"

static void reply_comes_byte_by_byte(void **state)
{
    (void)state;
    static const char bytes[] = "*3\r\n$3\r\nfoo\r\n:7\r\n*1\r\n+ok\r\n";
    struct redis_reader reader;
    redis_reader_init(&reader);
    struct redisReply *reply = NULL;
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        assert_int_equal(redis_reader_next(&reader, &reply), REDIS_READ_MORE);
        redis_reader_feed(&reader, slice_make(bytes + i, 1));
    }
    assert_int_equal(redis_reader_next(&reader, &reply), REDIS_READ_REPLY);
    assert_int_equal(redis_reply_count(reply), 3);
    assert_true(slice_eq(redis_reply_text(reply->element[0]), SLICE("foo")));
    assert_null(redis_reply_text(reply->element[1]).ptr);
    assert_true(slice_eq(redis_reply_text(reply->element[2]->element[0]), SLICE("ok")));
    freeReplyObject(reply);
    redis_reader_finish(&reader);
}

static enum redis_read fate(struct slice bytes)
{
    struct redis_reader reader;
    redis_reader_init(&reader);
    redis_reader_feed(&reader, bytes);
    struct redisReply *reply = NULL;
    const enum redis_read read = redis_reader_next(&reader, &reply);
    if (read == REDIS_READ_REPLY)
        freeReplyObject(reply);
    if (read == REDIS_READ_BROKEN)
        assert_non_null(reader.failure);
    redis_reader_finish(&reader);
    return read;
}

static void nonsense_is_broken(void **state)
{
    (void)state;
    assert_int_equal(fate(SLICE("HTTP/1.1 400 Bad Request\r\n")), REDIS_READ_BROKEN);
    assert_int_equal(fate(SLICE("$-5\r\n")), REDIS_READ_BROKEN);
    assert_int_equal(fate(SLICE("*x\r\n")), REDIS_READ_BROKEN);
}

static void claimed_elements_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(fate(SLICE("*262144\r\n")), REDIS_READ_MORE);
    assert_int_equal(fate(SLICE("*262145\r\n")), REDIS_READ_BROKEN);
    assert_int_equal(fate(SLICE("*2147483647\r\n")), REDIS_READ_BROKEN);
    assert_int_equal(fate(SLICE("*3\r\n*200000\r\n")), REDIS_READ_MORE);
    assert_int_equal(fate(SLICE("*3\r\n*0\r\n*262144\r\n")), REDIS_READ_BROKEN);
}

static void elements_are_counted_per_reply(void **state)
{
    (void)state;
    struct redis_reader reader;
    redis_reader_init(&reader);
    for (int round = 0; round < 3; round++) {
        redis_reader_feed(&reader, SLICE("*200000\r\n"));
        for (int i = 0; i < 200000; i++)
            redis_reader_feed(&reader, SLICE(":1\r\n"));
        struct redisReply *reply = NULL;
        assert_int_equal(redis_reader_next(&reader, &reply), REDIS_READ_REPLY);
        freeReplyObject(reply);
    }
    redis_reader_finish(&reader);
}

static void waiting_bytes_are_bounded(void **state)
{
    (void)state;
    struct redis_reader reader;
    redis_reader_init(&reader);
    redis_reader_feed(&reader, SLICE("$500000000\r\n"));
    struct redisReply *reply = NULL;
    static char block[65536];
    enum redis_read read = REDIS_READ_MORE;
    size_t fed = 0;
    while (read == REDIS_READ_MORE && fed < 2u * REDIS_REPLY_BYTES_MOST) {
        redis_reader_feed(&reader, slice_make(block, sizeof block));
        fed += sizeof block;
        read = redis_reader_next(&reader, &reply);
    }
    assert_int_equal(read, REDIS_READ_BROKEN);
    assert_true(fed <= REDIS_REPLY_BYTES_MOST + sizeof block);
    redis_reader_finish(&reader);
    redis_reader_finish(&reader);
}

UNIT_MAIN(reply_comes_byte_by_byte, nonsense_is_broken, claimed_elements_are_bounded,
          elements_are_counted_per_reply, waiting_bytes_are_bounded)
