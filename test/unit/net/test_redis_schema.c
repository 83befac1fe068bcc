#include "net/redis_reader.h"
#include "net/redis_schema.h"
#include "unit.h"

static void names(void **state)
{
    (void)state;
    assert_true(redis_name_valid(SLICE("sha-h_2.b")));
    assert_false(redis_name_valid(SLICE("")));
    assert_false(redis_name_valid(SLICE("Sha")));
    assert_false(redis_name_valid(SLICE("a:b")));
    assert_false(redis_name_valid(SLICE("a b")));
    assert_false(redis_name_valid(SLICE("a\0b")));
    char longest[65];
    memset(longest, 'a', sizeof longest);
    assert_true(redis_name_valid(slice_make(longest, 64)));
    assert_false(redis_name_valid(slice_make(longest, 65)));
}

static void targets(void **state)
{
    (void)state;
    struct slice cluster, pool;
    assert_true(redis_target_split(SLICE("fra:default"), &cluster, &pool));
    assert_true(slice_eq(cluster, SLICE("fra")));
    assert_true(slice_eq(pool, SLICE("default")));
    assert_false(redis_target_split(SLICE("fra"), &cluster, &pool));
    assert_false(redis_target_split(SLICE(":x"), &cluster, &pool));
    assert_false(redis_target_split(SLICE("a:b:c"), &cluster, &pool));
}

static void words_are(const struct redis_command *command, const char *expected)
{
    char text[1024] = "";
    for (size_t i = 0; i < command->count; i++) {
        strncat(text, i ? "|" : "", 2);
        strncat(text, command->words[i].ptr, command->words[i].len);
    }
    assert_string_equal(text, expected);
}

static void commands_name_the_keys(void **state)
{
    (void)state;
    struct redis_schema schema;
    redis_schema_init(&schema, SLICE("iso"));
    struct arena arena;
    arena_init(&arena);
    const struct redis_report_key key = {SLICE("fra"), SLICE("default"), 1732254000123, 7, 6000};
    struct redis_command command = redis_command_report(&arena, &schema, &key);
    redis_command_add(&command, SLICE("running"));
    redis_command_add_number(&command, 3);
    words_are(&command, "FCALL|iso1_report|2|{iso}:report:fra:default|{iso}:reports|fra|default|"
                        "1732254000123|7|6000|{iso}:updates|running|3");
    command = redis_command_snapshot(&arena, &schema);
    words_are(&command, "FCALL|iso1_snapshot|2|{iso}:reports|{iso}:routers|{iso}:report:");
    command = redis_command_exchange(&arena, &schema, SLICE("edge-1"), 100);
    words_are(&command, "FCALL|iso1_exchange|3|{iso}:router:edge-1|{iso}:total|{iso}:routers|"
                        "edge-1|100|{iso}:router:");
    arena_finish(&arena);
}

static void long_commands_grow(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct redis_command command = {.arena = &arena};
    for (uint64_t i = 0; i < 5000; i++)
        redis_command_add_number(&command, i);
    assert_int_equal(command.count, 5000);
    assert_true(slice_eq(command.words[4999], SLICE("4999")));
    arena_finish(&arena);
}

static struct redisReply reply_of(int type, const char *text)
{
    static char copy[128];
    strncpy(copy, text, sizeof copy - 1);
    return (struct redisReply){.type = type, .str = copy, .len = strlen(copy)};
}

static void library_replies(void **state)
{
    (void)state;
    struct redisReply reply = reply_of(REDIS_REPLY_ERROR, "ERR Function not found");
    assert_true(redis_library_missing(&reply));
    assert_false(redis_library_loaded(&reply));
    reply = reply_of(REDIS_REPLY_ERROR, "ERR Library 'iso1' already exists");
    assert_true(redis_library_loaded(&reply));
    reply = reply_of(REDIS_REPLY_STRING, "iso1");
    assert_true(redis_library_loaded(&reply));
    assert_false(redis_library_missing(&reply));
    reply = reply_of(REDIS_REPLY_ERROR, "NOPERM no");
    assert_false(redis_library_loaded(&reply));
    assert_false(redis_library_missing(NULL));
    assert_false(redis_library_loaded(NULL));
}

UNIT_MAIN(names, targets, commands_name_the_keys, long_commands_grow, library_replies)
