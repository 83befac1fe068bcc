/* Recorded requests, in three formats; and what the feed makes of them and of chance. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "load/feed.h"
#include "load/trace.h"

#define MS INT64_C(1000000)

static struct error error;

static struct trace *read_text(const char *text, double time_scale)
{
    char name[] = "trace-XXXXXX";
    const int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    error.text[0] = '\0';
    struct trace *trace = trace_read(name, time_scale, &error);
    unlink(name);
    return trace;
}

static struct trace *read_good(const char *text)
{
    struct trace *trace = read_text(text, 1);
    if (trace == NULL)
        fail_msg("%s", error.text);
    return trace;
}

/* Tokens that two rows begin with in common. */
static uint32_t common(const struct trace *trace, size_t a, size_t b)
{
    const struct trace_row *x = &trace->rows[a], *y = &trace->rows[b];
    uint32_t tokens = 0;
    for (uint32_t i = 0; i < x->piece_count && i < y->piece_count; i++) {
        const struct piece p = trace->pieces[x->first_piece + i];
        const struct piece q = trace->pieces[y->first_piece + i];
        if (p.number != q.number)
            break;
        tokens += p.tokens < q.tokens ? p.tokens : q.tokens;
        if (p.tokens != q.tokens)
            break;
    }
    return tokens;
}

static uint32_t whole(const struct trace *trace, size_t row)
{
    uint32_t tokens = 0;
    for (uint32_t i = 0; i < trace->rows[row].piece_count; i++)
        tokens += trace->pieces[trace->rows[row].first_piece + i].tokens;
    return tokens;
}

#define ROW(at, place, conversation, turn, prompt, reusable, class)                              \
    "{\"at_ms\":" at ",\"place\":\"" place "\",\"conversation\":" conversation ",\"turn\":" turn \
    ",\"prompt_tokens\":" prompt ",\"output_tokens\":50,\"reusable_tokens\":" reusable           \
    ",\"class\":\"" class "\"}\n"

static void turns_begin_with_what_is_reusable(void **state)
{
    (void)state;
    struct trace *trace =
        read_good(ROW("10.5", "sh", "7", "0", "1000", "0", "interactive")
                      ROW("20", "fra", "8", "0", "800", "0", "flex")
                          ROW("30", "sh", "7", "1", "1400", "1050", "interactive")
                              ROW("40", "sh", "7", "2", "1600", "1160", "priority"));
    assert_int_equal(trace->count, 4);
    assert_int_equal(trace->rows[0].at_ns, 10 * MS + MS / 2);
    assert_int_equal(trace->place_count, 2);
    assert_string_equal(trace->places[trace->rows[1].place], "fra");
    assert_int_equal(trace->rows[1].traffic_class, CLASS_FLEX);
    assert_int_equal(trace->rows[3].traffic_class, CLASS_PRIORITY);
    assert_int_equal(common(trace, 0, 1), 0);
    assert_int_equal(common(trace, 0, 2),
                     1000); /* all of the turn before; its answer is new text */
    assert_int_equal(common(trace, 2, 3), 1160); /* 85 %, then something else */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(whole(trace, i), trace->rows[i].prompt_tokens);
    trace_destroy(&trace);
}

static void azure(void **state)
{
    (void)state;
    struct trace *trace = read_text("TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                                    "2023-11-16 23:59:59.5000000,374,44\r\n"
                                    "2023-11-17 00:00:01.7500000,396,109\r\n",
                                    0.5);
    assert_non_null(trace);
    assert_int_equal(trace->count, 2);
    assert_int_equal(trace->rows[0].at_ns, 0);
    assert_true(llabs(trace->rows[1].at_ns - 1125 * MS) < MS / 100);
    assert_int_equal(trace->rows[1].prompt_tokens, 396);
    assert_int_equal(trace->rows[1].output_tokens, 109);
    assert_int_equal(trace->rows[1].conversation, 0);
    assert_int_equal(common(trace, 0, 1), 0);
    trace_destroy(&trace);
}

