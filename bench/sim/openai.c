#include "sim/openai.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "http/facts.h"
#include "sim/words.h"

#define PROMPT_BYTES_PER_TOKEN 4
/* Of a prompt without a key: turns of one conversation agree in so much. */
#define CONVERSATION_PREFIX_BYTES 256
#define EMBEDDING_SIZE 8

/* ---- reading ---- */

static uint64_t hash_bytes(struct slice s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

static uint64_t conversation_of(const struct request_facts *facts)
{
    if (facts->prompt_cache_key.ptr)
        return hash_bytes(facts->prompt_cache_key);
    if (facts->user.ptr)
        return hash_bytes(facts->user);
    struct slice prefix = facts->prompt;
    if (prefix.len > CONVERSATION_PREFIX_BYTES)
        prefix.len = CONVERSATION_PREFIX_BYTES;
    return hash_bytes(prefix);
}

/* A field with a token count; `otherwise` when it is absent or no such number. */
static uint32_t tokens_field(const struct fields *fields, struct slice name, uint64_t otherwise)
{
    uint64_t tokens = otherwise;
    const struct slice value = fields_find(fields, name);
    if (value.ptr && !slice_to_u64(value, &tokens))
        tokens = otherwise;
    return tokens < OPENAI_TOKENS_MAX ? (uint32_t)tokens : OPENAI_TOKENS_MAX;
}

static bool skip_string(struct slice s, size_t *at)
{
    for (++*at; *at < s.len && s.ptr[*at] != '"'; ++*at)
        if (s.ptr[*at] == '\\')
            ++*at;
    return *at < s.len;
}

/* How many texts `input` holds: a string or a list of numbers is one, a list of others so many. */
static uint32_t count_inputs(struct slice json)
{
    size_t depth = 0;
    uint32_t strings = 0, lists = 0;
    for (size_t i = 0; i < json.len; i++) {
        if (json.ptr[i] == '"') {
            strings += depth <= 1;
            if (!skip_string(json, &i))
                break;
        } else if (json.ptr[i] == '[') {
            lists += depth++ == 1;
        } else if (json.ptr[i] == ']' && depth > 0) {
            depth--;
        }
    }
    const uint32_t count = strings + lists;
    if (count == 0)
        return 1;
    return count < OPENAI_INPUTS_MAX ? count : OPENAI_INPUTS_MAX;
}

/* "encoding_format": "base64", what the SDKs ask for unless told otherwise. */
static bool wants_base64(struct slice body)
{
    static const char key[] = "\"encoding_format\"", value[] = "\"base64\"";
    const char *at = memmem(body.ptr, body.len, key, sizeof(key) - 1);
    if (!at)
        return false;
    const char *end = body.ptr + body.len;
    for (at += sizeof(key) - 1; at < end && (isspace((unsigned char)*at) || *at == ':'); at++)
        continue;
    return (size_t)(end - at) >= sizeof(value) - 1 && memcmp(at, value, sizeof(value) - 1) == 0;
}

static void read_sizes(const struct fields *fields, const struct request_facts *facts,
                       struct openai_ask *out)
{
    const uint64_t estimate = facts->prompt.len / PROMPT_BYTES_PER_TOKEN;
    out->prompt_tokens =
        tokens_field(fields, SLICE("x-sim-prompt-tokens"), estimate ? estimate : 1);
    if (out->prompt_tokens == 0)
        out->prompt_tokens = 1;
    out->reusable_tokens = tokens_field(fields, SLICE("x-sim-prefix-tokens"), out->prompt_tokens);
    out->limited = facts->max_tokens >= 0;
    if (out->kind == OPENAI_EMBEDDINGS)
        return;
    const uint64_t output = out->limited ? (uint64_t)facts->max_tokens : OPENAI_OUTPUT_TOKENS;
    out->output_tokens = tokens_field(fields, SLICE("x-sim-output-tokens"), output);
    if (out->output_tokens == 0)
        out->output_tokens = 1;
}

enum fault openai_read(enum openai_kind kind, const struct fields *fields, struct slice body,
                       struct arena *arena, struct openai_ask *out, const char **param)
{
    struct request_facts facts;
    *out = (struct openai_ask){.kind = kind};
    *param = NULL;
    const enum fault fault = facts_parse(body.ptr, body.len, arena, &facts, param);
    if (fault != FAULT_NONE)
        return fault;
    if (!facts.model.ptr)
        return FAULT_MODEL_MISSING;
    out->model = arena_copy(arena, facts.model);
    out->stream = facts.stream && kind != OPENAI_EMBEDDINGS;
    out->include_usage = facts.include_usage;
    out->base64 = kind == OPENAI_EMBEDDINGS && wants_base64(body);
    out->inputs = kind == OPENAI_EMBEDDINGS ? count_inputs(facts.prompt) : 1;
    out->conversation = conversation_of(&facts);
    read_sizes(fields, &facts, out);
    return FAULT_NONE;
}

/* ---- text ---- */

static struct slice escaped(struct slice text, struct arena *arena)
{
    struct buffer quoted = {0};
    struct json json;
    json_init(&json, &quoted);
    json_slice(&json, text);
    const struct slice all = buffer_slice(&quoted);
    const struct slice copy = arena_copy(arena, slice_make(all.ptr + 1, all.len - 2));
    buffer_release(&quoted);
    return copy;
}

static const char *stream_object(const struct openai_text *t)
{
    return t->kind == OPENAI_CHAT ? "chat.completion.chunk" : "text_completion";
}

void openai_text_init(struct openai_text *t, const struct openai_ask *ask, struct slice id,
                      int64_t created_s, struct arena *arena)
{
    const bool chat = ask->kind == OPENAI_CHAT;
    *t = (struct openai_text){
        .kind = ask->kind,
        .include_usage = ask->include_usage,
        .finish_reason = ask->limited ? "length" : "stop",
        .created_s = created_s,
    };
    const struct slice clean = escaped(id, arena);
    t->id = arena_printf(arena, "%s-%.*s", chat ? "chatcmpl" : "cmpl", SLICE_ARG(clean));
    t->model = escaped(ask->model, arena);
    t->before_token =
        arena_printf(arena,
                     "data: {\"id\":\"%.*s\",\"object\":\"%s\",\"created\":%" PRId64
                     ",\"model\":\"%.*s\",\"choices\":[{\"index\":0,%s",
                     SLICE_ARG(t->id), stream_object(t), created_s, SLICE_ARG(t->model),
                     chat ? "\"delta\":{\"content\":\"" : "\"text\":\"");
    t->after_token = slice_of(chat ? "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
                                   : "\",\"logprobs\":null,\"finish_reason\":null}]}\n\n");
}

static void stream_head(const struct openai_text *t, struct buffer *out)
{
    buffer_printf(out,
                  "data: {\"id\":\"%.*s\",\"object\":\"%s\",\"created\":%" PRId64
                  ",\"model\":\"%.*s\",\"choices\":[",
                  SLICE_ARG(t->id), stream_object(t), t->created_s, SLICE_ARG(t->model));
}

static void write_usage(const struct openai_usage *u, struct buffer *out)
{
    buffer_printf(out,
                  "\"usage\":{\"prompt_tokens\":%u,\"total_tokens\":%u,\"completion_tokens\":%u,"
                  "\"prompt_tokens_details\":{\"cached_tokens\":%u}}",
                  u->prompt_tokens, u->prompt_tokens + u->completion_tokens, u->completion_tokens,
                  u->cached_tokens);
}

void openai_stream_begin(const struct openai_text *t, struct buffer *out)
{
    if (t->kind != OPENAI_CHAT)
        return;
    stream_head(t, out);
    buffer_append_slice(out, SLICE("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
                                   "\"\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"));
}

void openai_stream_tokens(const struct openai_text *t, uint32_t from, uint32_t to,
                          struct buffer *out)
{
    for (uint32_t token = from; token < to; token++) {
        buffer_append_slice(out, t->before_token);
        buffer_append_slice(out, slice_of(sim_word(token)));
        buffer_append_slice(out, t->after_token);
    }
}

void openai_stream_end(const struct openai_text *t, const struct openai_usage *usage,
                       struct buffer *out)
{
    stream_head(t, out);
    buffer_printf(out, "{\"index\":0,%s,\"logprobs\":null,\"finish_reason\":\"%s\"}]}\n\n",
                  t->kind == OPENAI_CHAT ? "\"delta\":{}" : "\"text\":\"\"", t->finish_reason);
    if (t->include_usage) {
        stream_head(t, out);
        buffer_append_slice(out, SLICE("],"));
        write_usage(usage, out);
        buffer_append_slice(out, SLICE("}\n\n"));
    }
    buffer_append_slice(out, SLICE("data: [DONE]\n\n"));
}

void openai_write_whole(const struct openai_text *t, const struct openai_usage *usage,
                        struct buffer *out)
{
    const bool chat = t->kind == OPENAI_CHAT;
    buffer_printf(out,
                  "{\"id\":\"%.*s\",\"object\":\"%s\",\"created\":%" PRId64
                  ",\"model\":\"%.*s\",\"choices\":[{\"index\":0,%s",
                  SLICE_ARG(t->id), chat ? "chat.completion" : "text_completion", t->created_s,
                  SLICE_ARG(t->model),
                  chat ? "\"message\":{\"role\":\"assistant\",\"content\":\"" : "\"text\":\"");
    for (uint32_t token = 0; token < usage->completion_tokens; token++)
        buffer_append_slice(out, slice_of(sim_word(token)));
    buffer_printf(out, "\"%s,\"logprobs\":null,\"finish_reason\":\"%s\"}],", chat ? "}" : "",
                  t->finish_reason);
    write_usage(usage, out);
    buffer_append_byte(out, '}');
}

/* ---- embeddings, models, errors ---- */

static void write_base64(const unsigned char *bytes, size_t len, struct buffer *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        const uint32_t b1 = i + 1 < len ? bytes[i + 1] : 0u;
        const uint32_t b2 = i + 2 < len ? bytes[i + 2] : 0u;
        const uint32_t word24 = (uint32_t)bytes[i] << 16 | b1 << 8 | b2;
        buffer_append_byte(out, digits[word24 >> 18]);
        buffer_append_byte(out, digits[word24 >> 12 & 63]);
        buffer_append_byte(out, i + 1 < len ? digits[word24 >> 6 & 63] : '=');
        buffer_append_byte(out, i + 2 < len ? digits[word24 & 63] : '=');
    }
}

