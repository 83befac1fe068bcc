#include "policy_kit.h"

static void latency_times_requests(void **state)
{
    const struct setting_text settings[] = {{"choices", "64", "e:1:1"}};
    struct kit kit;
    (void)state;
    kit_open(&kit, "peak_ewma", settings, 1);
    kit_begin(&kit, 3);
    kit.decision.estimates[0].peak_ttft_ms = 100;
    kit.decision.estimates[0].own_inflight = 9;
    kit.decision.estimates[1].peak_ttft_ms = 400;
    kit.decision.estimates[1].own_inflight = 1;
    kit.decision.estimates[2].peak_ttft_ms = 1;
    kit.decision.verdicts[2].reason = DECISION_DOWN;
    assert_int_equal(kit_decide(&kit), 1);
    assert_true(kit.decision.total_ms[0] == 1000 && kit.decision.total_ms[1] == 800);
    kit_close(&kit);
}

static void one_of_two_is_not_always_the_best_of_all(void **state)
{
    struct kit kit;
    uint32_t picked[4] = {0};
    (void)state;
    kit_open(&kit, "peak_ewma", NULL, 0);
    for (uint64_t seed = 0; seed < 1600; seed++) {
        kit_begin(&kit, 4);
        kit.decision.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
        for (uint32_t i = 0; i < 4; i++)
            kit.decision.estimates[i].peak_ttft_ms = 100 * (i + 1);
        picked[kit_decide(&kit)]++;
    }
    assert_in_range(picked[0], 620, 780); /* 7 of 16 */
    assert_in_range(picked[3], 60, 140);  /* 1 of 16 */
    kit_close(&kit);
}

UNIT_MAIN(latency_times_requests, one_of_two_is_not_always_the_best_of_all)
