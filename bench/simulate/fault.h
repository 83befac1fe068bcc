/*
 * What goes wrong in a run, when, and where.  As written on the command line:
 *
 *     KIND[:CLUSTER[:FACTOR]][@START+LASTS]
 *
 * START counts from the beginning of the measured time.  Default: the middle
 * of the measured time, 120 s.
 */
#ifndef SIMULATE_FAULT_H
#define SIMULATE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cluster/scenario.h"

/* kind, name, default factor, whether it is of one cluster */
#define FAULT_KINDS(X)                                                                   \
    X(FAULT_FAILURE, "failure", 1, true)       /* all is lost, nothing is taken */       \
    X(FAULT_BROWN_OUT, "brown_out", 0.2, true) /* does everything at that share */       \
    X(FAULT_PAPER, "paper", 5, true)           /* declares so many times its capacity */ \
    X(FAULT_LIE, "lie", 5, true)               /* all metrics flatter so many times */   \
    X(FAULT_DEAD_AGENT, "dead_agent", 1, true) /* no reports */                          \
    X(FAULT_ERROR, "error", 1, true)           /* answers 500 in 1 ms */                 \
    X(FAULT_REDIS, "redis", 1, false)          /* no reports, no exchange */

enum fault_kind {
#define FAULT_ENUM(kind, ...) kind,
    FAULT_KINDS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_KIND_COUNT
};

struct fault {
    enum fault_kind kind;
    uint32_t cluster; /* of the scenario; UINT32_MAX: none */
    double factor;
    double start_s, lasts_s; /* from the beginning of the measured time */
};

const char *fault_kind_name(enum fault_kind kind);
bool fault_parse(const char *text, const struct scenario *scenario, double measured_s,
                 struct fault *out, struct error *error) ISO_MUST_USE;

#endif
