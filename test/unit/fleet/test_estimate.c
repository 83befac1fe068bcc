/* Each piece of the prediction, with numbers worked out by hand. */
#include "kit.h"

static void test_correction(void **state)
{
    (void)state;
    static const struct {
        double observed_s, predicted_s, age_ms, factor;
    } rows[] = {
        {0, 0, 0, 1},     /* no traffic */
        {4.5, 0.5, 0, 5}, /* 5 / 1, no band */
        {4.5, 0.5, 5000, 5 / 1.5},
        {4.5, 0.5, 10000, 2.5},
        {4.5, 0.5, 1e9, 2.5}, /* the band is never wider than 2 */
        {1, 0.5, 10000, 1},   /* 1.5: inside */
        {0.5, 1, 10000, 1},   /* 2/3: inside */
        {1, 2, 0, 0.6},
        {1, 2, 1000, 0.66},
        {0, 9.5, 0, 0.5}, /* clamped */
        {1000, 0, 0, 50}, /* clamped */
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        close_to(fleet_correction(rows[i].observed_s, rows[i].predicted_s, rows[i].age_ms),
                 rows[i].factor);
}

/* 2 instances of 4 tokens/ms; 10 slots held 3 s; 4 running, 2 waiting with 3000 tokens. */
static struct report busy_report(struct kit *kit)
{
    struct report report = kit_report(kit);
    report.instances = 2;
    report.prefill_tps = 8000;
    report.prefill_tps_one = 4000;
    report.slots = 10;
    report.hold_ms = 3000;
    report.mean_tokens = 1000;
    report.running = 4;
    report.waiting = 2;
    report.waiting_tokens = 3000;
    report.done_per_s = 1;
    return report;
}

/* Three routers, a report and an exchange at 1 s; two requests before the snapshot of 1.1 s, one
 * after; it is 1.2 s. */
static void busy_fleet(struct kit *kit)
{
    kit_init(kit, 1, 1);
    const struct report report = busy_report(kit);
    assert_int_equal(kit_apply(kit, "a", &report, 0), REPORT_TAKEN);
    const struct fleet_share others = {.slot = 0,
                                       .inflight = 6,
                                       .pending = 4,
                                       .pending_tokens = 5000};
    fleet_apply_exchange(kit->fleet, &others, 1, 3, 100, 0, kit->now_ns);
    fleet_observe_rtt(kit->fleet, 0, 0, 20, kit->now_ns);
    kit_turn(kit, 50);
    kit_send(kit, 0, 0, 1000, true);
    kit_send(kit, 0, 0, 500, true);
    kit_turn(kit, 50);
    kit->now_ns += 50 * MS;
    kit_send(kit, 0, 0, 200, true);
    kit->now_ns += 50 * MS;
}

/* By the exchange and by the report: half each, and less of the report for two more routers. */
static double blended(double by_exchange, double by_report)
{
    return by_exchange + (by_report - by_exchange) / (2 + 2 * 0.2);
}

static void test_the_whole_formula(void **state)
{
    (void)state;
    struct kit kit;
    busy_fleet(&kit);
    const struct iso_estimate e = kit_estimate(&kit, 0, 0, 800);
    /* Bg = 1700 + 5000 + 2 x 1700; Br = 3000 + 3 x 1700 - 8 x 200; 3 + 4 + 2 x 3 requests, two of
     * them half done */
    close_to(e.backlog_tokens, blended(10100, 6500) * 12 / 13);
    /* ng = 3 + 6 + 2 x 3; nr = 6 + 3 x 3 - 2/3 x 1 x 0.2 */
    const double n = blended(15, 15 - 2 / 3.0 * 0.2);
    close_to(e.inflight, n);
    close_to(e.own_inflight, 3);
    close_to(e.correction, 1);
    close_to(e.wait_prefill_ms, 12 * 1000 / 8.0);
    close_to(e.wait_slot_ms, (n + 1 - 10) * 3000 / 10);
    close_to(e.wait_ms, e.wait_slot_ms);
    close_to(e.service_ms, 15 + 800 / 4.0);
    close_to(e.ttft_ms, 20 + e.wait_slot_ms + 215);
    close_to(e.observed_ttft_ms, e.ttft_ms);
    close_to(e.peak_ttft_ms, e.ttft_ms);
    close_to(e.age_ms, 200);
    assert_true(isnan(e.distance_km));
    assert_true((e.known & ISO_KNOWN_RTT) && (e.known & ISO_KNOWN_EXCHANGE) &&
                (e.known & ISO_KNOWN_PREFILL) && (e.known & ISO_KNOWN_SLOTS));
    assert_false((e.known & ISO_KNOWN_ITL) || (e.known & ISO_KNOWN_OBSERVED) ||
                 (e.known & ISO_KNOWN_CACHE));
    kit_finish(&kit);
}

static void test_answers_leave_the_backlog_at_once(void **state)
{
    (void)state;
    struct kit kit;
    busy_fleet(&kit);
    ledger_first_token(kit.ledgers[0], &kit.flights[0], 100, kit.now_ns);
    struct iso_estimate e = kit_estimate(&kit, 0, 0, 800);
    close_to(e.backlog_tokens,
             blended(10100 - 1000, 6500) * 11 / 12); /* pending: out of Bg; sent: still in Br */
    close_to(e.own_inflight, 3);
    ledger_done(kit.ledgers[0], &kit.flights[0], FLIGHT_DONE, kit.now_ns);
    e = kit_estimate(&kit, 0, 0, 800);
    close_to(e.own_inflight, 2);
    close_to(e.inflight, blended(14, 14 - 2 / 3.0 * 0.2));
    kit_finish(&kit);
}

static void test_the_same_from_two_workers(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 2);
    kit_send(&kit, 1, 0, 300, true); /* not in the snapshot: worker 0 cannot see it */
    close_to(kit_estimate(&kit, 0, 0, 1).own_inflight, 0);
    close_to(kit_estimate(&kit, 1, 0, 1).own_inflight, 1);
    kit_turn(&kit, 100);
    kit_send(&kit, 0, 0, 500, true);
    close_to(kit_estimate(&kit, 0, 0, 1).backlog_tokens, 800 * 0.75);
    close_to(kit_estimate(&kit, 1, 0, 1).backlog_tokens, 300 * 0.5);
    kit_turn(&kit, 100);
    close_to(kit_estimate(&kit, 1, 0, 1).backlog_tokens, 800 * 0.75);
    kit_finish(&kit);
}

