#include "load/prompt.h"

#include <stdlib.h>

#include "base/number.h"
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

struct slice prompt_path(enum prompt_kind kind)
{
    return kinds[kind].path;
}

/* ---- the head ---- */

/* Where the next bytes of a head go; all that is put there is short. */
struct cursor {
    char *at;
    const char *end;
};

static void put(struct cursor *cursor, struct slice text)
{
    CHECK_LE(text.len, (size_t)(cursor->end - cursor->at));
    memcpy(cursor->at, text.ptr, text.len);
    cursor->at += text.len;
}

static void put_number(struct cursor *cursor, uint64_t number)
{
    char text[NUMBER_TEXT_BYTES];
    put(cursor, number_text(text, number));
}

/* As service_tier has it; batch is none of its words, and goes by a field of the request. */
static struct slice service_tier(enum traffic_class traffic_class)
{
    switch (traffic_class) {
    case CLASS_PRIORITY:
        return SLICE("\"service_tier\":\"priority\",");
    case CLASS_INTERACTIVE:
        return SLICE("\"service_tier\":\"default\",");
    case CLASS_FLEX:
        return SLICE("\"service_tier\":\"flex\",");
    case CLASS_NONE:
    case CLASS_BATCH:
    case CLASS_COUNT:
        break;
    }
    return SLICE("");
}

static void write_front(struct prompt_source *source)
{
    const struct prompt_settings *settings = &source->settings;
    struct cursor cursor = {source->front, source->front + sizeof source->front};
    put(&cursor, SLICE("{\"model\":"));
    put(&cursor, settings->model);
    put(&cursor, SLICE(","));
    if (settings->stream)
        put(&cursor, SLICE("\"stream\":true,"));
    if (settings->stream && settings->usage)
        put(&cursor, SLICE("\"stream_options\":{\"include_usage\":true},"));
    source->front_len = (size_t)(cursor.at - source->front);
}

static struct slice write_head(struct prompt *out, const struct prompt_source *source,
                               const struct ask *ask)
{
    const enum prompt_kind kind = source->settings.kind;
    struct cursor cursor = {out->head, out->head + sizeof out->head};
    put(&cursor, slice_make(source->front, source->front_len));
    const uint32_t most = source->settings.max_tokens;
    const uint32_t said = most > 0 ? most : ask->output_tokens;
    if (kind != PROMPT_EMBEDDINGS && said > 0) {
        put(&cursor, SLICE("\"max_tokens\":"));
        put_number(&cursor, said);
        put(&cursor, SLICE(","));
    }
    put(&cursor, service_tier(ask->traffic_class));
    if (ask->conversation > 0) {
        put(&cursor, SLICE("\"prompt_cache_key\":\"conversation-"));
        put_number(&cursor, ask->conversation);
        put(&cursor, SLICE("\","));
    }
    put(&cursor, kinds[kind].key);
    put(&cursor, kinds[kind].open);
    return slice_make(out->head, (size_t)(cursor.at - out->head));
}

void prompt_source_init(struct prompt_source *source, const struct prompt_settings *settings,
                        uint64_t seed)
{
    struct random random;
    *source = (struct prompt_source){.settings = *settings};
    random_seed(&random, seed);
    source->text = memory_alloc(TEXT_BYTES);
    write_text(source->text, &random);
    write_front(source);
}

void prompt_source_finish(struct prompt_source *source)
{
    free(source->text);
    source->text = NULL;
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
    const struct slice head = write_head(prompt, source, ask);
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
