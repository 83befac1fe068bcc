/* The fleet as the control thread drives it: configuration, feeds, slots. */
#include "kit.h"

static void test_slots_survive_a_reload(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 3, 1);
    kit_send(&kit, 0, 2, 700, true);
    fleet_observe_rtt(kit.fleet, 2, 0, 33, kit.now_ns);
    const struct report report = kit_report(&kit);
    kit_apply(&kit, "c", &report, 0);
    const uint32_t slot = kit.snapshot->targets[2].slot;

    struct fleet_config *config = kit_config(3);
    struct cluster *turned = fleet_config_alloc(config, 2 * sizeof *turned);
    turned[0] = config->clusters[2];
    turned[1] = config->clusters[0];
    config->clusters = turned;
    config->cluster_count = 2;
    kit_configure(&kit, config);

    assert_int_equal(kit.snapshot->count, 2);
    assert_int_equal(kit.snapshot->targets[0].slot, slot);
    assert_string_equal(kit.snapshot->clusters[0].name, "c");
    close_to(kit.snapshot->clusters[0].rtt_ms, 33);
    assert_true(kit.snapshot->targets[0].reported);
    close_to(kit_estimate(&kit, 0, 0, 1).own_inflight, 1);
    assert_int_equal(snapshot_index(kit.snapshot, slot), 0);
    assert_int_equal(snapshot_index(kit.snapshot, 1), -1);
    assert_int_equal(fleet_slot_find(kit.fleet, SLICE("b"), SLICE("default")), FLEET_SLOT_NONE);

    kit_configure(&kit, kit_config(3)); /* and back again */
    assert_int_equal(kit.snapshot->targets[2].slot, slot);
    assert_int_equal(kit.snapshot->targets[1].slot, 1);
    kit_finish(&kit);
}

static void test_an_old_snapshot_outlives_a_reload(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    struct sockaddr_storage address = {.ss_family = AF_INET};
    fleet_set_endpoint_addresses(kit.fleet, 1, 0, &address, 1);
    kit_tick(&kit);
    struct snapshot *old = kit.snapshot;
    kit.snapshot = NULL;
    kit_configure(&kit, kit_config(1));
    assert_string_equal(old->clusters[1].name, "b");
    assert_int_equal(old->targets[1].endpoints[0].addresses->count, 1);
    assert_int_equal(old->targets[1].endpoints[0].config->port, 8000);
    snapshot_destroy(&old);
    kit_finish(&kit);
}

/* 250 clusters "c<round>-<i>" with the one endpoint. */
static struct fleet_config *crowd(unsigned round)
{
    struct fleet_config *config = kit_config(1);
    struct cluster *clusters = fleet_config_alloc(config, 250 * sizeof *clusters);
    for (unsigned i = 0; i < 250; i++) {
        char name[32];
        snprintf(name, sizeof name, "c%u-%u", round, i);
        clusters[i] = config->clusters[0];
        clusters[i].name = fleet_config_text(config, slice_of(name));
    }
    config->clusters = clusters;
    config->cluster_count = 250;
    return config;
}

static void test_more_names_than_slots_are_refused(void **state)
{
    (void)state;
    struct fleet *fleet = fleet_create(1);
    struct error error = {""};
    for (unsigned round = 0; round < 5; round++) {
        struct fleet_config *config = crowd(round);
        assert_true(fleet_config_finish(config, &error));
        assert_int_equal(fleet_configure(fleet, config, 0, &error), round < 4);
        fleet_config_drop(&config);
    }
    assert_non_null(strstr(error.text, "250 new pools on top of 1000"));
    assert_int_equal(fleet_slot_find(fleet, SLICE("c3-249"), SLICE("default")), 999);
    fleet_destroy(&fleet);
}