static void test_an_old_report_drops_out(void **state)
{
    (void)state;
    struct kit kit;
    busy_fleet(&kit);
    fleet_apply_exchange(kit.fleet, NULL, 0, 1, 100, 0, kit.now_ns);
    kit.now_ns = 7999 * MS; /* age 6999, of 3 T + 1 s = 7000 */
    kit_tick(&kit);
    close_to(kit_estimate(&kit, 0, 0, 800).backlog_tokens,
             1700 * 2 / 3.0); /* the report says 0 by now */
    close_to(kit_estimate(&kit, 0, 0, 800).inflight, (3 + 6 + 3) / 2.0);
    kit.now_ns += 2 * MS;
    close_to(kit_estimate(&kit, 0, 0, 800).inflight, 3);
    kit_finish(&kit);
}

static void test_silent_routers_are_taken_to_hold_what_we_hold(void **state)
{
    (void)state;
    struct kit kit;
    busy_fleet(&kit);
    kit.now_ns = 20 * NS_PER_S;
    close_to(kit_estimate(&kit, 0, 0, 800).backlog_tokens, 3 * 1700 * 8 / 9.0);
    close_to(kit_estimate(&kit, 0, 0, 800).inflight, 3 * 3);
    kit.now_ns = 100 * NS_PER_S; /* and it grows no further */
    close_to(kit_estimate(&kit, 0, 0, 800).backlog_tokens, 3 * 1700 * 8 / 9.0);
    kit_finish(&kit);
}

static void test_the_fade_of_the_exchange_is_gradual(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    const struct fleet_share others = {.slot = 0,
                                       .inflight = 14,
                                       .pending = 14,
                                       .pending_tokens = 7000};
    fleet_apply_exchange(kit.fleet, &others, 1, 2, 1000, 0, kit.now_ns);
    kit_tick(&kit);
    static const struct {
        double after_ms, tokens;
    } rows[] = {{0, 6750}, {3000, 6750}, {6500, 3250}, {10000, 0}, {1e6, 0}};
    const int64_t start = kit.now_ns;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        kit.now_ns = start + ms_to_ns(rows[i].after_ms);
        close_to(kit_estimate(&kit, 0, 0, 1).backlog_tokens, rows[i].tokens);
    }
    kit_finish(&kit);
}

static void test_a_short_queue_waits_less(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct report report = busy_report(&kit);
    report.running = report.waiting = report.waiting_tokens = 0;
    kit_apply(&kit, "a", &report, 0);
    kit_tick(&kit);
    kit_send(&kit, 0, 0, 500, true);
    /* half of a mean request is left, and one lane of two is free */
    close_to(kit_estimate(&kit, 0, 0, 1).wait_prefill_ms, 0.5 * 1000 / 8.0 * 0.5);
    kit_finish(&kit);
}

