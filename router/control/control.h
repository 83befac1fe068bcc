/*
 * The control thread: everything that is not a request.  It reads the
 * configuration, opens sockets, feeds the fleet (Redis, probes, names), makes
 * a snapshot each tick and publishes it, reloads, drains, and serves the admin
 * interface.  Workers never wait for it.
 *
 *   signals, admin -> control -> config -> tables ---publish---> workers
 *   Redis, probes, names -> fleet --tick--> snapshot --publish--> workers
 *                             ^------ ledgers, metrics ------------'
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/epoch.h"
#include "config/config.h"
#include "control/burst.h"
#include "control/policy_life.h"
#include "control/redis_feed.h"
#include "control/resolver.h"
#include "control/tables.h"
#include "control/worker.h"
#include "fleet/fleet.h"
#include "upstream/probe.h"

struct admin_server;
struct front_sockets;

struct control_counters {
    uint64_t reloads, reloads_failed;
    uint64_t snapshots;
    uint64_t probes, probes_failed;
};

struct control {
    const char *config_path;
    struct loop *loop;
    struct tables *tables; /* those published now */
    uint64_t generation;   /* of them */
    struct plugin_dir *plugins;
    struct policy_life policies;
    struct fleet *fleet;
    struct affinity *affinity;
    struct access_log *log;          /* NULL: off */
    struct access_log *decision_log; /* NULL: off */
    struct epoch epoch;
    uint32_t worker_count;
    struct worker **workers;
    struct ledger **ledgers;   /* of the workers */
    struct snapshot *snapshot; /* the one published now */
    struct redis_feed *feed;   /* NULL: no redis */
    struct prober *prober;
    bool probes_outdated; /* endpoints or addresses changed since prober_update */
    struct resolver *resolver;
    struct front_sockets *sockets;
    struct admin_server *admin;
    struct control_counters counters;
    int64_t started_ns;
    bool draining;
    struct timer tick;
    struct burst bodies;            /* held by all workers */
    struct error last_reload_error; /* "" when the last one was fine */
};

/* Reads the configuration and sets everything up; problems are printed by the caller.  NULL when
 * there are any. */
struct control *control_create(const char *config_path, struct config_problems *problems);
/* Builds everything of a configuration and throws it away: chains, GeoIP, keys, certificates. Opens
 * no socket.  False: the sentences are in `problems`. */
bool control_check(const char *config_path, struct config_problems *problems);
/* Until a signal or drain ends it; returns the exit code. */
int control_run(struct control *control);
void control_destroy(struct control **control);

/* False: nothing changed, and the sentences are in `problems`. */
bool control_reload(struct control *control, struct config_problems *problems);
/* Makes what stands in `policies` hold for every decision from now on. */
void control_publish_policies(struct control *control);
/* Takes no new clients; ends when the open exchanges did. */
void control_drain(struct control *control);
/* Live: it answers.  Ready: it listens, knows an address of some cluster, and does not drain. */
bool control_ready(const struct control *control);

#endif
