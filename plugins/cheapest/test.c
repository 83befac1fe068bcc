#include "policy_kit.h"

enum { PRICE, LATENCY, HARM, DECODE, PROMISE };

static void the_cheap_one_is_taken_although_it_is_far(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "cheapest", NULL, 0);
    kit_begin(&kit, 2);
    kit.clusters[0].price_ratio = 1.5;
    kit.clusters[1].price_ratio = 0.5;
    kit.decision.estimates[1].ttft_ms = 300;
    assert_int_equal(kit_decide(&kit), 1);
    assert_true(decision_ms(&kit.decision, 1, 0, PRICE) == 500);
    assert_true(decision_ms(&kit.decision, 1, 0, LATENCY) == 6);
    assert_true(decision_ms(&kit.decision, 1, 0, HARM) == 0);
    assert_true(decision_ms(&kit.decision, 1, 0, PROMISE) == 0);
    kit_close(&kit);
}

static void a_promise_is_worth_more_than_a_price(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "cheapest", NULL, 0);
    kit_begin(&kit, 2);
    kit.clusters[0].price_ratio = 1.5;
    kit.clusters[1].price_ratio = 0.5;
    kit.decision.estimates[1].ttft_ms = 500;
    assert_int_equal(kit_decide(&kit), 0);
    assert_true(decision_ms(&kit.decision, 1, 0, PROMISE) == 2000);
    kit_close(&kit);
}

static void latency_has_the_price_it_is_given(void **state)
{
    const struct setting_text settings[] = {{"latency", "10", "e:1:1"}};
    struct kit kit;
    (void)state;
    kit_open(&kit, "cheapest", settings, 1);
    kit_begin(&kit, 2);
    kit.clusters[1].price_ratio = 0.5;
    kit.decision.estimates[1].ttft_ms = 290;
    assert_int_equal(kit_decide(&kit), 0);
    kit_close(&kit);
}

UNIT_MAIN(the_cheap_one_is_taken_although_it_is_far, a_promise_is_worth_more_than_a_price,
          latency_has_the_price_it_is_given)
