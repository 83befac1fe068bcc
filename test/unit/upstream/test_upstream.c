/* Which endpoint of a target is taken, when its pool is another one, and what clients verify. */
#include "unit.h"

#include <math.h>

#include "../fleet/declare.h"
#include "../net/net_kit.h"
#include "base/clock.h"
#include "fleet/fleet.h"
#include "upstream/retry_budget.h"
#include "upstream/upstream.h"

enum { ENDPOINTS = 3 };

static struct loop *loop;
static struct fleet *fleet;
static struct ledger *ledger;
static struct snapshot *snapshot;
static struct tls_set *tls;
static struct upstream *upstream;

/* A fleet of one cluster with these endpoints. */
static void configure(const struct endpoint *endpoints, uint32_t count)
{
    struct fleet_config *config = fleet_config_create();
    struct error error;
    declare_fleet(fleet, config, endpoints, count);
    tls_set_destroy(&tls);
    tls = tls_set_create(config, &error);
    if (tls == NULL)
        fail_msg("%s", error.text);
    fleet_config_drop(&config);
}

static void tick(void)
{
    struct snapshot *old = snapshot;
    snapshot = fleet_tick(fleet, &ledger, 1, clock_monotonic_ns());
    snapshot_destroy(&old);
}

static void place(uint32_t e, const char *const *addresses, size_t count)
{
    struct sockaddr_storage list[8];
    for (size_t i = 0; i < count; i++) {
        struct address address;
        assert_true(address_parse_ip(slice_of(addresses[i]), &address));
        address_set_port(&address, 9);
        list[i] = address.storage;
    }
    fleet_set_endpoint_addresses(fleet, 0, e, list, count);
}

static struct endpoint endpoint(const char *url, const char *host)
{
    struct endpoint made;
    endpoint_init(&made);
    made.url = url;
    made.host = host;
    made.port = 9;
    return made;
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_create();
    fleet = fleet_create(1);
    ledger = ledger_create(0);
    snapshot = NULL;
    tls = NULL;
    const struct address anywhere = {.len = 0};
    upstream = upstream_create(loop, &connection_pool_default_settings, &anywhere);
    const struct endpoint three[ENDPOINTS] = {endpoint("http://a:9", "a"),
                                              endpoint("http://b:9", "b"),
                                              endpoint("http://c:9", "c")};
    configure(three, ENDPOINTS);
    place(0, (const char *const[]){"127.0.0.1"}, 1);
    place(1, (const char *const[]){"127.0.0.2"}, 1);
    place(2, (const char *const[]){"127.0.0.3", "127.0.0.4"}, 2);
    tick();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    upstream_destroy(&upstream);
    snapshot_destroy(&snapshot);
    tls_set_destroy(&tls);
    ledger_destroy(&ledger);
    fleet_destroy(&fleet);
    loop_destroy(&loop);
    return 0;
}

static struct upstream_endpoint *choose(void)
{
    return upstream_choose(upstream, &snapshot->targets[0], tls);
}

/* With these of the three down. */
static struct upstream_endpoint *choose_with(bool a, bool b, bool c)
{
    const bool down[ENDPOINTS] = {a, b, c};
    struct target target = snapshot->targets[0];
    struct endpoint_state states[ENDPOINTS];
    for (int e = 0; e < ENDPOINTS; e++) {
        states[e] = target.endpoints[e];
        states[e].down = down[e];
    }
    target.endpoints = states;
    return upstream_choose(upstream, &target, tls);
}

static void equals_take_turns(void **state)
{
    (void)state;
    unsigned taken[ENDPOINTS] = {0};
    for (int i = 0; i < 9; i++)
        taken[choose()->index]++;
    for (int e = 0; e < ENDPOINTS; e++)
        assert_int_equal(taken[e], 3);
    assert_true(slice_eq(choose()->authority, SLICE("a:9")));
}

static void the_least_busy_is_taken(void **state)
{
    (void)state;
    for (int i = 0; i < ENDPOINTS; i++)
        choose()->inflight += 2;
    struct upstream_endpoint *one = choose();
    one->inflight--;
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(choose(), one);
}

static void who_is_down_is_left_out_unless_all_are(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(choose_with(true, false, true)->index, 1);
    const uint32_t index = choose_with(true, true, true)->index;
    assert_int_not_equal(choose_with(true, true, true)->index, index);
}

static void without_an_address_there_is_nobody(void **state)
{
    (void)state;
    const struct endpoint lone = endpoint("http://new:9", "new");
    configure(&lone, 1);
    tick();
    assert_null(choose());
    place(0, (const char *const[]){"127.0.0.9"}, 1);
    tick();
    assert_non_null(choose());
}

static void a_failed_connection_moves_to_the_next_address_once(void **state)
{
    (void)state;
    struct upstream_endpoint *c = choose_with(true, true, false);
    const struct connection_pool *first = c->pool;
    upstream_failed(c, first);
    upstream_failed(c, first); /* many waited, one failed */
    assert_int_equal(c->address_at, 1);
    assert_ptr_equal(choose_with(true, true, false), c);
    const struct connection_pool *second = c->pool;
    assert_ptr_not_equal(second, first);
    upstream_failed(c, first); /* late news */
    assert_ptr_equal(choose_with(true, true, false)->pool, second);
    upstream_failed(c, second);
    choose_with(true, true, false);
    assert_int_equal(c->address_at, 2); /* the first again */
}

