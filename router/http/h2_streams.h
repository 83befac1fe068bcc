/*
 * The streams of one HTTP/2 connection: the open ones by id, and of those the
 * peer opened lately, which there were and which of them we reset, so that a
 * late frame can be told from a wrong one.
 */
#ifndef HTTP_H2_STREAMS_H
#define HTTP_H2_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct codec_stream;

enum { H2_STREAMS_FIRST = 4, H2_HISTORY = 128 };

struct h2_streams {
    struct codec_stream **buckets; /* NULL: `first` */
    struct codec_stream *first[H2_STREAMS_FIRST];
    struct codec_stream *found; /* by the last look-up */
    struct list list;           /* all of them, oldest first */
    uint32_t bucket_count;
    uint32_t count;

    uint32_t last_id;                 /* the highest the peer opened */
    uint64_t opened[H2_HISTORY / 64]; /* bit n: the id n steps below last_id was opened, */
    uint64_t reset[H2_HISTORY / 64];  /* and reset by us */
};

enum h2_past {
    H2_NEVER,     /* skipped: the peer may not use it any more */
    H2_CLOSED,    /* was open, ended */
    H2_RESET,     /* by us: frames may have been under way */
    H2_LONG_PAST, /* who knows */
};

void h2_streams_init(struct h2_streams *streams);
void h2_streams_finish(struct h2_streams *streams);
void h2_streams_add(struct h2_streams *streams, struct codec_stream *s);
void h2_streams_remove(struct h2_streams *streams, struct codec_stream *s);
/* NULL when there is no such stream. */
struct codec_stream *h2_streams_find(struct h2_streams *streams, uint32_t id);
/* What h2_streams_find will most likely give, without a look at it. */
struct codec_stream *h2_streams_ahead(struct h2_streams *streams, uint32_t id);

/* The peer opens `id`, which is above last_id. */
void h2_history_opened(struct h2_streams *streams, uint32_t id);
void h2_history_reset(struct h2_streams *streams, uint32_t id);
/* Of an id that is not open, last_id at most. */
enum h2_past h2_history_of(const struct h2_streams *streams, uint32_t id);

#endif