static void mooncake(void **state)
{
    (void)state;
    struct trace *trace = read_good(
        "{\"timestamp\":0,\"input_length\":1300,\"output_length\":5,\"hash_ids\":[0,1,2]}\n"
        "{\"timestamp\":9,\"input_length\":700,\"output_length\":5,\"hash_ids\":[0,3]}\n"
        "{\"timestamp\":20,\"input_length\":1600,\"output_length\":5,\"hash_ids\":[0,1,4,5]}\n"
        "{\"timestamp\":30,\"input_length\":1024,\"output_length\":5,\"hash_ids\":[0,1]}\n");
    assert_int_equal(trace->count, 4);
    assert_int_equal(trace->rows[0].reusable_tokens, 0);
    assert_int_equal(trace->rows[1].reusable_tokens, 512);
    assert_int_equal(trace->rows[2].reusable_tokens, 1024);
    assert_int_equal(trace->rows[3].reusable_tokens, 1023);
    assert_int_equal(common(trace, 0, 1), 512);
    assert_int_equal(common(trace, 0, 2), 1024);
    /* One block is the service's own; more are a conversation. */
    assert_true(trace->rows[0].conversation != trace->rows[1].conversation);
    assert_true(trace->rows[0].conversation == trace->rows[2].conversation);
    assert_int_equal(trace->rows[3].turn, 2);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(whole(trace, i), trace->rows[i].prompt_tokens);
    trace_destroy(&trace);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "there is no request in it"},
        {"hello\n", "the first line is neither"},
        {"{\"at_ms\":1}\n", "line 1: expected \"prompt_tokens\", a whole number from 1 to"},
        {"{\"at_ms\":-1}\n", "line 1: expected \"at_ms\""},
        {ROW("1", "a", "1", "0", "9", "0", "slow"), "one of priority, interactive, flex, batch"},
        {ROW("1", "a", "1", "0", "9", "9", "flex"), "must be less than \"prompt_tokens\""},
        {"{\"at_ms\":1,\n", "line 1: this is no JSON"},
        {"TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1\n",
         "line 2: expected a TIMESTAMP"},
        {"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1\n",
         "line 2: expected TIME"},
        {"{\"timestamp\":0,\"input_length\":9,\"output_length\":1,\"hash_ids\":[-1]}\n",
         "\"hash_ids\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_null(read_text(rows[i].text, 1));
        if (strstr(error.text, rows[i].says) == NULL)
            fail_msg("row %zu: said \"%s\", not \"%s\"", i, error.text, rows[i].says);
    }
}

static struct options drawn(void)
{
    return (struct options){.schedule = {.arrivals = ARRIVALS_CONSTANT, .rate = 10},
                            .place_count = 2,
                            .seed = 3,
                            .prompt_size = {.tokens = 100},
                            .output_size = {.tokens = 20}};
}

static void conversations_grow(void **state)
{
    (void)state;
    struct options options = drawn();
    struct feed feed;
    struct ask ask;
    unsigned firsts = 0, places[2] = {0};
    options.conversations = 4;
    options.turns = 5;
    feed_init(&feed, &options);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(feed_next_ns(&feed), i * 100 * MS);
        feed_take(&feed, &ask);
        assert_int_equal(ask.reusable_tokens, ask.turn * 120);
        assert_int_equal(ask.prompt_tokens, 100 + ask.turn * 120);
        assert_int_equal(ask.pieces[0].number, ask.conversation);
        firsts += ask.turn == 0;
        places[ask.place]++;
    }
    assert_in_range(firsts, 320, 480);
    assert_in_range(places[0], 900, 1100);
    feed_finish(&feed);
}

static void sizes_are_those_of_a_trace(void **state)
{
    (void)state;
    struct options options = drawn();
    struct feed feed;
    struct ask ask;
    unsigned large = 0;
    options.sizes = read_good("TIMESTAMP,ContextTokens,GeneratedTokens\n"
                              "2023-11-16 18:15:46,10,1\n2023-11-16 18:15:47,2000,9\n");
    feed_init(&feed, &options);
    for (int i = 0; i < 1000; i++) {
        feed_take(&feed, &ask);
        const bool is_large = ask.prompt_tokens == 2000;
        assert_int_equal(ask.prompt_tokens, is_large ? 2000 : 10);
        assert_int_equal(ask.output_tokens, is_large ? 9 : 1);
        large += is_large;
    }
    assert_in_range(large, 400, 600);
    feed_finish(&feed);
    options_finish(&options);
}

static void classes_have_their_weight(void **state)
{
    (void)state;
    struct options options = drawn();
    struct feed feed;
    struct ask ask;
    unsigned flex = 0;
    options.classes[0] = (struct options_class){CLASS_INTERACTIVE, 3};
    options.classes[1] = (struct options_class){CLASS_FLEX, 1};
    options.class_count = 2;
    options.class_weight = 4;
    feed_init(&feed, &options);
    for (int i = 0; i < 4000; i++) {
        feed_take(&feed, &ask);
        flex += ask.traffic_class == CLASS_FLEX;
    }
    assert_in_range(flex, 860, 1140);
    feed_finish(&feed);
}

UNIT_MAIN(turns_begin_with_what_is_reusable, azure, mooncake, what_is_wrong_is_said,
          conversations_grow, sizes_are_those_of_a_trace, classes_have_their_weight)
