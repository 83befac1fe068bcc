/* Probes against engines on loopback: what counts as alive, and that they follow the fleet. */
#include "unit.h"

#include <unistd.h>

#include "../fleet/declare.h"
#include "../net/net_kit.h"
#include "base/clock.h"
#include "engine.h"
#include "fleet/fleet.h"
#include "upstream/probe.h"

static struct loop *loop;
static struct engine engine;
static struct fleet *fleet;
static struct ledger *ledger;
static struct snapshot *snapshot;
static struct tls_set *tls;
static struct prober *prober;

static size_t rtts, goods, bads, target;
static double rtt_ms;
static char why[128];

static void on_rtt(void *owner, uint32_t slot, uint32_t endpoint, double ms)
{
    assert_ptr_equal(owner, &engine);
    assert_int_equal(slot, 0);
    assert_int_equal(endpoint, 0);
    rtts++;
    rtt_ms = ms;
}

static void on_result(void *owner, uint32_t slot, uint32_t endpoint, bool ok, const char *text)
{
    (void)owner;
    (void)slot;
    (void)endpoint;
    goods += ok;
    bads += !ok;
    snprintf(why, sizeof why, "%s", text);
}

static const struct prober_events events = {.on_rtt = on_rtt, .on_result = on_result};

static void follow(const char *host, uint16_t port, enum endpoint_protocol protocol, bool placed)
{
    struct fleet_config *config = fleet_config_create();
    struct endpoint endpoint;
    char url[128];
    snprintf(url, sizeof url, "http://%s:%u/base", host, port);
    endpoint_init(&endpoint);
    endpoint.url = fleet_config_text(config, slice_of(url));
    endpoint.host = fleet_config_text(config, slice_of(host));
    endpoint.path = "/base";
    endpoint.port = port;
    endpoint.protocol = protocol;
    declare_fleet(fleet, config, &endpoint, 1);
    struct error error;
    if (placed) {
        struct address address;
        assert_true(address_parse_ip(SLICE("127.0.0.1"), &address));
        address_set_port(&address, port);
        fleet_set_endpoint_addresses(fleet, 0, 0, &address.storage, 1);
    }
    struct snapshot *old = snapshot;
    snapshot = fleet_tick(fleet, &ledger, 1, clock_monotonic_ns());
    tls_set_destroy(&tls);
    tls = tls_set_create(config, &error);
    prober_update(prober, snapshot, tls);
    snapshot_destroy(&old);
    fleet_config_drop(&config);
}

static void begin(int64_t timeout_ms)
{
    loop = loop_create();
    engine_open(&engine, loop);
    fleet = fleet_create(1);
    ledger = ledger_create(0);
    snapshot = NULL;
    tls = NULL;
    rtts = goods = bads = 0;
    const struct prober_settings settings = {.interval_ms = 20,
                                             .timeout_ms = timeout_ms,
                                             .path = "/health"};
    prober = prober_create(loop, &settings, &events, &engine);
}

static void finish(void)
{
    prober_destroy(&prober);
    prober_destroy(&prober); /* of none */
    loop_turn(loop);
    snapshot_destroy(&snapshot);
    tls_set_destroy(&tls);
    ledger_destroy(&ledger);
    fleet_destroy(&fleet);
    engine_close(&engine);
    loop_turn(loop);
    loop_destroy(&loop);
}

static bool good_enough(void *arg)
{
    (void)arg;
    return goods >= target;
}

static bool bad_enough(void *arg)
{
    (void)arg;
    return bads >= target;
}

static void wait_for(bool (*fact)(void *arg), size_t count)
{
    target = count;
    kit_run_until(loop, fact, NULL);
}

static void one_warm_connection_is_asked_again_and_again(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        begin(1000);
        follow("127.0.0.1", address_port(&engine.bound), h2 ? ENDPOINT_H2 : ENDPOINT_AUTO, true);
        wait_for(good_enough, 5);
        assert_int_equal(bads, 0);
        assert_int_equal(rtts, goods);
        assert_true(rtt_ms > 0 && rtt_ms < 1000);
        assert_int_equal(counter_get(&engine.host.counters.accepted), 1);
        const struct engine_request *request = engine_last(&engine);
        assert_string_equal(request->method, "GET");
        assert_string_equal(request->path, "/base/health");
        assert_string_equal(field_of(request->fields, "user-agent"), "isochrone-probe");
        finish();
    }
}

static int status;

static void answer_so(struct engine_request *request)
{
    engine_answer(request, status, "text/plain", "x");
}

static void only_its_own_errors_speak_against_an_engine(void **state)
{
    (void)state;
    begin(1000);
    engine.on_complete = answer_so;
    status = 404;
    follow("127.0.0.1", address_port(&engine.bound), ENDPOINT_AUTO, true);
    wait_for(good_enough, 2);
    status = 503;
    wait_for(bad_enough, 2);
    assert_string_equal(why, "answered with an error");
    status = 200;
    wait_for(good_enough, goods + 2);
    finish();
}

static void hang_up(struct engine_request *request)
{
    connection_host_finish(&request->engine->host);
}

static void silence(struct engine_request *request)
{
    (void)request;
}

static void no_answer_is_a_failure(void **state)
{
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        begin(60);
        engine.on_complete = hang_up;
        follow("127.0.0.1", address_port(&engine.bound), h2 ? ENDPOINT_H2 : ENDPOINT_AUTO, true);
        wait_for(bad_enough, 2);
        engine.on_complete = silence;
        wait_for(bad_enough, bads + 2);
        assert_string_equal(why, "no answer in time");
        engine.on_complete = NULL;
        wait_for(good_enough, 1);
        const size_t before = bads;
        engine_stop_listening(&engine);
        connection_host_finish(&engine.host);
        wait_for(bad_enough, before + 2);
        finish();
    }
}

/* Head at once, body never: it lives, and the next probe does not wait for the body. */
static void head_only(struct engine_request *request)
{
    engine_begin(request, 200, "text/plain");
}

static void an_endless_answer_does_not_stop_the_probes(void **state)
{
    (void)state;
    begin(1000);
    engine.on_complete = head_only;
    follow("127.0.0.1", address_port(&engine.bound), ENDPOINT_AUTO, true);
    wait_for(good_enough, 4);
    assert_int_equal(bads, 0);
    finish();
}

static void probes_follow_the_fleet(void **state)
{
    (void)state;
    begin(1000);
    struct engine other;
    engine_open(&other, loop);
    follow("later.test", 9, ENDPOINT_AUTO, false); /* no address yet: nobody is asked */
    follow("127.0.0.1", address_port(&engine.bound), ENDPOINT_AUTO, true);
    wait_for(good_enough, 2);
    follow("127.0.0.1", address_port(&engine.bound), ENDPOINT_AUTO, true);
    wait_for(good_enough, goods + 1);
    assert_int_equal(counter_get(&engine.host.counters.accepted), 1); /* the same probe */
    follow("127.0.0.1", address_port(&other.bound), ENDPOINT_AUTO, true);
    const size_t heads = engine.heads;
    wait_for(good_enough, goods + 3);
    assert_in_range(engine.heads, heads, heads + 1);
    assert_true(other.heads >= 2);
    engine_close(&other);
    finish();
}

UNIT_MAIN(one_warm_connection_is_asked_again_and_again, only_its_own_errors_speak_against_an_engine,
          no_answer_is_a_failure, an_endless_answer_does_not_stop_the_probes,
          probes_follow_the_fleet)
