/* The OpenAI API's bytes: what is read from a request, what an answer looks like. */
#include "unit.h"

#include "http/facts.h"
#include "sim/openai.h"

struct reading {
    struct arena arena;
    struct fields fields;
    struct openai_ask ask;
    enum fault fault;
};

static void field(struct reading *r, const char *name, const char *value)
{
    fields_add(&r->fields, &r->arena, slice_of(name), slice_of(value));
}

static void read_body(struct reading *r, enum openai_kind kind, const char *json)
{
    const char *param;
    const size_t len = strlen(json);
    char *padded = arena_zalloc(&r->arena, len + FACTS_PADDING);
    memcpy(padded, json, len);
    r->fault = openai_read(kind, &r->fields, slice_make(padded, len), &r->arena, &r->ask, &param);
}

static void begin(struct reading *r)
{
    memset(r, 0, sizeof(*r));
    arena_init(&r->arena);
}

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello there\"}]"

static void sizes_are_estimated(void **state)
{
    (void)state;
    struct reading r;
    begin(&r);
    read_body(&r, OPENAI_CHAT, "{\"model\":\"m\"," HELLO "}");
    assert_int_equal(r.fault, FAULT_NONE);
    assert_int_equal(r.ask.prompt_tokens, 10); /* 41 bytes of messages */
    assert_int_equal(r.ask.reusable_tokens, 10);
    assert_int_equal(r.ask.output_tokens, OPENAI_OUTPUT_TOKENS);
    assert_false(r.ask.limited || r.ask.stream);
    read_body(&r, OPENAI_CHAT,
              "{\"model\":\"m\",\"max_tokens\":7,\"stream\":true,\"stream_options\":{"
              "\"include_usage\":true}," HELLO "}");
    assert_int_equal(r.ask.output_tokens, 7);
    assert_true(r.ask.limited && r.ask.stream && r.ask.include_usage);
    arena_finish(&r.arena);
}

static void sizes_may_be_given(void **state)
{
    (void)state;
    struct reading r;
    begin(&r);
    field(&r, "x-sim-prompt-tokens", "5000");
    field(&r, "x-sim-prefix-tokens", "4000");
    field(&r, "x-sim-output-tokens", "99999999999");
    read_body(&r, OPENAI_COMPLETION, "{\"model\":\"m\",\"prompt\":\"x\",\"max_tokens\":7}");
    assert_int_equal(r.ask.prompt_tokens, 5000);
    assert_int_equal(r.ask.reusable_tokens, 4000);
    assert_int_equal(r.ask.output_tokens, OPENAI_TOKENS_MAX);
    arena_finish(&r.arena);
}

static void conversations_are_told_apart(void **state)
{
    (void)state;
    struct reading a, b;
    begin(&a);
    begin(&b);
    read_body(&a, OPENAI_CHAT,
              "{\"model\":\"m\",\"prompt_cache_key\":\"k\",\"user\":\"u\"," HELLO "}");
    read_body(&b, OPENAI_CHAT, "{\"model\":\"m\",\"prompt_cache_key\":\"k\",\"user\":\"v\"}");
    assert_true(a.ask.conversation == b.ask.conversation);
    read_body(&b, OPENAI_CHAT, "{\"model\":\"m\",\"user\":\"u\"," HELLO "}");
    assert_true(a.ask.conversation != b.ask.conversation);
    read_body(&a, OPENAI_CHAT, "{\"model\":\"m\"," HELLO "}");
    read_body(&b, OPENAI_CHAT, "{\"model\":\"m\",\"max_tokens\":5," HELLO "}");
    assert_true(a.ask.conversation == b.ask.conversation);
    arena_finish(&a.arena);
    arena_finish(&b.arena);
}

