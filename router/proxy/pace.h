/*
 * How a worker that is pressed by streams of events keeps its portions large.
 *
 * A worker takes what came since its last turn, so that a fast one takes
 * little at a time: with thousands of streams it fills its core with reads and
 * writes of a few hundred bytes, and nobody is better off.  Such a worker
 * rests for a quarter of its time, some hundred microseconds between two
 * turns: the events of that time go out together, which costs less than one by
 * one, here and at whoever receives them, and what is left of the core is there
 * for the requests that come.  The same is done by network cards with their
 * interrupts, and called moderation there.
 *
 * A turn that is long already is not put off further, nor is one among
 * requests: there nothing is saved by waiting.  Nor is there rest while a
 * moment's pile is worked off, only when the work does not end.
 */
#ifndef PROXY_PACE_H
#define PROXY_PACE_H

#include "base/counter.h"

struct pace {
    uint32_t events;    /* passed on since the last turn; */
    uint32_t requests;  /* begun since then: whoever does these counts them */
    int64_t looked_ns;  /* monotonic; when the last turn, and the rest behind it, ended */
    int64_t owed_ns;    /* of rest */
    int64_t pressed_ns; /* at work since it last had time to wait */
    struct counter busy_ns, rested_ns; /* so far, for the metrics */
};

/*
 * At the end of a turn whose work began at `began_ns` (monotonic, as is
 * `now_ns`): for how many ns to rest, 0 if it need not.  [worker]
 */
int64_t pace_rest_ns(struct pace *pace, int64_t began_ns, int64_t now_ns);
/* The rest is over, at `now_ns`.  [worker] */
void pace_rested(struct pace *pace, int64_t now_ns);

#endif
