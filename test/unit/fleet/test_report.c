/* Reports as text: what is believed and what is not. */
#include <math.h>

#include "fleet/report.h"

#include "unit.h"

static bool parse(const char *const *texts, size_t count, struct report *report,
                  struct report_refusals *refusals)
{
    struct slice pairs[160];
    for (size_t i = 0; i < count; i++)
        pairs[i] = slice_of(texts[i]);
    return report_parse(pairs, count, report, refusals);
}

static void test_takes_a_whole_report(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "epoch",       "17",   "seq",         "4",    "ts_ms",           "1700000000000",
        "ttl_ms",      "6000", "interval_ms", "2000", "state",           "existing_only",
        "instances",   "8",    "running",     "0",    "waiting",         "3",
        "slots",       "512",  "prefill_tps", "4e4",  "prefill_tps_one", "4500.5",
        "utilisation", "0.75", "accelerator", "910b", "models",          "a,b",
        "engine",      "vllm", "endpoint",    "",     "colour",          "blue",
    };
    struct report report;
    struct report_refusals refusals = {0};
    assert_true(parse(texts, COUNT_OF(texts), &report, &refusals));
    assert_int_equal(report.epoch, 17);
    assert_int_equal(report.seq, 4);
    assert_int_equal(report.state, REPORT_EXISTING_ONLY);
    assert_true(report.running == 0 && report.prefill_tps == 4e4);
    assert_true(report.prefill_tps_one == 4500.5 && report.utilisation == 0.75);
    assert_true(isnan(report.hold_ms) && isnan(report.waiting_tokens));
    assert_string_equal(report.accelerator, "910b");
    assert_string_equal(report.models, "a,b");
    assert_int_equal(refusals.unknown, 1);
    assert_int_equal(refusals.whole, 0);
    assert_int_equal(report.refused, 0);
}

static void test_refuses_bad_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "NaN",   "nan",
        "inf",   "-inf",
        "-0",    "-1",
        "1e308", "",
        "0x10",  " 5",
        "5 ",    "+5",
        ".5",    "\xe0\xa5\xab",
        "1,5",   "1e",
        "five",  "1e7",
        "5\n",   "00000000000000000000000000000000000000000000000000000000000000000005",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *const texts[] = {"epoch", "1", "seq", "1", "running", bad[i]};
        struct report report;
        struct report_refusals refusals = {0};
        assert_true(parse(texts, COUNT_OF(texts), &report, &refusals));
        if (!isnan(report.running) || refusals.fields[REPORT_FIELD_running] != 1 ||
            report.refused != UINT64_C(1) << REPORT_FIELD_running)
            fail_msg("running \"%s\" was taken for %g", bad[i], report.running);
    }
}

static void test_takes_odd_but_good_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},      {"1e-320", 1e-320}, {"007", 7},
                {"1e3", 1000}, {"5.", 5},          {"1000000", 1e6}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const char *const texts[] = {"epoch", "1", "seq", "1", "running", good[i].text};
        struct report report;
        struct report_refusals refusals = {0};
        assert_true(parse(texts, COUNT_OF(texts), &report, &refusals));
        assert_true(report.running == good[i].value);
    }
}

static void test_refuses_nul_and_nil(void **state)
{
    (void)state;
    struct report report;
    struct report_refusals refusals = {0};
    const struct slice pairs[] = {SLICE("epoch"),   SLICE("1"),   SLICE("seq"),     SLICE("1"),
                                  SLICE("waiting"), SLICE("5\0"), SLICE("running"), SLICE_NONE};
    assert_true(report_parse(pairs, COUNT_OF(pairs), &report, &refusals));
    assert_true(isnan(report.waiting) && isnan(report.running));
    assert_int_equal(refusals.fields[REPORT_FIELD_waiting], 1);
    assert_int_equal(refusals.fields[REPORT_FIELD_running], 1);
}

static void test_keeps_each_number_in_its_range(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        bool good;
    } rows[] = {
        {"utilisation", "1", true}, {"utilisation", "1.01", false}, {"instances", "0", false},
        {"slots", "0", false},      {"prefill_tps", "0", false},    {"hold_ms", "0.5", false},
        {"kv_used", "0", true},     {"interval_ms", "0", false},    {"mean_tokens", "0", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const texts[] = {"epoch", "1", "seq", "1", rows[i].name, rows[i].value};
        struct report report;
        struct report_refusals refusals = {0};
        assert_true(parse(texts, COUNT_OF(texts), &report, &refusals));
        if ((report.refused == 0) != rows[i].good)
            fail_msg("%s %s", rows[i].name, rows[i].value);
    }
}

static void test_refuses_bad_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "epoch", "1",      "seq",  "1",           "state",
        "OPEN",  "engine", "a\nb", "accelerator", "0123456789012345678901234567890123456789",
    };
    struct report report;
    struct report_refusals refusals = {0};
    assert_false(parse(texts, COUNT_OF(texts), &report, &refusals)); /* 3 of 5 refused */
    assert_int_equal(refusals.fields[REPORT_FIELD_state], 1);
    assert_int_equal(refusals.fields[REPORT_FIELD_engine], 1);
    assert_int_equal(refusals.fields[REPORT_FIELD_accelerator], 1);
    assert_int_equal(refusals.whole, 1);
    assert_string_equal(report.accelerator, "");
}

static void test_refuses_whole_reports(void **state)
{
    (void)state;
    struct report report;
    struct report_refusals refusals = {0};
    static const char *const no_seq[] = {"epoch", "1", "running", "1"};
    static const char *const odd[] = {"epoch", "1", "seq", "1", "running"};
    static const char *const negative[] = {"epoch", "-1", "seq", "1"};
    assert_false(parse(no_seq, 4, &report, &refusals));
    assert_false(parse(odd, 5, &report, &refusals));
    assert_false(parse(negative, 4, &report, &refusals));
    assert_false(parse(NULL, 0, &report, &refusals));
    const char *many[2 * REPORT_FIELDS_MAX + 2];
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = i % 2 == 0 ? "colour" : "1";
    assert_false(parse(many, COUNT_OF(many), &report, &refusals));
    assert_int_equal(refusals.whole, 5);
}

static void test_the_first_of_two_stands(void **state)
{
    (void)state;
    static const char *const texts[] = {"epoch", "1", "seq", "1", "running", "7", "running", "9"};
    struct report report;
    struct report_refusals refusals = {0};
    assert_true(parse(texts, COUNT_OF(texts), &report, &refusals));
    assert_true(report.running == 7);
    assert_int_equal(refusals.fields[REPORT_FIELD_running], 1);
}

UNIT_MAIN(test_takes_a_whole_report, test_refuses_bad_numbers, test_takes_odd_but_good_numbers,
          test_refuses_nul_and_nil, test_keeps_each_number_in_its_range, test_refuses_bad_texts,
          test_refuses_whole_reports, test_the_first_of_two_stands)
