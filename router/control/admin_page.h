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
#include "fleet/ledger.h"
#include "fleet/snapshot.h"

/* The prompt of the request that /clusters predicts for, in tokens. */
#define ADMIN_PROMPT_TOKENS 800.0

/*
 * GET /clusters: every target with its gate, its report, each input with its
 * source and age, the work known to be there, and the prediction for a fresh
 * streamed request of ADMIN_PROMPT_TOKENS, by part.  `ledger`: any worker's.
 */
void admin_write_clusters(struct buffer *out, const struct snapshot *snapshot,
                          const struct ledger *ledger, int64_t now_ns);

/* The families isochrone_cluster_* and isochrone_fleet_* of GET /metrics. */
void admin_write_fleet_metrics(struct metrics_text *metrics, const struct snapshot *snapshot,
                               int64_t now_ns);

#endif
