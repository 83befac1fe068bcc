/*
 * What a policy was found to do wrong: by kind, how often, and the first time
 * in a sentence with its seed.  It lies in memory that a child process shares
 * with its parent, so that a policy's crash is told as well.
 */
#ifndef CONFORM_FINDING_H
#define CONFORM_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

enum finding_kind {
    FINDING_OPENED,    /* a closed cluster */
    FINDING_VERDICT,   /* without meaning */
    FINDING_COST,      /* not finite, or beyond 1e9 */
    FINDING_PICK,      /* not kept, or not there */
    FINDING_TWICE,     /* the same call, another answer */
    FINDING_STATE,     /* ... after other calls */
    FINDING_ALLOCATED, /* memory */
    FINDING_DIED,      /* wrote to its inputs, reached beyond an end, crashed, did not return */
    FINDING_KINDS
};

struct finding {
    uint64_t count;
    uint64_t seed; /* of the first */
    char text[320];
};

struct findings {
    struct finding found[FINDING_KINDS];
    uint64_t seed;     /* being looked at */
    const char *asked; /* "filter" "cost" "pick"; NULL: no policy is inside */
    uint64_t decisions;
    double p50_ns, p90_ns, p99_ns; /* of one decision: filter, cost and pick */
    bool finished;
};

void finding_add(struct findings *findings, enum finding_kind kind, const char *format, ...)
    ISO_PRINTF(3, 4);
bool findings_any(const struct findings *findings);

#endif
