/* Bodies of the asked size, good JSON, alike within a conversation and only there. */
#include "unit.h"

#include <math.h>

#include "base/buffer.h"
#include "http/facts.h"
#include "load/prompt.h"
#include "load/steer.h"

static struct prompt_settings settings(enum prompt_kind kind)
{
    struct prompt_settings out = {.kind = kind, .model = SLICE("\"m\""), .stream = true};
    out.prompt.tokens = 100;
    out.output.tokens = 7;
    return out;
}

static void join(const struct prompt *prompt, struct buffer *out)
{
    buffer_clear(out);
    for (int i = 0; i < PROMPT_PARTS; i++)
        buffer_append_slice(out, prompt->parts[i]);
    memset(buffer_reserve(out, FACTS_PADDING), 0, FACTS_PADDING);
}

static void bodies_say_what_was_asked(void **state)
{
    (void)state;
    for (int kind = PROMPT_CHAT; kind <= PROMPT_EMBEDDINGS; kind++) {
        struct prompt_settings asked = settings((enum prompt_kind)kind);
        asked.stream = kind != PROMPT_EMBEDDINGS;
        asked.usage = true;
        asked.conversations = 1;
        struct prompt_source source;
        struct prompt prompt;
        struct buffer body = {0};
        struct request_facts facts;
        struct arena arena;
        const char *param = NULL;
        arena_init(&arena);
        prompt_source_init(&source, &asked, 1);
        prompt_draw(&source, &prompt);
        join(&prompt, &body);
        assert_int_equal(facts_parse(buffer_slice(&body).ptr, buffer_len(&body), &arena, &facts,
                                     &param),
                         FAULT_NONE);
        assert_true(slice_eq(facts.model, SLICE("m")));
        assert_int_equal(facts.stream, asked.stream);
        assert_int_equal(facts.include_usage, asked.stream);
        assert_int_equal(facts.max_tokens, kind == PROMPT_EMBEDDINGS ? -1 : 7);
        assert_true(slice_eq(facts.prompt_cache_key, SLICE("conversation-1")));
        const size_t text = prompt.parts[1].len + prompt.parts[2].len;
        assert_int_equal(text, 100 * PROMPT_BYTES_PER_TOKEN);
        assert_true(facts.prompt.len >= text && facts.prompt.len < text + 64);
        buffer_release(&body);
        arena_finish(&arena);
        prompt_source_finish(&source);
    }
}

static void turns_share_their_beginning(void **state)
{
    (void)state;
    struct prompt_settings asked = settings(PROMPT_CHAT);
    asked.conversations = 3;
    struct prompt_source source;
    struct prompt first, prompt;
    unsigned same = 0, other = 0;
    prompt_source_init(&source, &asked, 1);
    prompt_draw(&source, &first);
    for (int i = 0; i < 100; i++) {
        prompt_draw(&source, &prompt);
        const bool alike = slice_eq(prompt.parts[1], first.parts[1]);
        assert_int_equal(alike, prompt.conversation == first.conversation);
        assert_false(slice_eq(prompt.parts[2], first.parts[2]));
        same += alike;
        other += !alike;
    }
    assert_true(same > 10 && other > 30);
    prompt_source_finish(&source);
}

static void strangers_share_nothing(void **state)
{
    (void)state;
    const struct prompt_settings asked = settings(PROMPT_CHAT);
    struct prompt_source source;
    struct prompt first, prompt;
    prompt_source_init(&source, &asked, 1);
    prompt_draw(&source, &first);
    for (int i = 0; i < 100; i++) {
        prompt_draw(&source, &prompt);
        assert_int_equal(prompt.conversation, 0);
        assert_false(slice_eq(prompt.parts[1], first.parts[1]));
    }
    prompt_source_finish(&source);
}

static void lognormal_has_its_median(void **state)
{
    (void)state;
    struct size size;
    struct random random;
    struct error error;
    unsigned below = 0;
    random_seed(&random, 1);
    assert_true(size_parse(SLICE("lognormal:6.2,0.8"), &size, &error));
    for (int i = 0; i < 10000; i++)
        below += size_draw(&size, &random) < (uint32_t)exp(6.2);
    assert_true(below > 4800 && below < 5200);
}

static void the_nearest_edge_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *json, *name, *url; /* name NULL: refused */
    } rows[] = {
        {"{\"client\":{\"country\":null,\"known\":false},\"edges\":[{\"name\":\"edge-sh-1\","
         "\"url\":\"https://sh.example.net\",\"distance_km\":1.5,\"rtt_ms\":null},"
         "{\"name\":\"b\",\"url\":\"https://b\"}]}",
         "edge-sh-1", "https://sh.example.net"},
        {"{\"edges\":[]}", NULL, NULL},
        {"{\"edges\":[{\"name\":\"a\",\"url\":null}]}", NULL, NULL},
        {"{\"error\":{\"message\":\"no\"}}", NULL, NULL},
        {"", NULL, NULL},
        {"[", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice name, url;
        struct arena arena;
        struct error error;
        arena_init(&arena);
        const bool good = steer_parse(slice_of(rows[i].json), &arena, &name, &url, &error);
        if (good != (rows[i].name != NULL))
            fail_msg("row %zu: %s", i, good ? "was read" : error.text);
        if (good) {
            assert_true(slice_eq(name, slice_of(rows[i].name)));
            assert_true(slice_eq(url, slice_of(rows[i].url)));
        }
        arena_finish(&arena);
    }
}

UNIT_MAIN(bodies_say_what_was_asked, turns_share_their_beginning, strangers_share_nothing,
          lognormal_has_its_median, the_nearest_edge_is_read)
