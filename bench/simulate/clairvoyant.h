/*
 * The line that nobody can reach: exact estimates, straight from the models,
 * without age, noise or distance.  With these a chain of real policies decides
 * as the best informed of all routers (least_latency then minimises its own
 * latency and the harm to others), or the quickest answer is simply taken.
 */
#ifndef SIMULATE_CLAIRVOYANT_H
#define SIMULATE_CLAIRVOYANT_H

#include <stdint.h>

#include "cluster/cluster_model.h"
#include "isochrone/policy.h"
#include "simulate/station.h"

struct clairvoyant {
    struct iso_estimate *estimates; /* [clusters], of the request asked for last */
    struct iso_cluster *clusters;   /* [clusters] */
    uint32_t count;
    struct report *reports; /* [clusters], fresh at each scrape: means and shares */
};

void clairvoyant_init(struct clairvoyant *seer, uint32_t clusters);
void clairvoyant_finish(struct clairvoyant *seer);
/* A fresh report of that station, its faults aside. */
void clairvoyant_report(struct clairvoyant *seer, uint32_t station, const struct report *report);
/* Fills estimates and clusters; models stand at `now`.  `base`: names, places, prices. */
void clairvoyant_look(struct clairvoyant *seer, const struct station *stations,
                      const struct iso_cluster *base, const double *rtt_ms,
                      const struct cluster_request *request);
/* The least exact time to the first token; ISO_NONE when all are down. */
uint32_t clairvoyant_quickest(const struct clairvoyant *seer, const struct station *stations);

#endif
