/*
 * Effective capacity out of engine metrics: two samples of each endpoint and
 * the time between them make the flows, the flows make the report.  Pure: the
 * caller gives samples and times.  Throughput is not capacity: an idle engine
 * delivers nothing and must not look like nothing, so every ratio keeps its
 * last good value while there is nothing new to divide.  What cannot be known
 * stays NAN and is left out of the report.
 *
 * Rates (utilisation, done_per_s) are over the last 10 s.  Ratios (tokens per
 * second of prefill, tokens per request ...) are over the last 10 s of work,
 * which an idle engine forgets six times as slowly.
 */
#ifndef AGENT_DERIVE_H
#define AGENT_DERIVE_H

#include <stdint.h>

#include "agent/engine.h"
#include "fleet/report.h"

enum { DERIVE_ENDPOINTS_MOST = 64 };

struct derive_settings {
    double instances; /* engines in all; NAN: as many as are seen */
    double slots;     /* until measured; NAN unknown */
};

struct derive;

struct derive *derive_create(const struct derive_settings *settings);
void derive_destroy(struct derive **derive);

/* One good scrape of an endpoint, by its place in the configuration. */
void derive_sample(struct derive *derive, unsigned endpoint, const struct engine_sample *sample,
                   int64_t now_ns);
/* It does not answer, or says nothing of use: what it said last no longer counts as now. */
void derive_lost(struct derive *derive, unsigned endpoint);
/* Writes the measured numbers of the report; everything else of it is left alone. */
void derive_report(const struct derive *derive, int64_t now_ns, struct report *out);

#endif
