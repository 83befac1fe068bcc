/*
 * The JSON scanner behind facts.c: plain C types only, so that the one C++
 * file needs nothing else of ours.  Keeps nothing between calls but its own
 * thread's buffers.
 */
#ifndef HTTP_FACTS_SCAN_H
#define HTTP_FACTS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FACTS_SCAN_PADDING = 64, FACTS_SCAN_TEXT = 256 };

enum facts_scan_result { FACTS_OK, FACTS_BAD_JSON, FACTS_DUPLICATE_KEY, FACTS_BAD_FIELD };

struct facts_text {
    const char *bytes; /* NULL: absent */
    size_t len;
};

/* A span of the body. */
struct facts_span {
    size_t offset;
    size_t len;
};

struct facts_raw {
    struct facts_text model, service_tier, user, safety_identifier, prompt_cache_key;
    struct facts_span model_span; /* quotes included */
    struct facts_span prompt;     /* the longest of messages, prompt and input */
    int64_t max_tokens;
    bool stream;
    bool include_usage;
    const char *param; /* the key that was wrong */
    size_t room_used;
    char room[5 * FACTS_SCAN_TEXT]; /* where the texts are; last, for all before it is cleared */
};

enum facts_scan_result facts_scan(const char *body, size_t len, struct facts_raw *out);

struct facts_usage {
    int64_t prompt_tokens, completion_tokens, cached_tokens; /* -1 absent */
};

void facts_scan_usage(const char *json, size_t len, struct facts_usage *out);

#ifdef __cplusplus
}
#endif

#endif
