/*
 * One simulated cluster with its agent: the model of bench/cluster, a scrape
 * of its counters every report interval, and the report that the agent's own
 * arithmetic (router/agent/derive.c) makes of them.  The run feeds it.
 */
#ifndef SIMULATE_STATION_H
#define SIMULATE_STATION_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/derive.h"
#include "cluster/cluster_model.h"
#include "cluster/scenario.h"
#include "fleet/report.h"

struct station {
    const struct scenario_cluster *config;
    struct cluster_model *model;
    int64_t next_ns; /* of the model; the run keeps it */
    struct derive *derive;
    uint64_t reports; /* made */

    /* Faults. */
    bool down;       /* refuses; what was in it is lost */
    bool erring;     /* answers 500 at once */
    bool mute;       /* its agent is dead */
    double declared; /* its agent declares so many times what there is; 1 usual */

    /* Sent, not yet there: for the clairvoyant. */
    uint32_t flying;
    double flying_tokens;

    /* In the measured time. */
    double busy_s; /* lane seconds */
    uint64_t taken;
};

void station_init(struct station *station, const struct scenario_cluster *config);
void station_finish(struct station *station);
/* A scrape, and what the agent reports then.  False: there is no agent, or nothing to scrape. */
bool station_report(struct station *station, double interval_ms, int64_t now_ns,
                    struct report *out) ISO_MUST_USE;

#endif
