/*
 * Is a target fit for traffic?  Judged by the outcomes of real requests; a
 * small state machine per target, stepped by the control thread each tick:
 *
 *     healthy --failures--> ejected --1, 2, 4 .. 30 s--> half open --success--> slow start --30
 * s--> healthy ^                              |                      |
 *                             '----------- failure ----------'---------- failures --'
 *
 * A target that keeps flapping must succeed with 1, 2, 4 .. 16 probes in a row.
 * Whether one more may be ejected is the fleet's to say: never more than half, never the last.
 */
#ifndef FLEET_HEALTH_H
#define FLEET_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

#define HEALTH_STREAK 3       /* failures in a row that eject */
#define HEALTH_RATE_LEAST 5.0 /* failures of late, from which a rate is one */
#define HEALTH_RATE 0.5       /* ... that ejects */
#define HEALTH_TAU_MS 10000.0 /* what "of late" means */
#define HEALTH_EJECT_MOST_MS 30000.0
#define HEALTH_SLOW_START_MS 30000.0
#define HEALTH_FORGIVE_MS 60000.0        /* healthy that long: the next ejection is 1 s again */
#define HEALTH_PROBE_PATIENCE_MS 30000.0 /* then a probe is given up for lost */

enum health_state { HEALTH_HEALTHY, HEALTH_EJECTED, HEALTH_HALF_OPEN, HEALTH_SLOW_START };

struct health {
    enum health_state state;
    int64_t since_ns;     /* in this state */
    int64_t until_ns;     /* ejected until */
    uint32_t level;       /* doublings of the next ejection */
    uint32_t flaps;       /* ejections soon after coming back */
    uint32_t probes_left; /* successes to go, half open */
    uint64_t streak;      /* failures without a success between */
    double failures;      /* of late, decaying */
    double successes;     /* of late, decaying */
    int64_t stepped_ns;
    uint64_t
        probe_mark; /* requests sent when the running probe was let go; see health_probe_free */
    int64_t probe_sent_ns; /* 0: none out */
    uint64_t changes;      /* between fit and unfit, for metrics */
    uint64_t ejections;
};

/* What happened since the last step. */
struct health_events {
    uint64_t sent;      /* all requests so far (monotonic) */
    uint64_t successes; /* since the last step */
    uint64_t failures;  /* since the last step */
};

void health_init(struct health *health, int64_t now_ns);
/* `may_eject`: the fleet can spare it.  `random` draws the jitter of +-10 %.  [control] */
void health_step(struct health *health, const struct health_events *events, bool may_eject,
                 struct random *random, int64_t now_ns);
/* Came back by another way (its endpoints were down): slow start from now. */
void health_restart(struct health *health, int64_t now_ns);
/* Half open and no probe out: the next request may go. */
bool health_probe_free(const struct health *health);
/* Failing of late, ejected or not. */
bool health_erring(const struct health *health);
/* Share of its usual load to trust it with, 0..1; 1 unless in slow start. */
double health_ramp(const struct health *health, int64_t now_ns);
const char *health_state_name(enum health_state state);

/* One endpoint as its probes (GET /health, PING) see it: 3 failures in a row take it down, 2
 * successes bring it back. */
struct probe_health {
    bool down;
    uint32_t streak; /* of results against the present state */
};

/* True when the state changed.  [control] */
bool probe_health_observe(struct probe_health *health, bool ok);

#endif
