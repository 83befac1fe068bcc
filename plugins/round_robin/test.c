#include "policy_kit.h"

static uint32_t at(struct kit *kit, uint64_t sequence, uint32_t closed)
{
    kit_begin(kit, 4);
    kit->decision.sequence = sequence;
    if (closed < 4)
        kit->decision.verdicts[closed].reason = DECISION_DOWN;
    return kit_decide(kit);
}

static void one_after_the_other(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "round_robin", NULL, 0);
    for (uint64_t sequence = 0; sequence < 9; sequence++)
        assert_int_equal(at(&kit, sequence, 4), sequence % 4);
    kit_close(&kit);
}

static void the_closed_are_left_out_of_the_circle(void **state)
{
    static const uint32_t order[] = {0, 2, 3, 0, 2, 3};
    struct kit kit;
    (void)state;
    kit_open(&kit, "round_robin", NULL, 0);
    for (uint64_t sequence = 0; sequence < 6; sequence++)
        assert_int_equal(at(&kit, sequence, 1), order[sequence]);
    kit_close(&kit);
}

static void the_next_in_the_circle_is_second_choice(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "round_robin", NULL, 0);
    at(&kit, 3, 4);
    assert_int_equal(kit.decision.runner_up, 0);
    kit_close(&kit);
}

UNIT_MAIN(one_after_the_other, the_closed_are_left_out_of_the_circle,
          the_next_in_the_circle_is_second_choice)
