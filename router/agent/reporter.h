/*
 * Brings reports to Redis as the one writer of its cluster and pool: numbers
 * them with (epoch, seq), loads the function library where it is missing, and
 * sends the last report again when Redis comes back.  A writer that started
 * later wins; this one says so and keeps trying, since the other may go.
 */
#ifndef AGENT_REPORTER_H
#define AGENT_REPORTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"
#include "fleet/report.h"

struct event_base;
struct reporter;

struct reporter_settings {
    const struct slice *urls;
    size_t url_count;
    struct slice prefix;
    struct slice cluster;
    struct slice pool;
    double ttl_ms;
};

struct reporter *reporter_create(struct event_base *base, const struct reporter_settings *settings,
                                 struct error *error) ISO_MUST_USE;
void reporter_destroy(struct reporter **reporter);
/* Copied; the only one that is kept is the last. */
void reporter_say(struct reporter *reporter, const struct report *report);
/* Everything said so far has been answered, or there is nobody to answer. */
bool reporter_idle(const struct reporter *reporter);

#endif
