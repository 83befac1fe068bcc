/* What the parts of reading the command line share; nobody else includes it. */
#ifndef SIMULATE_PLAN_STATE_H
#define SIMULATE_PLAN_STATE_H

#include "simulate/plan.h"

#define PLAN_SWEEPS_MAX 8

/* Options that are words until all of them are there. */
struct plan_raw {
    const char *policy, *scenario, *plugins, *traces, *scale, *arrivals;
    bool load_given;
    const char *faults[RUN_FAULTS_MAX];
    uint32_t fault_count;
    const char *sweeps[PLAN_SWEEPS_MAX];
    uint32_t sweep_count;
};

/* plan_policies.c */
bool plan_policies_read(struct plan *plan, const struct plan_raw *raw,
                        struct error *error) ISO_MUST_USE;

#endif
