/*
 * One run in virtual time: clusters, agents, routers, network and clients from
 * the first arrival until all is answered.  Everything that may be chance is
 * drawn from the seed.
 *
 *     workload --> edge --(rtt/2)--> station --(rtt/2)--> edge --> score
 *                   ^                   |
 *                   '--- reports, 50 ms late; exchange, every 100 ms
 */
#ifndef SIMULATE_RUN_H
#define SIMULATE_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/chain.h"
#include "simulate/fault.h"
#include "simulate/score.h"
#include "simulate/series.h"
#include "simulate/workload.h"

#define RUN_FAULTS_MAX 8

enum run_rule {
    RUN_POLICY,         /* the chain, with what a router knows */
    RUN_EXACT,          /* the chain, with exact estimates */
    RUN_EXACT_QUICKEST, /* the least exact time to the first token */
};

struct run_setup {
    struct workload_setup workload;
    enum run_rule rule;
    const struct chain *chain;
    uint32_t routers;
    double report_interval_ms;
    const struct fault *faults;
    uint32_t fault_count;
    double slo_ms, flex_slo_ms;
    bool series;    /* keep how it went over time and over the map */
    FILE *arrivals; /* as isobench load reads them; NULL: not wanted */
};

struct run_result {
    struct score score;
    double *utilisation;   /* [clusters] busy share of prefill lanes in the measured time */
    double *share;         /* [clusters] of the requests that arrived in the measured time */
    uint64_t simulated;    /* requests of the whole run */
    struct series *series; /* NULL: not wanted */
};

void run_make(const struct run_setup *setup, struct run_result *out);
void run_result_finish(struct run_result *result);

#endif
