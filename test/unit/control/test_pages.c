/* Query strings and the table of pages. */
#include "unit.h"

#include "base/memory.h"
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

UNIT_MAIN(a_value_is_found_and_decoded, paths_and_methods)
