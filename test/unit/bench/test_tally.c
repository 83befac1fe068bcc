/* What is measured, added up; and the promises a run is held to. */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "load/assertion.h"
#include "load/duration.h"
#include "load/tally.h"

#define MS INT64_C(1000000)

static struct sample answered(uint32_t place, uint32_t cluster, int64_t ttft_ms)
{
    return (struct sample){.place = place,
                           .cluster = cluster,
                           .intended_ns = 5 * MS,
                           .head_ns = 6 * MS,
                           .first_ns = (5 + ttft_ms) * MS,
                           .last_ns = (25 + ttft_ms) * MS,
                           .end_ns = (30 + ttft_ms) * MS,
                           .events = 3,
                           .status = 200,
                           .prompt_tokens = -1,
                           .cached_tokens = -1,
                           .output_tokens = 3};
}

static void cells_add_up(void **state)
{
    (void)state;
    struct tallies *tallies = tallies_create(2, 2);
    struct tally sum;
    const uint32_t a = tallies_cluster(tallies, SLICE("a"));
    const uint32_t b = tallies_cluster(tallies, SLICE("b"));
    assert_int_equal(tallies_cluster(tallies, SLICE("a")), a);
    assert_int_equal(tallies_cluster(tallies, SLICE_NONE), 0);
    for (int64_t i = 1; i <= 100; i++) {
        const struct sample sample = answered((uint32_t)(i % 2), i % 4 < 2 ? a : b, i);
        tallies_add(tallies, &sample);
    }
    struct sample cut = answered(1, b, 500);
    cut.outcome = OUTCOME_CUT;
    tallies_add(tallies, &cut);
    struct sample direct = answered(1, b, 9);
    direct.way = WAY_DIRECT;
    tallies_add(tallies, &direct);
    struct sample busy = {.place = 1,
                          .traffic_class = CLASS_FLEX,
                          .status = 503,
                          .outcome = OUTCOME_STATUS};
    tallies_add(tallies, &busy);

    assert_true(tallies_sum(tallies, TALLY_EVERYTHING, &sum));
    assert_int_equal(sum.requests, 102);
    assert_int_equal(sum.outcomes[OUTCOME_ANSWERED], 100);
    assert_int_equal(sum.outcomes[OUTCOME_CUT], 1);
    assert_int_equal(tally_failed(&sum), 1);
    assert_int_equal(sum.statuses[0].status, 503);
    assert_int_equal(sum.ttft.count, 100); /* cut and refused ones are not in it */
    assert_true(fabs(histogram_percentile(&sum.ttft, 50) / 1e6 - 50) < 1);
    assert_true(fabs(histogram_percentile(&sum.e2e, 100) / 1e6 - 125) < 0.001);
    assert_true(fabs(histogram_percentile(&sum.itl_request, 50) / 1e6 - 10) < 0.1);
    assert_int_equal(sum.output_tokens, 303);
    assert_true(tallies_sum(tallies, (struct tally_group){0, TALLY_ALL, TALLY_ALL}, &sum));
    assert_int_equal(sum.requests, 50);
    assert_true(tallies_sum(tallies, (struct tally_group){TALLY_ALL, TALLY_ALL, b}, &sum));
    assert_int_equal(sum.requests, 51);
    assert_true(tallies_sum(tallies, (struct tally_group){TALLY_ALL, CLASS_FLEX, TALLY_ALL}, &sum));
    assert_int_equal(sum.requests, 1);
    assert_false(tallies_sum(tallies, (struct tally_group){0, TALLY_ALL, 0}, &sum));
    assert_true(tallies_sum(tallies, TALLY_DIRECT, &sum));
    assert_int_equal(sum.requests, 1);
    assert_int_equal(tallies_tenant(tallies, 0)->requests, 102); /* what went direct is nobody's */
    tallies_destroy(&tallies);
}

static void clusters_are_bounded(void **state)
{
    (void)state;
    struct tallies *tallies = tallies_create(1, 0);
    struct tally sum;
    uint32_t last = 0;
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        last = tallies_cluster(tallies, slice_of(name));
        const struct sample sample = answered(0, last, 1);
        tallies_add(tallies, &sample);
    }
    assert_string_equal(tallies_cluster_name(tallies, last), "(other)");
    assert_true(tallies_sum(tallies, (struct tally_group){TALLY_ALL, TALLY_ALL, last}, &sum));
    assert_int_equal(sum.requests, 200 - TALLY_CLUSTERS_MOST);
    tallies_destroy(&tallies);
}

