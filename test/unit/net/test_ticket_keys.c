#include "net/ticket_keys.h"

#include <string.h>

#include "unit.h"

static int64_t hours(double count)
{
    return (int64_t)(count * 3600) * NS_PER_S;
}

static bool opens(struct ticket_keys *keys, int64_t now_ns, const struct ticket_key *sealed,
                  bool expect_newest)
{
    struct ticket_key found;
    bool newest;
    if (!ticket_keys_find(keys, now_ns, sealed->name, &found, &newest))
        return false;
    assert_memory_equal(&found, sealed, sizeof found);
    assert_true(newest == expect_newest);
    return true;
}

static void a_key_seals_for_half_a_day_and_opens_for_a_day_more(void **state)
{
    struct ticket_keys keys;
    struct ticket_key first, again, second;
    (void)state;
    ticket_keys_init(&keys, hours(5));
    ticket_keys_newest(&keys, hours(5), &first);
    ticket_keys_newest(&keys, hours(16.9), &again);
    assert_memory_equal(&first, &again, sizeof first);
    assert_true(opens(&keys, hours(16.9), &first, true));
    ticket_keys_newest(&keys, hours(17), &second);
    assert_memory_not_equal(first.name, second.name, sizeof first.name);
    assert_memory_not_equal(first.cipher, second.cipher, sizeof first.cipher);
    assert_memory_not_equal(first.mac, second.mac, sizeof first.mac);
    assert_true(opens(&keys, hours(17), &first, false));
    assert_true(opens(&keys, hours(17), &second, true));
    assert_true(opens(&keys, hours(40.9), &first, false));
    assert_false(opens(&keys, hours(41), &first, false));
    assert_true(opens(&keys, hours(41), &second, false));
    ticket_keys_finish(&keys);
}

static void after_a_quiet_time_the_old_ones_are_gone(void **state)
{
    struct ticket_keys keys;
    struct ticket_key first, later;
    (void)state;
    ticket_keys_init(&keys, 0);
    ticket_keys_newest(&keys, 0, &first);
    assert_false(opens(&keys, hours(24 * 400), &first, false));
    ticket_keys_newest(&keys, hours(24 * 400 + 11), &later);
    assert_true(opens(&keys, hours(24 * 400 + 11.9), &later, true));
    assert_true(opens(&keys, hours(24 * 400 + 12), &later, false));
    ticket_keys_finish(&keys);
}

static void what_nobody_sealed_opens_nothing(void **state)
{
    struct ticket_keys keys, others;
    struct ticket_key foreign;
    const struct ticket_key zero = {{0}, {0}, {0}};
    (void)state;
    ticket_keys_init(&keys, 0);
    ticket_keys_init(&others, 0);
    ticket_keys_newest(&others, 0, &foreign);
    assert_false(opens(&keys, 0, &foreign, false));
    assert_false(opens(&keys, 0, &zero, false));
    ticket_keys_finish(&keys);
    ticket_keys_finish(&others);
}

static void finished_keys_are_wiped(void **state)
{
    static const struct ticket_key zero[TICKET_KEYS_KEPT];
    struct ticket_keys keys;
    (void)state;
    ticket_keys_init(&keys, 0);
    ticket_keys_finish(&keys);
    assert_memory_equal(keys.keys, zero, sizeof zero);
}

UNIT_MAIN(a_key_seals_for_half_a_day_and_opens_for_a_day_more,
          after_a_quiet_time_the_old_ones_are_gone, what_nobody_sealed_opens_nothing,
          finished_keys_are_wiped)
