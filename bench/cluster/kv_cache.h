/*
 * The prefix cache of a simulated cluster: how many tokens of each
 * conversation its engines still hold, least recently used first out.  The
 * cluster model asks it when a prefill starts and tells it when one ends.
 * It knows token counts only, never tokens.  One thread.
 */
#ifndef CLUSTER_KV_CACHE_H
#define CLUSTER_KV_CACHE_H

#include <stdint.h>

#include "base/check.h"

/* Engines cache in blocks; the smallest entry costs one. */
#define KV_BLOCK_TOKENS 16

struct kv_cache;

/* At most `capacity_tokens`; memory grows with what is in it. */
struct kv_cache *kv_cache_create(uint64_t capacity_tokens) ISO_MUST_USE;
void kv_cache_destroy(struct kv_cache **cache);

/* Tokens held of the conversation, now the most recently used; 0 when absent. */
uint32_t kv_cache_find(struct kv_cache *cache, uint64_t conversation, int64_t now_ns);
/* The same, without making it the most recently used. */
uint32_t kv_cache_peek(const struct kv_cache *cache, uint64_t conversation);
/*
 * The conversation's context has grown to `tokens`; a shorter one than known
 * changes nothing but its age.  Evicts others as needed; what is larger than
 * the whole cache is not kept.
 */
void kv_cache_store(struct kv_cache *cache, uint64_t conversation, uint32_t tokens, int64_t now_ns);
/* An engine that was restarted knows nothing. */
void kv_cache_clear(struct kv_cache *cache);

uint64_t kv_cache_used_tokens(const struct kv_cache *cache);
/* How long the last one evicted had been idle; -1 while nothing was. */
int64_t kv_cache_evicted_idle_ns(const struct kv_cache *cache);

#endif
