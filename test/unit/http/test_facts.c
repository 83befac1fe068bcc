/* What is read out of a request body and of usage objects. */
#include "http/facts.h"
#include "unit.h"

struct parsed {
    struct arena arena;
    struct request_facts facts;
    const char *param;
    char *body;
};

static enum fault parse_len(struct parsed *parsed, const char *text, size_t len)
{
    parsed->body = calloc(1, len + FACTS_PADDING);
    assert_non_null(parsed->body);
    memcpy(parsed->body, text, len);
    arena_init(&parsed->arena);
    return facts_parse(parsed->body, len, &parsed->arena, &parsed->facts, &parsed->param);
}

static enum fault parse(struct parsed *parsed, const char *text)
{
    return parse_len(parsed, text, strlen(text));
}

static void drop(struct parsed *parsed)
{
    arena_finish(&parsed->arena);
    free(parsed->body);
}

static void test_all_fields(void **state)
{
    (void)state;
    struct parsed p;
    const char *text =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"model\"}], \"mod\\u0065l\" : "
        "\"a\\u002fb\" ,"
        "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"service_tier\":\"flex\","
        "\"user\":\"u1\",\"prompt_cache_key\":\"k\",\"max_tokens\":5,\"max_completion_tokens\":9,"
        "\"tools\":[{\"model\":1}],\"temperature\":0.5}";
    assert_int_equal(parse(&p, text), FAULT_NONE);
    assert_true(slice_eq(p.facts.model, SLICE("a/b")));
    assert_true(slice_eq(slice_make(p.body + p.facts.model_offset, p.facts.model_len),
                         SLICE("\"a\\u002fb\"")));
    assert_true(p.facts.stream && p.facts.include_usage);
    assert_true(slice_eq(p.facts.service_tier, SLICE("flex")));
    assert_true(slice_eq(p.facts.user, SLICE("u1")));
    assert_true(slice_eq(p.facts.prompt_cache_key, SLICE("k")));
    assert_int_equal(p.facts.max_tokens, 9);
    assert_true(
        slice_eq(slice_trim(p.facts.prompt), SLICE("[{\"role\":\"user\",\"content\":\"model\"}]")));
    drop(&p);
}

static void test_absent_fields(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, " { } \n"), FAULT_NONE);
    assert_null(p.facts.model.ptr);
    assert_null(p.facts.user.ptr);
    assert_false(p.facts.stream);
    assert_int_equal(p.facts.max_tokens, -1);
    assert_int_equal(p.facts.prompt.len, 0);
    drop(&p);
}

static void test_null_is_absent(void **state)
{
    (void)state;
    struct parsed p;
    assert_int_equal(parse(&p, "{\"model\":null,\"stream\":null,\"user\":null,\"max_tokens\":null,"
                               "\"stream_options\":null,\"safety_identifier\":\"s\"}"),
                     FAULT_NONE);
    assert_null(p.facts.model.ptr);
    assert_true(slice_eq(p.facts.user, SLICE("s")));
    assert_int_equal(p.facts.max_tokens, -1);
    drop(&p);
}

