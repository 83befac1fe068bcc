/* The decision record as people and tools read it. */
#include "policy/chain.h"
#include "policy_kit.h"

static struct kit kit;
static char text_written[16384];

static const char *kept(struct buffer out)
{
    snprintf(text_written, sizeof text_written, "%.*s", SLICE_ARG(buffer_slice(&out)));
    buffer_release(&out);
    return text_written;
}

static const char *written(void)
{
    struct buffer out = {0};
    struct json json;
    json_init(&json, &out);
    decision_write_json(&kit.decision, &json);
    return kept(out);
}

static const char *compact(void)
{
    struct buffer out = {0};
    decision_write_compact(&kit.decision, &out);
    return kept(out);
}

static void contains(const char *text, const char *part)
{
    assert_non_null(strstr(text, part));
}

static int open_three(void **state)
{
    (void)state;
    kit_open(&kit, "nearest", NULL, 0);
    kit_begin(&kit, 3);
    kit.decision.id = 0xabcdef;
    kit.decision.seed = 7;
    kit.decision.sequence = 41;
    kit.decision.wall_ms = 1700000000000;
    kit.decision.route = "default";
    kit.decision.request.model = (struct iso_text){"qwen3-32b", 9};
    kit.decision.request.session = 0x1234;
    memcpy(kit.decision.request.country, "DE", 3);
    kit.decision.estimates[0].distance_km = 2000;
    kit.decision.estimates[0].known = ISO_KNOWN_RTT | ISO_KNOWN_CACHE;
    kit.decision.estimates[1].distance_km = 500;
    kit.decision.estimates[1].age_ms = 1234.5;
    kit.decision.verdicts[2].reason = DECISION_DRAINING;
    kit_decide(&kit);
    return 0;
}

static int close_three(void **state)
{
    (void)state;
    kit_close(&kit);
    return 0;
}

static void compact_says_who_and_why_and_who_was_next(void **state)
{
    (void)state;
    assert_string_equal(compact(),
                        "{\"chosen\":\"b\",\"total_ms\":7.000,\"ms\":{\"nearest\":{\"distance\":"
                        "7.000}},\"kept\":2,\"runner_up\":\"a\",\"runner_up_ms\":28.000}");
}

static void compact_of_no_choice(void **state)
{
    (void)state;
    kit_begin(&kit, 1);
    kit.decision.verdicts[0].reason = DECISION_DOWN;
    kit_decide(&kit);
    assert_string_equal(compact(), "{\"chosen\":null,\"kept\":0}");
}

static void full_has_the_frame(void **state)
{
    (void)state;
    const char *text = written();
    contains(text, "\"id\":\"0000000000abcdef\"");
    contains(text, "\"route\":\"default\"");
    contains(text, "\"seed\":\"0000000000000007\",\"sequence\":41");
    contains(text, "\"chosen\":\"b\",\"runner_up\":\"a\",\"kept\":2");
    contains(text, "\"policies\":[{\"name\":\"nearest\",\"version\":\"1.0.0\",\"hash\":\"");
    contains(text,
             "\"request\":{\"model\":\"qwen3-32b\",\"class\":\"interactive\",\"stream\":true");
    contains(text, "\"country\":\"DE\"");
    contains(text, "\"session\":\"0000000000001234\"");
    contains(text, "\"latitude\":null");
}

static void full_has_every_cluster_with_parts_and_inputs(void **state)
{
    (void)state;
    const char *text = written();
    contains(text, "\"name\":\"a\",\"region\":\"\",\"country\":\"\",\"verdict\":\"keep\","
                   "\"total_ms\":28.000,\"ms\":{\"nearest\":{\"distance\":28.000}},"
                   "\"inputs\":{\"age_ms\":0.000,\"distance_km\":2000.000");
    contains(text, "\"known\":[\"rtt\",\"cache\"]");
    contains(text, "\"age_ms\":1234.500");
    contains(text, "\"kv_used\":0.000");
    contains(text, "\"price_per_mtok\":null");
    contains(text,
             "\"name\":\"c\",\"region\":\"\",\"country\":\"\",\"verdict\":\"closed\","
             "\"reason\":\"draining\",\"by\":\"router\",\"why\":\"an operator takes it out of "
             "service\",\"avoided\":false,\"inputs\":");
}

static void a_dry_run_has_no_id(void **state)
{
    (void)state;
    kit.decision.id = 0;
    assert_null(strstr(written(), "\"id\""));
}

static void every_reason_has_a_word_and_a_sentence(void **state)
{
    (void)state;
    for (int reason = 0; reason < DECISION_REASON_COUNT; reason++) {
        assert_true(strlen(decision_reason_word(reason)) > 0);
        assert_true(strlen(decision_reason_text(reason)) > 0);
    }
}

static void room_grows_and_stays(void **state)
{
    struct decision decision;
    (void)state;
    decision_init(&decision);
    decision_reserve(&decision, 100, 8);
    const void *memory = decision.memory;
    for (uint32_t targets = 0; targets <= 100; targets += 10) {
        decision_begin(&decision, targets, targets % 9);
        assert_ptr_equal(decision.memory, memory);
    }
    decision_begin(&decision, 200, 2);
    assert_int_equal(decision.room_targets, 200);
    assert_int_equal(decision.room_parts, 8);
    decision_finish(&decision);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_three, close_three)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(compact_says_who_and_why_and_who_was_next),
        CASE(compact_of_no_choice),
        CASE(full_has_the_frame),
        CASE(full_has_every_cluster_with_parts_and_inputs),
        CASE(a_dry_run_has_no_id),
        cmocka_unit_test(every_reason_has_a_word_and_a_sentence),
        cmocka_unit_test(room_grows_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
