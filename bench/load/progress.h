/* A line a second on a terminal, about how a run is going; nothing elsewhere. */
#ifndef LOAD_PROGRESS_H
#define LOAD_PROGRESS_H

#include "load/call.h"

struct progress {
    struct timer timer;
    struct loop *loop; /* NULL: no terminal, or not begun */
    const struct options *options;
    const struct tallies *tallies;
    const struct calls *calls;
    struct tally *sum;
    /* The latencies as they were at the last lines, the oldest at `at`. */
    struct histogram *past;
    uint32_t at;
};

void progress_init(struct progress *progress);
void progress_begin(struct progress *progress, struct loop *loop, const struct options *options,
                    const struct tallies *tallies, const struct calls *calls);
/* Clears the line; may be called twice. */
void progress_finish(struct progress *progress);

#endif