static void test_reports_apply_in_order(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct report report = kit_report(&kit);
    report.epoch = 5;
    report.seq = 10;
    static const struct {
        uint64_t epoch, seq;
        enum report_fate fate;
    } rows[] = {{5, 10, REPORT_TAKEN}, {5, 10, REPORT_STALE}, {5, 9, REPORT_STALE},
                {5, 11, REPORT_TAKEN}, {4, 99, REPORT_STALE}, {6, 1, REPORT_TAKEN}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        report.epoch = rows[i].epoch;
        report.seq = rows[i].seq;
        assert_int_equal(kit_apply(&kit, "a", &report, 0), rows[i].fate);
    }
    report.seq = 2;
    assert_int_equal(kit_apply(&kit, "nowhere", &report, 0), REPORT_UNKNOWN_TARGET);
    kit_finish(&kit);
}

static void test_a_dead_writers_order_is_forgotten(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct report report = kit_report(&kit);
    report.ttl_ms = 6000;
    report.epoch = 900; /* of a clock that was ahead */
    report.seq = 5;
    assert_int_equal(kit_apply(&kit, "a", &report, 0), REPORT_TAKEN);
    kit_turn(&kit, 17000);
    report.epoch = 5;
    assert_int_equal(kit_apply(&kit, "a", &report, 0), REPORT_STALE);
    kit_turn(&kit, 2000);
    assert_int_equal(kit_apply(&kit, "a", &report, 19000), REPORT_STALE); /* as old itself */
    assert_int_equal(kit_apply(&kit, "a", &report, 100), REPORT_TAKEN);
    kit_turn(&kit, 60000);
    assert_int_equal(kit_apply(&kit, "a", &report, 0), REPORT_STALE); /* the very same */
    kit_finish(&kit);
}

static void test_a_refused_field_keeps_its_last_good_value(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    struct report report = kit_report(&kit);
    report.slots = 100;
    report.running = 7;
    report.state = REPORT_CLOSED;
    kit_apply(&kit, "a", &report, 0);
    report = kit_report(&kit); /* says neither slots nor running ... */
    kit_apply(&kit, "a", &report, 0);
    kit_tick(&kit);
    close_to(kit.snapshot->clusters[0].slots, 100);              /* slow: kept */
    assert_true(isnan(kit.snapshot->targets[0].report.running)); /* load: unknown now */
    assert_int_equal(kit.snapshot->targets[0].state, REPORT_OPEN);

    report = kit_report(&kit);
    report.running = 9;
    kit_apply(&kit, "a", &report, 0);
    report = kit_report(&kit); /* ... and now says nonsense */
    report.refused = UINT64_C(1) << REPORT_FIELD_running;
    kit_apply(&kit, "a", &report, 0);
    kit_tick(&kit);
    close_to(kit.snapshot->targets[0].report.running, 9);
    kit_finish(&kit);
}

static void test_capacity_that_jumps_is_believed_the_third_time(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    static const struct {
        double tps;
        enum report_fate fate;
        double stands;
    } rows[] = {
        {4000, REPORT_TAKEN, 4000}, {40000, REPORT_TAKEN, 40000}, {500000, REPORT_HELD, 40000},
        {3999, REPORT_HELD, 40000}, {50000, REPORT_TAKEN, 50000}, {1e6, REPORT_HELD, 50000},
        {1e6, REPORT_HELD, 50000},  {1e6, REPORT_TAKEN, 1e6},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct report report = kit_report(&kit);
        report.prefill_tps = rows[i].tps;
        report.running = i;
        assert_int_equal(kit_apply(&kit, "a", &report, 0), rows[i].fate);
        kit_tick(&kit);
        close_to(kit.snapshot->clusters[0].prefill_tokens_per_s, rows[i].stands);
        close_to(kit.snapshot->targets[0].report.running, i); /* the rest is taken */
    }
    kit_finish(&kit);
}

