/*
 * What came of one run as a JSON object in one line: README.md lists the
 * fields.  simulate.c prints it.
 */
#ifndef SIMULATE_RESULT_JSON_H
#define SIMULATE_RESULT_JSON_H

#include <stdint.h>

#include "base/buffer.h"
#include "cluster/scenario.h"
#include "simulate/run.h"

/* What the best clairvoyant reached with the same requests. */
struct best {
    double mean_ns, p99_ns;
};

struct result_of {
    const char *policy;
    double load;
    uint32_t seed;
    uint32_t seeds; /* runs in it; more than one: `seed` means nothing */
    const struct run_setup *setup;
    const struct run_result *result;
    const struct best *best; /* NULL: nobody looked */
};

/* Appends the object and a line's end. */
void result_json_write(const struct result_of *of, struct buffer *out);

#endif
