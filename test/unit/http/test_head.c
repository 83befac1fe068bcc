/* Fields, heads as they are judged, the fault table, and the frame meter's walk. */
#include "base/check.h"
#include "base/clock.h"
#include "http/frame_meter.h"
#include "http/h2_frame.h"
#include "http/head.h"
#include "unit.h"

static void test_fields(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct fields fields = {0};
    for (int i = 0; i < 100; i++)
        fields_add(&fields, &arena, i % 2 ? SLICE("odd") : SLICE("even"),
                   arena_printf(&arena, "%d", i));
    fields_add(&fields, &arena, SLICE("empty"), SLICE(""));
    assert_true(slice_eq(fields_find(&fields, SLICE("odd")), SLICE("1")));
    assert_int_equal(fields_count(&fields, SLICE("even")), 50);
    assert_true(fields_has(&fields, SLICE("empty")));
    assert_false(fields_has(&fields, SLICE("absent")));
    arena_finish(&arena);
}

static void test_valid_bytes(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char byte = (char)c;
        const struct slice text = slice_make(&byte, 1);
        const bool token =
            c != 0 && (strchr("!#$%&'*+-.^_`|~", c) != NULL || (c >= '0' && c <= '9') ||
                       (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
        assert_int_equal(field_name_valid(text), token);
        assert_int_equal(field_value_valid(text), c == '\t' || (c >= 0x20 && c != 0x7f));
    }
    assert_false(field_name_valid(SLICE("")));
    assert_true(field_value_valid(SLICE("")));
    assert_false(field_value_valid(SLICE("a long enough value with a line end\n in it")));
}

static struct request_head good_head(void)
{
    return (struct request_head){.method = METHOD_POST,
                                 .version = HTTP_2,
                                 .method_text = SLICE("POST"),
                                 .scheme = SLICE("https"),
                                 .authority = SLICE("a.test:443"),
                                 .path = SLICE("/v1/x?a=%2f"),
                                 .content_length = -1};
}

static void test_request_heads(void **state)
{
    (void)state;
    struct request_head head = good_head();
    assert_int_equal(head_accept_request(&head, true), FAULT_NONE);
    assert_int_equal(head_accept_request(&head, false), FAULT_BAD_REQUEST);
    static const char *const bad_paths[] = {"",    "x",   "*",  "/#",    "/ ",    "/\t",   "/%00",
                                            "/\\", "/\"", "/<", "/\x80", "/\x7f", "/a%00b"};
    for (size_t i = 0; i < COUNT_OF(bad_paths); i++) {
        head.path = slice_of(bad_paths[i]);
        assert_int_equal(head_accept_request(&head, true), FAULT_BAD_PATH);
    }
    head = good_head();
    static const char *const bad_hosts[] = {"", "a b", "u@a", "a,b", "a/b", "a?b", "a#b", "\x80"};
    for (size_t i = 0; i < COUNT_OF(bad_hosts); i++) {
        head.authority = slice_of(bad_hosts[i]);
        assert_int_equal(head_accept_request(&head, true), FAULT_BAD_AUTHORITY);
    }
    static const char *const good_hosts[] = {"a", "a.test:8443", "[::1]:80", "127.0.0.1"};
    for (size_t i = 0; i < COUNT_OF(good_hosts); i++) {
        head.authority = slice_of(good_hosts[i]);
        assert_int_equal(head_accept_request(&head, true), FAULT_NONE);
    }
}

static void test_response_heads(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum fault fault;
    } rows[] = {{200, FAULT_NONE},       {100, FAULT_NONE},        {599, FAULT_NONE},
                {99, FAULT_BAD_GATEWAY}, {600, FAULT_BAD_GATEWAY}, {0, FAULT_BAD_GATEWAY}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct response_head head = {.status = rows[i].status, .content_length = -1};
        assert_int_equal(head_accept_response(&head), rows[i].fault);
    }
    assert_true(response_is_bodiless(METHOD_HEAD, 200) && response_is_bodiless(METHOD_GET, 204));
    assert_false(response_is_bodiless(METHOD_GET, 200));
}

