/*
 * One run, from steering to the last answer:
 *
 *   steering -> connecting -> sending -> draining -> over
 *
 * Requests start at their intended times whatever the answers do (open loop),
 * or as others end (--closed).  One thread, one loop.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "load/options.h"
#include "load/place.h"
#include "load/series.h"
#include "load/tally.h"

struct run;

/* What a run came to; valid until run_destroy. */
struct run_result {
    const struct options *options;
    const struct tallies *tallies;
    struct series *series;
    const struct place *places;
    int64_t start_wall_ms;
    double sending_s; /* from the start until the schedule's end */
    double elapsed_s; /* until the last answer */
    double cpu_s;     /* our own, while it lasted */
    bool interrupted;
};

struct run *run_create(const struct options *options, struct error *error) ISO_MUST_USE;
void run_destroy(struct run **run);
/* False: it could not begin. */
bool run_perform(struct run *run, struct run_result *out, struct error *error) ISO_MUST_USE;

#endif
