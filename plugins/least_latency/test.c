#include "policy_kit.h"

static void parts_are_network_wait_and_service(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "least_latency", NULL, 0);
    kit_begin(&kit, 2);
    kit.decision.estimates[0].wait_ms = 7;
    kit_decide(&kit);
    assert_true(decision_ms(&kit.decision, 0, 0, 0) == 10);
    assert_true(decision_ms(&kit.decision, 0, 0, 1) == 7);
    assert_true(decision_ms(&kit.decision, 0, 0, 2) == 215);
    kit_close(&kit);
}

static void a_queue_is_left_for_an_idle_cluster(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "least_latency", NULL, 0);
    kit_begin(&kit, 2);
    kit.clusters[1].rtt_ms = 60;
    assert_int_equal(kit_decide(&kit), 0);
    kit_begin(&kit, 2);
    kit.clusters[1].rtt_ms = 60;
    kit.decision.estimates[0].wait_ms = 500;
    assert_int_equal(kit_decide(&kit), 1);
    kit_close(&kit);
}

UNIT_MAIN(parts_are_network_wait_and_service, a_queue_is_left_for_an_idle_cluster)