static void test_field_kinds(void **state)
{
    (void)state;
    static const char *const hop[] = {"connection",
                                      "te",
                                      "host",
                                      "content-length",
                                      "upgrade",
                                      "transfer-encoding",
                                      "keep-alive",
                                      "http2-settings",
                                      "proxy-connection",
                                      "proxy-authorization",
                                      "expect",
                                      "trailer"};
    for (size_t i = 0; i < COUNT_OF(hop); i++)
        assert_true(field_is_hop_by_hop(slice_of(hop[i])));
    static const char *const carried[] = {"cookie", "authorization", "x-a", "accept", "hosts", ""};
    for (size_t i = 0; i < COUNT_OF(carried); i++)
        assert_false(field_is_hop_by_hop(slice_of(carried[i])));
    assert_true(field_is_trailer(SLICE("grpc-status")) && field_is_trailer(SLICE("x-a")));
    assert_false(field_is_trailer(SLICE("authorization")));
    assert_false(field_is_trailer(SLICE("x-isochrone-cluster")));
}

static void test_fault_rows(void **state)
{
    (void)state;
    for (int i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
        const struct fault_row *row = fault_row((enum fault)i);
        assert_true(row->status >= 400 && row->status < 600);
        assert_true(row->name[0] != '\0' && row->word[0] != '\0' && row->text[0] != '\0');
        assert_true(row->text[strlen(row->text) - 1] == '.');
        if (row->status != 499) /* nobody is left to read it */
            assert_true(row->type[0] != '\0' && row->code[0] != '\0');
        if (row->retry != FAULT_RETRY_NEVER)
            assert_true(row->status >= 500);
        assert_string_not_equal(status_text(row->status), "Unknown");
        for (int other = 0; other < i; other++)
            assert_string_not_equal(fault_row((enum fault)other)->word, row->word);
    }
}

static void test_fault_body(void **state)
{
    (void)state;
    struct buffer out = {0};
    fault_body_write(FAULT_BAD_FIELD, "max_tokens", SLICE("It is \"-5\"."), &out);
    assert_true(slice_eq(
        buffer_slice(&out),
        SLICE("{\"error\":{\"message\":\"A field of the body has the wrong type or an impossible "
              "value. It is \\\"-5\\\".\",\"type\":\"invalid_request_error\",\"param\":"
              "\"max_tokens\",\"code\":\"invalid_value\"}}")));
    buffer_clear(&out);
    fault_body_write(FAULT_OVERLOAD, NULL, SLICE_NONE, &out);
    assert_non_null(memmem(out.memory, buffer_len(&out), "\"param\":null", 12));
    buffer_release(&out);
}

static void test_meter_budget_comes_back(void **state)
{
    (void)state;
    struct frame_meter meter;
    frame_meter_init(&meter);
    int64_t now = NS_PER_S;
    frame_meter_clock(&meter, now);
    for (int i = 0; i < METER_BURST; i++)
        assert_null(frame_meter_take(&meter, H2_PING));
    frame_meter_clock(&meter, now += NS_PER_S);
    for (int i = 0; i < METER_PER_SECOND; i++)
        assert_null(frame_meter_take(&meter, H2_PING));
    frame_meter_clock(&meter, now += 1000 * NS_PER_S);
    for (int i = 0; i < METER_BURST; i++)
        assert_null(frame_meter_take(&meter, H2_PING));
    assert_non_null(frame_meter_take(&meter, H2_PING));
    frame_meter_clock(&meter, now -= NS_PER_S); /* a clock that goes back gives nothing */
    assert_non_null(frame_meter_take(&meter, H2_PING));
}

/* What is asked of us gives the peer a reason to write to us. */
static void test_meter_window_updates_want_reasons(void **state)
{
    (void)state;
    struct frame_meter meter;
    frame_meter_init(&meter);
    for (int i = 0; i < METER_WINDOW_UPDATES + METER_BURST; i++)
        assert_null(frame_meter_take(&meter, H2_WINDOW_UPDATE));
    assert_non_null(frame_meter_take(&meter, H2_WINDOW_UPDATE));
    for (int i = 0; i < METER_BURST; i++)
        frame_meter_sent_data(&meter);
    assert_null(frame_meter_take(&meter, H2_WINDOW_UPDATE));
}

UNIT_MAIN(test_fields, test_valid_bytes, test_request_heads, test_response_heads, test_field_kinds,
          test_fault_rows, test_fault_body, test_meter_budget_comes_back,
          test_meter_window_updates_want_reasons)
