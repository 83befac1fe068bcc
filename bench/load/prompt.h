/*
 * The bodies of requests: made-up words, as many as tokens were asked for, cut
 * from one text so that a long prompt costs no copy.  A token is four bytes of
 * the prompt as it stands in the body, brackets and quotes included, as isosim
 * and the router count it.
 */
#ifndef LOAD_PROMPT_H
#define LOAD_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slice.h"
#include "load/ask.h"

enum prompt_kind { PROMPT_CHAT, PROMPT_COMPLETIONS, PROMPT_EMBEDDINGS };

enum { PROMPT_BYTES_PER_TOKEN = 4, PROMPT_HEAD_BYTES = 512, PROMPT_NAME_BYTES = 16 };

struct prompt_settings {
    enum prompt_kind kind;
    struct slice model; /* as JSON, quotes included */
    bool stream;
    bool usage;          /* ask a stream for its usage */
    uint32_t max_tokens; /* said instead of the output tokens; 0: these */
};

/* What all prompts are made of. */
struct prompt_source {
    struct prompt_settings settings;
    char *text;
    char front[PROMPT_HEAD_BYTES]; /* what every body begins with */
    size_t front_len;
};

/* One body; lives in whoever sends it.  All zero: none yet. */
struct prompt {
    struct slice *parts;
    size_t part_count;
    char (*names)[PROMPT_NAME_BYTES]; /* what a piece begins with */
    uint32_t piece_room;
    char head[PROMPT_HEAD_BYTES];
};

void prompt_source_init(struct prompt_source *source, const struct prompt_settings *settings,
                        uint64_t seed);
void prompt_source_finish(struct prompt_source *source);
/* Over what was in it before; points into the source. */
void prompt_write(struct prompt *prompt, const struct prompt_source *source, const struct ask *ask);
void prompt_finish(struct prompt *prompt);
/* "/v1/chat/completions", ... */
struct slice prompt_path(enum prompt_kind kind);

#endif
