/*
 * What became of every request of one simulated cluster: a line when it starts
 * and a line when it ends, on standard output as it happens and, the last
 * REQUEST_LOG_KEPT of them, for GET /sim/<cluster>/log.
 */
#ifndef SIM_REQUEST_LOG_H
#define SIM_REQUEST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { REQUEST_LOG_KEPT = 16384, REQUEST_ID_BYTES = 96 };

enum request_event {
    REQUEST_STARTED,  /* the engine took it */
    REQUEST_FINISHED, /* answered to the last byte */
    REQUEST_ABORTED,  /* the caller left, or a fault cut it */
    REQUEST_REFUSED,  /* answered with an error */
    REQUEST_EVENTS,
};

struct request_record {
    uint64_t sequence; /* from 1, per cluster */
    int64_t ts_ms;     /* wall clock */
    enum request_event event;
    char id[REQUEST_ID_BYTES];
    uint32_t place; /* of the caller; 0: none */
    uint32_t prompt_tokens;
    uint32_t cached_tokens;
    uint32_t tokens; /* given out so far */
    int status;      /* REQUEST_REFUSED */
};

struct request_log {
    const char *cluster;
    bool print;
    struct request_record *records; /* ring, grown up to REQUEST_LOG_KEPT */
    uint32_t size;
    uint64_t next; /* sequence */
    uint64_t counts[REQUEST_EVENTS];
};

void request_log_init(struct request_log *log, const char *cluster, bool print);
void request_log_finish(struct request_log *log);
/* Sets sequence and ts_ms. */
void request_log_add(struct request_log *log, const struct request_record *record);
/* JSON lines of the kept records with a sequence above `since`. */
void request_log_write(const struct request_log *log, uint64_t since, struct buffer *out);

#endif
