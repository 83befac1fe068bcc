/*
 * The bodies of requests: made-up words, as many as tokens were asked for, cut
 * from one text so that a long prompt costs no copy.  Turns of a conversation
 * begin with the same text and carry its key; any other prompt begins with
 * words of its own, so that no cache holds it.
 */
#ifndef LOAD_PROMPT_H
#define LOAD_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/slice.h"
#include "load/size.h"

enum prompt_kind { PROMPT_CHAT, PROMPT_COMPLETIONS, PROMPT_EMBEDDINGS };

enum { PROMPT_BYTES_PER_TOKEN = 4, PROMPT_PARTS = 4, PROMPT_HEAD_BYTES = 512 };

struct prompt_settings {
    enum prompt_kind kind;
    struct slice model; /* as JSON, quotes included */
    bool stream;
    bool usage; /* ask a stream for its usage */
    struct size prompt, output;
    uint32_t conversations; /* 0: every request is a stranger */
};

struct prompt_source {
    struct prompt_settings settings;
    struct random random;
    char *text;
};

/* One body; lives in whoever sends it. */
struct prompt {
    struct slice parts[PROMPT_PARTS];
    uint32_t prompt_tokens, output_tokens;
    uint32_t conversation; /* from 1; 0: none */
    char head[PROMPT_HEAD_BYTES];
    char unique[32];
};

void prompt_source_init(struct prompt_source *source, const struct prompt_settings *settings,
                        uint64_t seed);
void prompt_source_finish(struct prompt_source *source);
void prompt_draw(struct prompt_source *source, struct prompt *out);
/* "/v1/chat/completions", ... */
struct slice prompt_path(enum prompt_kind kind);

#endif
