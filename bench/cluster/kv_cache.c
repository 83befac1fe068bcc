#include "cluster/kv_cache.h"

#include <stdlib.h>

#include "base/memory.h"

/*
 * Entries stand in an array and are named by their index; 0 is the sentinel of
 * the LRU ring.  An open-addressing table (linear probing, backward-shift
 * deletion) maps conversation -> index.
 */
struct entry {
    uint64_t conversation;
    int64_t used_ns;
    uint32_t tokens;
    uint32_t newer;
    uint32_t older;
};

struct kv_cache {
    uint64_t capacity_tokens;
    uint64_t used_tokens; /* whole blocks */
    int64_t evicted_idle_ns;
    struct entry *entries;
    uint32_t *table;
    uint32_t table_mask;
    uint32_t entries_size;
    uint32_t count;
    uint32_t free_head; /* chained by `newer` */
};

#define FIRST_TABLE 1024u

static uint64_t hash_of(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    return x;
}

static uint64_t blocks_of(uint32_t tokens)
{
    return ((uint64_t)tokens + KV_BLOCK_TOKENS - 1) / KV_BLOCK_TOKENS * KV_BLOCK_TOKENS;
}

static void ring_unlink(struct kv_cache *cache, uint32_t at)
{
    struct entry *e = &cache->entries[at];
    cache->entries[e->newer].older = e->older;
    cache->entries[e->older].newer = e->newer;
}

/* sentinel.older is the newest, sentinel.newer the oldest. */
static void ring_link_newest(struct kv_cache *cache, uint32_t at)
{
    struct entry *e = &cache->entries[at];
    struct entry *sentinel = &cache->entries[0];
    e->older = sentinel->older;
    e->newer = 0;
    cache->entries[sentinel->older].newer = at;
    sentinel->older = at;
}

static uint32_t table_find(const struct kv_cache *cache, uint64_t conversation)
{
    uint32_t slot = (uint32_t)hash_of(conversation) & cache->table_mask;
    while (cache->table[slot] && cache->entries[cache->table[slot]].conversation != conversation)
        slot = (slot + 1) & cache->table_mask;
    return slot;
}

static void table_erase(struct kv_cache *cache, uint32_t hole)
{
    uint32_t slot = hole;
    for (;;) {
        slot = (slot + 1) & cache->table_mask;
        const uint32_t at = cache->table[slot];
        if (!at)
            break;
        const uint32_t home =
            (uint32_t)hash_of(cache->entries[at].conversation) & cache->table_mask;
        if (((slot - home) & cache->table_mask) >= ((slot - hole) & cache->table_mask)) {
            cache->table[hole] = at;
            hole = slot;
        }
    }
    cache->table[hole] = 0;
}

static void table_grow(struct kv_cache *cache)
{
    const uint32_t size = (cache->table_mask + 1) * 2;
    free(cache->table);
    cache->table = memory_zalloc(size * sizeof(*cache->table));
    cache->table_mask = size - 1;
    for (uint32_t at = cache->entries[0].newer; at; at = cache->entries[at].newer)
        cache->table[table_find(cache, cache->entries[at].conversation)] = at;
}

static void entry_drop(struct kv_cache *cache, uint32_t at)
{
    struct entry *e = &cache->entries[at];
    table_erase(cache, table_find(cache, e->conversation));
    ring_unlink(cache, at);
    cache->used_tokens -= blocks_of(e->tokens);
    cache->count--;
    e->newer = cache->free_head;
    cache->free_head = at;
}

static uint32_t entry_take(struct kv_cache *cache)
{
    uint32_t at = cache->free_head;
    if (at) {
        cache->free_head = cache->entries[at].newer;
        return at;
    }
    at = cache->count + 1; /* none is free, so 1..count are in use */
    if (at == cache->entries_size) {
        cache->entries_size *= 2;
        cache->entries =
            memory_realloc(cache->entries, cache->entries_size * sizeof(*cache->entries));
    }
    return at;
}

/* Oldest first, but never `keep`. */
static void evict(struct kv_cache *cache, uint32_t keep, int64_t now_ns)
{
    while (cache->used_tokens > cache->capacity_tokens) {
        const uint32_t oldest = cache->entries[0].newer;
        if (oldest == keep)
            break;
        cache->evicted_idle_ns = now_ns - cache->entries[oldest].used_ns;
        entry_drop(cache, oldest);
    }
}

struct kv_cache *kv_cache_create(uint64_t capacity_tokens)
{
    struct kv_cache *cache = memory_zalloc(sizeof(*cache));
    cache->capacity_tokens = capacity_tokens;
    cache->entries_size = FIRST_TABLE;
    cache->entries = memory_zalloc(cache->entries_size * sizeof(*cache->entries));
    cache->table = memory_zalloc(FIRST_TABLE * sizeof(*cache->table));
    cache->table_mask = FIRST_TABLE - 1;
    cache->evicted_idle_ns = -1;
    return cache;
}

void kv_cache_destroy(struct kv_cache **cache)
{
    if (!*cache)
        return;
    free((*cache)->entries);
    free((*cache)->table);
    free(*cache);
    *cache = NULL;
}

uint32_t kv_cache_find(struct kv_cache *cache, uint64_t conversation, int64_t now_ns)
{
    const uint32_t at = cache->table[table_find(cache, conversation)];
    if (!at)
        return 0;
    cache->entries[at].used_ns = now_ns;
    ring_unlink(cache, at);
    ring_link_newest(cache, at);
    return cache->entries[at].tokens;
}

uint32_t kv_cache_peek(const struct kv_cache *cache, uint64_t conversation)
{
    const uint32_t at = cache->table[table_find(cache, conversation)];
    return at ? cache->entries[at].tokens : 0;
}

static uint32_t entry_add(struct kv_cache *cache, uint64_t conversation)
{
    if (cache->count >= (cache->table_mask + 1) / 2)
        table_grow(cache);
    const uint32_t at = entry_take(cache);
    cache->entries[at] = (struct entry){.conversation = conversation};
    cache->table[table_find(cache, conversation)] = at;
    ring_link_newest(cache, at);
    cache->count++;
    return at;
}

void kv_cache_store(struct kv_cache *cache, uint64_t conversation, uint32_t tokens, int64_t now_ns)
{
    if (blocks_of(tokens) > cache->capacity_tokens || tokens == 0)
        return;
    const uint32_t known = kv_cache_find(cache, conversation, now_ns);
    const uint32_t at =
        known ? cache->table[table_find(cache, conversation)] : entry_add(cache, conversation);
    struct entry *e = &cache->entries[at];
    e->used_ns = now_ns;
    if (tokens > e->tokens) {
        cache->used_tokens += blocks_of(tokens) - blocks_of(e->tokens);
        e->tokens = tokens;
    }
    evict(cache, at, now_ns);
}

void kv_cache_clear(struct kv_cache *cache)
{
    while (cache->entries[0].newer)
        entry_drop(cache, cache->entries[0].newer);
}

uint64_t kv_cache_used_tokens(const struct kv_cache *cache)
{
    return cache->used_tokens;
}

int64_t kv_cache_evicted_idle_ns(const struct kv_cache *cache)
{
    return cache->evicted_idle_ns;
}
