/*
 * A run second by second, by the intended starts of its requests: how many,
 * how they ended, how long they took, who answered.  Keeps every latency
 * (eight bytes a request), so its percentiles are exact.
 */
#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include "base/json.h"
#include "load/tally.h"

enum { SERIES_SECONDS_MOST = 86400 }; /* what starts later counts as the last */

struct series_latencies {
    float *ms;
    uint32_t count, room;
};

struct series_second {
    uint32_t requests, answered, cut, failed;
    struct series_latencies ttft, e2e;
    uint32_t *clusters; /* by number of the tallies; NULL: none */
    uint32_t cluster_room;
};

struct series {
    struct series_second *seconds;
    uint32_t count, room;
};

void series_add(struct series *series, const struct sample *sample);
/* An array, an object a second; README.md describes it.  Sorts what is kept. */
void series_write(struct series *series, const struct tallies *names, struct json *json);
void series_finish(struct series *series);

#endif
