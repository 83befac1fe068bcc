/* Names of endpoints: those of the hosts file, literals, those nobody knows, and an end in between.
 */
#include "unit.h"

#include "../fleet/declare.h"
#include "../net/net_kit.h"
#include "base/clock.h"
#include "base/log.h"
#include "control/resolver.h"
#include "net/address.h"

enum { ENDPOINTS_MAX = 3 };

static struct loop *loop;
static struct fleet *fleet;
static struct resolver *resolver;
static unsigned changes;

static void changed(void *owner)
{
    assert_ptr_equal(owner, &changes);
    changes++;
}

static struct fleet_config *configure(const char *const *hosts, uint32_t count)
{
    struct fleet_config *config = fleet_config_create();
    struct endpoint list[ENDPOINTS_MAX];
    assert_true(count <= ENDPOINTS_MAX);
    for (uint32_t e = 0; e < count; e++) {
        endpoint_init(&list[e]);
        list[e].url = list[e].host = hosts[e];
        list[e].port = (uint16_t)(8000 + e);
    }
    declare_fleet(fleet, config, list, count);
    resolver_follow(resolver, config);
    return config;
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    changes = 0;
    loop = loop_create();
    fleet = fleet_create(1);
    resolver = resolver_create(loop, fleet, changed, &changes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resolver_destroy(&resolver);
    resolver_destroy(&resolver); /* of none */
    fleet_destroy(&fleet);
    loop_turn(loop);
    loop_turn(loop);
    loop_destroy(&loop);
    return 0;
}

static uint64_t target;

static bool answered(void *arg)
{
    (void)arg;
    return resolver_count(resolver).answers >= target;
}

static void addresses_of(uint32_t e, const char *text)
{
    struct ledger *ledger = ledger_create(0);
    struct snapshot *snapshot = fleet_tick(fleet, &ledger, 1, clock_monotonic_ns());
    const struct endpoint_addresses *list = snapshot->targets[0].endpoints[e].addresses;
    assert_non_null(list);
    struct address address = {.storage = list->list[0], .len = sizeof list->list[0]};
    char out[ADDRESS_TEXT_BYTES];
    assert_string_equal(address_write(&address, out), text);
    snapshot_destroy(&snapshot);
    ledger_destroy(&ledger);
}

static void literals_need_nobody(void **state)
{
    (void)state;
    static const char *const hosts[] = {"192.0.2.1", "2001:db8::1"};
    struct fleet_config *config = configure(hosts, 2);
    assert_int_equal(changes, 1);
    addresses_of(0, "192.0.2.1:8000");
    addresses_of(1, "[2001:db8::1]:8001");
    fleet_config_drop(&config);
}

static void a_name_of_the_hosts_file(void **state)
{
    (void)state;
    static const char *const hosts[] = {"localhost"};
    struct fleet_config *config = configure(hosts, 1);
    target = 1;
    kit_run_until(loop, answered, NULL);
    assert_int_equal(changes, 2);
    resolver_follow(resolver, config); /* a reload: the same is no change of addresses */
    fleet_config_drop(&config);
}

/* Asked, and the configuration or the router goes before the answer comes. */
static void an_end_before_the_answer(void **state)
{
    (void)state;
    /* The last is answered at once: then the others have been asked for. */
    static const char *const hosts[] = {"nowhere.invalid", "nobody.invalid", "localhost"};
    struct fleet_config *config = configure(hosts, 3);
    target = 1;
    kit_run_until(loop, answered, NULL);
    resolver_follow(resolver, config);
    target = 2;
    kit_run_until(loop, answered, NULL);
    fleet_config_drop(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(literals_need_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_of_the_hosts_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_before_the_answer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
