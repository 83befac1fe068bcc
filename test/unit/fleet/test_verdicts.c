/* Who may be used: drained, closed, down, ejected, just back, and what happens when nothing is
 * left. */
#include "kit.h"

static void fail_hard(struct kit *kit, uint32_t i)
{
    for (int k = 0; k < 3; k++)
        kit_outcome(kit, 0, i, FLIGHT_ERROR);
}

static void probe_down(struct kit *kit, uint32_t i)
{
    for (int k = 0; k < 3; k++)
        fleet_observe_probe(kit->fleet, kit->snapshot->targets[i].slot, 0, false, kit->now_ns);
}

static void test_drained_by_the_operator(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    assert_true(fleet_drain(kit.fleet, SLICE("a"), true));
    assert_false(fleet_drain(kit.fleet, SLICE("z"), true));
    kit_configure(&kit, kit_config(2)); /* survives a reload */
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_DRAINED);
    assert_int_equal(kit_reason(&kit, 0, 1), FLEET_USABLE);
    assert_true(fleet_drain(kit.fleet, SLICE("a"), false));
    kit_tick(&kit);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    kit_finish(&kit);
}

static void test_states_of_the_agent(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 3, 1);
    struct report report = kit_report(&kit);
    report.state = REPORT_CLOSED;
    kit_apply(&kit, "a", &report, 0);
    report = kit_report(&kit);
    report.state = REPORT_EXISTING_ONLY;
    kit_apply(&kit, "b", &report, 0);
    kit_tick(&kit);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_CLOSED);
    assert_int_equal(kit_reason(&kit, 0, 1), FLEET_EXISTING_ONLY);
    assert_int_equal(kit_reason(&kit, 0, 2), FLEET_USABLE);

    struct affinity *table = affinity_create(64);
    affinity_note(table, 42, kit.snapshot->targets[1].slot, 100, kit.now_ns);
    struct fleet_query query = kit_query(&kit, 100, true);
    query.affinity = table;
    query.session = 42;
    uint8_t verdict[3] = {0}, reason[3];
    assert_int_equal(fleet_verdicts(kit.snapshot, kit.ledgers[0], &query, NULL, kit.now_ns, verdict,
                                    reason),
                     2);
    assert_int_equal(reason[1], FLEET_USABLE); /* the conversation is there */
    affinity_destroy(&table);
    kit_finish(&kit);
}

static void test_what_others_excluded_stays_out(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 3, 1);
    struct slot_set tried = {0};
    slot_set_add(&tried, kit.snapshot->targets[1].slot);
    const struct fleet_query query = kit_query(&kit, 100, true);
    uint8_t verdict[3] = {ISO_CLOSED, ISO_KEEP, ISO_KEEP}, reason[3];
    assert_int_equal(fleet_verdicts(kit.snapshot, kit.ledgers[0], &query, &tried, kit.now_ns,
                                    verdict, reason),
                     1);
    assert_int_equal(reason[0], FLEET_EXCLUDED);
    assert_int_equal(reason[1], FLEET_TRIED);
    assert_int_equal(verdict[1], ISO_CLOSED);
    assert_int_equal(verdict[2], ISO_KEEP);
    kit_finish(&kit);
}

static void test_a_model_nobody_serves(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    struct fleet_query query = kit_query(&kit, 100, true);
    query.model = NULL;
    uint8_t verdict[2] = {0}, reason[2];
    assert_int_equal(fleet_verdicts(kit.snapshot, kit.ledgers[0], &query, NULL, kit.now_ns, verdict,
                                    reason),
                     0);
    assert_int_equal(reason[0], FLEET_NO_MODEL);
    kit_finish(&kit);
}

static void test_of_four_failing_two_remain(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 4, 1);
    for (uint32_t i = 0; i < 3; i++)
        fail_hard(&kit, i);
    kit_turn(&kit, 100);
    uint8_t verdict[KIT_CLUSTERS], reason[KIT_CLUSTERS];
    assert_int_equal(kit_verdicts(&kit, 0, NULL, verdict, reason), 2);
    assert_true(kit.snapshot->targets[2].erring);
    /* The one that stays though it fails looks as slow as it is useless. */
    assert_true(kit_estimate(&kit, 0, 2, 100).ttft_ms > 1000);
    kit_finish(&kit);
}

static void test_the_last_is_never_ejected(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    fail_hard(&kit, 0);
    kit_turn(&kit, 100);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    kit_finish(&kit);
}

static void test_drained_ones_do_not_count_as_the_fleet(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    assert_true(fleet_drain(kit.fleet, SLICE("b"), true));
    fail_hard(&kit, 0);
    kit_turn(&kit, 100);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    kit_finish(&kit);
}