static void write_vector(bool base64, uint32_t number, struct buffer *out)
{
    float vector[EMBEDDING_SIZE];
    for (uint32_t i = 0; i < EMBEDDING_SIZE; i++)
        vector[i] = (float)((number * 31 + i * 7) % 64) / 64.0f - 0.5f;
    if (base64) {
        buffer_append_byte(out, '"');
        write_base64((const unsigned char *)vector, sizeof(vector), out);
        buffer_append_byte(out, '"');
        return;
    }
    for (uint32_t i = 0; i < EMBEDDING_SIZE; i++)
        buffer_printf(out, "%c%.6g", i ? ',' : '[', (double)vector[i]);
    buffer_append_byte(out, ']');
}

void openai_write_embeddings(const struct openai_ask *ask, const struct openai_usage *usage,
                             struct buffer *out)
{
    struct json json;
    buffer_append_slice(out, SLICE("{\"object\":\"list\",\"data\":["));
    for (uint32_t i = 0; i < ask->inputs; i++) {
        buffer_printf(out, "%s{\"index\":%u,\"object\":\"embedding\",\"embedding\":", i ? "," : "",
                      i);
        write_vector(ask->base64, i, out);
        buffer_append_byte(out, '}');
    }
    buffer_append_slice(out, SLICE("],\"model\":"));
    json_init(&json, out);
    json_slice(&json, ask->model);
    buffer_append_byte(out, ',');
    write_usage(usage, out);
    buffer_append_byte(out, '}');
}

void openai_write_models(const char *const *models, uint32_t count, int64_t created_s,
                         struct buffer *out)
{
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_kv_string(&json, "object", "list");
    json_key(&json, "data");
    json_array_begin(&json);
    for (uint32_t i = 0; i < count; i++) {
        json_object_begin(&json);
        json_kv_string(&json, "id", models[i]);
        json_kv_string(&json, "object", "model");
        json_kv_int(&json, "created", created_s);
        json_kv_string(&json, "owned_by", "isosim");
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
}

static const char *error_type(int status)
{
    switch (status) {
    case 400:
        return "BadRequestError";
    case 401:
        return "AuthenticationError";
    case 404:
        return "NotFoundError";
    case 429:
        return "RateLimitError";
    case 503:
        return "ServiceUnavailableError";
    default:
        return status < 500 ? "BadRequestError" : "InternalServerError";
    }
}

void openai_write_error(int status, const char *message, struct buffer *out)
{
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_key(&json, "error");
    json_object_begin(&json);
    json_kv_string(&json, "message", message);
    json_kv_string(&json, "type", error_type(status));
    json_key(&json, "param");
    json_null(&json);
    json_kv_int(&json, "code", status);
    json_object_end(&json);
    json_object_end(&json);
}
