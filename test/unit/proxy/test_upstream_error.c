#include "proxy/upstream_error.h"

#include <string.h>

#include "unit.h"

static void becomes(int status, const char *body, const char *expected)
{
    struct buffer out = {0};
    const bool written = upstream_error_write(status, slice_of(body), &out);
    assert_true(written == (expected != NULL));
    if (expected == NULL)
        assert_int_equal(buffer_len(&out), 0);
    else if (!slice_eq(buffer_slice(&out), slice_of(expected)))
        fail_msg("%s became %.*s", body, SLICE_ARG(buffer_slice(&out)));
    buffer_release(&out);
}

static void an_error_object_stays(void **state)
{
    (void)state;
    becomes(400,
            "{\"error\":{\"message\":\"too long\",\"type\":\"BadRequestError\",\"param\":null,"
            "\"code\":400}}",
            NULL);
    becomes(503, "{\"error\":{\"code\":503,\"message\":\"Loading model\"},\"more\":1}", NULL);
    becomes(400, "{\"error\":{\"message\":\"\"}}", NULL);
}

static void what_engines_say_otherwise_is_kept(void **state)
{
    (void)state;
    becomes(400,
            "{\"object\":\"error\",\"message\":\"maximum context length is 8192\","
            "\"type\":\"BadRequestError\",\"param\":\"max_tokens\",\"code\":400}",
            "{\"error\":{\"message\":\"maximum context length is 8192\","
            "\"type\":\"invalid_request_error\",\"param\":\"max_tokens\","
            "\"code\":\"BadRequestError\"}}");
    becomes(429, "{\"error\":\"Model is overloaded\",\"error_type\":\"overloaded\"}",
            "{\"error\":{\"message\":\"Model is overloaded\",\"type\":\"rate_limit_error\","
            "\"param\":null,\"code\":\"overloaded\"}}");
    becomes(422,
            "{\"detail\":[{\"loc\":[\"body\",\"messages\"],\"msg\":\"field required\"},"
            "{\"msg\":\"b\"}]}",
            "{\"error\":{\"message\":\"field required\",\"type\":\"invalid_request_error\","
            "\"param\":null,\"code\":\"upstream_error\"}}");
    becomes(404, "{\"detail\":\"Not Found\"}",
            "{\"error\":{\"message\":\"Not Found\",\"type\":\"invalid_request_error\","
            "\"param\":null,\"code\":\"upstream_error\"}}");
    becomes(500, "{\"error\":{\"detail\":\"out of \\\"memory\\\"\"}}",
            "{\"error\":{\"message\":\"out of \\\"memory\\\"\",\"type\":\"server_error\","
            "\"param\":null,\"code\":\"upstream_error\"}}");
}

static void what_says_nothing_gets_a_sentence(void **state)
{
    static const char *const bodies[] = {"",
                                         "{",
                                         "null",
                                         "[]",
                                         "\"oops\"",
                                         "{}",
                                         "[1,2]",
                                         "{\"error\":null}",
                                         "{\"error\":\"\"}",
                                         "{\"detail\":[]}",
                                         "{\"detail\":[3]}",
                                         "{} {}"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        becomes(502, bodies[i],
                "{\"error\":{\"message\":\"The cluster answered 502.\",\"type\":\"server_error\","
                "\"param\":null,\"code\":\"upstream_error\"}}");
}

static void long_texts_are_cut(void **state)
{
    struct buffer body = {0}, out = {0};
    (void)state;
    buffer_append_slice(&body, SLICE("{\"message\":\""));
    for (int i = 0; i < 5000; i++)
        buffer_append_byte(&body, 'x');
    buffer_append_slice(&body, SLICE("\"}"));
    assert_true(upstream_error_write(400, buffer_slice(&body), &out));
    assert_true(buffer_len(&out) < 2200);
    buffer_release(&body);
    buffer_release(&out);
}

UNIT_MAIN(an_error_object_stays, what_engines_say_otherwise_is_kept,
          what_says_nothing_gets_a_sentence, long_texts_are_cut)
