#include "net/redis_schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "net/redis_reader.h"

extern const char redis_library_text[]; /* redis_library.lua */

bool redis_name_valid(struct slice name)
{
    if (name.len < 1 || name.len > REDIS_NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

bool redis_target_split(struct slice target, struct slice *cluster, struct slice *pool)
{
    const ptrdiff_t colon = slice_find(target, ':');
    if (colon < 0)
        return false;
    *cluster = slice_make(target.ptr, (size_t)colon);
    *pool = slice_make(target.ptr + colon + 1, target.len - (size_t)colon - 1);
    return redis_name_valid(*cluster) && redis_name_valid(*pool);
}

void redis_schema_init(struct redis_schema *schema, struct slice prefix)
{
    CHECK(redis_name_valid(prefix));
    const struct {
        char *out;
        const char *rest;
    } keys[] = {
        {schema->reports, "reports"},       {schema->updates, "updates"},
        {schema->total, "total"},           {schema->routers, "routers"},
        {schema->report_prefix, "report:"}, {schema->router_prefix, "router:"},
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        snprintf(keys[i].out, sizeof schema->reports, "{%.*s}:%s", SLICE_ARG(prefix), keys[i].rest);
}

void redis_command_add(struct redis_command *command, struct slice word)
{
    if (command->count == command->capacity) {
        const size_t capacity = command->capacity ? 2 * command->capacity : 32;
        struct slice *words = arena_alloc(command->arena, capacity * sizeof *words);
        if (command->count > 0)
            memcpy(words, command->words, command->count * sizeof *words);
        command->words = words;
        command->capacity = capacity;
    }
    command->words[command->count++] = word;
}

void redis_command_add_number(struct redis_command *command, uint64_t number)
{
    redis_command_add(command, arena_printf(command->arena, "%" PRIu64, number));
}

bool redis_command_send(const struct redis_command *command, struct redis_client *client,
                        redis_done *done, void *user)
{
    return redis_client_call(client, command->words, command->count, done, user);
}

static struct redis_command function_call(struct arena *arena, const char *function,
                                          uint64_t key_count)
{
    struct redis_command command = {.arena = arena};
    redis_command_add(&command, SLICE("FCALL"));
    redis_command_add(&command, slice_of(function));
    redis_command_add_number(&command, key_count);
    return command;
}

struct redis_command redis_command_report(struct arena *arena, const struct redis_schema *schema,
                                          const struct redis_report_key *key)
{
    struct redis_command command = function_call(arena, "iso1_report", 2);
    redis_command_add(&command, arena_printf(arena, "%s%.*s:%.*s", schema->report_prefix,
                                             SLICE_ARG(key->cluster), SLICE_ARG(key->pool)));
    redis_command_add(&command, slice_of(schema->reports));
    redis_command_add(&command, key->cluster);
    redis_command_add(&command, key->pool);
    redis_command_add_number(&command, key->epoch);
    redis_command_add_number(&command, key->seq);
    redis_command_add_number(&command, key->ttl_ms);
    redis_command_add(&command, slice_of(schema->updates));
    return command;
}

struct redis_command redis_command_snapshot(struct arena *arena, const struct redis_schema *schema)
{
    struct redis_command command = function_call(arena, "iso1_snapshot", 2);
    redis_command_add(&command, slice_of(schema->reports));
    redis_command_add(&command, slice_of(schema->routers));
    redis_command_add(&command, slice_of(schema->report_prefix));
    return command;
}

struct redis_command redis_command_exchange(struct arena *arena, const struct redis_schema *schema,
                                            struct slice name, uint64_t tick_ms)
{
    struct redis_command command = function_call(arena, "iso1_exchange", 3);
    redis_command_add(&command,
                      arena_printf(arena, "%s%.*s", schema->router_prefix, SLICE_ARG(name)));
    redis_command_add(&command, slice_of(schema->total));
    redis_command_add(&command, slice_of(schema->routers));
    redis_command_add(&command, name);
    redis_command_add_number(&command, tick_ms);
    redis_command_add(&command, slice_of(schema->router_prefix));
    return command;
}

static struct slice error_text(const struct redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return SLICE_NONE;
    return slice_make(reply->str, (size_t)reply->len);
}

bool redis_library_missing(const struct redisReply *reply)
{
    return slice_starts(error_text(reply), SLICE("ERR Function not found"));
}

bool redis_library_load(struct redis_client *client, redis_done *done, void *user)
{
    const struct slice words[] = {SLICE("FUNCTION"), SLICE("LOAD"), slice_of(redis_library_text)};
    return redis_client_call(client, words, COUNT_OF(words), done, user);
}

bool redis_library_loaded(const struct redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_ERROR)
        return slice_ends(error_text(reply), SLICE("already exists"));
    return redis_reply_text(reply).len > 0;
}
