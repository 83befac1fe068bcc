/* What a chain makes of its policies' answers, right and wrong ones. */
#include <math.h>

#include "base/memory.h"
#include "policy/chain.h"
#include "unit.h"

/* --- policies that do as they are told --- */

enum { TARGETS = 4 };

/* What each of two policies answers; a test sets it. */
static struct script {
    uint8_t verdict[TARGETS];
    double ms[TARGETS];
    uint32_t picked;
    uint8_t seen_by_filter[TARGETS], seen_by_cost[TARGETS];
    double seen_total[TARGETS];
} scripts[2];

static void script_filter(struct script *script, uint8_t *verdict)
{
    memcpy(script->seen_by_filter, verdict, TARGETS);
    memcpy(verdict, script->verdict, TARGETS);
}

static void script_cost(struct script *script, const uint8_t *verdict, double *ms)
{
    memcpy(script->seen_by_cost, verdict, TARGETS);
    for (int i = 0; i < TARGETS; i++) {
        assert_true(ms[2 * i] == 0 && ms[2 * i + 1] == 0);
        ms[2 * i] = script->ms[i];
        ms[2 * i + 1] = 1;
    }
}

static void first_filter(const struct iso_call *call, uint8_t *verdict)
{
    (void)call;
    script_filter(&scripts[0], verdict);
}

static void first_cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    (void)call;
    script_cost(&scripts[0], verdict, ms);
}

static void second_filter(const struct iso_call *call, uint8_t *verdict)
{
    (void)call;
    script_filter(&scripts[1], verdict);
}

static void second_cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    (void)call;
    script_cost(&scripts[1], verdict, ms);
}

static uint32_t second_pick(const struct iso_call *call, const uint8_t *verdict,
                            const double *total)
{
    (void)call, (void)verdict;
    memcpy(scripts[1].seen_total, total, sizeof scripts[1].seen_total);
    return scripts[1].picked;
}

static const char *const reasons[] = {NULL, "too far", "too dear"};
static const char *const parts[] = {"one", "two"};

static struct plugin plugins[2];
static struct chain chain;
static struct decision decision;
static struct iso_cluster clusters[TARGETS];

static int setup(void **state)
{
    (void)state;
    memset(scripts, 0, sizeof scripts);
    memset(&chain, 0, sizeof chain);
    for (int k = 0; k < 2; k++) {
        memset(&plugins[k], 0, sizeof plugins[k]);
        plugins[k].policy = (struct iso_policy){
            .name = k ? "second" : "first",
            .reasons = reasons,
            .reason_count = 3,
            .parts = parts,
            .part_count = 2,
            .filter = k ? second_filter : first_filter,
            .cost = k ? second_cost : first_cost,
        };
        chain.links[k].plugin = &plugins[k];
    }
    chain.count = 2;
    chain.part_count = 4;
    chain.pick = 2;
    decision_init(&decision);
    decision_begin(&decision, TARGETS, chain.part_count);
    decision.clusters = clusters;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    decision_finish(&decision);
    return 0;
}

static void costs(struct script *script, double a, double b, double c, double d)
{
    memcpy(script->ms, (double[]){a, b, c, d}, sizeof script->ms);
}

/* --- tests --- */

static void costs_add_up_and_the_cheapest_is_chosen(void **state)
{
    (void)state;
    costs(&scripts[0], 40, 30, 20, 10);
    costs(&scripts[1], 0, -15, 0, 30);
    chain_decide(&chain, &decision);
    assert_int_equal(decision.chosen, 1);
    assert_int_equal(decision.runner_up, 2);
    assert_int_equal(decision.kept, 4);
    assert_true(decision.total_ms[1] == 30 + 1 - 15 + 1);
    assert_true(decision_ms(&decision, 1, 0, 0) == 30);
    assert_true(decision_ms(&decision, 1, 1, 0) == -15);
    assert_true(decision_ms(&decision, 1, 1, 1) == 1);
}

static void the_first_of_equals_is_chosen(void **state)
{
    (void)state;
    costs(&scripts[0], 9, 5, 5, 5);
    chain_decide(&chain, &decision);
    assert_int_equal(decision.chosen, 1);
    assert_int_equal(decision.runner_up, 2);
}

