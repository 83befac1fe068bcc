/* One worker's books. */
#include "kit.h"

static const struct ledger_slot *books(const struct kit *kit)
{
    return ledger_at(kit->ledgers[0], kit->snapshot->targets[0].slot);
}

static void test_a_stream_from_first_to_last(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct flight *flight = kit_send(&kit, 0, 0, 1000, true);
    assert_int_equal(books(&kit)->sent, 1);
    assert_int_equal(books(&kit)->sent_tokens, 1000);
    assert_int_equal(books(&kit)->answered, 0);
    /* The priors: 50 ms away, 15 ms + 1000 tokens at 3 a ms. */
    close_to(flight->rtt_ms, 50);
    close_to(flight->predicted_ms, 15 + 1000 / 3.0);
    close_to(flight->predicted_ttft_ms, 65 + 1000 / 3.0);

    kit.now_ns += 500 * MS;
    ledger_first_token(kit.ledgers[0], flight, 500, kit.now_ns);
    assert_int_equal(books(&kit)->answered_tokens, 1000);
    assert_int_equal(books(&kit)->ended, 0);
    assert_int_equal(books(&kit)->successes, 1);
    close_to(books(&kit)->observed_ms, 450);
    close_to(books(&kit)->predicted_ms, 15 + 1000 / 3.0);
    close_to(books(&kit)->ttft_ms, 500);

    ledger_done(kit.ledgers[0], flight, FLIGHT_DONE, kit.now_ns);
    assert_int_equal(books(&kit)->ended, 1);
    assert_int_equal(books(&kit)->successes, 1);
    assert_int_equal(books(&kit)->outcomes[FLIGHT_DONE], 1);
    kit_finish(&kit);
}

static void test_a_plain_request_leaves_by_time(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct flight *flight = kit_send(&kit, 0, 0, 900, false); /* predicted 50 + 15 + 300 */
    kit.now_ns += 364 * MS;
    ledger_turn(kit.ledgers[0], kit.now_ns);
    assert_int_equal(books(&kit)->answered, 0);
    kit.now_ns += 2 * MS;
    ledger_turn(kit.ledgers[0], kit.now_ns);
    assert_int_equal(books(&kit)->answered_tokens, 900);
    ledger_done(kit.ledgers[0], flight, FLIGHT_DONE, kit.now_ns);
    assert_int_equal(books(&kit)->successes, 1);
    close_to(books(&kit)->predicted_ms, 0); /* no first token seen: nothing learned */
    kit_finish(&kit);
}

static void test_plain_requests_leave_in_order_of_their_times(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    static const double prompts[] = {9000, 300, 6000, 600, 3000, 30, 7000};
    struct flight *flights[COUNT_OF(prompts)];
    const struct fleet_query query = kit_query(&kit, 0, false);
    for (unsigned i = 0; i < COUNT_OF(prompts); i++) {
        flights[i] = &kit.flights[i];
        const struct iso_estimate estimate = {.ttft_ms = prompts[i], .correction = 1};
        ledger_sent(kit.ledgers[0], flights[i], 0, &kit.snapshot->clusters[0], &estimate, &query,
                    kit.now_ns);
    }
    ledger_done(kit.ledgers[0], flights[4], FLIGHT_DONE, kit.now_ns); /* out of the middle */
    static const struct {
        double ms;
        uint64_t answered;
    } rows[] = {{29, 1}, {31, 2}, {301, 3}, {601, 4}, {5999, 4}, {6001, 5}, {7001, 6}, {9001, 7}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        ledger_turn(kit.ledgers[0], kit.now_ns + ms_to_ns(rows[i].ms));
        assert_int_equal(books(&kit)->answered, rows[i].answered);
    }
    kit_finish(&kit);
}

static void test_the_oldest_unanswered_is_published(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    assert_true(books(&kit)->stream_overdue_ns == LEDGER_NEVER);
    struct flight *first = kit_send(&kit, 0, 0, 900, true); /* L = 365: due by 1.5 x 365 + 250 */
    kit.now_ns += 10 * MS;
    struct flight *second = kit_send(&kit, 0, 0, 900, true);
    assert_true(books(&kit)->stream_overdue_ns == first->overdue_from_ns);
    close_to(ns_to_ms(first->overdue_from_ns - first->sent_ns), 797.5);
    ledger_first_token(kit.ledgers[0], first, 10, kit.now_ns);
    assert_true(books(&kit)->stream_overdue_ns == second->overdue_from_ns);
    ledger_done(kit.ledgers[0], second, FLIGHT_CLIENT_GONE, kit.now_ns);
    assert_true(books(&kit)->stream_overdue_ns == LEDGER_NEVER);
    kit_finish(&kit);
}

