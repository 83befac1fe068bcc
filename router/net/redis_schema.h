/*
 * The keys of Isochrone in Redis and the calls of its function library: the
 * one place where control/ (reader) and the agent (writer) agree.  Builds
 * commands; redis_client sends them.  The functions are redis_library.lua.
 *
 *   {iso}:report:<cluster>:<pool>  hash     {iso}:updates        channel
 *   {iso}:reports                  zset     {iso}:router:<name>  hash
 *   {iso}:routers                  zset     {iso}:total          hash
 */
#ifndef NET_REDIS_SCHEMA_H
#define NET_REDIS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slice.h"
#include "net/redis_client.h"

enum { REDIS_NAME_BYTES = 64, REDIS_FIELDS_MOST = 64, REDIS_TARGETS_MOST = 4096 };

struct redis_schema {
    char reports[REDIS_NAME_BYTES + 16];
    char updates[REDIS_NAME_BYTES + 16];
    char total[REDIS_NAME_BYTES + 16];
    char routers[REDIS_NAME_BYTES + 16];
    char report_prefix[REDIS_NAME_BYTES + 16];
    char router_prefix[REDIS_NAME_BYTES + 16];
};

/* `prefix` must be a valid name; the default is "iso". */
void redis_schema_init(struct redis_schema *schema, struct slice prefix);
/* 1 to 64 of a-z 0-9 . _ -: clusters, pools, routers, prefixes, report fields. */
bool redis_name_valid(struct slice name);
/* "cluster:pool" in two. */
bool redis_target_split(struct slice target, struct slice *cluster,
                        struct slice *pool) ISO_MUST_USE;

/* A command being put together; its words live in the arena. */
struct redis_command {
    struct arena *arena;
    struct slice *words;
    size_t count;
    size_t capacity;
};

void redis_command_add(struct redis_command *command, struct slice word); /* not copied */
void redis_command_add_number(struct redis_command *command, uint64_t number);
bool redis_command_send(const struct redis_command *command, struct redis_client *client,
                        redis_done *done, void *user) ISO_MUST_USE;

struct redis_report_key {
    struct slice cluster;
    struct slice pool;
    uint64_t epoch; /* server's clock at the writer's start, ms */
    uint64_t seq;
    uint64_t ttl_ms; /* 100 to 600000; the key lives three times as long */
};

/* Followed by field, value, field, value.  Reply: [accepted, epoch, seq, now_ms]. */
struct redis_command redis_command_report(struct arena *arena, const struct redis_schema *schema,
                                          const struct redis_report_key *key);
/* Reply: [now_ms, [member, [field, value, ...], ...], [router, ts_ms, ...]]. */
struct redis_command redis_command_snapshot(struct arena *arena, const struct redis_schema *schema);
/* Followed by target, in_flight, pending, pending_tokens for each target.
 * Reply: [now_ms, live routers, in_flight, pending, pending_tokens, ...]. */
struct redis_command redis_command_exchange(struct arena *arena, const struct redis_schema *schema,
                                            struct slice name, uint64_t tick_ms);

/* The reply says that the server has not got our functions: load them, then call again. */
bool redis_library_missing(const struct redisReply *reply);
bool redis_library_load(struct redis_client *client, redis_done *done, void *user) ISO_MUST_USE;
/* What came back from loading: loaded now, or there already. */
bool redis_library_loaded(const struct redisReply *reply);

#endif
