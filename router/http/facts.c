#include "http/facts.h"

#include <string.h>

#include "http/facts_scan.h"

_Static_assert((int)FACTS_PADDING >= (int)FACTS_SCAN_PADDING, "what callers leave is enough");
_Static_assert((int)FACTS_STRING_MAX == (int)FACTS_SCAN_TEXT, "one limit for short strings");

static struct slice keep(struct arena *arena, const struct facts_text *text)
{
    return text->bytes != NULL ? arena_copy(arena, slice_make(text->bytes, text->len)) : SLICE_NONE;
}

static enum fault fault_of(enum facts_scan_result result)
{
    switch (result) {
    case FACTS_OK:
        return FAULT_NONE;
    case FACTS_BAD_JSON:
        return FAULT_BAD_JSON;
    case FACTS_DUPLICATE_KEY:
        return FAULT_DUPLICATE_KEY;
    case FACTS_BAD_FIELD:
        break;
    }
    return FAULT_BAD_FIELD;
}

enum fault facts_parse(const char *body, size_t len, struct arena *arena, struct request_facts *out,
                       const char **param)
{
    struct facts_raw raw;
    const enum fault fault = fault_of(facts_scan(body, len, &raw));
    *out = (struct request_facts){.max_tokens = -1};
    *param = fault == FAULT_BAD_JSON ? NULL : raw.param;
    if (fault != FAULT_NONE)
        return fault;
    out->model = keep(arena, &raw.model);
    out->model_offset = raw.model_span.offset;
    out->model_len = raw.model_span.len;
    out->stream = raw.stream;
    out->include_usage = raw.include_usage;
    out->service_tier = keep(arena, &raw.service_tier);
    out->user = keep(arena, raw.user.bytes != NULL ? &raw.user : &raw.safety_identifier);
    out->prompt_cache_key = keep(arena, &raw.prompt_cache_key);
    out->max_tokens = raw.max_tokens;
    out->prompt = slice_make(body + raw.prompt.offset, raw.prompt.len);
    return FAULT_NONE;
}

void usage_parse(const char *json, size_t len, struct usage_facts *out)
{
    struct facts_usage usage;
    facts_scan_usage(json, len, &usage);
    *out = (struct usage_facts){.prompt_tokens = usage.prompt_tokens,
                                .completion_tokens = usage.completion_tokens,
                                .cached_tokens = usage.cached_tokens};
}

/* From the last `"usage"` on.  In a string its quotes would be escaped, so it is a key or nobody's
 * business. */
static struct slice usage_member(struct slice tail)
{
    static const struct slice key = {"\"usage\"", 7};
    enum { G = 4 }; /* the byte to look for: rare behind it */
    for (size_t len = tail.len; len > G;) {
        const char *g = memrchr(tail.ptr, key.ptr[G], len);
        if (g == NULL || g - tail.ptr < G)
            break;
        const size_t at = (size_t)(g - tail.ptr) - G;
        if (tail.len - at >= key.len && memcmp(tail.ptr + at, key.ptr, key.len) == 0)
            return slice_make(tail.ptr + at, tail.len - at);
        len = at + G;
    }
    return SLICE_NONE;
}

/* Many a stream says `"usage":null` with each event. */
static bool is_object_member(struct slice member)
{
    static const char between[] = "\" \t\n\r:";
    size_t at = sizeof "\"usage" - 1;
    while (at < member.len && member.ptr[at] != '\0' && strchr(between, member.ptr[at]) != NULL)
        at++;
    return at < member.len && member.ptr[at] == '{';
}

void usage_parse_tail(struct slice tail, struct usage_facts *out)
{
    *out = (struct usage_facts){-1, -1, -1};
    if (tail.len > USAGE_TAIL_BYTES)
        tail = slice_make(tail.ptr + tail.len - USAGE_TAIL_BYTES, USAGE_TAIL_BYTES);
    const struct slice member = usage_member(tail);
    if (member.ptr == NULL || !is_object_member(member))
        return;
    char text[1 + USAGE_TAIL_BYTES + FACTS_PADDING];
    text[0] = '{';
    memcpy(text + 1, member.ptr, member.len);
    memset(text + 1 + member.len, 0, FACTS_PADDING);
    usage_parse(text, 1 + member.len, out);
}
