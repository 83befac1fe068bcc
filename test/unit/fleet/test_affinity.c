/* The shared table of conversations and prefixes, alone and under two threads. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "fleet/affinity.h"

#include "unit.h"

static void test_finds_what_was_noted(void **state)
{
    (void)state;
    struct affinity *table = affinity_create(64);
    struct affinity_place places[AFFINITY_PLACES];
    affinity_note(table, 77, 5, 1200, NS_PER_S);
    assert_int_equal(affinity_find(table, 77, 3 * NS_PER_S, places), 1);
    assert_int_equal(places[0].slot, 5);
    assert_true(places[0].tokens == 1200 && places[0].age_ms == 2000);
    assert_int_equal(affinity_find(table, 78, NS_PER_S, places), 0);
    affinity_note(table, 0, 5, 1200, NS_PER_S);
    assert_int_equal(affinity_find(table, 0, NS_PER_S, places), 0);
    affinity_destroy(&table);
    assert_null(table);
}

static void test_remembers_the_last_two(void **state)
{
    (void)state;
    struct affinity *table = affinity_create(64);
    struct affinity_place places[AFFINITY_PLACES];
    affinity_note(table, 9, 0, 100, 1 * NS_PER_S);
    affinity_note(table, 9, 1, 200, 2 * NS_PER_S);
    affinity_note(table, 9, 2, 300, 3 * NS_PER_S);
    affinity_note(table, 9, 2, 400, 4 * NS_PER_S); /* again: the older one stays */
    assert_int_equal(affinity_find(table, 9, 4 * NS_PER_S, places), 2);
    assert_int_equal(places[0].slot, 2);
    assert_true(places[0].tokens == 400 && places[0].age_ms == 0);
    assert_int_equal(places[1].slot, 1);
    assert_true(places[1].tokens == 200 && places[1].age_ms == 2000);
    affinity_destroy(&table);
}

static void test_the_oldest_of_a_pair_gives_way(void **state)
{
    (void)state;
    struct affinity *table = affinity_create(2); /* one pair of lines */
    struct affinity_place places[AFFINITY_PLACES];
    for (uint64_t hash = 1; hash <= 3; hash++)
        affinity_note(table, hash, 0, 1, (int64_t)hash * NS_PER_S);
    assert_int_equal(affinity_find(table, 1, 0, places), 0);
    assert_int_equal(affinity_find(table, 2, 0, places), 1);
    assert_int_equal(affinity_find(table, 3, 0, places), 1);
    affinity_destroy(&table);
}

static void test_expects_the_longest_at_a_target(void **state)
{
    (void)state;
    struct affinity *table = affinity_create(64);
    const struct affinity_prefix prefixes[] = {{11, 500}, {12, 1500}};
    affinity_note_request(table, 0, 0, prefixes, 2, 3, NS_PER_S);
    affinity_note(table, 10, 3, 900, 2 * NS_PER_S);
    affinity_note(table, 10, 4, 9000, 2 * NS_PER_S);
    struct affinity_expectation e = affinity_expect(table, 10, prefixes, 2, 1e6, 3, 3 * NS_PER_S);
    assert_true(e.tokens == 1500 && e.age_ms == 2000);
    e = affinity_expect(table, 10, NULL, 0, 1000, 4, 3 * NS_PER_S);
    assert_true(e.tokens == 1000 && e.age_ms == 1000); /* no more than the prompt */
    e = affinity_expect(table, 10, prefixes, 2, 1e6, 7, 3 * NS_PER_S);
    assert_true(e.tokens == 0 && isnan(e.age_ms));
    affinity_destroy(&table);
}

static void test_survival_has_no_cliff(void **state)
{
    (void)state;
    assert_true(affinity_survival(0, 1000) == 1);
    assert_true(affinity_survival(750, 1000) == 1);
    assert_true(affinity_survival(1000, 1000) == 0.5);
    assert_true(affinity_survival(1250, 1000) == 0);
    assert_true(affinity_survival(1e9, 1000) == 0);
}

static void test_learns_how_long_prefixes_stay(void **state)
{
    (void)state;
    struct affinity *table = affinity_create(64);
    assert_true(affinity_stay_ms(table, 2, NAN) == AFFINITY_STAY_PRIOR_MS);
    assert_true(affinity_stay_ms(table, 2, 60000) == 60000);
    /* What teaches nothing. */
    affinity_learn(table, 2, (struct affinity_expectation){1000, 1000}, NAN, 60000);
    affinity_learn(table, 2, (struct affinity_expectation){0, NAN}, 0, 60000);
    affinity_learn(table, 2, (struct affinity_expectation){1000, 10000}, 1000, 60000);
    affinity_learn(table, 2, (struct affinity_expectation){1000, 2000}, 0, 60000); /* too soon */
    assert_true(affinity_stay_ms(table, 2, 60000) == 60000);
    /* A miss before the stay: 0.8 x 60 s + 0.2 x 20 s. */
    affinity_learn(table, 2, (struct affinity_expectation){1000, 20000}, 499, 60000);
    assert_true(affinity_stay_ms(table, 2, 60000) == 52000);
    /* A hit beyond it: at least 90 s / 0.75. */
    affinity_learn(table, 2, (struct affinity_expectation){1000, 90000}, 600, 60000);
    assert_true(affinity_stay_ms(table, 2, 60000) == 120000);
    assert_true(affinity_stay_ms(table, 3, NAN) == AFFINITY_STAY_PRIOR_MS);
    affinity_destroy(&table);
}

/* Two writers and a reader on one pair of lines: a hash never comes with another's place. */
struct race {
    struct affinity *table;
    uint64_t hash;
    _Atomic bool stop;
};

static void *race_write(void *argument)
{
    struct race *race = argument;
    for (uint32_t i = 0; i < 100000; i++) {
        affinity_note(race->table, race->hash, (uint32_t)race->hash, (double)race->hash * 1000,
                      (int64_t)i);
        affinity_note(race->table, race->hash + 2, (uint32_t)race->hash + 2,
                      (double)(race->hash + 2) * 1000, (int64_t)i);
    }
    return NULL;
}

static void test_two_writers_never_mix(void **state)
{
    (void)state;
    struct affinity *table = affinity_create(2);
    struct race races[2] = {{.table = table, .hash = 1}, {.table = table, .hash = 2}};
    pthread_t threads[2];
    for (int t = 0; t < 2; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, race_write, &races[t]), 0);
    unsigned found = 0;
    for (unsigned i = 0; i < 200000; i++) {
        struct affinity_place places[AFFINITY_PLACES];
        const uint64_t hash = 1 + i % 4;
        const unsigned count = affinity_find(table, hash, 0, places);
        for (unsigned k = 0; k < count; k++) {
            assert_int_equal(places[k].slot, hash);
            assert_true(places[k].tokens == (double)hash * 1000);
            found++;
        }
    }
    for (int t = 0; t < 2; t++)
        pthread_join(threads[t], NULL);
    affinity_note(table, 3, 3, 3000, 1 << 20);
    struct affinity_place places[AFFINITY_PLACES];
    assert_int_equal(affinity_find(table, 3, 0, places), 1); /* still writable */
    (void)found;
    affinity_destroy(&table);
}

UNIT_MAIN(test_finds_what_was_noted, test_remembers_the_last_two,
          test_the_oldest_of_a_pair_gives_way, test_expects_the_longest_at_a_target,
          test_survival_has_no_cliff, test_learns_how_long_prefixes_stay,
          test_two_writers_never_mix)
