#include "policy_kit.h"

static void fewer_requests_win(void **state)
{
    struct kit kit;
    uint32_t picked[2] = {0, 0};
    (void)state;
    kit_open(&kit, "least_request", NULL, 0);
    for (uint64_t seed = 0; seed < 2000; seed++) {
        kit_begin(&kit, 2);
        kit.decision.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
        kit.decision.estimates[0].own_inflight = 3;
        picked[kit_decide(&kit)]++;
    }
    assert_true(kit.decision.total_ms[0] == 4 && kit.decision.total_ms[1] == 1);
    assert_in_range(picked[0], 400, 600); /* only when drawn twice: a quarter */
    kit_close(&kit);
}

static void twice_the_weight_takes_twice_as_many(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "least_request", NULL, 0);
    kit_begin(&kit, 2);
    kit.clusters[0].prefill_tokens_per_s = 20000;
    kit.decision.estimates[0].own_inflight = 3;
    kit.decision.estimates[1].own_inflight = 1;
    kit_decide(&kit);
    assert_true(kit.decision.total_ms[0] == 3 && kit.decision.total_ms[1] == 3);
    kit_close(&kit);
}

static void the_weight_alone_when_asked(void **state)
{
    const struct setting_text settings[] = {{"weigh_by", "weight", "e:1:1"},
                                            {"choices", "64", "e:1:1"}};
    struct kit kit;
    (void)state;
    kit_open(&kit, "least_request", settings, 2);
    kit_begin(&kit, 3);
    kit.clusters[0].prefill_tokens_per_s = 1e6;
    kit.decision.estimates[0].own_inflight = 2;
    kit.decision.estimates[1].own_inflight = 1;
    kit.decision.verdicts[2].reason = DECISION_DOWN;
    assert_int_equal(kit_decide(&kit), 1);
    kit_close(&kit);
}

UNIT_MAIN(fewer_requests_win, twice_the_weight_takes_twice_as_many, the_weight_alone_when_asked)