static void test_ejected_then_one_probe_then_slow_start(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 2);
    fail_hard(&kit, 0);
    kit_turn(&kit, 100);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_EJECTED);
    kit_turn(&kit, 1200);
    const uint32_t worker = kit.snapshot->targets[0].probe_worker;
    assert_int_equal(kit_reason(&kit, worker, 0), FLEET_USABLE);
    assert_int_equal(kit_reason(&kit, 1 - worker, 0), FLEET_PROBING);
    struct flight *probe = kit_send(&kit, worker, 0, 100, true);
    assert_int_equal(kit_reason(&kit, worker, 0), FLEET_PROBING); /* one only */
    kit_turn(&kit, 100);
    assert_int_equal(kit_reason(&kit, worker, 0), FLEET_PROBING);
    assert_int_equal(kit_reason(&kit, 1 - worker, 0), FLEET_PROBING);
    ledger_first_token(kit.ledgers[worker], probe, 100, kit.now_ns);
    ledger_done(kit.ledgers[worker], probe, FLIGHT_DONE, kit.now_ns);
    kit_turn(&kit, 100);
    assert_int_equal(kit.snapshot->targets[0].health.state, HEALTH_SLOW_START);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    kit_send(&kit, 0, 0, 100, true);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_SLOW_START); /* one at a time */
    kit_turn(&kit, 15000);                                      /* half of 64 slots now */
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    for (int i = 0; i < 32; i++)
        kit_send(&kit, 0, 0, 100, true);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_SLOW_START);
    kit_turn(&kit, 15000);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    assert_int_equal(kit.snapshot->targets[0].health.state, HEALTH_HEALTHY);
    kit_finish(&kit);
}

static void test_rather_the_ejected_than_nobody(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    fail_hard(&kit, 0);
    kit_turn(&kit, 100);
    struct slot_set tried = {0};
    slot_set_add(&tried, kit.snapshot->targets[1].slot);
    uint8_t verdict[KIT_CLUSTERS], reason[KIT_CLUSTERS];
    assert_int_equal(kit_verdicts(&kit, 0, &tried, verdict, reason), 1);
    assert_int_equal(verdict[0], ISO_KEEP);
    assert_int_equal(reason[0], FLEET_EJECTED);
    assert_int_equal(verdict[1], ISO_CLOSED); /* not where it was already */
    kit_finish(&kit);
}

static void test_down_by_probes_and_back(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 3, 1);
    probe_down(&kit, 0);
    kit_tick(&kit);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_DOWN);
    assert_true(kit.snapshot->targets[0].endpoints[0].down);
    for (int k = 0; k < 2; k++)
        fleet_observe_probe(kit.fleet, 0, 0, true, kit.now_ns);
    kit_tick(&kit);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    assert_int_equal(kit.snapshot->targets[0].health.state, HEALTH_SLOW_START);
    kit_finish(&kit);
}

static void test_probes_are_not_believed_when_most_fail(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 5, 1);
    fail_hard(&kit, 4);
    probe_down(&kit, 0);
    kit_turn(&kit, 100);
    assert_false(kit.snapshot->panic); /* three of five */
    probe_down(&kit, 1);
    kit_tick(&kit);
    assert_true(kit.snapshot->panic);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    assert_int_equal(kit_reason(&kit, 0, 1), FLEET_USABLE);
    assert_int_equal(kit_reason(&kit, 0, 4), FLEET_EJECTED); /* real failures count */
    kit_finish(&kit);
}

static void test_silence_alone_changes_nothing(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    const struct report report = kit_report(&kit);
    kit_apply(&kit, "a", &report, 0);
    kit_turn(&kit, 60000);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_USABLE);
    kit_send(&kit, 0, 0, 300, true); /* L = 165: overdue after 497.5 ms */
    kit.now_ns += 498 * MS;
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_SILENT); /* silent and overdue */
    kit_send(&kit, 0, 1, 300, true);
    kit.now_ns += 600 * MS;
    assert_int_equal(kit_reason(&kit, 0, 1), FLEET_USABLE); /* overdue, but never reported */
    kit_finish(&kit);
}

static void test_weightless_is_out(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    struct fleet_config *config = kit_config(2);
    struct cluster *clusters = fleet_config_alloc(config, 2 * sizeof *clusters);
    clusters[0] = config->clusters[0];
    clusters[1] = config->clusters[1];
    clusters[0].weight = 0;
    config->clusters = clusters;
    kit_configure(&kit, config);
    assert_int_equal(kit_reason(&kit, 0, 0), FLEET_WEIGHTLESS);
    kit_finish(&kit);
}

/* A cluster that answers 500 in 1 ms, chosen whenever it is the cheapest that may be used. */
static void test_a_fast_failing_target_gets_little(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 4, 1);
    unsigned all = 0, bad = 0;
    for (int tick = 0; tick < 100; tick++) {
        for (int k = 0; k < 20; k++) {
            uint8_t verdict[KIT_CLUSTERS], reason[KIT_CLUSTERS];
            kit_verdicts(&kit, 0, NULL, verdict, reason);
            uint32_t best = 3;
            for (uint32_t i = 0; i < 4; i++)
                if (verdict[i] == ISO_KEEP && kit_estimate(&kit, 0, i, 100).ttft_ms <
                                                  kit_estimate(&kit, 0, best, 100).ttft_ms)
                    best = i;
            kit_outcome(&kit, 0, best, best == 0 ? FLIGHT_ERROR : FLIGHT_DONE);
            all += tick >= 10;
            bad += tick >= 10 && best == 0;
        }
        kit_turn(&kit, 100);
    }
    assert_true(bad * 20 <= all);
    kit_finish(&kit);
}

UNIT_MAIN(test_drained_by_the_operator, test_states_of_the_agent,
          test_what_others_excluded_stays_out, test_a_model_nobody_serves,
          test_of_four_failing_two_remain, test_the_last_is_never_ejected,
          test_drained_ones_do_not_count_as_the_fleet, test_ejected_then_one_probe_then_slow_start,
          test_rather_the_ejected_than_nobody, test_down_by_probes_and_back,
          test_probes_are_not_believed_when_most_fail, test_silence_alone_changes_nothing,
          test_weightless_is_out, test_a_fast_failing_target_gets_little)