static void embeddings_count_their_inputs(void **state)
{
    static const struct {
        const char *body;
        uint32_t inputs;
        bool base64;
    } cases[] = {
        {"{\"model\":\"m\",\"input\":\"a ] b\"}", 1, false},
        {"{\"model\":\"m\",\"input\":[\"a\",\"b, \\\"c\\\"\"]}", 2, false},
        {"{\"model\":\"m\",\"input\":[1,2,3]}", 1, false},
        {"{\"model\":\"m\",\"input\":[[1,2],[3]],\"encoding_format\": \"base64\"}", 2, true},
        {"{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"float\"}", 1, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reading r;
        begin(&r);
        read_body(&r, OPENAI_EMBEDDINGS, cases[i].body);
        assert_int_equal(r.fault, FAULT_NONE);
        assert_int_equal(r.ask.inputs, cases[i].inputs);
        assert_int_equal(r.ask.base64, cases[i].base64);
        assert_int_equal(r.ask.output_tokens, 0);
        arena_finish(&r.arena);
    }
}

static void bad_bodies_are_refused(void **state)
{
    (void)state;
    struct reading r;
    begin(&r);
    read_body(&r, OPENAI_CHAT, "nonsense");
    assert_int_equal(r.fault, FAULT_BAD_JSON);
    read_body(&r, OPENAI_CHAT, "{" HELLO "}");
    assert_int_equal(r.fault, FAULT_MODEL_MISSING);
    arena_finish(&r.arena);
}

static char *text_of(struct buffer *buffer)
{
    buffer_append_byte(buffer, 0);
    return buffer->memory;
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void a_stream_has_role_tokens_usage_and_end(void **state)
{
    (void)state;
    struct reading r;
    struct openai_text text;
    struct buffer out = {0};
    begin(&r);
    r.ask = (struct openai_ask){.kind = OPENAI_CHAT,
                                .model = SLICE("a\"b"),
                                .include_usage = true,
                                .limited = true};
    openai_text_init(&text, &r.ask, SLICE("id-1"), 1700000000, &r.arena);
    openai_stream_begin(&text, &out);
    openai_stream_tokens(&text, 0, 3, &out);
    const struct openai_usage usage = {.prompt_tokens = 10,
                                       .cached_tokens = 4,
                                       .completion_tokens = 3};
    openai_stream_end(&text, &usage, &out);
    const char *all = text_of(&out);
    assert_int_equal(count_of(all, "data: "), 1 + 3 + 1 + 1 + 1);
    assert_int_equal(count_of(all, "\n\n"), 7);
    assert_int_equal(count_of(all, "\"role\":\"assistant\""), 1);
    assert_int_equal(count_of(all, "\"model\":\"a\\\"b\""), 6);
    assert_int_equal(count_of(all, "\"finish_reason\":\"length\""), 1);
    assert_non_null(strstr(all,
                           "\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"total_tokens\":13,"
                           "\"completion_tokens\":3,\"prompt_tokens_details\":{"
                           "\"cached_tokens\":4}}}\n\ndata: [DONE]\n\n"));
    buffer_release(&out);
    arena_finish(&r.arena);
}

static void a_completion_streams_text(void **state)
{
    (void)state;
    struct reading r;
    struct openai_text text;
    struct buffer out = {0};
    begin(&r);
    r.ask = (struct openai_ask){.kind = OPENAI_COMPLETION, .model = SLICE("m")};
    openai_text_init(&text, &r.ask, SLICE("i"), 1, &r.arena);
    openai_stream_begin(&text, &out);
    openai_stream_tokens(&text, 0, 1, &out);
    assert_string_equal(text_of(&out),
                        "data: {\"id\":\"cmpl-i\",\"object\":\"text_completion\",\"created\":1,"
                        "\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\" time\","
                        "\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    buffer_release(&out);
    arena_finish(&r.arena);
}

static void whole_answers_and_errors(void **state)
{
    (void)state;
    struct reading r;
    struct openai_text text;
    struct buffer out = {0};
    begin(&r);
    r.ask = (struct openai_ask){.kind = OPENAI_CHAT, .model = SLICE("m")};
    openai_text_init(&text, &r.ask, SLICE("i"), 1, &r.arena);
    const struct openai_usage usage = {.prompt_tokens = 1, .completion_tokens = 2};
    openai_write_whole(&text, &usage, &out);
    assert_non_null(strstr(text_of(&out), "\"content\":\" time line\"},\"logprobs\":null,"
                                          "\"finish_reason\":\"stop\"}]"));
    buffer_clear(&out);
    openai_write_error(503, "no \"room\"", &out);
    assert_string_equal(text_of(&out), "{\"error\":{\"message\":\"no \\\"room\\\"\",\"type\":"
                                       "\"ServiceUnavailableError\",\"param\":null,\"code\":503}}");
    buffer_clear(&out);
    r.ask = (struct openai_ask){.kind = OPENAI_EMBEDDINGS,
                                .model = SLICE("m"),
                                .inputs = 2,
                                .base64 = true};
    openai_write_embeddings(&r.ask, &usage, &out);
    /* -0.5 as a little-endian float is 00 00 00 bf. */
    assert_non_null(strstr(text_of(&out), "\"embedding\":\"AAAAv"));
    assert_int_equal(count_of(out.memory, "\"object\":\"embedding\""), 2);
    buffer_release(&out);
    arena_finish(&r.arena);
}

UNIT_MAIN(sizes_are_estimated, sizes_may_be_given, conversations_are_told_apart,
          embeddings_count_their_inputs, bad_bodies_are_refused,
          a_stream_has_role_tokens_usage_and_end, a_completion_streams_text,
          whole_answers_and_errors)
