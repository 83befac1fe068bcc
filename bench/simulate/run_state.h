/*
 * The inside of one run, for run.c (clock and control plane), run_trip.c (the
 * life of a request) and run_fault.c; nobody else includes it.
 */
#ifndef SIMULATE_RUN_STATE_H
#define SIMULATE_RUN_STATE_H

#include "simulate/agenda.h"
#include "simulate/clairvoyant.h"
#include "simulate/edge.h"
#include "simulate/run.h"
#include "simulate/station.h"
#include "simulate/trip.h"

enum run_event {
    EVENT_TURN,     /* conversation */
    EVENT_ARRIVE,   /* trip: at the cluster */
    EVENT_REFUSED,  /* trip: back at the router, not taken */
    EVENT_ERROR,    /* trip: a 500 */
    EVENT_LOST,     /* trip: the connection broke */
    EVENT_FIRST,    /* trip: the first token at the router */
    EVENT_DONE,     /* trip: the last one */
    EVENT_TICK,     /* edge */
    EVENT_SCRAPE,   /* station */
    EVENT_REPORT,   /* detail: place in `mail` */
    EVENT_PROBE,    /* edge; detail: station */
    EVENT_FAULT_ON, /* fault */
    EVENT_FAULT_OFF,
};

/* A report under way. */
struct letter {
    uint32_t station;
    struct report report;
};

struct run {
    const struct run_setup *setup;
    const struct scenario *scenario;
    uint32_t clusters;
    int64_t now_ns;
    int64_t warm_ns, end_ns; /* of the measured time */
    struct workload *workload;
    struct agenda agenda;
    struct network *network;
    double *rtt_ms; /* [region * clusters + cluster] */
    struct random random;
    struct fleet_config *config;
    struct edge *edges;
    struct station *stations;
    struct clairvoyant seer;
    struct trip_pool trips;
    uint64_t under_way;  /* trips */
    struct letter *mail; /* [clusters], the latest of each */
    bool redis_down;
    const struct fault *counted; /* the fault whose traffic is counted now */
    int64_t counted_from_ns;
    struct run_result *result;
};

static inline int64_t run_seconds_ns(double seconds)
{
    return (int64_t)(seconds * 1e9);
}

/* run_trip.c */
/* The present turn of a conversation reaches its edge. */
void run_turn_arrives(struct run *run, uint32_t conversation);
/* One of EVENT_ARRIVE to EVENT_DONE. */
void run_trip_event(struct run *run, enum run_event event, struct trip *trip);
/* Whatever the model did up to now becomes events. */
void run_station_turn(struct run *run, struct station *station);

/* run_fault.c */
void run_fault_turn(struct run *run, uint32_t fault, bool on);

#endif
