/* An event stream seen in pieces of every size. */
#include "base/check.h"
#include "http/sse.h"
#include "unit.h"

static unsigned feed_in_pieces(struct sse *sse, struct slice text, size_t piece)
{
    unsigned events = 0;
    sse_init(sse);
    for (size_t at = 0; at < text.len; at += piece) {
        const size_t n = text.len - at < piece ? text.len - at : piece;
        events += sse_feed(sse, slice_make(text.ptr + at, n));
    }
    return events;
}

static void test_streams(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned events;
        bool done, boundary, id;
    } rows[] = {
        {"", 0, false, true, false},
        {"data: {}\n\n", 1, false, true, false},
        {"data: {}\r\n\r\n", 1, false, true, false},
        {"data: {}\r\r", 1, false, true, false},
        {"data: {}\n", 0, false, false, false},
        {"data: {}", 0, false, false, false},
        {"data:{}\n\ndata: [DONE]\n\n", 1, true, true, false},
        {"data:[DONE]\r\n\r\n", 0, true, true, false},
        {": keep-alive\n\n", 0, false, true, false},
        {": c\n\ndata: 1\n\n: c\n\ndata: 2\n\n", 2, false, true, false},
        {"event: ping\nid: 7\ndata: x\n\n", 1, false, true, true},
        {"event: ping\n\n", 0, false, true, false},
        {"id\n\n", 0, false, true, true},
        {"ideal: 1\n\n", 0, false, true, false},
        {"data: a\ndata: b\n\n", 1, false, true, false},
        {"database: a\n\n", 0, false, true, false},
        {"\n\n\ndata: a\n\n\n", 1, false, true, false},
        {"data: [DONE] no\n\n", 1, false, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t piece = 1; piece < 20; piece++) {
            struct sse *sse = malloc(sizeof *sse);
            assert_non_null(sse);
            assert_int_equal(feed_in_pieces(sse, slice_of(rows[i].text), piece), rows[i].events);
            assert_int_equal(sse->data_events, rows[i].events);
            assert_int_equal(sse->done, rows[i].done);
            assert_int_equal(sse->at_boundary, rows[i].boundary);
            assert_int_equal(sse->saw_id, rows[i].id);
            sse_finish(sse);
            free(sse);
        }
    }
}

static void note_event(void *user, struct slice data)
{
    char *seen = user;
    const size_t at = strlen(seen);
    snprintf(seen + at, 64 - at, "<%.*s>", SLICE_ARG(data));
}

static void test_events_are_read_along(void **state)
{
    (void)state;
    static const char text[] =
        "data: {\"a\":1}\n\n: c\n\nevent: x\ndata:b\ndata: c\r\n\r\ndata: [DONE]\n\n";
    for (size_t piece = 1; piece < 20; piece++) {
        char seen[64] = "";
        struct sse *sse = malloc(sizeof *sse);
        assert_non_null(sse);
        sse_init(sse);
        sse->on_event = note_event;
        sse->user = seen;
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            const size_t left = sizeof text - 1 - at;
            sse_feed(sse, slice_make(text + at, left < piece ? left : piece));
        }
        assert_string_equal(seen, "< {\"a\":1}><b\n c>< [DONE]>");
        sse_finish(sse);
        free(sse);
    }
}

static void test_usage_is_kept(void **state)
{
    (void)state;
    static const char text[] =
        "data: {\"x\":1,\"usage\":null}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"
        "data: {\"say\":\"\\\"usage\\\"\",\"usage\":null}\n\ndata: [DONE]\n\n";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct sse sse;
        assert_int_equal(feed_in_pieces(&sse, slice_of(text), piece), 3);
        assert_int_equal(sse.usage.prompt_tokens, 3);
        assert_int_equal(sse.usage.completion_tokens, 2);
        assert_true(sse.done);
        sse_finish(&sse);
    }
}

static void test_large_events_in_pieces_are_counted_not_kept(void **state)
{
    (void)state;
    enum { LARGE = 3 * SSE_HELD_BYTES };
    static const char end[] = "\"usage\":{\"prompt_tokens\":3}}\n\n";
    char text[LARGE];
    memset(text, 'x', sizeof text);
    memcpy(text, "data: {", 7);
    memcpy(text + LARGE - (sizeof end - 1), end, sizeof end - 1);
    struct sse sse;
    const struct slice large = slice_make(text, LARGE);
    assert_int_equal(feed_in_pieces(&sse, large, 100), 1);
    assert_int_equal(sse.usage.prompt_tokens, -1);
    assert_int_equal(buffer_len(&sse.held), 0);
    assert_int_equal(sse_feed(&sse, SLICE("data: {\"usage\":{\"prompt_tokens\":4}}\n\n")), 1);
    assert_int_equal(sse.usage.prompt_tokens, 4);
    sse_finish(&sse);
}

UNIT_MAIN(test_streams, test_events_are_read_along, test_usage_is_kept,
          test_large_events_in_pieces_are_counted_not_kept)