static void what_the_router_closed_no_policy_opens(void **state)
{
    (void)state;
    decision.verdicts[2].reason = DECISION_DOWN;
    scripts[0].verdict[0] = 1; /* and says ISO_KEEP of the closed one */
    chain_decide(&chain, &decision);
    assert_int_equal(scripts[0].seen_by_filter[2], ISO_CLOSED);
    assert_int_equal(scripts[1].seen_by_filter[0], ISO_CLOSED);
    assert_int_equal(scripts[1].seen_by_cost[0], ISO_CLOSED);
    assert_string_equal(decision_verdict_reason(&decision, decision.verdicts[2]), "down");
    assert_int_equal(decision.verdicts[0].by, 1);
    assert_string_equal(decision_verdict_reason(&decision, decision.verdicts[0]), "too far");
    assert_int_equal(decision.kept, 2);
    assert_int_equal(decision.chosen, 1);
    assert_true(isinf(decision.total_ms[0]));
    assert_int_equal(decision.policies[0].faults[PLUGIN_FAULT_VERDICT], 0);
}

static void the_avoided_are_left_out_while_others_are_kept(void **state)
{
    (void)state;
    scripts[0].verdict[0] = 1 | ISO_AVOID;
    chain_decide(&chain, &decision);
    assert_int_equal(decision.chosen, 1);
    assert_true(decision.verdicts[0].avoided);
    assert_false(decision_is_kept(decision.verdicts[0]));
    assert_int_equal(scripts[0].seen_by_cost[0], ISO_CLOSED);
}

static void the_avoided_come_back_when_nothing_is_kept(void **state)
{
    (void)state;
    memcpy(scripts[0].verdict, (uint8_t[]){1, 1 | ISO_AVOID, 2, 2 | ISO_AVOID}, TARGETS);
    costs(&scripts[0], 1, 20, 1, 10);
    chain_decide(&chain, &decision);
    assert_int_equal(decision.kept, 2);
    assert_int_equal(decision.chosen, 3);
    assert_true(decision.verdicts[3].rescued);
    assert_int_equal(scripts[1].seen_by_cost[3], ISO_KEEP);
    assert_int_equal(scripts[1].seen_by_cost[0], ISO_CLOSED);
}

static void the_avoided_are_still_judged_by_the_next_policy(void **state)
{
    (void)state;
    memcpy(scripts[0].verdict, (uint8_t[]){1, 1 | ISO_AVOID, 1, 1 | ISO_AVOID}, TARGETS);
    memcpy(scripts[1].verdict, (uint8_t[]){0, 2, 0, 2 | ISO_AVOID}, TARGETS);
    chain_decide(&chain, &decision);
    assert_int_equal(scripts[1].seen_by_filter[1], ISO_KEEP);
    assert_int_equal(decision.verdicts[1].by, 2); /* a refusal is stronger */
    assert_int_equal(decision.verdicts[3].by, 1);
    assert_int_equal(decision.chosen, 3);
    assert_int_equal(decision.kept, 1);
}

static void nothing_left_is_no_choice(void **state)
{
    (void)state;
    memset(scripts[0].verdict, 1, TARGETS);
    chain_decide(&chain, &decision);
    assert_true(decision.chosen == ISO_NONE);
    assert_true(decision.runner_up == ISO_NONE);
    assert_int_equal(decision.kept, 0);
}

static void verdicts_without_meaning_are_faults_and_keep(void **state)
{
    (void)state;
    memcpy(scripts[0].verdict, (uint8_t[]){3, ISO_CLOSED, ISO_AVOID, 0xff}, TARGETS);
    chain_decide(&chain, &decision);
    assert_int_equal(decision.kept, 4);
    assert_int_equal(decision.policies[0].faults[PLUGIN_FAULT_VERDICT], 4);
    assert_int_equal(plugins[0].faults[PLUGIN_FAULT_VERDICT], 4);
    assert_int_equal(plugins[1].faults[PLUGIN_FAULT_VERDICT], 0);
}

