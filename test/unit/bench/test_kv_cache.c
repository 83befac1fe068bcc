/* The prefix cache: what it keeps, what it throws out, and in which order. */
#include "unit.h"

#include "cluster/kv_cache.h"

static void keeps_the_longest_context(void **state)
{
    (void)state;
    struct kv_cache *cache = kv_cache_create(10000);
    kv_cache_store(cache, 7, 100, 1);
    kv_cache_store(cache, 7, 60, 2);
    assert_int_equal(kv_cache_find(cache, 7, 3), 100);
    kv_cache_store(cache, 7, 160, 4);
    assert_int_equal(kv_cache_find(cache, 7, 5), 160);
    assert_int_equal(kv_cache_find(cache, 8, 5), 0);
    assert_int_equal(kv_cache_used_tokens(cache), 160);
    kv_cache_destroy(&cache);
    assert_null(cache);
}

static void throws_out_the_least_recently_used(void **state)
{
    (void)state;
    struct kv_cache *cache = kv_cache_create(3 * 160);
    kv_cache_store(cache, 1, 160, 10);
    kv_cache_store(cache, 2, 160, 20);
    kv_cache_store(cache, 3, 160, 30);
    assert_int_equal(kv_cache_evicted_idle_ns(cache), -1);
    assert_int_equal(kv_cache_find(cache, 1, 40), 160);
    kv_cache_store(cache, 4, 160, 50);
    assert_int_equal(kv_cache_find(cache, 2, 60), 0);
    assert_int_equal(kv_cache_find(cache, 1, 60), 160);
    assert_int_equal(kv_cache_evicted_idle_ns(cache), 30);
    kv_cache_destroy(&cache);
}

static void does_not_keep_what_is_larger_than_itself(void **state)
{
    (void)state;
    struct kv_cache *cache = kv_cache_create(320);
    kv_cache_store(cache, 1, 100, 1);
    kv_cache_store(cache, 2, 321, 2);
    assert_int_equal(kv_cache_find(cache, 2, 3), 0);
    assert_int_equal(kv_cache_find(cache, 1, 3), 100);
    kv_cache_destroy(&cache);
}

static void is_empty_after_clear(void **state)
{
    (void)state;
    struct kv_cache *cache = kv_cache_create(100000);
    for (uint64_t i = 1; i <= 500; i++)
        kv_cache_store(cache, i, 32, (int64_t)i);
    kv_cache_clear(cache);
    assert_int_equal(kv_cache_used_tokens(cache), 0);
    for (uint64_t i = 1; i <= 500; i++)
        assert_int_equal(kv_cache_find(cache, i, 1000), 0);
    kv_cache_store(cache, 3, 64, 1001);
    assert_int_equal(kv_cache_find(cache, 3, 1002), 64);
    kv_cache_destroy(&cache);
}

/* Against a plain array with the same rule, through growth, eviction and deletion. */
static void agrees_with_a_plain_model(void **state)
{
    (void)state;
    enum { CONVERSATIONS = 5000, HELD = 2000 };
    static uint32_t tokens[CONVERSATIONS];
    static int64_t used[CONVERSATIONS];
    memset(tokens, 0, sizeof(tokens));
    struct kv_cache *cache = kv_cache_create(HELD * 16);
    uint64_t seed = 42, held = 0;
    for (int64_t now = 1; now <= 20000; now++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        const uint64_t who = (seed >> 33) % CONVERSATIONS;
        if (!tokens[who] && held == HELD) {
            uint64_t oldest = CONVERSATIONS;
            for (uint64_t i = 0; i < CONVERSATIONS; i++)
                if (tokens[i] && (oldest == CONVERSATIONS || used[i] < used[oldest]))
                    oldest = i;
            tokens[oldest] = 0;
            held--;
        }
        held += !tokens[who];
        tokens[who] = 16;
        used[who] = now;
        kv_cache_store(cache, who * UINT64_C(0x9e3779b97f4a7c15) + 1, 16, now);
    }
    assert_int_equal(kv_cache_used_tokens(cache), held * 16);
    for (uint64_t i = 0; i < CONVERSATIONS; i++)
        assert_int_equal(kv_cache_find(cache, i * UINT64_C(0x9e3779b97f4a7c15) + 1, 30000),
                         tokens[i]);
    kv_cache_destroy(&cache);
}

UNIT_MAIN(keeps_the_longest_context, throws_out_the_least_recently_used,
          does_not_keep_what_is_larger_than_itself, is_empty_after_clear, agrees_with_a_plain_model)
