/*
 * The command line of `isobench simulate`, read and checked: what to run, and
 * with what.  simulate.c runs it.
 */
#ifndef SIMULATE_PLAN_H
#define SIMULATE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "cluster/scenario.h"
#include "policy/chain.h"
#include "simulate/fault.h"
#include "simulate/run.h"

#define PLAN_POLICIES_MAX 128
#define PLAN_LOADS_MAX 32

/* A chain, or one of the built-in clairvoyants. */
struct contender {
    const char *name; /* as written */
    enum run_rule rule;
    struct chain *chain;
};

struct plan {
    struct arena arena;
    struct scenario scenario;
    struct sizes sizes;
    struct plugin_dir *plugins;
    struct contender contenders[PLAN_POLICIES_MAX];
    uint32_t contender_count;
    struct chain *exact_chain; /* least_latency, for the clairvoyant with externality */
    double loads[PLAN_LOADS_MAX];
    uint32_t load_count;
    struct fault faults[RUN_FAULTS_MAX];
    uint32_t fault_count;
    uint32_t routers;
    uint32_t first_seed, seeds;
    double report_interval_ms, warm_s, measured_s;
    bool independent, regret, json;
    bool merge;                /* JSON: all seeds as one run */
    bool goodput;              /* find the highest load instead */
    struct arrivals *arrivals; /* recorded ones to run; NULL: they are drawn */
    double arrivals_load;      /* ... as they were recorded */
    bool measured_given;
    const char *arrivals_file; /* to write; NULL: not wanted */
};

extern const char plan_usage[];

/* False after telling what is wrong on stderr.  plan_finish in either case. */
bool plan_read(struct plan *plan, int argc, char **argv) ISO_MUST_USE;
void plan_finish(struct plan *plan);

/* One run of it. */
struct run_setup plan_setup(const struct plan *plan, double load, uint32_t seed,
                            const struct contender *contender);

#endif
