/*
 * Endpoint names to addresses, without ever blocking: literals at once, names
 * by libevent's DNS, again every 30 s with jitter.  An answer that is empty or
 * fails leaves the last good one.  [control]
 */
#ifndef CONTROL_RESOLVER_H
#define CONTROL_RESOLVER_H

#include "fleet/fleet.h"
#include "net/loop.h"

struct resolver;

/* Called when an endpoint's addresses are known or have changed. */
typedef void resolver_changed(void *owner);

struct resolver *resolver_create(struct loop *loop, struct fleet *fleet, resolver_changed *changed,
                                 void *owner);
/* What has been asked is answered, and let go of, in the next turn of the loop. */
void resolver_destroy(struct resolver **resolver);
/* Follows the endpoints of a configuration that the fleet has just taken. */
void resolver_follow(struct resolver *resolver, struct fleet_config *config);
struct resolver_counts {
    uint64_t answers, failures;
};
struct resolver_counts resolver_count(const struct resolver *resolver);

#endif
