#include "policy_kit.h"

static void the_nearest_is_taken_however_busy(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "nearest", NULL, 0);
    kit_begin(&kit, 3);
    kit.decision.estimates[0].distance_km = 3000;
    kit.decision.estimates[1].distance_km = 500;
    kit.decision.estimates[1].wait_ms = 60000;
    kit.decision.estimates[2].distance_km = 1200;
    assert_int_equal(kit_decide(&kit), 1);
    assert_true(kit.decision.total_ms[1] == 7.0);
    assert_int_equal(kit.decision.runner_up, 2);
    kit_close(&kit);
}

static void unknown_places_fall_back_to_round_trip_times(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "nearest", NULL, 0);
    kit_begin(&kit, 3);
    kit.decision.estimates[0].distance_km = NAN; /* one unknown: none of them compare */
    kit.decision.estimates[1].distance_km = 1;
    kit.clusters[0].rtt_ms = 30;
    kit.clusters[1].rtt_ms = 20;
    kit.clusters[2].rtt_ms = 5;
    assert_int_equal(kit_decide(&kit), 2);
    assert_true(kit.decision.total_ms[0] == 30);
    kit_close(&kit);
}

static void a_closed_cluster_without_a_place_does_not_matter(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "nearest", NULL, 0);
    kit_begin(&kit, 2);
    kit.decision.estimates[0].distance_km = NAN;
    kit.decision.verdicts[0].reason = DECISION_DOWN;
    kit.decision.estimates[1].distance_km = 1000;
    assert_int_equal(kit_decide(&kit), 1);
    assert_true(kit.decision.total_ms[1] == 14.0);
    kit_close(&kit);
}

UNIT_MAIN(the_nearest_is_taken_however_busy, unknown_places_fall_back_to_round_trip_times,
          a_closed_cluster_without_a_place_does_not_matter)
