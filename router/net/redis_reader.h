/*
 * hiredis' reply parser with bounds, since hiredis has none: bytes waiting for
 * the rest of a reply, and elements of a reply over all its levels (an array
 * head of ten bytes makes hiredis allocate for as many elements as it claims).
 * Used by redis_client and by whoever feeds replies without a socket.
 */
#ifndef NET_REDIS_READER_H
#define NET_REDIS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <hiredis/hiredis.h>

#include "base/slice.h"

enum {
    REDIS_REPLY_BYTES_MOST = 16 * 1024 * 1024,
    REDIS_REPLY_ELEMENTS_MOST = 256 * 1024,
};

struct redis_reader {
    struct redisReader *reader;
    struct redisReplyObjectFunctions functions; /* hiredis' own, but createArray */
    struct redisReplyObjectFunctions *original;
    size_t elements; /* of the reply being read */
    const char *failure;
};

enum redis_read { REDIS_READ_MORE, REDIS_READ_REPLY, REDIS_READ_BROKEN };

void redis_reader_init(struct redis_reader *reader);
void redis_reader_finish(struct redis_reader *reader); /* may be called twice */
/* Bytes are copied. */
void redis_reader_feed(struct redis_reader *reader, struct slice bytes);
/* REPLY: *reply is the caller's, freeReplyObject it.  BROKEN: for good; ->failure says why. */
enum redis_read redis_reader_next(struct redis_reader *reader, struct redisReply **reply);

/* The text of a string or status; SLICE_NONE for every other type and for NULL. */
struct slice redis_reply_text(const struct redisReply *reply);
/* Elements of an array, 0 for every other type and for NULL. */
size_t redis_reply_count(const struct redisReply *reply);

#endif
