#include "policy_kit.h"

static const struct setting_text all[] = {{"choices", "64", "e:1:1"}};

static void the_quickest_of_the_cold_is_taken(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "prequal", all, 1);
    kit_begin(&kit, 4);
    for (uint32_t i = 0; i < 4; i++) {
        kit.decision.estimates[i].inflight = 10 * (4 - i); /* the first is the fullest: hot */
        kit.decision.estimates[i].observed_ttft_ms = 100 * (i + 1);
    }
    assert_int_equal(kit_decide(&kit), 1);
    assert_true(kit.decision.total_ms[1] == 200 && kit.decision.total_ms[0] >= 1e6);
    kit_close(&kit);
}

static void the_emptiest_when_all_are_hot(void **state)
{
    const struct setting_text settings[] = {{"choices", "64", "e:1:1"}, {"hot", "0", "e:1:1"}};
    struct kit kit;
    (void)state;
    kit_open(&kit, "prequal", settings, 2);
    kit_begin(&kit, 3);
    kit.decision.estimates[0].inflight = 30;
    kit.decision.estimates[1].inflight = 20;
    kit.clusters[1].slots = 20; /* full */
    kit.decision.estimates[2].inflight = 40;
    assert_int_equal(kit_decide(&kit), 0);
    kit_close(&kit);
}

static void one_drawn_is_taken_as_it_comes(void **state)
{
    const struct setting_text settings[] = {{"choices", "1", "e:1:1"}};
    struct kit kit;
    uint32_t picked[3] = {0};
    (void)state;
    kit_open(&kit, "prequal", settings, 1);
    for (uint64_t seed = 0; seed < 900; seed++) {
        kit_begin(&kit, 3);
        kit.decision.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
        kit.decision.estimates[0].inflight = 60;
        picked[kit_decide(&kit)]++;
    }
    for (uint32_t i = 0; i < 3; i++)
        assert_in_range(picked[i], 240, 360);
    kit_close(&kit);
}

UNIT_MAIN(the_quickest_of_the_cold_is_taken, the_emptiest_when_all_are_hot,
          one_drawn_is_taken_as_it_comes)