static void test_capacity_from_whatever_is_said(void **state)
{
    (void)state;
    static const struct {
        double instances, tps, one;       /* reported */
        double d_instances, d_tps, d_one; /* declared */
        double want_tps, want_one;
    } rows[] = {
        {NAN, NAN, NAN, NAN, NAN, NAN, 3000, 3000},     {4, NAN, NAN, NAN, NAN, NAN, 12000, 3000},
        {4, 8000, NAN, NAN, NAN, NAN, 8000, 2000},      {4, NAN, 2000, NAN, NAN, NAN, 8000, 2000},
        {NAN, 8000, 2000, 9, 9, 9, 8000, 2000},         {NAN, NAN, NAN, 4, NAN, 2000, 8000, 2000},
        {NAN, NAN, NAN, NAN, 8000, NAN, 8000, 8000},    {2, NAN, 1000, 8, 40000, 5000, 2000, 1000},
        {NAN, NAN, NAN, NAN, 40000, 5000, 40000, 5000},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct kit kit;
        kit_init(&kit, 1, 1);
        struct fleet_config *config = kit_config(1);
        struct pool *pool = fleet_config_alloc(config, sizeof *pool);
        struct cluster *cluster = fleet_config_alloc(config, sizeof *cluster);
        *cluster = config->clusters[0];
        *pool = cluster->pools[0];
        pool->capacity.instances = rows[i].d_instances;
        pool->capacity.prefill_tps = rows[i].d_tps;
        pool->capacity.prefill_tps_one = rows[i].d_one;
        cluster->pools = pool;
        config->clusters = cluster;
        kit_configure(&kit, config);
        struct report report = kit_report(&kit);
        report.instances = rows[i].instances;
        report.prefill_tps = rows[i].tps;
        report.prefill_tps_one = rows[i].one;
        kit_apply(&kit, "a", &report, 0);
        kit_tick(&kit);
        close_to(kit.snapshot->clusters[0].prefill_tokens_per_s, rows[i].want_tps);
        close_to(kit.snapshot->clusters[0].prefill_tokens_per_s_one, rows[i].want_one);
        kit_finish(&kit);
    }
}

static void test_sent_since_a_late_report(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    for (int i = 0; i < 10; i++) { /* 100 tokens a tick, 100 ms apart */
        kit_send(&kit, 0, 0, 100, true);
        kit_turn(&kit, 100);
    }
    struct report report = kit_report(&kit);
    kit_apply(&kit, "a", &report, 350); /* made in the middle between two ticks */
    kit_tick(&kit);
    close_to(kit.snapshot->forecasts[0].report_tokens, 350);
    close_to(kit.snapshot->forecasts[0].age_ms, 350);
    report = kit_report(&kit);
    kit_apply(&kit, "a", &report, 1e6); /* older than the history: all that is in it */
    kit_tick(&kit);
    close_to(kit.snapshot->forecasts[0].report_tokens, 1000);
    kit_finish(&kit);
}

static void test_shares_are_what_we_hold(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 2);
    struct flight *first = kit_send(&kit, 0, 1, 300, true);
    kit_send(&kit, 1, 1, 200, true);
    ledger_first_token(kit.ledgers[0], first, 100, kit.now_ns);
    kit_tick(&kit);
    struct fleet_share shares[4];
    assert_int_equal(fleet_shares(kit.fleet, shares, 4), 2);
    assert_string_equal(shares[1].name, "b:default");
    assert_int_equal(shares[1].inflight, 2);
    assert_int_equal(shares[1].pending, 1);
    assert_int_equal(shares[1].pending_tokens, 200);
    assert_int_equal(shares[0].inflight, 0);
    assert_int_equal(fleet_shares(kit.fleet, shares, 1), 1);
    kit_finish(&kit);
}