static void server_timing_is_averaged(void **state)
{
    (void)state;
    struct tallies *tallies = tallies_create(1, 0);
    const struct sample sample = answered(0, 0, 1);
    struct tally sum;
    tallies_timing(tallies, &sample, SLICE("route;dur=0.2, queue;desc=x;dur=4"));
    tallies_timing(tallies, &sample,
                   SLICE("route;dur=0.4, nonsense, ;dur=, a-name-that-is-too-long;dur=1"));
    (void)tallies_sum(tallies, TALLY_EVERYTHING, &sum);
    assert_string_equal(sum.timings[0].name, "route");
    assert_int_equal(sum.timings[0].count, 2);
    assert_true(fabs(sum.timings[0].sum_ms - 0.6) < 1e-9);
    assert_string_equal(sum.timings[1].name, "queue");
    assert_true(fabs(sum.timings[1].sum_ms - 4) < 1e-9);
    assert_int_equal(sum.timings[2].count, 0);
    tallies_destroy(&tallies);
}

static bool holds(const char *text, const struct tally *total, const struct histogram *slips)
{
    struct assertion assertion;
    struct error error;
    double found;
    if (!assertion_parse(slice_of(text), &assertion, &error))
        fail_msg("%s", error.text);
    static struct tally direct;
    const struct assertion_facts facts = {total, &direct, slips};
    histogram_clear(&direct.ttft);
    histogram_add(&direct.ttft, 100 * MS);
    return assertion_holds(&assertion, &facts, &found);
}

static void promises(void **state)
{
    (void)state;
    static struct tally total;
    static struct histogram slips;
    for (int64_t i = 1; i <= 1000; i++)
        histogram_add(&total.ttft, (uint64_t)(i * MS));
    total.requests = 1001;
    total.outcomes[OUTCOME_CUT] = 1;
    assert_true(holds("ttft.p99 < 1s", &total, &slips));
    assert_false(holds("ttft.p99<800ms", &total, &slips));
    assert_true(holds("ttft.mean >= 499ms", &total, &slips));
    assert_true(holds("ttft.max <= 1s", &total, &slips));
    assert_true(holds("failed == 0", &total, &slips));
    assert_true(holds("cut == 1", &total, &slips));
    assert_true(holds("requests > 1000", &total, &slips));
    total.promised = 4;
    total.kept = 3;
    assert_true(holds("goodput >= 0.75", &total, &slips));
    assert_true(holds("added_ttft.p99 >= 880ms", &total, &slips));
    assert_true(holds("added_ttft.p99 <= 900ms", &total, &slips));
    assert_false(holds("itl.p50 < 1h", &total, &slips)); /* nothing measured keeps no promise */
}

static void bad_promises(void **state)
{
    (void)state;
    static const char *const rows[] = {"",           "ttft.p99",        "ttft.p99 < 800",
                                       "ttft < 5ms", "ttft.p101 < 5ms", "ttft.worst < 5ms",
                                       "foo == 1",   "failed == none",  "ttft.p99 = 5ms"};
    struct assertion assertion;
    struct error error;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(assertion_parse(slice_of(rows[i]), &assertion, &error));
        assert_non_null(strstr(error.text, "examples:"));
    }
}

static void durations(void **state)
{
    (void)state;
    double ms = -1;
    assert_true(duration_parse(SLICE("500ms"), &ms) && ms == 500);
    assert_true(duration_parse(SLICE("1.5m"), &ms) && ms == 90e3);
    assert_true(duration_parse(SLICE("2h"), &ms) && ms == 7.2e6);
    assert_true(duration_parse(SLICE("0"), &ms) && ms == 0);
    assert_false(duration_parse(SLICE("30"), &ms));
    assert_false(duration_parse(SLICE("-3s"), &ms));
    assert_false(duration_parse(SLICE("s"), &ms));
}

UNIT_MAIN(cells_add_up, clusters_are_bounded, server_timing_is_averaged, promises, bad_promises,
          durations)