static void test_overdue_is_a_floor(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 2);
    kit_send(&kit, 0, 0, 900, true); /* L = 365: overdue after 797.5 ms */
    kit_turn(&kit, 797);
    const double before = kit_estimate(&kit, 0, 0, 100).wait_ms;
    kit.now_ns += ms_to_ns(2000.5);
    close_to(kit_estimate(&kit, 0, 0, 100).wait_ms, 2000);
    close_to(kit_estimate(&kit, 1, 0, 100).wait_ms, 2000); /* seen by the other worker too */
    assert_true(before < 1000);
    ledger_done(kit.ledgers[0], &kit.flights[0], FLIGHT_CLIENT_GONE, kit.now_ns);
    assert_true(kit_estimate(&kit, 0, 0, 100).wait_ms < 1000); /* own books at once */
    close_to(kit_estimate(&kit, 1, 0, 100).wait_ms, 2000);     /* the other's at the next tick */
    kit_turn(&kit, 1);
    assert_true(kit_estimate(&kit, 1, 0, 100).wait_ms < 1000);
    kit_finish(&kit);
}

static void test_feedback_slows_a_liar_down(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct report report = busy_report(&kit);
    report.running = report.waiting = report.waiting_tokens = 0;
    kit_apply(&kit, "a", &report, 0);
    fleet_observe_rtt(kit.fleet, 0, 0, 20, kit.now_ns);
    kit_tick(&kit);
    struct flight *flight = kit_send(&kit, 0, 0, 1000, true); /* 15 + 250 predicted */
    ledger_first_token(kit.ledgers[0], flight, 2020, kit.now_ns);
    ledger_done(kit.ledgers[0], flight, FLIGHT_DONE, kit.now_ns);
    kit_turn(&kit, 100);
    /* r = (2 + .5) / (.265 + .5), the report is 0.1 s old */
    const double r = 2.5 / 0.765, d = 1.01;
    close_to(kit_estimate(&kit, 0, 0, 1000).correction, r / d);
    close_to(kit_estimate(&kit, 0, 0, 1000).service_ms, r / d * 265);
    close_to(kit_estimate(&kit, 0, 0, 1000).observed_ttft_ms, 2020);
    assert_true(kit_estimate(&kit, 0, 0, 1000).known & ISO_KNOWN_OBSERVED);
    /* Ten seconds without traffic: the sums are e times smaller. */
    kit_turn(&kit, 10000);
    const double later = (2 * exp(-1) + 0.5) / (0.265 * exp(-1) + 0.5);
    close_to(kit_estimate(&kit, 0, 0, 1000).correction, later / 2);
    kit_finish(&kit);
}

static void test_priors_without_a_report(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    const struct iso_cluster *c = &kit.snapshot->clusters[0];
    close_to(c->prefill_tokens_per_s, 3000);
    close_to(c->prefill_tokens_per_s_one, 3000);
    close_to(c->itl_ms, 30);
    close_to(c->itl_idle_ms, 20);
    close_to(c->slots, 64);
    close_to(c->mean_tokens, 800);
    close_to(c->hold_ms, 5000);
    close_to(c->utilisation, 0.5);
    close_to(c->price_ratio, 1);
    assert_true(isnan(c->price_per_mtok) && isnan(c->kv_used));
    kit.now_ns += 3 * NS_PER_S;
    const struct iso_estimate e = kit_estimate(&kit, 0, 0, 600);
    assert_int_equal(e.known, 0);
    close_to(e.age_ms, 3000);
    close_to(e.ttft_ms, 50 + 15 + 200);
    kit_finish(&kit);
}

static void test_cached_tokens_are_expected(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    struct affinity *table = affinity_create(64);
    const struct affinity_prefix prefixes[] = {{21, 256}, {22, 512}};
    affinity_note(table, 5, 0, 3000, kit.now_ns);
    affinity_note_request(table, 0, 0, prefixes, 2, 1, kit.now_ns);
    struct fleet_query query = kit_query(&kit, 2000, true);
    query.affinity = table;
    query.session = 5;
    query.prefixes = prefixes;
    query.prefix_count = 2;
    struct iso_estimate out[2];
    fleet_estimate(kit.snapshot, kit.ledgers[0], &query, kit.now_ns, out);
    close_to(out[0].cached_tokens, 2000);
    close_to(out[0].service_ms, 15 + 1 / 3.0); /* one token at least */
    close_to(out[1].cached_tokens, 512);
    assert_true(out[0].known & out[1].known & ISO_KNOWN_CACHE);
    kit.now_ns += ms_to_ns(AFFINITY_STAY_PRIOR_MS); /* half of it is taken to be gone */
    fleet_estimate(kit.snapshot, kit.ledgers[0], &query, kit.now_ns, out);
    close_to(out[0].cached_tokens, 1000);
    affinity_destroy(&table);
    kit_finish(&kit);
}

