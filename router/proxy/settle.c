/*
 * A stream lasts for minutes, and few facts of its request are asked for at
 * its end.  So once the answer is on its way and the request has left for the
 * cluster, the heads, the body and all that was made of them go; what the log
 * line and the conversation's record need moves into one small block.
 */
#include "proxy/exchange.h"

enum { PATH_KEPT_BYTES = 256, TEXTS_KEPT = 12 }; /* more of a path is in no log line */

struct kept_texts {
    struct slice *each[TEXTS_KEPT];
};

static struct kept_texts texts_of(struct exchange *exchange)
{
    return (struct kept_texts){{
        &exchange->method,
        &exchange->path,
        &exchange->client_ip,
        &exchange->request_id,
        &exchange->trace_parent,
        &exchange->tenant,
        &exchange->model,
        &exchange->key_digest,
        &exchange->cluster,
        &exchange->endpoint_url,
        &exchange->route_name,
        &exchange->decision_json,
    }};
}

static size_t length_of(const struct kept_texts *texts)
{
    size_t len = 0;
    for (size_t i = 0; i < TEXTS_KEPT; i++)
        len += texts->each[i]->len;
    return len;
}

static void move_texts(const struct kept_texts *texts, char *to)
{
    for (size_t i = 0; i < TEXTS_KEPT; i++) {
        struct slice *text = texts->each[i];
        if (text->len > 0)
            memcpy(to, text->ptr, text->len);
        if (text->ptr != NULL) /* or what is absent would be empty */
            text->ptr = to;
        to += text->len;
    }
}

struct kept {
    struct sse sse;
    struct affinity_prefix prefixes[];
    /* and the texts */
};

static void keep_little(struct exchange *exchange)
{
    if (exchange->path.len > PATH_KEPT_BYTES)
        exchange->path.len = PATH_KEPT_BYTES;
    const struct kept_texts texts = texts_of(exchange);
    const size_t prefix_bytes = exchange->prefix_count * sizeof *exchange->prefixes;
    const size_t size = sizeof(struct kept) + prefix_bytes + length_of(&texts);
    struct arena small;
    arena_init_small(&small, size);
    struct kept *kept = arena_alloc(&small, size);
    kept->sse = *exchange->sse;
    exchange->sse = &kept->sse;
    if (prefix_bytes > 0)
        memcpy(kept->prefixes, exchange->prefixes, prefix_bytes);
    exchange->prefixes = kept->prefixes;
    move_texts(&texts, (char *)(kept->prefixes + exchange->prefix_count));
    arena_finish(exchange->arena);
    *exchange->arena = small;
}

/* Not behind the answer's end: its trailers wait in the client's arena. */
static bool may_settle(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_RELAYING && exchange->sse != NULL &&
           exchange->flight.phase != FLIGHT_ENDED && exchange->held == NULL &&
           exchange->head != NULL &&
           (exchange->upstream == NULL || stream_queued(exchange->upstream) == 0);
}

void exchange_settle(struct exchange *exchange)
{
    if (!may_settle(exchange))
        return;
    keep_little(exchange);
    exchange->head = NULL;
    exchange->ask = NULL;
    exchange->tried = NULL;
    exchange_release_body(exchange);
    if (exchange->upstream != NULL)
        arena_finish(stream_arena(exchange->upstream));
}
