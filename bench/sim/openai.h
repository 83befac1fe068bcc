/*
 * The bytes of the OpenAI API as an inference engine speaks it: what a request
 * asks for, and the JSON and events of the answer.  Pure: no stream, no time,
 * no cluster.  Made-up text: one word a token.
 */
#ifndef SIM_OPENAI_H
#define SIM_OPENAI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "http/fault.h"
#include "http/fields.h"

enum openai_kind { OPENAI_CHAT, OPENAI_COMPLETION, OPENAI_EMBEDDINGS };

enum {
    OPENAI_OUTPUT_TOKENS = 128, /* when the request sets no limit */
    OPENAI_TOKENS_MAX = 1 << 20,
    OPENAI_INPUTS_MAX = 2048,
};

struct openai_ask {
    enum openai_kind kind;
    struct slice model; /* lives in the arena */
    bool stream;
    bool include_usage;
    bool base64;  /* embeddings as base64 instead of numbers */
    bool limited; /* max_tokens was given: the answer ends for "length" */
    uint32_t prompt_tokens;
    uint32_t reusable_tokens; /* see cluster_request */
    uint32_t output_tokens;
    uint32_t inputs;       /* embeddings asked for */
    uint64_t conversation; /* never 0 */
};

/*
 * `body` needs FACTS_PADDING readable bytes behind it.  Sizes: the fields
 * x-sim-prompt-tokens, x-sim-output-tokens and x-sim-prefix-tokens where given;
 * else a token is four bytes of raw prompt, and max_tokens.  The conversation is
 * prompt_cache_key, else user, else the beginning of the prompt.
 * FAULT_NONE, or what is wrong; *param names the key if it is one.
 */
enum fault openai_read(enum openai_kind kind, const struct fields *fields, struct slice body,
                       struct arena *arena, struct openai_ask *out, const char **param);

struct openai_usage {
    uint32_t prompt_tokens;
    uint32_t cached_tokens;
    uint32_t completion_tokens;
};

/* The constant parts of one answer; slices live in the arena. */
struct openai_text {
    enum openai_kind kind;
    bool include_usage;
    const char *finish_reason;
    struct slice id;
    struct slice model; /* escaped for JSON */
    int64_t created_s;
    struct slice before_token; /* an event up to its text */
    struct slice after_token;
};

void openai_text_init(struct openai_text *text, const struct openai_ask *ask, struct slice id,
                      int64_t created_s, struct arena *arena);

/* Streaming, in this order: the role (chat only), tokens, the end with [DONE]. */
void openai_stream_begin(const struct openai_text *text, struct buffer *out);
/* Tokens number `from` (0 is the first) to `to`, one event each. */
void openai_stream_tokens(const struct openai_text *text, uint32_t from, uint32_t to,
                          struct buffer *out);
void openai_stream_end(const struct openai_text *text, const struct openai_usage *usage,
                       struct buffer *out);

/* Not streaming: the whole body. */
void openai_write_whole(const struct openai_text *text, const struct openai_usage *usage,
                        struct buffer *out);
void openai_write_embeddings(const struct openai_ask *ask, const struct openai_usage *usage,
                             struct buffer *out);
void openai_write_models(const char *const *models, uint32_t count, int64_t created_s,
                         struct buffer *out);
/* As vLLM writes them: `code` is the status. */
void openai_write_error(int status, const char *message, struct buffer *out);

#endif
