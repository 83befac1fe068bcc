/*
 * Which request is next, and when: drawn by chance from the options, or read
 * from a trace.  Knows nothing of connections and answers.
 */
#ifndef LOAD_FEED_H
#define LOAD_FEED_H

#include <stdint.h>

#include "load/ask.h"
#include "load/options.h"
#include "load/schedule.h"

struct feed_talk;

struct feed {
    const struct options *options;
    struct schedule schedule;
    struct random random;
    uint64_t taken;
    size_t next_row;         /* of the trace */
    struct piece piece;      /* of what was drawn last */
    struct feed_talk *talks; /* --conversations */
    uint64_t talk_count;     /* begun so far */
};

void feed_init(struct feed *feed, const struct options *options);
void feed_finish(struct feed *feed);
/* The next intended start, nanoseconds since the start of the run; INT64_MAX: there is none. */
int64_t feed_next_ns(const struct feed *feed);
/* What starts next; what it points at is valid until the next call. */
void feed_take(struct feed *feed, struct ask *out);

#endif
