/*
 * Asks each endpoint `GET /health` every few seconds, jittered, over a
 * connection that is open already, and times request to response head: the
 * round trip as the application sees it, and whether it lives.  [control]
 */
#ifndef UPSTREAM_PROBE_H
#define UPSTREAM_PROBE_H

#include <stdint.h>

#include "base/random.h"
#include "fleet/snapshot.h"
#include "upstream/tls_set.h"
#include "upstream/upstream.h"

struct prober;

struct prober_settings {
    int64_t interval_ms; /* of one endpoint; +-20 % jitter */
    int64_t timeout_ms;  /* connect, and answer */
    const char *path;    /* "/health" */
    struct address source;
};

struct prober_events {
    void (*on_rtt)(void *owner, uint32_t slot, uint32_t endpoint, double rtt_ms);
    void (*on_result)(void *owner, uint32_t slot, uint32_t endpoint, bool ok, const char *why);
};

struct prober *prober_create(struct loop *loop, const struct prober_settings *settings,
                             const struct prober_events *events, void *owner);
void prober_destroy(struct prober **prober);
/* Follows the endpoints and addresses of a snapshot: new ones are asked within 50 ms, those that
 * are gone no more.  Call it when configuration or addresses changed, not each tick. */
void prober_update(struct prober *prober, const struct snapshot *snapshot,
                   const struct tls_set *tls);

#endif
