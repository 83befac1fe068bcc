/* What one request asks for, wherever that was decided: drawn by chance or read from a file. */
#ifndef LOAD_ASK_H
#define LOAD_ASK_H

#include <stdint.h>

#include "base/slice.h"

enum traffic_class {
    CLASS_NONE, /* none is asked for */
    CLASS_PRIORITY,
    CLASS_INTERACTIVE,
    CLASS_FLEX,
    CLASS_BATCH,
    CLASS_COUNT
};

/* "-", "priority", "interactive", "flex", "batch" */
const char *traffic_class_name(enum traffic_class traffic_class);
/* CLASS_COUNT: there is no such class. */
enum traffic_class traffic_class_find(struct slice name);

/* Which way a request goes. */
enum way {
    WAY_ROUTED,
    WAY_DIRECT, /* --direct: past what is measured, to compare with */
    WAY_COUNT
};

/*
 * A part of a prompt.  Its text follows from the number, so that two prompts
 * that begin with pieces of the same numbers begin with the same text, and
 * pieces of different numbers differ from their first word.
 */
struct piece {
    uint64_t number;
    uint32_t tokens;
};

struct ask {
    uint32_t place; /* of the options */
    enum way way;
    uint32_t tenant; /* of the options, if there are any */
    enum traffic_class traffic_class;
    uint64_t conversation; /* sent as prompt_cache_key; 0: none */
    uint32_t turn;         /* from 0 */
    uint32_t prompt_tokens;
    uint32_t reusable_tokens; /* of these, what the turns before may have left in a cache */
    uint32_t output_tokens;   /* 0: no limit is sent */
    /* What the prompt is made of; the last one takes what is missing to prompt_tokens. */
    const struct piece *pieces;
    uint32_t piece_count;
};

#endif
