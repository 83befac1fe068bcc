/*
 * What another policy would have changed: counted decision by decision, in
 * all and by class, tenant, place, route and model, and from which cluster to
 * which.  replay.c feeds it; tell.c tells it.  What it keeps of a record's
 * texts points into the log.
 */
#ifndef REPLAY_DIFFERENCE_H
#define REPLAY_DIFFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/memory.h"
#include "replay/log_reader.h"

/* Of one dimension; whatever comes later is counted as "(others)". */
#define DIFFERENCE_GROUPS_MOST 1000

enum difference_by { BY_CLASS, BY_TENANT, BY_PLACE, BY_ROUTE, BY_MODEL, DIFFERENCE_BYS };
extern const char *const difference_by_names[DIFFERENCE_BYS];

/* Times are predicted ones, to the first token, by the recorded estimates. */
struct difference_tally {
    uint64_t decisions, changed;
    uint64_t nobody;        /* changed, and one of both policies chose no cluster */
    uint64_t sooner, later; /* changed, and the prediction with it */
    uint64_t both;          /* decisions where both chose a cluster */
    double then_ms, now_ms; /* sums over these */
    double recorded_ms;     /* of what changed: by the recorded policy's prices, now minus then */
    uint64_t late_then, late_now; /* predicted to take longer than was promised */
};

struct difference_group {
    struct slice name;
    struct difference_tally tally;
};

struct difference_groups {
    struct difference_group *list;
    size_t count, room;
};

/* So many decisions would have gone from one cluster to the other. */
struct difference_move {
    const char *from, *to; /* NULL: nobody */
    uint64_t decisions;
    double ms; /* predicted, now minus then, summed */
};

/* How often a cluster was chosen, then and now. */
struct difference_share {
    const char *name;
    uint64_t then, now;
};

struct difference {
    struct arena arena;
    struct difference_tally all;
    struct difference_groups by[DIFFERENCE_BYS];
    struct difference_move *moves;
    size_t move_count, move_room;
    struct difference_share *shares;
    size_t share_count, share_room;
    struct histogram then_ns, now_ns; /* predicted */
    int64_t first_ms, last_ms;        /* wall clock, of the decisions */
};

void difference_init(struct difference *difference);
void difference_finish(struct difference *difference);
/* `now`: what would be chosen, an index or ISO_NONE. */
void difference_add(struct difference *difference, const struct recorded *recorded, uint32_t now);
/* Groups by their size, moves by theirs; to be called once, at the end. */
void difference_sort(struct difference *difference);

#endif
