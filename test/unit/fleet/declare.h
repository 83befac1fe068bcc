/* Fleets as a configuration file would declare them, for tests of every layer. */
#ifndef FLEET_DECLARE_H
#define FLEET_DECLARE_H

#include "base/clock.h"
#include "fleet/fleet.h"
#include "unit.h"

/* A cluster with one pool of these endpoints, any model; the pool, for what else it shall be.
 * `name` lives as long as the config, the list is copied. */
static inline struct pool *declare_cluster(struct fleet_config *config, struct cluster *cluster,
                                           const char *name, const struct endpoint *endpoints,
                                           uint32_t count)
{
    struct pool *pool = fleet_config_alloc(config, sizeof *pool);
    struct endpoint *list = fleet_config_alloc(config, count * sizeof *list);
    memcpy(list, endpoints, count * sizeof *list);
    pool_init(pool);
    pool->endpoints = list;
    pool->endpoint_count = count;
    cluster_init(cluster);
    cluster->name = name;
    cluster->pools = pool;
    cluster->pool_count = 1;
    return pool;
}

/* One cluster, named fra, of these endpoints; the fleet follows it from now on. */
static inline void declare_fleet(struct fleet *fleet, struct fleet_config *config,
                                 const struct endpoint *endpoints, uint32_t count)
{
    struct cluster *cluster = fleet_config_alloc(config, sizeof *cluster);
    declare_cluster(config, cluster, "fra", endpoints, count);
    config->clusters = cluster;
    config->cluster_count = 1;
    struct error error;
    if (!fleet_config_finish(config, &error) ||
        !fleet_configure(fleet, config, clock_monotonic_ns(), &error))
        fail_msg("%s", error.text);
}

#endif
