/* Query strings, the table of pages, and the file of keys. */
#include "unit.h"

#include <unistd.h>

#include "base/memory.h"
#include "control/keys.h"
#include "control/pages.h"

/* --- query strings ----------------------------------------------------- */

static const char *value_of(const char *query, const char *name)
{
    static char out[8];
    return page_query(slice_of(query), name, out, sizeof out) ? out : NULL;
}

static void a_value_is_found_and_decoded(void **state)
{
    (void)state;
    assert_string_equal(value_of("a=1&b=2", "b"), "2");
    assert_string_equal(value_of("a=1&a=2", "a"), "1");
    assert_string_equal(value_of("a=%41+%2b%2B", "a"), "A ++");
    assert_string_equal(value_of("a", "a"), "");
    assert_string_equal(value_of("a=", "a"), "");
    assert_string_equal(value_of("a=b=c", "a"), "b=c");
    assert_string_equal(value_of("ab=1&a=1234567", "a"), "1234567");
    assert_null(value_of("", "a"));
    assert_null(value_of("aa=1&b=a", "a"));
    assert_null(value_of("a=12345678", "a")); /* too long */
    assert_null(value_of("a=%4", "a"));
    assert_null(value_of("a=%", "a"));
    assert_null(value_of("a=%zz", "a"));
    assert_null(value_of("a=%00", "a"));
}

/* --- the table --------------------------------------------------------- */

static struct page made;

static const struct page *make(enum http_method method, const char *path, bool read_only)
{
    buffer_release(&made.body);
    made = (struct page){.status = 200};
    const struct page_request request = {.method = method,
                                         .path = slice_of(path),
                                         .read_only = read_only};
    page_make(NULL, &request, &made);
    return &made;
}

static const char *text(void)
{
    *buffer_reserve(&made.body, 1) = '\0';
    return buffer_slice(&made.body).ptr;
}

static void paths_and_methods(void **state)
{
    (void)state;
    assert_int_equal(make(METHOD_GET, "/healthz", false)->status, 200);
    assert_string_equal(text(), "ok\n");
    assert_int_equal(make(METHOD_HEAD, "/healthz", true)->status, 200);
    assert_int_equal(make(METHOD_GET, "/", false)->status, 404);
    assert_int_equal(make(METHOD_GET, "/healthz/", false)->status, 404);
    assert_int_equal(make(METHOD_GET, "/health", false)->status, 404);
    assert_int_equal(make(METHOD_POST, "/healthz", false)->status, 405);
    assert_string_equal(made.allow, "GET, HEAD");
    assert_int_equal(make(METHOD_GET, "/reload", false)->status, 405);
    assert_string_equal(made.allow, "POST");
    assert_int_equal(make(METHOD_GET, "/clusters/a/drain", false)->status, 405);
    assert_int_equal(make(METHOD_POST, "/clusters//drain", false)->status, 404);
    assert_int_equal(make(METHOD_POST, "/clusters/a/b/drain", false)->status, 404);
    /* The metrics address shows nothing else, and changes nothing. */
    assert_int_equal(make(METHOD_GET, "/config", true)->status, 404);
    assert_int_equal(make(METHOD_POST, "/reload", true)->status, 404);
    assert_int_equal(make(METHOD_POST, "/clusters/a/drain", true)->status, 404);
    page_error(&made, 400, "a \"%s\"\n", "b");
    assert_string_equal(text(), "{\"error\":{\"message\":\"a \\\"b\\\"\\n\"}}\n");
    buffer_release(&made.body);
}

/* --- keys -------------------------------------------------------------- */

#define DIGEST "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" /* "secret" */

static char path[64];

static void write_file(const char *content)
{
    strcpy(path, "/tmp/isochrone-keys-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void keys_are_read(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    const struct tenant_key *keys;
    size_t count;
    struct error error;
    write_file(
        "# who, what, how much\r\n"
        "\n"
        "  acme\t" DIGEST "   priority # the first\n"
        "b.c 2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B batch 60 1000 m");
    assert_true(keys_load(path, &arena, &keys, &count, &error));
    assert_int_equal(count, 2);
    assert_string_equal(keys[0].tenant, "acme");
    assert_int_equal(keys[0].most_class, ISO_PRIORITY);
    assert_int_equal(keys[0].digest[0], 0x2b);
    assert_int_equal(keys[0].digest[31], 0x5b);
    assert_string_equal(keys[1].tenant, "b.c");
    assert_int_equal(keys[1].most_class, ISO_BATCH);
    assert_memory_equal(keys[0].digest, keys[1].digest, 32);
    unlink(path);
    write_file("# nobody\n");
    assert_true(keys_load(path, &arena, &keys, &count, &error));
    assert_non_null(keys); /* closed to all, not open */
    assert_int_equal(count, 0);
    unlink(path);
    arena_finish(&arena);
}

static void refused(const char *content, unsigned line, const char *sentence)
{
    struct arena arena;
    arena_init(&arena);
    const struct tenant_key *keys;
    size_t count;
    struct error error;
    write_file(content);
    assert_false(keys_load(path, &arena, &keys, &count, &error));
    char *want = memory_printf("%s:%u: %s", path, line, sentence);
    assert_string_equal(error.text, want);
    free(want);
    unlink(path);
    arena_finish(&arena);
}

static void wrong_lines_are_told(void **state)
{
    (void)state;
    refused("acme " DIGEST " priority\nb abc flex\n", 2,
            "\"abc\" is not the SHA-256 of a key; it must be 64 hex digits");
    refused("acme\n", 1, "\"\" is not the SHA-256 of a key; it must be 64 hex digits");
    refused("acme " DIGEST "0 flex\n", 1,
            "\"" DIGEST "0\" is not the SHA-256 of a key; it must be 64 hex digits");
    refused("acme " DIGEST "\n", 1,
            "\"\" is no class; it may be priority, interactive, flex or batch");
    refused("\n\nacme " DIGEST " best\n", 3,
            "\"best\" is no class; it may be priority, interactive, flex or batch");
    char *long_line = memory_zalloc(3000);
    memset(long_line, 'a', 2000);
    refused(long_line, 1, "the line is longer than 1022 bytes");
    free(long_line);
    struct arena arena;
    arena_init(&arena);
    const struct tenant_key *keys;
    size_t count;
    struct error error;
    assert_false(keys_load("/nowhere/keys", &arena, &keys, &count, &error));
    assert_string_equal(error.text, "/nowhere/keys: No such file or directory");
    arena_finish(&arena);
}

UNIT_MAIN(a_value_is_found_and_decoded, paths_and_methods, keys_are_read, wrong_lines_are_told)
