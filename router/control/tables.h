/*
 * From a configuration to what workers need of it: chains, GeoIP, keys, TLS
 * contexts, routes.  Everything is built aside; only a whole one is published.
 *
 * A change of policies at run time makes new tables over the same ground: what
 * a configuration alone decides is built once and held by all of them.
 *
 *   tables_create  config -> ground (GeoIP, keys, TLS, the file's chains) -> tables
 *   tables_vary    tables -> the same ground, another chain and shadows   -> tables
 */
#ifndef CONTROL_TABLES_H
#define CONTROL_TABLES_H

#include "base/epoch.h"
#include "config/config.h"
#include "proxy/tables.h"

/* Of one configuration.  [control] */
struct tables_ground {
    uint32_t holders;
    struct config *config;
    struct chain **chains;      /* by route; NULL: that of `policies:`, which is the last */
    struct chain *shadow_chain; /* of `shadow:`; NULL: none */
    struct tls_set *tls;
    struct geoip *geoip;
    struct tenant_key *keys;
    size_t key_count;
    struct arena arena;
};

struct tables {
    struct proxy_tables face; /* what is published */
    struct epoch_item item;
    struct tables_ground *ground;
    struct config *config;                /* the ground's */
    struct chain *usual_chain;            /* of every route without one of its own; held */
    struct shadow *shadows[SHADOWS_MOST]; /* held */
    struct arena arena;
};

/* NULL after adding every problem.  `workers`: limits that are of all workers are divided.
 * [control] */
struct tables *tables_create(struct config *config, struct plugin_dir *plugins, uint64_t generation,
                             uint32_t workers, struct config_problems *problems) ISO_MUST_USE;
/* What API keys have used counts on in `fresh`, which is not published yet. */
void tables_carry_over(const struct tables *old, struct tables *fresh);
/* The chain of `policies:` in the file, whatever is in force. */
struct chain *tables_file_chain(const struct tables *tables);
/* Over the same ground.  `usual_chain` NULL: the file's.  [control] */
struct tables *tables_vary(const struct tables *from, struct chain *usual_chain,
                           struct shadow *const *shadows, uint32_t shadow_count) ISO_MUST_USE;
void tables_destroy(struct tables **tables);

#endif
