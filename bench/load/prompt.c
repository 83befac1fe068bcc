#include "load/prompt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "load/size.h"

/* Room for the longest prompt at any of as many places. */
#define TEXT_BYTES (2 * (size_t)SIZE_TOKENS_MOST * PROMPT_BYTES_PER_TOKEN)
#define PLACES (TEXT_BYTES / 2 / PROMPT_BYTES_PER_TOKEN)

enum { PARTS_PER_PIECE = 2, PARTS_AROUND = 2 };

/* What stands around the text of a prompt, within what counts as the prompt and beyond. */
static const struct {
    struct slice path, key, open, close;
} kinds[] = {
    [PROMPT_CHAT] = {{"/v1/chat/completions", 20},
                     {"\"messages\":", 11},
                     {"[{\"role\":\"user\",\"content\":\"", 27},
                     {"\"}]}", 4}},
    [PROMPT_COMPLETIONS] = {{"/v1/completions", 15}, {"\"prompt\":", 9}, {"\"", 1}, {"\"}", 2}},
    [PROMPT_EMBEDDINGS] = {{"/v1/embeddings", 14}, {"\"input\":", 8}, {"\"", 1}, {"\"}", 2}},
};

static void write_text(char *text, struct random *random)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < TEXT_BYTES; i += PROMPT_BYTES_PER_TOKEN) {
        uint64_t bits = random_u64(random);
        for (size_t k = 0; k < PROMPT_BYTES_PER_TOKEN - 1; k++, bits >>= 16)
            text[i + k] = letters[(bits & 0xffff) % (sizeof(letters) - 1)];
        text[i + PROMPT_BYTES_PER_TOKEN - 1] = ' ';
    }
}

void prompt_source_init(struct prompt_source *source, const struct prompt_settings *settings,
                        uint64_t seed)
{
    struct random random;
    *source = (struct prompt_source){.settings = *settings};
    random_seed(&random, seed);
    source->text = memory_alloc(TEXT_BYTES);
    write_text(source->text, &random);
}

void prompt_source_finish(struct prompt_source *source)
{
    free(source->text);
    source->text = NULL;
}

struct slice prompt_path(enum prompt_kind kind)
{
    return kinds[kind].path;
}

/* ---- the head ---- */

static size_t add(char *head, size_t at, const char *text)
{
    const int n = snprintf(head + at, PROMPT_HEAD_BYTES - at, "%s", text);
    CHECK(n >= 0 && at + (size_t)n < PROMPT_HEAD_BYTES);
    return at + (size_t)n;
}

/* As service_tier has it; batch is none of its words, and goes by a field of the request. */
static const char *service_tier(enum traffic_class traffic_class)
{
    switch (traffic_class) {
    case CLASS_PRIORITY:
        return "\"service_tier\":\"priority\",";
    case CLASS_INTERACTIVE:
        return "\"service_tier\":\"default\",";
    case CLASS_FLEX:
        return "\"service_tier\":\"flex\",";
    case CLASS_NONE:
    case CLASS_BATCH:
    case CLASS_COUNT:
        break;
    }
    return "";
}

static struct slice write_head(struct prompt *out, const struct prompt_settings *settings,
                               const struct ask *ask)
{
    char text[64];
    const int n =
        snprintf(out->head, sizeof(out->head), "{\"model\":%.*s,", SLICE_ARG(settings->model));
    CHECK(n > 0 && (size_t)n < sizeof(out->head));
    size_t at = (size_t)n;
    const uint32_t said = settings->max_tokens > 0 ? settings->max_tokens : ask->output_tokens;
    if (settings->kind != PROMPT_EMBEDDINGS && said > 0) {
        snprintf(text, sizeof(text), "\"max_tokens\":%" PRIu32 ",", said);
        at = add(out->head, at, text);
    }
    if (settings->stream)
        at = add(out->head, at, "\"stream\":true,");
    if (settings->stream && settings->usage)
        at = add(out->head, at, "\"stream_options\":{\"include_usage\":true},");
    at = add(out->head, at, service_tier(ask->traffic_class));
    if (ask->conversation > 0) {
        snprintf(text, sizeof(text), "\"prompt_cache_key\":\"conversation-%" PRIu64 "\",",
                 ask->conversation);
        at = add(out->head, at, text);
    }
    at = add(out->head, at, kinds[settings->kind].key.ptr);
    at = add(out->head, at, kinds[settings->kind].open.ptr);
    return slice_make(out->head, at);
}

/* ---- the text ---- */

/* So that numbers in a row are far apart in the text and in their names (MurmurHash3's finaliser).
 */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/* Four tokens that no other piece begins with. */
static void write_name(char *out, uint64_t bits)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PROMPT_NAME_BYTES; i++) {
        if (i % PROMPT_BYTES_PER_TOKEN == PROMPT_BYTES_PER_TOKEN - 1) {
            out[i] = ' ';
            continue;
        }
        out[i] = digits[bits & 15];
        bits >>= 4;
    }
}

static void add_part(struct prompt *out, const char *text, size_t len)
{
    if (len > 0)
        out->parts[out->part_count++] = slice_make(text, len);
}

static void write_piece(struct prompt *out, const struct prompt_source *source, uint32_t at,
                        uint64_t number, size_t bytes)
{
    const uint64_t bits = mix(number);
    const size_t named = bytes < PROMPT_NAME_BYTES ? bytes : PROMPT_NAME_BYTES;
    write_name(out->names[at], bits);
    add_part(out, out->names[at], named);
    add_part(out, source->text + bits % PLACES * PROMPT_BYTES_PER_TOKEN, bytes - named);
}

static void make_room(struct prompt *prompt, uint32_t pieces)
{
    if (pieces <= prompt->piece_room)
        return;
    prompt->piece_room = pieces;
    prompt->names = memory_realloc(prompt->names, pieces * sizeof *prompt->names);
    prompt->parts =
        memory_realloc(prompt->parts,
                       ((size_t)pieces * PARTS_PER_PIECE + PARTS_AROUND) * sizeof *prompt->parts);
}

void prompt_write(struct prompt *prompt, const struct prompt_source *source, const struct ask *ask)
{
    const enum prompt_kind kind = source->settings.kind;
    /* The last byte of `close` ends the body, not the prompt. */
    const size_t around = kinds[kind].open.len + kinds[kind].close.len - 1;
    const size_t wanted = (size_t)ask->prompt_tokens * PROMPT_BYTES_PER_TOKEN;
    size_t left = wanted > around + PROMPT_NAME_BYTES ? wanted - around : PROMPT_NAME_BYTES;
    make_room(prompt, ask->piece_count);
    prompt->part_count = 0;
    const struct slice head = write_head(prompt, &source->settings, ask);
    add_part(prompt, head.ptr, head.len);
    for (uint32_t i = 0; i < ask->piece_count && left > 0; i++) {
        size_t bytes = (size_t)ask->pieces[i].tokens * PROMPT_BYTES_PER_TOKEN;
        if (bytes > left || i + 1 == ask->piece_count)
            bytes = left;
        write_piece(prompt, source, i, ask->pieces[i].number, bytes);
        left -= bytes;
    }
    add_part(prompt, kinds[kind].close.ptr, kinds[kind].close.len);
}

void prompt_finish(struct prompt *prompt)
{
    free(prompt->parts);
    free(prompt->names);
    *prompt = (struct prompt){0};
}
