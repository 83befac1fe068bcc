/*
 * The pages of the admin side, each written into a buffer from what is handed
 * in: pure, no socket, no clock, no global.  Whoever serves them finds the
 * page for a path, checks the caller and frames the answer; that is not here.
 *
 * All functions: [control].
 */
#ifndef CONTROL_ADMIN_PAGE_H
#define CONTROL_ADMIN_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/metrics_text.h"
#include "config/config.h"
#include "fleet/ledger.h"
#include "fleet/snapshot.h"

/* The prompt of the request that /clusters predicts for, in tokens. */
#define ADMIN_PROMPT_TOKENS 800.0

/* A plain problem in the shape of every error of the router; `message` is for people. */
void admin_write_error(struct buffer *out, int status, const char *code, const char *message);

/*
 * GET /clusters: every target with its gate, its report, each input with its
 * source and age, the work known to be there, and the prediction for a fresh
 * streamed request of ADMIN_PROMPT_TOKENS, by part.  `ledger`: any worker's.
 */
void admin_write_clusters(struct buffer *out, const struct snapshot *snapshot,
                          const struct ledger *ledger, int64_t now_ns);

/* What this router tells the others, and how it hears of them. */
struct admin_router {
    const char *name;
    const char *version;
    uint64_t config_generation; /* grows with each reload that was taken */
    double uptime_s;
    uint32_t workers;
    int64_t connections; /* of clients, open */
    int64_t exchanges;   /* requests under way */
    bool redis_ready;
    bool draining;
};

/* GET /routers: this one, and how many live beside it by the last exchange. */
void admin_write_routers(struct buffer *out, const struct admin_router *router,
                         const struct snapshot *snapshot, int64_t now_ns);

/* GET /config */
void admin_write_config(struct buffer *out, const struct config *config);

/* The families isochrone_cluster_* and isochrone_fleet_* of GET /metrics. */
void admin_write_fleet_metrics(struct metrics_text *metrics, const struct snapshot *snapshot,
                               int64_t now_ns);

#endif
