/*
 * A decision log, read record by record (policy/decision_record.h).  What it
 * hands out points into the bytes of the log or into the reader.
 */
#ifndef REPLAY_LOG_READER_H
#define REPLAY_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "policy/decision_record.h"

/* One decision and what it was made of. */
struct recorded {
    const struct record_decision *fixed;
    const struct iso_cluster *clusters; /* [count] */
    const struct iso_estimate *estimates;
    const double *totals;
    const uint8_t *verdicts; /* the router's: enum decision_reason */
    struct slice route, model, tenant;
    const struct record_chain *chain;
};

struct log_stream;

struct log_reader {
    struct slice left;
    struct log_stream *streams;
    size_t stream_count;
    uint64_t orphans; /* decisions whose scene or chain is not there */
};

/* `log`: 8-aligned; stays where it is. */
void log_reader_init(struct log_reader *reader, struct slice log);
void log_reader_finish(struct log_reader *reader);

enum log_step { LOG_DECISION, LOG_END, LOG_DAMAGED };

/* The next decision that is whole.  LOG_DAMAGED: with a sentence; nothing can be read behind it. */
enum log_step log_reader_next(struct log_reader *reader, struct recorded *out,
                              struct error *error) ISO_MUST_USE;

/* The k-th link of a chain, its settings (8-aligned or not) and its path. */
const struct record_link *log_link(const struct record_chain *chain, uint32_t k,
                                   const void **settings, const char **path);

#endif
