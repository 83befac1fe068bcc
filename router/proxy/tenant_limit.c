#include "proxy/tenant_limit.h"

#include <string.h>

enum { DIGEST_BYTES = sizeof((struct tenant_key *)0)->digest };

void tenant_limit_of(struct exchange *exchange, size_t n)
{
    const struct tenant_key *key = &proxy_tables(exchange->proxy)->keys[n];
    if (key->meter == NULL && key->models.count == 0)
        return;
    exchange->key_index = n;
    exchange->key_digest =
        arena_copy(exchange->arena, slice_make((const char *)key->digest, DIGEST_BYTES));
}

static bool is_its_key(const struct exchange *exchange, const struct tenant_key *key)
{
    return memcmp(key->digest, exchange->key_digest.ptr, DIGEST_BYTES) == 0;
}

/* Of a key with limits; NULL: it is no longer in the file. */
static const struct tenant_key *key_of(const struct exchange *exchange)
{
    const struct proxy_tables *tables = proxy_tables(exchange->proxy);
    if (exchange->key_index < tables->key_count &&
        is_its_key(exchange, &tables->keys[exchange->key_index]))
        return &tables->keys[exchange->key_index];
    for (size_t i = 0; i < tables->key_count; i++)
        if (is_its_key(exchange, &tables->keys[i]))
            return &tables->keys[i];
    return NULL;
}

static bool is_used_up(struct exchange *exchange, const struct tenant_key *key,
                       enum meter_kind kind, uint64_t most)
{
    const int64_t now_ns = loop_now_ns(exchange->proxy->loop);
    if (most == 0)
        return false;
    exchange->retry_ms = meter_wait_ms(key->meter, kind, most, now_ns);
    return exchange->retry_ms > 0;
}

static void add(const struct exchange *exchange, const struct tenant_key *key, enum meter_kind kind,
                uint64_t count)
{
    meter_add(key->meter, exchange->proxy->worker, kind, count, loop_now_ns(exchange->proxy->loop));
}

enum fault tenant_limit_begin(struct exchange *exchange)
{
    const struct tenant_key *key = key_of(exchange);
    if (key == NULL || key->meter == NULL)
        return FAULT_NONE;
    if (is_used_up(exchange, key, METER_REQUESTS, key->requests_per_min) ||
        is_used_up(exchange, key, METER_TOKENS, key->tokens_per_min))
        return FAULT_TENANT_LIMIT;
    add(exchange, key, METER_REQUESTS, 1);
    return FAULT_NONE;
}

bool tenant_limit_allows(const struct exchange *exchange, struct slice model)
{
    if (exchange->key_digest.len == 0)
        return true;
    const struct tenant_key *key = key_of(exchange);
    return key != NULL && word_list_fits(&key->models, model);
}

void tenant_limit_sent(const struct exchange *exchange)
{
    const struct tenant_key *key = key_of(exchange);
    if (key != NULL && key->meter != NULL)
        add(exchange, key, METER_TOKENS, (uint64_t)exchange->prompt_tokens);
}

/* What the cluster counted, or an event a token. */
static uint64_t tokens_of(const struct exchange *exchange)
{
    const struct usage_facts *usage = &exchange->usage;
    const int64_t prompt = (int64_t)exchange->prompt_tokens;
    const int64_t more_prompt = usage->prompt_tokens > prompt ? usage->prompt_tokens - prompt : 0;
    if (usage->completion_tokens >= 0)
        return (uint64_t)(more_prompt + usage->completion_tokens);
    return exchange->sse != NULL ? exchange->sse->data_events : 0;
}

void tenant_limit_end(const struct exchange *exchange)
{
    const struct tenant_key *key = exchange->attempts > 0 ? key_of(exchange) : NULL;
    if (key != NULL && key->meter != NULL)
        add(exchange, key, METER_TOKENS, tokens_of(exchange));
}
