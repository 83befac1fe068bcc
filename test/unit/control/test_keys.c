/* The file of API keys: what it may say, and how it says no. */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/keys.h"
#include "isochrone/policy.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "BBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char path[] = "/tmp/isochrone-keys-XXXXXX";
static struct arena arena;
static struct tenant_key *keys;
static size_t count;
static struct error error;

static bool load(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return keys_load(path, &arena, 2, &keys, &count, &error);
}

static void lines_with_and_without_limits(void **state)
{
    (void)state;
    assert_true(load("# nobody\n\nacme " A " priority\n"
                     "small " B "\tflex 60 100000 qwen3-32b,llama-* # a comment\n"
                     "fast " A " batch - 5\n"));
    assert_int_equal(count, 3);
    assert_string_equal(keys[0].tenant, "acme");
    assert_int_equal(keys[0].most_class, ISO_PRIORITY);
    assert_int_equal(keys[0].digest[31], 0xaa);
    assert_null(keys[0].meter);
    assert_int_equal(keys[0].models.count, 0);
    assert_int_equal(keys[1].requests_per_min, 60);
    assert_int_equal(keys[1].tokens_per_min, 100000);
    assert_non_null(keys[1].meter);
    assert_int_equal(keys[1].models.count, 2);
    assert_true(word_list_fits(&keys[1].models, SLICE("llama-4")));
    assert_false(word_list_fits(&keys[1].models, SLICE("qwen3")));
    assert_int_equal(keys[2].requests_per_min, 0);
    assert_int_equal(keys[2].tokens_per_min, 5);
    keys_release(keys, count);
    assert_null(keys[1].meter);
}

static void lines_as_people_write_them(void **state)
{
    (void)state;
    assert_true(
        load("# who, what, how much\r\n\n  acme\t" A "   priority # the first\r\nb.c " B " batch"));
    assert_int_equal(count, 2);
    assert_string_equal(keys[0].tenant, "acme");
    assert_string_equal(keys[1].tenant, "b.c");
    assert_int_equal(keys[1].most_class, ISO_BATCH);
    assert_int_equal(keys[1].digest[0], 0xbb);
    assert_true(load("# nobody\n"));
    assert_non_null(keys); /* closed to all, not open */
    assert_int_equal(count, 0);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a bb flex\n", ":1: \"bb\" is not the SHA-256 of a key; it must be 64 hex digits"},
        {"acme\n", ":1: \"\" is not the SHA-256 of a key; it must be 64 hex digits"},
        {"acme " A "0 flex\n", "0\" is not the SHA-256 of a key; it must be 64 hex digits"},
        {"acme " A "\n", ":1: \"\" is no class; it may be priority, interactive, flex or batch"},
        {"\na " A " best\n",
         ":2: \"best\" is no class; it may be priority, interactive, flex or batch"},
        {"a " A " flex many\n",
         ":1: \"many\" is no number of requests a minute; it may be 1 to 1000000000, or - for any"},
        {"a " A " flex 1 0\n",
         ":1: \"0\" is no number of tokens a minute; it may be 1 to 1000000000, or - for any"},
        {"a " A " flex 1 2000000000\n", ":1: \"2000000000\" is no number of tokens a minute"},
        {"a " A " flex 1 1 m,,n\n", ":1: \"m,,n\" is no list of models"},
        {"a " A " flex 1 1 m,\n", ":1: \"m,\" is no list of models"},
        {"a " A " flex 1 1 m n\n", ":1: there is \"n\" behind the models"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(load(rows[i][0]));
        if (strstr(error.text, rows[i][1]) == NULL)
            fail_msg("%s: %s", rows[i][0], error.text);
    }
    char long_line[2000];
    memset(long_line, 'a', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    assert_false(load(long_line));
    assert_non_null(strstr(error.text, ":1: the line is longer than 1022 bytes"));
    assert_false(keys_load("/nowhere/keys", &arena, 1, &keys, &count, &error));
    assert_string_equal(error.text, "/nowhere/keys: No such file or directory");
}

static void what_was_used_outlives_a_reload(void **state)
{
    (void)state;
    assert_true(load("a " A " flex 60\nb " B " flex 60\n"));
    struct tenant_key *old = keys;
    const size_t old_count = count;
    meter_add(old[0].meter, 1, METER_REQUESTS, 7, NS_PER_S);
    assert_true(load("b " B " flex 60\nc " A " flex 30\n"));
    keys_carry_over(old, old_count, keys, count);
    assert_ptr_equal(keys[0].meter, old[1].meter);
    assert_ptr_equal(keys[1].meter, old[0].meter);
    keys_release(old, old_count);
    assert_true(meter_wait_ms(keys[1].meter, METER_REQUESTS, 7, NS_PER_S) > 0);
    old = keys;
    assert_true(load("b " B " flex\na " A " flex\n"));
    keys_carry_over(old, 2, keys, count);
    assert_null(keys[0].meter);
    keys_carry_over(NULL, 0, keys, count);
    keys_release(keys, count);
    keys_release(old, 2);
}

static int open_all(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    arena_init(&arena);
    return fd < 0 ? -1 : close(fd);
}

static int close_all(void **state)
{
    (void)state;
    arena_finish(&arena);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_with_and_without_limits),
        cmocka_unit_test(lines_as_people_write_them),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(what_was_used_outlives_a_reload),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