static void test_plain_requests_are_due_with_their_last_token(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct flight *flight = kit_send(&kit, 0, 0, 900, false); /* 100 tokens out, 30 ms each */
    close_to(ns_to_ms(flight->overdue_from_ns - flight->sent_ns), 1.5 * (365 + 3000) + 250);
    assert_true(books(&kit)->plain_overdue_ns == flight->overdue_from_ns);
    assert_true(books(&kit)->stream_overdue_ns == LEDGER_NEVER);
    ledger_turn(kit.ledgers[0], kit.now_ns + NS_PER_S); /* prefilled, not answered */
    assert_true(books(&kit)->plain_overdue_ns == flight->overdue_from_ns);
    ledger_done(kit.ledgers[0], flight, FLIGHT_DONE, kit.now_ns);
    assert_true(books(&kit)->plain_overdue_ns == LEDGER_NEVER);
    kit_finish(&kit);
}

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        enum flight_outcome outcome;
        uint64_t successes, failures, seen;
    } rows[] = {
        {FLIGHT_DONE, 1, 0, 1},        {FLIGHT_REJECTED, 0, 0, 0},
        {FLIGHT_CLIENT_GONE, 0, 0, 0}, {FLIGHT_REFUSED_BEFORE_START, 0, 1, 1},
        {FLIGHT_ERROR, 0, 1, 1},       {FLIGHT_TIMEOUT, 0, 1, 1},
        {FLIGHT_CUT, 0, 1, 1},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct kit kit;
        kit_init(&kit, 1, 1);
        kit_outcome(&kit, 0, 0, rows[i].outcome);
        assert_int_equal(books(&kit)->successes, rows[i].successes);
        assert_int_equal(books(&kit)->failures, rows[i].failures);
        assert_int_equal(books(&kit)->failures_in_row, rows[i].failures);
        assert_int_equal(books(&kit)->ttft_count, rows[i].seen);
        assert_int_equal(books(&kit)->ended, 1);
        assert_int_equal(books(&kit)->answered, 1);
        assert_int_equal(books(&kit)->outcomes[rows[i].outcome], 1);
        kit_finish(&kit);
    }
}

static void test_failing_fast_does_not_look_fast(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    kit.now_ns += MS;
    kit_outcome(&kit, 0, 0, FLIGHT_ERROR);
    close_to(books(&kit)->ttft_ms, LEDGER_ERROR_MS);
    close_to(books(&kit)->peak_ms, LEDGER_ERROR_MS);
    close_to(books(&kit)->observed_ms, LEDGER_ERROR_MS - 50);
    kit_finish(&kit);
}

static void test_cut_after_the_first_token_teaches_no_time(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct flight *flight = kit_send(&kit, 0, 0, 900, true);
    ledger_first_token(kit.ledgers[0], flight, 200, kit.now_ns);
    ledger_done(kit.ledgers[0], flight, FLIGHT_CUT, kit.now_ns);
    assert_int_equal(books(&kit)->failures, 1);
    close_to(books(&kit)->ttft_ms, 200);
    kit_finish(&kit);
}

static void test_the_peak_jumps_up_and_decays(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    static const struct {
        double after_ms, ttft_ms, peak_ms;
    } rows[] = {
        {0, 100, 100}, {0, 900, 900}, {0, 100, 900}, {10000, 100, 394.3035529}, {0, 500, 500}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        kit.now_ns += ms_to_ns(rows[i].after_ms);
        struct flight *flight = kit_send(&kit, 0, 0, 100, true);
        ledger_first_token(kit.ledgers[0], flight, rows[i].ttft_ms, kit.now_ns);
        ledger_done(kit.ledgers[0], flight, FLIGHT_DONE, kit.now_ns);
        close_to(books(&kit)->peak_ms, rows[i].peak_ms);
    }
    kit_finish(&kit);
}

static void test_the_sums_compare_with_the_uncorrected_prediction(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    const struct fleet_query query = kit_query(&kit, 1000, true);
    const struct iso_estimate estimate = {
        .correction = 4,
        .wait_prefill_ms = 800,
        .wait_slot_ms = 400,
        .wait_ms = 5000, /* overdue */
        .service_ms = 200,
        .ttft_ms = 5220,
        .cached_tokens = 990,
    };
    ledger_sent(kit.ledgers[0], &kit.flights[0], 0, &kit.snapshot->clusters[0], &estimate, &query,
                kit.now_ns);
    close_to(kit.flights[0].predicted_ms, 250);
    close_to(kit.flights[0].rtt_ms, 20);
    assert_int_equal(kit.flights[0].tokens, 10);
    kit_finish(&kit);
}

UNIT_MAIN(test_a_stream_from_first_to_last, test_a_plain_request_leaves_by_time,
          test_plain_requests_leave_in_order_of_their_times,
          test_the_oldest_unanswered_is_published,
          test_plain_requests_are_due_with_their_last_token, test_outcomes,
          test_failing_fast_does_not_look_fast, test_cut_after_the_first_token_teaches_no_time,
          test_the_peak_jumps_up_and_decays, test_the_sums_compare_with_the_uncorrected_prediction)
