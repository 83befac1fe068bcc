/* A shadow sees what the live chain saw, and only counts. */
#include <math.h>

#include "base/memory.h"
#include "proxy/shadow.h"
#include "unit.h"

enum { TARGETS = 4, WORKERS = 2 };

static uint8_t seen[TARGETS];
static double prices[TARGETS]; /* of the shadow */

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    assert_int_equal(call->count, TARGETS);
    assert_int_equal(call->seed, 11);
    assert_int_equal(call->sequence, 12);
    assert_int_equal(call->now_ns, 13);
    assert_true(iso_estimate(call, 2)->ttft_ms == 30);
    memcpy(seen, verdict, sizeof seen);
    memcpy(ms, prices, sizeof prices);
}

static const char *const parts[] = {"price"};
static struct plugin plugin = {
    .policy = {.name = "other", .cost = cost, .parts = parts, .part_count = 1}};
static struct iso_cluster clusters[TARGETS];
static struct shadow *shadow;
static struct decision live, room;

static int setup(void **state)
{
    (void)state;
    struct chain *chain = memory_zalloc(sizeof *chain);
    *chain = (struct chain){.holders = 1, .count = 1, .part_count = 1, .pick = 1};
    chain->links[0].plugin = &plugin;
    chain->links[0].settings = memory_zalloc(1);
    shadow = shadow_create(chain, WORKERS, false);
    decision_init(&live);
    decision_init(&room);
    decision_begin(&live, TARGETS, 1);
    live.id = 10;
    live.seed = 11;
    live.sequence = 12;
    live.now_ns = 13;
    live.clusters = clusters;
    for (int i = 0; i < TARGETS; i++) {
        live.estimates[i] = (struct iso_estimate){.ttft_ms = 10 * (i + 1)};
        live.total_ms[i] = 100 * (i + 1);
        prices[i] = 5 * (TARGETS - i);
    }
    live.verdicts[0] = (struct decision_verdict){.by = 0, .reason = DECISION_DOWN};
    live.verdicts[3] =
        (struct decision_verdict){.by = 1, .reason = 2}; /* a live policy closed it */
    live.total_ms[0] = live.total_ms[3] = INFINITY;
    live.chosen = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    decision_finish(&live);
    decision_finish(&room);
    shadow_drop(&shadow);
    return 0;
}

static void the_router_s_verdicts_stand_and_the_policies_do_not(void **state)
{
    (void)state;
    shadow_ask(shadow, 0, &live, &room);
    static const uint8_t expected[TARGETS] = {ISO_CLOSED, ISO_KEEP, ISO_KEEP, ISO_KEEP};
    assert_memory_equal(seen, expected, sizeof seen);
    assert_int_equal(room.chosen, 3);
    assert_true(room.is_shadow);
    assert_int_equal(room.obeyed, 1);
    assert_int_equal(room.id, 10);
    assert_int_equal(live.chosen, 1);
}

static void differences_are_priced_both_ways(void **state)
{
    struct shadow_sum sum;
    (void)state;
    prices[3] = 50; /* so that it takes the third, which the live chain prices too */
    shadow_ask(shadow, 0, &live, &room);
    shadow_ask(shadow, 1, &live, &room);
    assert_int_equal(room.chosen, 2);
    live.chosen = 2;
    shadow_ask(shadow, 1, &live, &room);
    shadow_sum(shadow, &sum);
    assert_int_equal(sum.agreed, 1);
    assert_int_equal(sum.differed, 2);
    assert_int_equal(sum.gain_s.count, 2);
    assert_true(fabs(sum.gain_s.sum - 2 * 0.005) < 1e-9);
    assert_true(fabs(sum.loss_s.sum - 2 * 0.1) < 1e-9);
}

static void what_has_no_price_is_left_out(void **state)
{
    struct shadow_sum sum;
    (void)state;
    shadow_ask(shadow, 0, &live, &room); /* the live chain closed its choice */
    live.chosen = ISO_NONE;
    shadow_ask(shadow, 0, &live, &room);
    shadow_sum(shadow, &sum);
    assert_int_equal(sum.differed, 2);
    assert_int_equal(sum.gain_s.count, 1);
    assert_int_equal(sum.loss_s.count, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_router_s_verdicts_stand_and_the_policies_do_not),
        CASE(differences_are_priced_both_ways),
        CASE(what_has_no_price_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
