#include "load/prompt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Room for the longest prompt at any of as many places. */
#define TEXT_BYTES (2 * (size_t)SIZE_TOKENS_MOST * PROMPT_BYTES_PER_TOKEN)
#define PLACES (TEXT_BYTES / 2 / PROMPT_BYTES_PER_TOKEN)

enum { UNIQUE_TOKENS = 4 };

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
    *source = (struct prompt_source){.settings = *settings};
    random_seed(&source->random, seed);
    source->text = memory_alloc(TEXT_BYTES);
    write_text(source->text, &source->random);
}

void prompt_source_finish(struct prompt_source *source)
{
    free(source->text);
    source->text = NULL;
}

struct slice prompt_path(enum prompt_kind kind)
{
    switch (kind) {
    case PROMPT_COMPLETIONS:
        return SLICE("/v1/completions");
    case PROMPT_EMBEDDINGS:
        return SLICE("/v1/embeddings");
    case PROMPT_CHAT:
        break;
    }
    return SLICE("/v1/chat/completions");
}

static const char *opening(enum prompt_kind kind)
{
    switch (kind) {
    case PROMPT_COMPLETIONS:
        return "\"prompt\":\"";
    case PROMPT_EMBEDDINGS:
        return "\"input\":\"";
    case PROMPT_CHAT:
        break;
    }
    return "\"messages\":[{\"role\":\"user\",\"content\":\"";
}

static size_t add(char *head, size_t at, const char *text)
{
    const int n = snprintf(head + at, PROMPT_HEAD_BYTES - at, "%s", text);
    CHECK(n >= 0 && at + (size_t)n < PROMPT_HEAD_BYTES);
    return at + (size_t)n;
}

static struct slice write_head(const struct prompt_source *source, struct prompt *out)
{
    const struct prompt_settings *settings = &source->settings;
    char text[64];
    const int n =
        snprintf(out->head, sizeof(out->head), "{\"model\":%.*s,", SLICE_ARG(settings->model));
    CHECK(n > 0 && (size_t)n < sizeof(out->head));
    size_t at = (size_t)n;
    if (settings->kind != PROMPT_EMBEDDINGS && out->output_tokens > 0) {
        snprintf(text, sizeof(text), "\"max_tokens\":%" PRIu32 ",", out->output_tokens);
        at = add(out->head, at, text);
    }
    if (settings->stream)
        at = add(out->head, at, "\"stream\":true,");
    if (settings->stream && settings->usage)
        at = add(out->head, at, "\"stream_options\":{\"include_usage\":true},");
    if (out->conversation > 0) {
        snprintf(text, sizeof(text), "\"prompt_cache_key\":\"conversation-%" PRIu32 "\",",
                 out->conversation);
        at = add(out->head, at, text);
    }
    at = add(out->head, at, opening(settings->kind));
    return slice_make(out->head, at);
}

/* Four tokens nobody else has. */
static struct slice write_unique(struct prompt *out, struct random *random)
{
    const uint64_t bits = random_u64(random);
    snprintf(out->unique, sizeof(out->unique), "%03x %03x %03x %03x ", (unsigned)(bits & 0xfff),
             (unsigned)(bits >> 12 & 0xfff), (unsigned)(bits >> 24 & 0xfff),
             (unsigned)(bits >> 36 & 0xfff));
    return slice_make(out->unique, (size_t)UNIQUE_TOKENS * PROMPT_BYTES_PER_TOKEN);
}

/* Conversations lie spread over the text; 2654435761 is Knuth's multiplier. */
static size_t text_offset(struct prompt_source *source, uint32_t conversation)
{
    const uint64_t place =
        conversation > 0 ? conversation * UINT64_C(2654435761) : random_u64(&source->random);
    return (size_t)(place % PLACES) * PROMPT_BYTES_PER_TOKEN;
}

void prompt_draw(struct prompt_source *source, struct prompt *out)
{
    const struct prompt_settings *settings = &source->settings;
    struct random *random = &source->random;
    out->prompt_tokens = size_draw(&settings->prompt, random);
    if (out->prompt_tokens < UNIQUE_TOKENS + 1)
        out->prompt_tokens = UNIQUE_TOKENS + 1;
    out->output_tokens = size_draw(&settings->output, random);
    out->conversation = 0;
    if (settings->conversations > 0)
        out->conversation = 1 + (uint32_t)(random_u64(random) % settings->conversations);
    const struct slice unique = write_unique(out, random);
    const struct slice shared =
        slice_make(source->text + text_offset(source, out->conversation),
                   (size_t)(out->prompt_tokens - UNIQUE_TOKENS) * PROMPT_BYTES_PER_TOKEN);
    out->parts[0] = write_head(source, out);
    out->parts[1] = out->conversation > 0 ? shared : unique;
    out->parts[2] = out->conversation > 0 ? unique : shared;
    out->parts[3] = settings->kind == PROMPT_CHAT ? SLICE("\"}]}") : SLICE("\"}");
}
