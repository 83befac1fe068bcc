#include "policy_kit.h"

static uint32_t of_session(struct kit *kit, uint64_t session, uint32_t clusters)
{
    kit_begin(kit, clusters);
    kit->decision.request.session = session;
    return kit_decide(kit);
}

static void a_conversation_stays(void **state)
{
    struct kit kit;
    uint32_t first[200], moved = 0;
    (void)state;
    kit_open(&kit, "sticky", NULL, 0);
    for (uint64_t s = 0; s < 200; s++) {
        first[s] = of_session(&kit, s + 1, 8);
        assert_int_equal(of_session(&kit, s + 1, 8), first[s]);
    }
    for (uint64_t s = 0; s < 200; s++) /* one cluster less: only its own move */
        moved += of_session(&kit, s + 1, 7) != first[s] && first[s] != 7;
    assert_int_equal(moved, 0);
    kit_close(&kit);
}

static void conversations_spread_by_weight(void **state)
{
    struct kit kit;
    uint32_t picked[2] = {0, 0};
    (void)state;
    kit_open(&kit, "sticky", NULL, 0);
    for (uint64_t s = 0; s < 3000; s++) {
        kit_begin(&kit, 2);
        kit.clusters[0].prefill_tokens_per_s = 20000;
        kit.decision.request.session = (s + 1) * UINT64_C(0x9e3779b97f4a7c15);
        picked[kit_decide(&kit)]++;
    }
    assert_in_range(picked[0], 1900, 2100);
    kit_close(&kit);
}

static void a_full_cluster_sends_them_on(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "sticky", NULL, 0);
    const uint32_t home = of_session(&kit, 7, 4);
    kit_begin(&kit, 4);
    kit.decision.request.session = 7;
    for (uint32_t i = 0; i < 4; i++)
        kit.decision.estimates[i].own_inflight = i == home ? 40 : 10;
    assert_true(kit_decide(&kit) != home);
    kit_close(&kit);
}

static void a_stranger_goes_where_there_is_least(void **state)
{
    struct kit kit;
    (void)state;
    kit_open(&kit, "sticky", NULL, 0);
    kit_begin(&kit, 3);
    kit.decision.estimates[0].own_inflight = 5;
    kit.decision.estimates[1].own_inflight = 4;
    kit.decision.estimates[2].own_inflight = 6;
    assert_int_equal(kit_decide(&kit), 1);
    kit_close(&kit);
}

UNIT_MAIN(a_conversation_stays, conversations_spread_by_weight, a_full_cluster_sends_them_on,
          a_stranger_goes_where_there_is_least)