static void test_nonsense_from_others_is_bounded(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2, 1);
    const struct fleet_share others[] = {
        {.slot = 0, .inflight = -5, .pending_tokens = -1},
        {.slot = 999, .inflight = 5},
        {.slot = 1, .inflight = INT64_MAX, .pending_tokens = INT64_MAX},
    };
    fleet_apply_exchange(kit.fleet, others, 3, 0, NAN, -7, kit.now_ns);
    kit_tick(&kit);
    assert_int_equal(kit.snapshot->routers, 1);
    close_to(kit.snapshot->forecasts[0].others_tokens, 0);
    assert_true(kit.snapshot->forecasts[1].others_tokens <= 1e12);
    assert_true(isfinite(kit_estimate(&kit, 0, 1, 100).ttft_ms));
    kit_finish(&kit);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1, 1);
    static const double bad[] = {NAN, INFINITY, -1, 60001};
    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        fleet_observe_rtt(kit.fleet, 0, 0, bad[i], kit.now_ns);
    fleet_observe_rtt(kit.fleet, 7, 0, 1, kit.now_ns);
    fleet_observe_rtt(kit.fleet, 0, 7, 1, kit.now_ns);
    kit_tick(&kit);
    close_to(kit.snapshot->clusters[0].rtt_ms, 50); /* the prior */
    fleet_observe_rtt(kit.fleet, 0, 0, 12, kit.now_ns);
    fleet_observe_rtt(kit.fleet, 0, 0, 30, kit.now_ns + 30 * NS_PER_S);
    kit_turn(&kit, 59000);
    close_to(kit.snapshot->clusters[0].rtt_ms, 12);
    kit_turn(&kit, 2000);
    close_to(kit.snapshot->clusters[0].rtt_ms, 30);
    kit_turn(&kit, 1e6); /* the last one stands */
    close_to(kit.snapshot->clusters[0].rtt_ms, 30);
    kit_finish(&kit);
}

/* Edge and client in Shanghai, cluster in Beijing: 1071 km. */
static void test_round_trip_priors_by_distance(void **state)
{
    (void)state;
    for (int edge_known = 0; edge_known < 2; edge_known++) {
        struct kit kit;
        kit_init(&kit, 1, 1);
        struct fleet_config *config = kit_config(1);
        struct cluster *cluster = fleet_config_alloc(config, sizeof *cluster);
        *cluster = config->clusters[0];
        cluster->latitude = 39.9;
        cluster->longitude = 116.4;
        config->clusters = cluster;
        if (edge_known) {
            config->edge_latitude = 31.2;
            config->edge_longitude = 121.5;
        }
        kit_configure(&kit, config);
        const double km = geo_distance_km(31.2, 121.5, 39.9, 116.4);
        close_to(kit.snapshot->clusters[0].rtt_ms, edge_known ? 2 + 0.014 * km : 50);
        struct fleet_query query = kit_query(&kit, 300, true);
        query.latitude = edge_known ? 0 : 31.2;
        query.longitude = edge_known ? 0 : 121.5;
        struct iso_estimate out[1];
        fleet_estimate(kit.snapshot, kit.ledgers[0], &query, kit.now_ns, out);
        close_to(out[0].ttft_ms, 2 + 0.014 * km + 115);
        if (!edge_known)
            close_to(out[0].distance_km, km);
        kit_finish(&kit);
    }
}

static void test_prices_are_relative_to_the_median(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 4, 1);
    static const double prices[] = {0.5, 1, 4};
    for (unsigned i = 0; i < 3; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        struct report report = kit_report(&kit);
        report.price_per_mtok = prices[i];
        kit_apply(&kit, name, &report, 0);
    }
    kit_tick(&kit);
    close_to(kit.snapshot->clusters[0].price_ratio, 0.5);
    close_to(kit.snapshot->clusters[2].price_ratio, 4);
    close_to(kit.snapshot->clusters[3].price_ratio, 1);
    assert_true(kit.snapshot->forecasts[2].known & ISO_KNOWN_PRICE);
    assert_false(kit.snapshot->forecasts[3].known & ISO_KNOWN_PRICE);
    kit_finish(&kit);
}

UNIT_MAIN(test_slots_survive_a_reload, test_an_old_snapshot_outlives_a_reload,
          test_more_names_than_slots_are_refused, test_reports_apply_in_order,
          test_a_dead_writers_order_is_forgotten, test_a_refused_field_keeps_its_last_good_value,
          test_capacity_that_jumps_is_believed_the_third_time, test_capacity_from_whatever_is_said,
          test_sent_since_a_late_report, test_shares_are_what_we_hold,
          test_nonsense_from_others_is_bounded, test_round_trips,
          test_round_trip_priors_by_distance, test_prices_are_relative_to_the_median)