static const struct connection_pool *pool_of(const struct endpoint *one)
{
    configure(one, 1);
    place(0, (const char *const[]){"127.0.0.1"}, 1);
    tick();
    struct upstream_endpoint *chosen = choose();
    return chosen != NULL ? chosen->pool : NULL;
}

/* A reload must not leave connections behind that were made by other rules. */
static void a_pool_is_another_when_its_rules_changed(void **state)
{
    (void)state;
    struct endpoint one = endpoint("https://a:9", "a");
    one.tls = true;
    one.verify = false;
    const struct connection_pool *before = pool_of(&one);
    assert_non_null(before);
    assert_ptr_equal(pool_of(&one), before);
    one.verify = true;
    const struct connection_pool *after = pool_of(&one);
    assert_ptr_not_equal(after, before);
    before = after;
    one.protocol = ENDPOINT_H2;
    after = pool_of(&one);
    assert_ptr_not_equal(after, before);
    before = after;
    one.server_name = "other";
    assert_ptr_not_equal(pool_of(&one), before);
}

/* Between two publications a worker may hold tables of another configuration. */
static void a_tls_endpoint_is_never_dialled_in_cleartext(void **state)
{
    (void)state;
    struct endpoint one = endpoint("https://a:9", "a");
    configure(&one, 1); /* tls false: the set has nothing */
    struct tls_set *old = tls;
    tls = NULL;
    one.tls = true;
    configure(&one, 1);
    place(0, (const char *const[]){"127.0.0.1"}, 1);
    tick();
    assert_null(upstream_choose(upstream, &snapshot->targets[0], old));
    assert_non_null(choose());
    tls_set_destroy(&old);
}

static void pools_go_with_their_endpoints(void **state)
{
    (void)state;
    struct upstream_endpoint *all[ENDPOINTS];
    for (int i = 0; i < ENDPOINTS; i++)
        all[i] = choose();
    const struct endpoint lone = endpoint("http://a:9", "a");
    const struct connection_pool *kept = all[0]->pool;
    configure(&lone, 1);
    tick();
    upstream_sweep(upstream, snapshot);
    assert_ptr_equal(all[0]->pool, kept);
    assert_null(all[1]->pool);
    assert_null(all[2]->pool);
    assert_ptr_equal(choose()->pool, kept);
    const struct connection_pool_counts counts = upstream_count(upstream);
    assert_int_equal(counts.connections + counts.dialling + counts.waiting + counts.streams, 0);
}

/* --- what is verified -------------------------------------------------- */

static void endpoints_of_a_kind_share_a_context(void **state)
{
    (void)state;
    static const struct kit_certificate made[] = {{"ca", "ca", NULL}};
    kit_certificates_make(made, 1);
    struct endpoint five[5];
    for (int i = 0; i < 5; i++) {
        five[i] = endpoint("https://a:9", "a");
        five[i].tls = true;
    }
    five[1].host = "b";
    five[2].verify = false;
    five[3].ca_file = kit_path("ca", ".pem");
    five[4].tls = false;
    configure(five, 5);
    assert_non_null(tls_set_find(tls, &five[0]));
    assert_ptr_equal(tls_set_find(tls, &five[0]), tls_set_find(tls, &five[1]));
    assert_ptr_not_equal(tls_set_find(tls, &five[0]), tls_set_find(tls, &five[2]));
    assert_ptr_not_equal(tls_set_find(tls, &five[0]), tls_set_find(tls, &five[3]));
    assert_null(tls_set_find(tls, &five[4]));
    kit_certificates_remove();
}

static void an_authority_that_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct fleet_config *config = fleet_config_create();
    struct endpoint one = endpoint("https://a:9", "a");
    one.tls = true;
    one.ca_file = "/nowhere.pem";
    const struct pool pool = {.endpoints = &one, .endpoint_count = 1};
    const struct target_config target = {.pool = &pool};
    config->targets = &target;
    config->target_count = 1;
    struct error error;
    assert_null(tls_set_create(config, &error));
    assert_non_null(strstr(error.text, "endpoint https://a:9: "));
    assert_non_null(strstr(error.text, "/nowhere.pem"));
    fleet_config_drop(&config);
}

static void a_tenth_but_at_least_three_may_be_tried_again(void **state)
{
    (void)state;
    struct retry_budget budget = {.active = 1};
    for (int i = 0; i < 3; i++)
        assert_true(retry_budget_take(&budget));
    assert_false(retry_budget_take(&budget));
    budget.active = 50;
    assert_true(retry_budget_take(&budget));
    assert_true(retry_budget_take(&budget));
    assert_false(retry_budget_take(&budget));
    retry_budget_give(&budget);
    assert_true(retry_budget_take(&budget));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(equals_take_turns),
        TEST(the_least_busy_is_taken),
        TEST(who_is_down_is_left_out_unless_all_are),
        TEST(without_an_address_there_is_nobody),
        TEST(a_failed_connection_moves_to_the_next_address_once),
        TEST(a_pool_is_another_when_its_rules_changed),
        TEST(a_tls_endpoint_is_never_dialled_in_cleartext),
        TEST(pools_go_with_their_endpoints),
        TEST(endpoints_of_a_kind_share_a_context),
        TEST(an_authority_that_cannot_be_read_is_said),
        TEST(a_tenth_but_at_least_three_may_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
