/* Bodies of the asked size, good JSON, alike where their pieces are and only there. */
#include "unit.h"

#include <math.h>

#include "base/buffer.h"
#include "http/facts.h"
#include "load/prompt.h"
#include "load/size.h"
#include "load/steer.h"

static void join(const struct prompt *prompt, struct buffer *out)
{
    buffer_clear(out);
    for (size_t i = 0; i < prompt->part_count; i++)
        buffer_append_slice(out, prompt->parts[i]);
    memset(buffer_reserve(out, FACTS_PADDING), 0, FACTS_PADDING);
}

static void read_facts(const struct buffer *body, struct arena *arena, struct request_facts *facts)
{
    const char *param = NULL;
    const struct slice text = buffer_slice(body);
    assert_int_equal(facts_parse(text.ptr, text.len, arena, facts, &param), FAULT_NONE);
}

static void bodies_say_what_was_asked(void **state)
{
    (void)state;
    for (int kind = PROMPT_CHAT; kind <= PROMPT_EMBEDDINGS; kind++) {
        const struct prompt_settings settings = {.kind = (enum prompt_kind)kind,
                                                 .model = SLICE("\"m\""),
                                                 .stream = kind != PROMPT_EMBEDDINGS,
                                                 .usage = true};
        const struct piece pieces[] = {{7, 60}, {9, 30}};
        const struct ask ask = {.traffic_class = CLASS_FLEX,
                                .conversation = 1,
                                .prompt_tokens = 100,
                                .output_tokens = 7,
                                .pieces = pieces,
                                .piece_count = 2};
        struct prompt_source source;
        struct prompt prompt = {0};
        struct buffer body = {0};
        struct request_facts facts;
        struct arena arena;
        arena_init(&arena);
        prompt_source_init(&source, &settings, 1);
        prompt_write(&prompt, &source, &ask);
        join(&prompt, &body);
        read_facts(&body, &arena, &facts);
        assert_true(slice_eq(facts.model, SLICE("m")));
        assert_int_equal(facts.stream, settings.stream);
        assert_int_equal(facts.include_usage, settings.stream);
        assert_int_equal(facts.max_tokens, kind == PROMPT_EMBEDDINGS ? -1 : 7);
        assert_true(slice_eq(facts.prompt_cache_key, SLICE("conversation-1")));
        assert_true(slice_eq(facts.service_tier, SLICE("flex")));
        assert_int_equal(facts.prompt.len, 100 * PROMPT_BYTES_PER_TOKEN);
        buffer_release(&body);
        prompt_finish(&prompt);
        arena_finish(&arena);
        prompt_source_finish(&source);
    }
}

static void clients_say_what_they_want_and_not_what_comes(void **state)
{
    (void)state;
    const struct prompt_settings settings = {.model = SLICE("\"m\""), .max_tokens = 26};
    const struct piece piece = {.number = 1, .tokens = 20};
    const struct ask ask = {.prompt_tokens = 20,
                            .output_tokens = 7,
                            .pieces = &piece,
                            .piece_count = 1};
    struct prompt_source source;
    struct prompt prompt = {0};
    struct buffer body = {0};
    prompt_source_init(&source, &settings, 1);
    prompt_write(&prompt, &source, &ask);
    join(&prompt, &body);
    const struct slice text = buffer_slice(&body);
    assert_non_null(memmem(text.ptr, text.len, "\"max_tokens\":26,", 16));
    buffer_release(&body);
    prompt_finish(&prompt);
    prompt_source_finish(&source);
}

/* How many bytes two prompts made of these pieces begin with in common. */
static size_t common(const struct piece *a, uint32_t a_count, const struct piece *b,
                     uint32_t b_count)
{
    const struct prompt_settings settings = {.model = SLICE("\"m\"")};
    const struct piece *const pieces[] = {a, b};
    const uint32_t counts[] = {a_count, b_count};
    struct prompt_source source;
    struct prompt prompts[2] = {{0}};
    struct buffer bodies[2] = {{0}};
    size_t same = 0;
    prompt_source_init(&source, &settings, 1);
    for (int i = 0; i < 2; i++) {
        struct ask ask = {.pieces = pieces[i], .piece_count = counts[i]};
        for (uint32_t k = 0; k < counts[i]; k++)
            ask.prompt_tokens += pieces[i][k].tokens;
        prompt_write(&prompts[i], &source, &ask);
        join(&prompts[i], &bodies[i]);
    }
    const struct slice x = buffer_slice(&bodies[0]), y = buffer_slice(&bodies[1]);
    while (same < x.len && same < y.len && x.ptr[same] == y.ptr[same])
        same++;
    const char *text = memmem(x.ptr, x.len, "[{", 2);
    assert_non_null(text);
    same -= (size_t)(text - x.ptr);
    for (int i = 0; i < 2; i++) {
        buffer_release(&bodies[i]);
        prompt_finish(&prompts[i]);
    }
    prompt_source_finish(&source);
    return same / PROMPT_BYTES_PER_TOKEN;
}

static void common_pieces_are_common_text(void **state)
{
    (void)state;
    const struct piece one[] = {{1, 500}}, longer[] = {{1, 800}}, other[] = {{2, 500}};
    const struct piece changed[] = {{1, 400}, {3, 400}}, elsewhere[] = {{4, 500}, {1, 500}};
    /* The quotes and brackets at the end of the shorter one are in its tokens. */
    assert_in_range(common(one, 1, longer, 1), 495, 500);
    assert_in_range(common(longer, 1, changed, 2), 400, 408);
    assert_in_range(common(one, 1, other, 1), 0, 9);
    assert_in_range(common(one, 1, elsewhere, 2), 0, 9);
}

/* Names are what makes a beginning somebody's own. */
static void strangers_share_nothing(void **state)
{
    (void)state;
    for (uint64_t i = 1; i < 40; i++) {
        const struct piece a[] = {{i, 100}}, b[] = {{i + 1, 100}};
        assert_in_range(common(a, 1, b, 1), 0, 9);
    }
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

UNIT_MAIN(clients_say_what_they_want_and_not_what_comes, bodies_say_what_was_asked,
          common_pieces_are_common_text, strangers_share_nothing, lognormal_has_its_median,
          the_nearest_edge_is_read)