static void costs_that_are_no_costs_are_faults_and_dear(void **state)
{
    (void)state;
    costs(&scripts[0], NAN, -INFINITY, 2e9, 5);
    chain_decide(&chain, &decision);
    assert_int_equal(decision.chosen, 3);
    assert_true(decision.total_ms[0] == 1e9 + 2);
    assert_true(decision.total_ms[1] == 1e9 + 2);
    assert_true(decision.total_ms[2] == 1e9 + 2);
    assert_int_equal(decision.policies[0].faults[PLUGIN_FAULT_COST], 3);
    assert_int_equal(plugins[0].faults[PLUGIN_FAULT_COST], 3);
}

static void costs_of_the_closed_are_not_looked_at(void **state)
{
    (void)state;
    decision.verdicts[0].reason = DECISION_TRIED;
    costs(&scripts[0], NAN, 3, 2, 5);
    chain_decide(&chain, &decision);
    assert_int_equal(decision.chosen, 2);
    assert_int_equal(decision.policies[0].faults[PLUGIN_FAULT_COST], 0);
}

static void pick(uint32_t index)
{
    plugins[1].policy.pick = second_pick;
    chain.pick = 1;
    scripts[1].picked = index;
    costs(&scripts[0], 1, 2, 3, 4);
    decision.verdicts[3].reason = DECISION_MODEL;
    chain_decide(&chain, &decision);
}

static void a_pick_is_obeyed(void **state)
{
    (void)state;
    pick(2);
    assert_int_equal(decision.chosen, 2);
    assert_int_equal(decision.runner_up, 0);
    assert_true(scripts[1].seen_total[2] == 5);
    assert_true(isinf(scripts[1].seen_total[3]));
}

static void a_pick_may_decline(void **state)
{
    (void)state;
    pick(ISO_NONE);
    assert_true(decision.chosen == ISO_NONE);
    assert_int_equal(decision.runner_up, 0);
    assert_int_equal(plugins[1].faults[PLUGIN_FAULT_PICK], 0);
}

static void a_pick_of_a_closed_cluster_is_a_fault(void **state)
{
    (void)state;
    pick(3);
    assert_int_equal(decision.chosen, 0);
    assert_int_equal(plugins[1].faults[PLUGIN_FAULT_PICK], 1);
}

static void a_pick_out_of_range_is_a_fault(void **state)
{
    (void)state;
    pick(TARGETS);
    assert_int_equal(decision.chosen, 0);
    assert_int_equal(decision.policies[1].faults[PLUGIN_FAULT_PICK], 1);
}

static void no_targets_at_all(void **state)
{
    (void)state;
    chain.count = 0;
    chain.pick = 0;
    chain.part_count = 0;
    decision_begin(&decision, 0, 0);
    chain_decide(&chain, &decision);
    assert_true(decision.chosen == ISO_NONE);
}

static int64_t told_ns;

static int64_t clock_told(void)
{
    return told_ns += 1000;
}

static void time_is_taken_when_asked_for(void **state)
{
    (void)state;
    chain_decide(&chain, &decision);
    assert_int_equal(decision.policies[0].took_ns, 0);
    decision.clock_ns = clock_told;
    chain_decide(&chain, &decision);
    assert_int_equal(decision.policies[0].took_ns, 2000); /* filter and cost, a tick each */
    assert_int_equal(decision.policies[1].took_ns, 2000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(costs_add_up_and_the_cheapest_is_chosen),
        CASE(the_first_of_equals_is_chosen),
        CASE(what_the_router_closed_no_policy_opens),
        CASE(the_avoided_are_left_out_while_others_are_kept),
        CASE(the_avoided_come_back_when_nothing_is_kept),
        CASE(the_avoided_are_still_judged_by_the_next_policy),
        CASE(nothing_left_is_no_choice),
        CASE(verdicts_without_meaning_are_faults_and_keep),
        CASE(costs_that_are_no_costs_are_faults_and_dear),
        CASE(costs_of_the_closed_are_not_looked_at),
        CASE(a_pick_is_obeyed),
        CASE(a_pick_may_decline),
        CASE(a_pick_of_a_closed_cluster_is_a_fault),
        CASE(a_pick_out_of_range_is_a_fault),
        CASE(no_targets_at_all),
        CASE(time_is_taken_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
