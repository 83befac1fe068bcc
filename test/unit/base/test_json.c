/* json writer: commas, escapes, and that unknown is null. */
#include "unit.h"

#include <math.h>

#include "base/json.h"

static struct buffer out;

static struct json begin(void)
{
    struct json json;
    buffer_clear(&out);
    json_init(&json, &out);
    return json;
}

static void expect(const char *text)
{
    buffer_append_byte(&out, '\0');
    assert_string_equal(buffer_slice(&out).ptr, text);
}

static void puts_commas_where_they_belong(void **state)
{
    (void)state;
    struct json json = begin();
    json_object_begin(&json);
    json_kv_int(&json, "a", -1);
    json_key(&json, "b");
    json_array_begin(&json);
    json_object_begin(&json);
    json_object_end(&json);
    json_bool(&json, true);
    json_array_end(&json);
    json_kv_uint(&json, "c", UINT64_MAX);
    json_object_end(&json);
    expect("{\"a\":-1,\"b\":[{},true],\"c\":18446744073709551615}");
}

static void unknown_is_null(void **state)
{
    (void)state;
    struct json json = begin();
    json_array_begin(&json);
    json_number(&json, NAN);
    json_number(&json, INFINITY);
    json_fixed(&json, NAN, 1);
    json_number(&json, 0.1);
    json_fixed(&json, 12.345, 1);
    json_string(&json, NULL);
    json_array_end(&json);
    expect("[null,null,null,0.1,12.3,null]");
}

static void a_name_cannot_forge_a_line(void **state)
{
    (void)state;
    struct json json = begin();
    json_slice(&json, SLICE("\n{\"fake\":1}\x1b\x7f\\"));
    expect("\"\\n{\\\"fake\\\":1}\\u001b\\u007f\\\\\"");
}

static void line_separators_and_bad_utf8_are_made_safe(void **state)
{
    (void)state;
    struct json json = begin();
    json_slice(&json, SLICE("\xe2\x80\xa8|\xff|\xc3\xa9|\xed\xa0\x80"));
    expect("\"\\u2028|\xef\xbf\xbd|\xc3\xa9|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void an_escape_is_found_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 20; len++)
        for (size_t at = 0; at < len; at++) {
            char text[32], escaped[40], expected[48];
            memset(text, 'x', len);
            text[at] = '"';
            snprintf(escaped, sizeof escaped, "%.*s\\\"%.*s", (int)at, text, (int)(len - at - 1),
                     text + at + 1);
            snprintf(expected, sizeof expected, "\"%s\"", escaped);
            struct json json = begin();
            json_slice(&json, slice_make(text, len));
            expect(expected);
        }
}

static void a_long_value_is_capped(void **state)
{
    (void)state;
    struct json json = begin();
    json_slice_capped(&json, SLICE("abcdef"), 3);
    expect("\"abc\"");
}

UNIT_MAIN(puts_commas_where_they_belong, unknown_is_null, a_name_cannot_forge_a_line,
          line_separators_and_bad_utf8_are_made_safe, an_escape_is_found_wherever_it_stands,
          a_long_value_is_capped)
