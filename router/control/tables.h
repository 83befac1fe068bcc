/*
 * From a configuration to what workers need of it: chains, GeoIP, keys, TLS
 * contexts, routes.  Everything is built aside; only a whole one is published.
 */
#ifndef CONTROL_TABLES_H
#define CONTROL_TABLES_H

#include "base/epoch.h"
#include "config/config.h"
#include "proxy/tables.h"

struct tables {
    struct proxy_tables face; /* what is published */
    struct epoch_item item;
    struct config *config;
    struct chain **chains; /* by route; the last is the default's */
    struct tls_set *tls;
    struct geoip *geoip;
    struct arena arena;
};

/* NULL after adding every problem.  `workers`: limits that are of all workers are divided.
 * [control] */
struct tables *tables_create(struct config *config, struct plugin_dir *plugins, uint64_t generation,
                             uint32_t workers, struct config_problems *problems) ISO_MUST_USE;
void tables_destroy(struct tables **tables);

#endif
