#include "policy_kit.h"

enum { NETWORK, WAIT, SERVICE, HARM, DECODE, PRICE, PROMISE };

static struct kit kit;

static int open_default(void **state)
{
    (void)state;
    kit_open(&kit, "least_latency", NULL, 0);
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    kit_close(&kit);
    return 0;
}

static double part(uint32_t target, uint32_t p)
{
    return decision_ms(&kit.decision, target, 0, p);
}

static void near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-6 * fmax(1, fabs(expected))))
        fail_msg("%g is not %g", value, expected);
}

static void an_idle_cluster_costs_its_latency_and_tokens(void **state)
{
    (void)state;
    kit_begin(&kit, 1);
    kit_decide(&kit);
    near(part(0, NETWORK), 10);
    near(part(0, WAIT), 0);
    near(part(0, SERVICE), 215);
    near(part(0, HARM), 0);
    near(part(0, DECODE), 0.1 * 200 * 20);
    near(part(0, PRICE), 0);
    near(part(0, PROMISE), 0);
    near(kit.decision.total_ms[0], 10 + 215 + 400);
}

static void harm_is_what_is_added_to_those_behind(void **state)
{
    (void)state;
    kit_begin(&kit, 1);
    kit.clusters[0].utilisation = 0.8;
    kit.decision.estimates[0].backlog_tokens = 5000;
    kit.decision.estimates[0].cached_tokens = 200;
    kit.decision.estimates[0].correction = 1.5;
    kit.decision.estimates[0].inflight = 48;
    kit.decision.estimates[0].wait_slot_ms = 40;
    kit_decide(&kit);
    /* 4 * (800/800) * 1.5 * (5000 + 400)/10000 s, and 3 * 40 ms for slots */
    near(part(0, HARM), 4 * 1.5 * 540 + 3 * 40);
}

static void a_full_cluster_stays_finite(void **state)
{
    (void)state;
    kit_begin(&kit, 1);
    kit.clusters[0].utilisation = 1;
    kit.decision.estimates[0].inflight = 1000;
    kit.decision.estimates[0].wait_slot_ms = 10;
    kit_decide(&kit);
    near(part(0, HARM), 19 * (1000.0 / 800) * 50 + 19 * 10);
}

static void tokens_weigh_more_when_nobody_reads_along(void **state)
{
    (void)state;
    kit_begin(&kit, 1);
    kit.decision.request.stream = 0;
    kit.clusters[0].itl_ms = 30;
    kit_decide(&kit);
    near(part(0, DECODE), 200 * (2 * 30 - 20));
}

static void being_late_counts_double(void **state)
{
    (void)state;
    kit_begin(&kit, 1);
    kit.decision.estimates[0].ttft_ms = 1300;
    kit_decide(&kit);
    near(part(0, PROMISE), 600);
}

static void flex_begin(struct kit *with)
{
    kit_begin(with, 2);
    with->decision.request.service_class = ISO_FLEX;
    with->decision.request.slo_ms = 30000;
    with->clusters[0].price_ratio = 1.5;
    with->clusters[1].price_ratio = 0.5;
    with->clusters[1].rtt_ms = 200;
    with->decision.estimates[1].ttft_ms = 415;
}

static void flex_goes_where_tokens_are_cheap(void **state)
{
    (void)state;
    flex_begin(&kit);
    assert_int_equal(kit_decide(&kit), 1);
    near(part(1, NETWORK), 4);
    near(part(1, SERVICE), 4.3);
    near(part(1, DECODE), 40);
    near(part(1, PRICE), 500);
    near(part(0, PRICE), 1500);
}

static void flex_keeps_its_promise(void **state)
{
    (void)state;
    flex_begin(&kit);
    kit.decision.estimates[1].ttft_ms = 12000;
    assert_int_equal(kit_decide(&kit), 0);
    near(part(1, PROMISE), 10 * 3000);
}

static void without_the_flex_rule_flex_is_as_any_other(void **state)
{
    const struct setting_text settings[] = {{"flex_rule", "off", "e:1:1"}};
    struct kit off;
    (void)state;
    kit_open(&off, "least_latency", settings, 1);
    flex_begin(&off);
    assert_int_equal(kit_decide(&off), 0);
    near(decision_ms(&off.decision, 0, 0, PRICE), 0);
    near(decision_ms(&off.decision, 0, 0, NETWORK), 10);
    kit_close(&off);
}

static void the_cache_of_a_conversation_outweighs_a_short_queue(void **state)
{
    (void)state;
    kit_begin(&kit, 2);
    kit.decision.estimates[0].cached_tokens = 900;
    kit.decision.estimates[0].service_ms = 35;
    kit.decision.estimates[0].wait_ms = 100;
    kit.decision.estimates[0].ttft_ms = 145;
    assert_int_equal(kit_decide(&kit), 0);
}

/* How often each of three clusters is picked in 3000 decisions. */
static void spread(uint32_t picked[3], double third_rtt_ms)
{
    memset(picked, 0, 3 * sizeof *picked);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        kit_begin(&kit, 3);
        kit.decision.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
        kit.decision.estimates[0].inflight = 48; /* 16 free; b and c have 64 */
        kit.clusters[1].rtt_ms = 12;
        kit.clusters[2].rtt_ms = third_rtt_ms;
        picked[kit_decide(&kit)]++;
    }
}

static void as_good_as_the_best_are_taken_by_their_free_slots(void **state)
{
    uint32_t picked[3];
    (void)state;
    spread(picked, 500);
    assert_int_equal(picked[2], 0);
    assert_in_range(picked[0], 500, 700); /* a fifth */
    assert_in_range(picked[1], 2300, 2500);
    spread(picked, 14);
    assert_in_range(picked[0], 250, 420); /* a ninth */
}

static void the_same_seed_picks_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        kit_begin(&kit, 8);
        kit.decision.seed = seed;
        const uint32_t first = kit_decide(&kit);
        kit_begin(&kit, 8);
        kit.decision.seed = seed;
        assert_int_equal(kit_decide(&kit), first);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_default, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_idle_cluster_costs_its_latency_and_tokens),
        CASE(harm_is_what_is_added_to_those_behind),
        CASE(a_full_cluster_stays_finite),
        CASE(tokens_weigh_more_when_nobody_reads_along),
        CASE(being_late_counts_double),
        CASE(flex_goes_where_tokens_are_cheap),
        CASE(flex_keeps_its_promise),
        CASE(without_the_flex_rule_flex_is_as_any_other),
        CASE(the_cache_of_a_conversation_outweighs_a_short_queue),
        CASE(as_good_as_the_best_are_taken_by_their_free_slots),
        CASE(the_same_seed_picks_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
