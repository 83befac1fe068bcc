/*
 * How large requests are: drawn from the rows of public traces when they are
 * given, else from the distributions that were fitted to them.
 *
 *     AzureLLMInferenceTrace_conv.csv    TIMESTAMP,ContextTokens,GeneratedTokens    chat
 *     mooncake_conversation.jsonl        {"input_length": 1, "output_length": 2}    flex
 */
#ifndef SIMULATE_SIZES_H
#define SIMULATE_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"

enum request_kind { KIND_CHAT, KIND_CODE, KIND_FLEX, REQUEST_KINDS };

struct size {
    uint32_t prompt_tokens, output_tokens; /* >= 1 */
};

/* All zero: no traces. */
struct sizes {
    struct size *rows[REQUEST_KINDS]; /* NULL: distribution */
    size_t counts[REQUEST_KINDS];
    double output_scale; /* on top of what the reference workload does; 0 as 1 */
};

/* "FOLDER" with both files by these names, or "KIND=FILE[,KIND=FILE]..." with chat, code, flex. */
bool sizes_load(struct sizes *sizes, const char *text, struct error *error) ISO_MUST_USE;
void sizes_finish(struct sizes *sizes);

/* One request's, cut as the reference workload cuts them: prompts at 16,000 (flex 12,000), outputs
 * doubled and cut at 4,000. */
struct size sizes_draw(const struct sizes *sizes, enum request_kind kind, struct random *random);

#endif
