/*
 * Who asks what, where and when: conversations that begin region by region,
 * and the turns of each.  When a turn comes depends on when the answer before
 * it came, so the run asks for the next turn; everything else is drawn from
 * the seed and the conversation's number alone, and so is the same under every
 * policy.  Or recorded requests, each at its time.  Only conversations that
 * have begun and are not over take memory.  README.md describes it.
 */
#ifndef SIMULATE_WORKLOAD_H
#define SIMULATE_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "cluster/scenario.h"
#include "simulate/arrivals.h"
#include "simulate/sizes.h"

/* A conversation and its present turn.  A recorded request is one of one turn. */
struct conversation {
    struct random random;
    uint64_t id; /* > 0; recorded requests of one conversation share it */
    uint8_t region;
    uint8_t kind;             /* enum request_kind */
    bool more;                /* another turn follows this one */
    uint32_t turn;            /* from 0 */
    uint32_t prompt_tokens;   /* of this turn */
    uint32_t reusable_tokens; /* ... of these, what the turn before may have left in a cache */
    uint32_t output_tokens;
    double known_factor; /* what a router takes the prompt for, over what it is */
};

struct workload_setup {
    const struct scenario *scenario;
    const struct sizes *sizes;
    double load;      /* 1: the fleet's capacity */
    bool independent; /* every request its own conversation, nothing to reuse */
    uint64_t seed;
    double warm_s, measured_s;
    const struct arrivals *arrivals; /* these instead, paced to the load; NULL usual */
};

struct workload;

struct workload *workload_create(const struct workload_setup *setup) ISO_MUST_USE;
void workload_destroy(struct workload **workload);
double workload_requests_per_s(const struct workload *workload); /* aimed at */

/* When the next conversation begins; INT64_MAX: none will. */
int64_t workload_next_ns(const struct workload *workload);
/* That one, at its first turn.  Its place, until it ends. */
uint32_t workload_begin(struct workload *workload);
/* Valid until the next one begins. */
struct conversation *workload_at(const struct workload *workload, uint32_t place);
void workload_end(struct workload *workload, uint32_t place);

/* Its next turn; only when `more`.  Returns the think time before it, ns. */
int64_t conversation_next(struct conversation *conversation, const struct workload_setup *setup);

/* A mean request under perfect prefix affinity. */
struct mean_request {
    double uncached_tokens, output_tokens;
    double turns; /* of a conversation that is not flex */
};
/* Of recorded requests turns are not counted. */
struct mean_request workload_mean(const struct workload_setup *setup);
/* Requests per second that a cluster can do of these: the lesser of prefill and decode. */
double cluster_capacity(const struct cluster_setup *setup, const struct mean_request *mean);
/* ... and all clusters together: load 1. */
double scenario_capacity(const struct scenario *scenario, const struct mean_request *mean);

#endif