static void test_a_peak_is_seen_before_the_next_tick(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    kit.now_ns += MS;
    struct flight *flight = kit_send(&kit, 0, 0, 100, true);
    ledger_first_token(kit.ledgers[0], flight, 700, kit.now_ns);
    close_to(kit_estimate(&kit, 0, 0, 100).peak_ttft_ms, 700);
    kit_tick(&kit);
    close_to(kit_estimate(&kit, 0, 0, 100).peak_ttft_ms, 700);
    kit_turn(&kit, 10000);
    close_to(kit_estimate(&kit, 0, 0, 100).peak_ttft_ms, 700 * exp(-1));
    kit_finish(&kit);
}

/* What stands from request to request is what counting it all anew would give, bit for bit. */
static void standing_agrees(struct kit *kit, struct standing *standing, double prompt_tokens)
{
    struct fleet_query query = kit_query(kit, prompt_tokens, true);
    query.latitude = query.longitude = prompt_tokens < 500 ? 30 : NAN;
    struct iso_estimate anew[3], stood[3];
    fleet_estimate(kit->snapshot, kit->ledgers[0], &query, kit->now_ns, anew);
    standing_estimate(standing, kit->snapshot, kit->ledgers[0], &query, kit->now_ns, stood);
    assert_memory_equal(anew, stood, sizeof anew);
}

static void test_what_stands_is_what_counting_gives(void **state)
{
    (void)state;
    struct kit kit;
    struct standing standing = {0};
    kit_init(&kit, 3, 1);
    standing_agrees(&kit, &standing, 1000);
    struct flight *stream = kit_send(&kit, 0, 0, 100, true);
    struct flight *plain = kit_send(&kit, 0, 1, 100, false);
    standing_agrees(&kit, &standing, 1000);
    standing_agrees(&kit, &standing, 10);
    kit_turn(&kit, 5); /* another moment, another snapshot */
    standing_agrees(&kit, &standing, 300);
    ledger_first_token(kit.ledgers[0], stream, 700, kit.now_ns);
    standing_agrees(&kit, &standing, 300);
    kit.now_ns += ms_to_ns(2000); /* another moment, the same snapshot */
    standing_agrees(&kit, &standing, 300);
    ledger_turn(kit.ledgers[0], kit.now_ns); /* the prompt of `plain` counts as read */
    standing_agrees(&kit, &standing, 300);
    ledger_done(kit.ledgers[0], plain, FLIGHT_ERROR, kit.now_ns);
    ledger_done(kit.ledgers[0], stream, FLIGHT_DONE, kit.now_ns);
    standing_agrees(&kit, &standing, 300);
    kit_tick(&kit); /* the same moment, another snapshot */
    standing_agrees(&kit, &standing, 300);
    standing_finish(&standing);
    kit_finish(&kit);
}

static void test_declared_nonsense_is_not_divided_by(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct fleet_config *config = kit_config(1);
    struct pool *pool = fleet_config_alloc(config, sizeof *pool);
    struct cluster *cluster = fleet_config_alloc(config, sizeof *cluster);
    *cluster = config->clusters[0];
    *pool = cluster->pools[0];
    pool->capacity = (struct capacity){0, 0, -1, 0, INFINITY, 0, 0, 0};
    cluster->pools = pool;
    config->clusters = cluster;
    kit_configure(&kit, config);
    close_to(kit_estimate(&kit, 0, 0, 300).ttft_ms, 50 + 15 + 100); /* the priors */
    kit_finish(&kit);
}

static void test_round_trip_of_an_edge_that_stands_for_many(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    struct fleet_query query = kit_query(&kit, 300, true);
    const double rtt[] = {7, 9};
    query.rtt_ms = rtt;
    struct iso_estimate out[2];
    fleet_estimate(kit.snapshot, kit.ledgers[0], &query, kit.now_ns, out);
    close_to(out[0].ttft_ms, 7 + 115);
    close_to(out[1].ttft_ms, 9 + 115);
    kit_finish(&kit);
}

UNIT_MAIN(test_correction, test_the_whole_formula, test_answers_leave_the_backlog_at_once,
          test_the_same_from_two_workers, test_an_old_report_drops_out,
          test_silent_routers_are_taken_to_hold_what_we_hold,
          test_the_fade_of_the_exchange_is_gradual, test_a_short_queue_waits_less,
          test_overdue_is_a_floor, test_feedback_slows_a_liar_down, test_priors_without_a_report,
          test_cached_tokens_are_expected, test_round_trip_of_an_edge_that_stands_for_many,
          test_a_peak_is_seen_before_the_next_tick, test_what_stands_is_what_counting_gives,
          test_declared_nonsense_is_not_divided_by)
