#include "net/redis_url.h"
#include "unit.h"

static struct redis_url good(const char *text)
{
    struct redis_url url;
    struct error error = {""};
    if (!redis_url_parse(slice_of(text), &url, &error))
        fail_msg("%s: %s", text, error.text);
    return url;
}

static void plain_host_has_defaults(void **state)
{
    (void)state;
    const struct redis_url url = good("redis://cache.example.net");
    assert_string_equal(url.host, "cache.example.net");
    assert_int_equal(url.port, 6379);
    assert_int_equal(url.database, 0);
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "");
}

static void every_part_is_taken(void **state)
{
    (void)state;
    const struct redis_url url = good("redis://edge:p%40ss:w@127.0.0.1:7000/3");
    assert_string_equal(url.user, "edge");
    assert_string_equal(url.password, "p@ss:w");
    assert_string_equal(url.host, "127.0.0.1");
    assert_int_equal(url.port, 7000);
    assert_int_equal(url.database, 3);
    assert_string_equal(url.shown, "redis://127.0.0.1:7000");
}

static void brackets_and_sockets(void **state)
{
    (void)state;
    assert_string_equal(good("redis://[::1]:7000/").host, "::1");
    assert_string_equal(good("redis://[::1]").shown, "redis://[::1]:6379");
    assert_string_equal(good("unix:/run/redis.sock").path, "/run/redis.sock");
    assert_string_equal(good("unix:///run/redis.sock?db=2").path, "/run/redis.sock");
    assert_int_equal(good("unix:/run/redis.sock?db=2").database, 2);
    assert_string_equal(good("redis://:secret@h").password, "secret");
}

static void bad_ones_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "redis:",
        "redis://",
        "http://x",
        "rediss://x",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:",
        "redis://h:1x",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/1024",
        "redis://[::1",
        "redis://[::1]7000",
        "redis://user@h",
        "redis://u:%zz@h",
        "redis://u:%00@h",
        "redis://u:%4",
        "redis://a b",
        "unix:",
        "unix:run/x",
        "unix:/x?db=a",
        "unix:/x?d=1",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct redis_url url;
        struct error error = {""};
        if (redis_url_parse(slice_of(bad[i]), &url, &error))
            fail_msg("taken: %s", bad[i]);
        assert_true(strstr(error.text, "redis") != NULL);
    }
}

static void password_is_never_in_the_sentence(void **state)
{
    (void)state;
    struct redis_url url;
    struct error error = {""};
    assert_false(redis_url_parse(SLICE("redis://u:hush@h:99999"), &url, &error));
    assert_null(strstr(error.text, "hush"));
}

static void lengths_are_bounded(void **state)
{
    (void)state;
    char text[2048] = "redis://";
    memset(text + 8, 'a', 2000);
    struct redis_url url;
    struct error error;
    assert_false(redis_url_parse(slice_of(text), &url, &error));
    memcpy(text, "unix:/aa", 8);
    assert_false(redis_url_parse(slice_of(text), &url, &error));
}

UNIT_MAIN(plain_host_has_defaults, every_part_is_taken, brackets_and_sockets,
          bad_ones_are_refused_with_a_sentence, password_is_never_in_the_sentence,
          lengths_are_bounded)
