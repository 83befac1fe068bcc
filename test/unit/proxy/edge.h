/*
 * For the tests of proxy: one worker's proxy without its thread, in the
 * test's own loop: a configuration, its tables, a fleet, a listener.
 */
#ifndef TEST_EDGE_H
#define TEST_EDGE_H

#include "../upstream/engine.h"
#include "config/config.h"
#include "control/tables.h"
#include "fleet/fleet.h"
#include "proxy/exchange.h"
#include "proxy/proxy.h"

struct edge {
    struct loop *loop;
    struct plugin_dir *plugins;
    struct tables *tables; /* limits may be changed by the test */
    struct fleet *fleet;
    struct snapshot *snapshot;
    struct affinity *affinity;
    struct access_log *log; /* NULL: none */
    struct proxy *proxy;
    struct listener *listener;
    struct address bound;
    char folder[64];
    uint64_t generation;
};

/* What edges opened from now on have towards their clusters; zeroed: the default. */
extern struct connection_pool_settings edge_pool;

/* `yaml` without listen and plugin_dir.  Fails the test when it is wrong. */
void edge_open(struct edge *edge, struct loop *loop, const char *yaml);
/* Another configuration; sweeps as a worker would. */
void edge_reload(struct edge *edge, const char *yaml);
/* Another picture of the fleet. */
void edge_tick(struct edge *edge);
void edge_close(struct edge *edge);
/* A file of the folder that the configuration stands in. */
const char *edge_path(const struct edge *edge, const char *name);
void edge_write(const struct edge *edge, const char *name, const char *text);
/* The log's lines so far, as one text to be freed; needs edge->log. */
char *edge_log_text(struct edge *edge);
void edge_log_open(struct edge *edge);

/* Two clusters, `near` and `far`, that serve model m, over `nearest`; to be freed.  `more`: further
 * sections, may be "". */
char *edge_two_clusters(const struct engine *near, const struct engine *far, const char *options,
                        const char *more);

#endif
