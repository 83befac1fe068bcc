/*
 * Any bytes as a request body, as a body with usage, and as an event stream in
 * pieces: what is found lies inside the body, and an event stream says the same
 * whole and in pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "http/facts.h"
#include "http/sse.h"

#include "fuzz.h"

static void try_body(const char *body, size_t size)
{
    struct arena arena;
    struct request_facts facts;
    const char *param = NULL;
    arena_init(&arena);
    const enum fault fault = facts_parse(body, size, &arena, &facts, &param);
    must(fault == FAULT_NONE || fault == FAULT_BAD_JSON || param != NULL);
    if (fault == FAULT_NONE) {
        must(facts.model_offset + facts.model_len <= size);
        must(facts.model.len <= FACTS_STRING_MAX && facts.user.len <= FACTS_STRING_MAX);
        must(facts.max_tokens >= -1);
        must(facts.prompt.len == 0 || (facts.prompt.ptr >= body && facts.prompt.len <= size &&
                                       facts.prompt.ptr + facts.prompt.len <= body + size));
        if (facts.model.ptr != NULL)
            must(body[facts.model_offset] == '"' && facts.model_len >= 2 &&
                 body[facts.model_offset + facts.model_len - 1] == '"');
    }
    arena_finish(&arena);
    struct usage_facts usage;
    usage_parse(body, size, &usage);
    usage_parse_tail(slice_make(body, size), &usage);
    must(usage.prompt_tokens >= -1 && usage.completion_tokens >= -1 && usage.cached_tokens >= -1);
}

static void try_stream(struct slice text, size_t piece)
{
    static struct sse whole, pieces;
    sse_init(&whole);
    sse_init(&pieces);
    const unsigned events = sse_feed(&whole, text);
    unsigned sum = 0;
    for (size_t at = 0; at < text.len; at += piece)
        sum += sse_feed(&pieces,
                        slice_make(text.ptr + at, text.len - at < piece ? text.len - at : piece));
    must(events == sum && whole.data_events == pieces.data_events);
    must(whole.done == pieces.done && whole.at_boundary == pieces.at_boundary);
    must(whole.saw_id == pieces.saw_id);
    must(buffer_len(&whole.held) <= SSE_HELD_BYTES && buffer_len(&pieces.held) <= SSE_HELD_BYTES);
    sse_finish(&whole);
    sse_finish(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *body = calloc(1, size + FACTS_PADDING);
    must(body != NULL);
    memcpy(body, data, size);
    try_body(body, size);
    free(body);
    try_stream(slice_make(data, size), 1 + data[0] % 16);
    return 0;
}