static void test_prompts(void **state)
{
    (void)state;
    static const struct {
        const char *body, *prompt;
    } rows[] = {
        {"{\"prompt\":\"a b\",\"model\":\"m\"}", "\"a b\""},
        {"{\"input\":[1,2,[3]],\"model\":\"m\"}", "[1,2,[3]]"},
        {"{\"input\":{\"a\":1}}", "{\"a\":1}"},
        {"{\"prompt\":\"x\",\"input\":\"longer\"}", "\"longer\""},
        {"{\"messages\":[]}", "[]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed p;
        assert_int_equal(parse(&p, rows[i].body), FAULT_NONE);
        assert_true(slice_eq(slice_trim(p.facts.prompt), slice_of(rows[i].prompt)));
        drop(&p);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum fault fault;
        const char *param;
    } rows[] = {
        {"", FAULT_BAD_JSON, NULL},
        {" ", FAULT_BAD_JSON, NULL},
        {"[]", FAULT_BAD_JSON, NULL},
        {"\"x\"", FAULT_BAD_JSON, NULL},
        {"{", FAULT_BAD_JSON, NULL},
        {"{\"model\":\"m\"", FAULT_BAD_JSON, NULL},
        {"{\"model\":\"m\"}{}", FAULT_BAD_JSON, NULL},
        {"{\"model\":\"m\"} x", FAULT_BAD_JSON, NULL},
        {"{\"model\" \"m\"}", FAULT_BAD_JSON, NULL},
        {"{\"model\":\"\xff\"}", FAULT_BAD_JSON, NULL},
        {"{\"model\":\"a\",\"model\":\"b\"}", FAULT_DUPLICATE_KEY, "model"},
        {"{\"model\":\"a\",\"mode\\u006c\":\"b\"}", FAULT_DUPLICATE_KEY, "model"},
        {"{\"stream\":true,\"stream\":false}", FAULT_DUPLICATE_KEY, "stream"},
        {"{\"messages\":[],\"messages\":[]}", FAULT_DUPLICATE_KEY, "messages"},
        {"{\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}",
         FAULT_DUPLICATE_KEY, "stream_options"},
        {"{\"model\":1}", FAULT_BAD_FIELD, "model"},
        {"{\"model\":[\"m\"]}", FAULT_BAD_FIELD, "model"},
        {"{\"model\":\"a\\u0000b\"}", FAULT_BAD_FIELD, "model"},
        {"{\"stream\":\"true\"}", FAULT_BAD_FIELD, "stream"},
        {"{\"stream_options\":[]}", FAULT_BAD_FIELD, "stream_options"},
        {"{\"max_tokens\":\"5\"}", FAULT_BAD_FIELD, "max_tokens"},
        {"{\"max_tokens\":-2}", FAULT_BAD_FIELD, "max_tokens"},
        {"{\"max_tokens\":99999999999999999999}", FAULT_BAD_FIELD, "max_tokens"},
        {"{\"max_completion_tokens\":1.5}", FAULT_BAD_FIELD, "max_completion_tokens"},
        {"{\"user\":{}}", FAULT_BAD_FIELD, "user"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed p;
        const enum fault fault = parse(&p, rows[i].body);
        if (fault != rows[i].fault)
            fail_msg("%s: %s", rows[i].body, fault_row(fault)->name);
        if (rows[i].param == NULL)
            assert_null(p.param);
        else
            assert_string_equal(p.param, rows[i].param);
        drop(&p);
    }
}

static void test_string_limit(void **state)
{
    (void)state;
    for (size_t len = 255; len <= 257; len++) {
        char text[512];
        snprintf(text, sizeof text, "{\"model\":\"%0*d\"}", (int)len, 0);
        struct parsed p;
        assert_int_equal(parse(&p, text), len <= 256 ? FAULT_NONE : FAULT_BAD_FIELD);
        drop(&p);
    }
}

static void test_deep_nesting_is_skipped(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    static const char head[] = "{\"x\":", tail[] = ",\"model\":\"m\"}";
    char *text = malloc(2 * DEPTH + sizeof head + sizeof tail);
    assert_non_null(text);
    char *at = mempcpy(text, head, sizeof head - 1);
    memset(at, '[', DEPTH);
    memset(at + DEPTH, ']', DEPTH);
    at = mempcpy(at + 2 * (size_t)DEPTH, tail, sizeof tail - 1);
    struct parsed p;
    const enum fault fault = parse_len(&p, text, (size_t)(at - text));
    assert_true(fault == FAULT_NONE || fault == FAULT_BAD_JSON); /* never a crash */
    drop(&p);
    free(text);
}

static struct usage_facts usage_of(const char *text)
{
    const size_t len = strlen(text);
    char *padded = calloc(1, len + FACTS_PADDING);
    assert_non_null(padded);
    memcpy(padded, text, len);
    struct usage_facts usage;
    usage_parse(padded, len, &usage);
    free(padded);
    return usage;
}

static void test_usage(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t prompt, completion, cached;
    } rows[] = {
        {"{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,"
         "\"prompt_tokens_details\":{\"cached_tokens\":8}}}",
         10, 3, 8},
        {"{\"usage\":{\"input_tokens\":10,\"output_tokens\":3,"
         "\"input_tokens_details\":{\"x\":1,\"cached_tokens\":4}}}",
         10, 3, 4},
        {"{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{"
         "\"input_tokens\":7}}}",
         7, -1, -1},
        {"{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,"
         "\"cache_read_input_tokens\":2,\"output_tokens\":1}}}",
         7, 1, 2},
        {"{\"usage\":null}", -1, -1, -1},
        {"{\"usage\":[1]}", -1, -1, -1},
        {"{\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":1e99}}", -1, -1, -1},
        {"{\"usage\":{\"prompt_tokens\":9223372036854775807}}", -1, -1, -1},
        {"{}", -1, -1, -1},
        {"", -1, -1, -1},
        {"not json", -1, -1, -1},
        {"{\"usage\":{\"prompt_tokens\":1,", 1, -1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct usage_facts usage = usage_of(rows[i].json);
        if (i + 1 < COUNT_OF(rows)) /* of broken JSON nothing is promised but a sane value */
            assert_int_equal(usage.prompt_tokens, rows[i].prompt);
        assert_int_equal(usage.completion_tokens, rows[i].completion);
        assert_int_equal(usage.cached_tokens, rows[i].cached);
    }
}

static void test_usage_of_a_tail(void **state)
{
    (void)state;
    static const struct {
        const char *tail;
        int64_t prompt, completion;
    } rows[] = {
        {"t\":\"x\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3}}", 10, 3},
        {"\"usage\" : {\"prompt_tokens\": 10}, \"logprobs\":null}", 10, -1},
        {"\"usage\":{\"prompt_tokens\":1},\"usage\":{\"prompt_tokens\":2}}", 2, -1},
        {"{\"response\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}}", 5, 6},
        {"\"say \\\"usage\\\":{\\\"prompt_tokens\\\":9}\"}", -1, -1},
        {"\"usage\":null}", -1, -1},
        {"\"usage\"", -1, -1},
        {"usage\":{\"prompt_tokens\":4}}", -1, -1}, /* its quote was cut off */
        {"ggg", -1, -1},
        {"", -1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct usage_facts usage;
        usage_parse_tail(slice_of(rows[i].tail), &usage);
        assert_int_equal(usage.prompt_tokens, rows[i].prompt);
        assert_int_equal(usage.completion_tokens, rows[i].completion);
    }
    char long_tail[3 * USAGE_TAIL_BYTES];
    memset(long_tail, 'g', sizeof long_tail);
    static const char member[] = "\"usage\":{\"prompt_tokens\":7}}";
    memcpy(long_tail, member, sizeof member - 1);
    struct usage_facts usage;
    usage_parse_tail(slice_make(long_tail, sizeof long_tail), &usage);
    assert_int_equal(usage.prompt_tokens, -1); /* too far from the end */
    memcpy(long_tail + sizeof long_tail - (sizeof member - 1), member, sizeof member - 1);
    usage_parse_tail(slice_make(long_tail, sizeof long_tail), &usage);
    assert_int_equal(usage.prompt_tokens, 7);
}

UNIT_MAIN(test_all_fields, test_absent_fields, test_null_is_absent, test_prompts, test_refused,
          test_string_limit, test_deep_nesting_is_skipped, test_usage, test_usage_of_a_tail)
