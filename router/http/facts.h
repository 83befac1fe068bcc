/*
 * What routing must know of a JSON request body: found in one pass, with
 * nothing copied but the few short strings.  The body needs FACTS_PADDING
 * readable bytes behind its end.
 */
#ifndef HTTP_FACTS_H
#define HTTP_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slice.h"
#include "http/fault.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FACTS_PADDING = 64, FACTS_STRING_MAX = 256, USAGE_TAIL_BYTES = 2048 };

struct request_facts {
    struct slice model;  /* unescaped; ptr NULL: absent */
    size_t model_offset; /* of the raw value in the body, quotes included */
    size_t model_len;
    bool stream;
    bool include_usage;            /* stream_options.include_usage */
    struct slice service_tier;     /* ptr NULL: absent */
    struct slice user;             /* `safety_identifier` if `user` is absent */
    struct slice prompt_cache_key; /* ptr NULL: absent */
    int64_t max_tokens;  /* the larger word of max_tokens, max_completion_tokens, max_output_tokens;
                            -1 absent */
    struct slice prompt; /* raw JSON of messages, prompt or input: what is prefilled */
};

struct usage_facts {
    int64_t prompt_tokens;     /* -1: absent */
    int64_t completion_tokens; /* -1: absent */
    int64_t cached_tokens;     /* -1: absent */
};

/* FAULT_NONE, FAULT_BAD_JSON, FAULT_DUPLICATE_KEY or FAULT_BAD_FIELD (then *param names the key).
 */
enum fault facts_parse(const char *body, size_t len, struct arena *arena, struct request_facts *out,
                       const char **param);
/* The `usage` object of a response body or of one SSE event's JSON; all -1 when there is none.
 * Needs padding too. */
void usage_parse(const char *json, size_t len, struct usage_facts *out);
/* The same when only the end of a body is known: what its last `"usage"` says, within
 * USAGE_TAIL_BYTES of its end.  Needs no padding. */
void usage_parse_tail(struct slice tail, struct usage_facts *out);

#ifdef __cplusplus
}
#endif

#endif
