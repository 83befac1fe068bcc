/*
 * Recorded requests: when, from where, how large, which share a beginning.
 * Read whole from a file in one of three formats, told apart by its first line:
 *
 *     isobench simulate --write-arrivals    {"at_ms":..,"place":..,"conversation":..,"turn":..,...
 *     Azure LLM inference                   TIMESTAMP,ContextTokens,GeneratedTokens
 *     Mooncake                              {"timestamp":..,"input_length":..,"hash_ids":[..],...
 *
 * Rows are in the order of their times, the first of an Azure file is at 0.
 * README.md says how turns and hash_ids become common text.
 */
#ifndef LOAD_TRACE_H
#define LOAD_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "load/ask.h"

enum {
    TRACE_PLACES_MOST = 32,
    TRACE_NAME_BYTES = 64,
    TRACE_ROWS_MOST = 20000000,
    TRACE_BLOCK_TOKENS = 512 /* Mooncake: of one hash id */
};

#define TRACE_NO_PLACE UINT32_MAX

struct trace_row {
    int64_t at_ns;
    uint32_t place; /* of the trace, or TRACE_NO_PLACE */
    uint8_t traffic_class;
    uint64_t conversation; /* 0: none */
    uint32_t turn;
    uint32_t prompt_tokens, reusable_tokens, output_tokens;
    size_t first_piece; /* of the trace */
    uint32_t piece_count;
};

struct trace {
    struct trace_row *rows;
    size_t count, room;
    struct piece *pieces;
    size_t piece_count, piece_room;
    char places[TRACE_PLACES_MOST][TRACE_NAME_BYTES];
    uint32_t place_count; /* 0: the rows say no place */
};

/* The times of the file are multiplied by `time_scale`. */
struct trace *trace_read(const char *file, double time_scale, struct error *error) ISO_MUST_USE;
void trace_destroy(struct trace **trace);

#endif
