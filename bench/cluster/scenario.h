/*
 * Reads a scenario file: kinds of clusters, and under each scenario's name its
 * regions (places where clients are) and clusters.  Programs that simulate in
 * virtual time use the figures; isosim also the addresses.
 *
 *     clusters_of_type:
 *       h: {prefill_tps_one: 9000, itl_base_s: 0.011, itl_per_seq_s: 0.00022, batch: 96,
 *           cache_tokens: 200000}
 *     isosim: {control: 127.0.0.1:9900}
 *     demo:
 *       regions:
 *         - {name: Shanghai, latitude: 31.2, longitude: 121.5, weight: 0.5, tz: 8}
 *       edges: [Shanghai]      # optional: where the routers stand
 *       clusters:
 *         - {name: sha-h, type: h, instances: 2, efficiency: 1, price: 1, latitude: 31.2,
 *            longitude: 121.5, listen: 127.0.0.1:9001, protocol: h1, models: [qwen3-32b]}
 *       workload: {output_scale: 0.5}
 */
#ifndef CLUSTER_SCENARIO_H
#define CLUSTER_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "cluster/cluster_model.h"
#include "cluster/network.h"
#include "cluster/scenario_workload.h"
#include "config/problems.h"
#include "net/address.h"

enum scenario_protocol {
    SCENARIO_H1,  /* cleartext HTTP/1.1, as most engines speak */
    SCENARIO_H2C, /* cleartext HTTP/2 by prior knowledge, HTTP/1.1 too */
    SCENARIO_H2,  /* TLS; HTTP/2 or HTTP/1.1 by ALPN */
};

struct scenario_region {
    struct network_point point;
    double weight;   /* share of conversations; relative */
    double tz_hours; /* of local time from UTC */
    uint32_t edge;   /* the nearest of the scenario's edges */
};

struct scenario_cluster {
    struct network_point point;
    const char *type_name;
    struct cluster_setup setup; /* speed is the file's time_scale */
    double price;               /* relative, per token */
    /* isosim only */
    struct address listen; /* len 0: any loopback port */
    enum scenario_protocol protocol;
    const char **models; /* "*": any */
    uint32_t model_count;
};

struct scenario {
    const char *name;
    struct scenario_region *regions;
    uint32_t region_count;
    uint32_t *edges;     /* the regions where they stand */
    uint32_t edge_count; /* 0: one near every region */
    struct scenario_cluster *clusters;
    uint32_t cluster_count;
    uint64_t seed; /* of the network */
    struct scenario_workload workload;
    /* isosim only */
    struct address control;       /* len 0: any loopback port */
    const char *certificate_file; /* for SCENARIO_H2 */
    const char *key_file;
    bool delay; /* false: no network delay at all */
};

/*
 * `name` NULL: the file must hold one scenario.  Everything lives in the arena.
 * False when there are problems.
 */
bool scenario_load(const char *path, const char *name, struct arena *arena,
                   struct config_problems *problems, struct scenario *out) ISO_MUST_USE;
/* The same from text; `path` stands in messages and is what file names are relative to. */
bool scenario_load_text(const char *path, struct slice text, const char *name, struct arena *arena,
                        struct config_problems *problems, struct scenario *out) ISO_MUST_USE;

/* The distances of a scenario. */
struct network *scenario_network(const struct scenario *scenario) ISO_MUST_USE;

#endif
