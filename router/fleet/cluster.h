/*
 * What the operator declared about the fleet: clusters, their pools and
 * endpoints, priors.  config/ fills one fleet_config from the file and calls
 * fleet_config_finish; from then on it is immutable, shared and counted.
 * What is measured lives in snapshots, never here.
 *
 * The unit of routing is a target: one pool of one cluster.
 */
#ifndef FLEET_CLUSTER_H
#define FLEET_CLUSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

/* Targets known in the life of a process; each keeps its slot across reloads. */
#define FLEET_SLOTS_MAX 1024
#define FLEET_SLOT_NONE UINT32_MAX
#define FLEET_NAME_MAX 64 /* bytes of a cluster or pool name */
#define FLEET_POOL_DEFAULT "default"
#define FLEET_MODEL_ANY "*"

enum endpoint_protocol {
    ENDPOINT_AUTO, /* by ALPN with TLS, else HTTP/1.1 */
    ENDPOINT_H1,
    ENDPOINT_H2, /* with TLS, or cleartext with prior knowledge */
};

/* One address of a pool as declared.  Strings are NUL-terminated, "" or NULL where default. */
struct endpoint {
    const char *url;  /* as written, for logs */
    const char *host; /* name or address literal, no brackets */
    uint16_t port;    /* always set */
    bool tls;
    bool verify;             /* the certificate; default true */
    const char *path;        /* prefix put before the request's path; "" usual, no trailing slash */
    const char *ca_file;     /* NULL: the system's */
    const char *server_name; /* SNI and name to verify; NULL: host */
    enum endpoint_protocol protocol;
};

/* Priors until the first measurement.  NAN unknown. */
struct capacity {
    double instances;       /* engines */
    double slots;           /* sequences at once, all instances */
    double prefill_tps;     /* tokens/s, all instances */
    double prefill_tps_one; /* tokens/s, one request alone */
    double mean_tokens;     /* uncached prompt tokens of a mean request */
    double hold_ms;         /* mean time a request holds a slot */
    double itl_ms;
    double itl_idle_ms;
};

struct model_alias {
    const char *ours;   /* what clients say; FLEET_MODEL_ANY: every model, unchanged */
    const char *theirs; /* what the engine says; NULL: the same */
};

struct pool {
    const char *name; /* FLEET_POOL_DEFAULT unless declared */
    const struct model_alias *models;
    uint32_t model_count; /* 0: as FLEET_MODEL_ANY */
    const struct endpoint *endpoints;
    uint32_t endpoint_count; /* >= 1 */
    struct capacity capacity;
};

struct cluster {
    const char *name;
    const char *region;            /* "" unknown */
    const char *country;           /* ISO 3166-1 alpha-2, "" unknown */
    const char *accelerator;       /* "" unknown: the report's */
    double latitude, longitude;    /* degrees, NAN unknown */
    const char *credential_header; /* NULL none */
    const char *credential_value;  /* wiped when the config goes */
    double price_per_mtok;         /* NAN unknown: the report's */
    uint32_t weight;               /* 0..1000 */
    const struct pool *pools;
    uint32_t pool_count; /* >= 1 */
};

/* Derived by fleet_config_finish, in the order of the file. */
struct target_config {
    const struct cluster *cluster;
    const struct pool *pool;
    const char *name; /* "hohhot:default" */
    uint64_t id;      /* of the name; the same in every process */
};

/* A model name some target serves, or the entry for every other name. */
struct model {
    const char *name;          /* FLEET_MODEL_ANY for the entry of those that take anything */
    const uint64_t *served_by; /* bit i: target i serves it */
    const char *const *theirs; /* per target; NULL: the name unchanged */
    uint32_t served_count;     /* bits set */
};

struct fleet_config {
    _Atomic uint32_t references;
    struct arena arena; /* everything below lives here */

    /* Filled by config/. */
    const struct cluster *clusters;
    uint32_t cluster_count;
    double edge_latitude, edge_longitude; /* where this router stands; NAN unknown */

    /* Filled by fleet_config_finish. */
    const struct target_config *targets;
    uint32_t target_count;
    const struct model *models; /* by name, ascending; without the any-entry */
    uint32_t model_count;
    const struct model *any_model; /* NULL: nobody takes unknown names */
};

/* Empty, one reference, coordinates NAN.  [control] */
struct fleet_config *fleet_config_create(void) ISO_MUST_USE;
/* Zeroed memory that lives as long as the config.  [control] */
void *fleet_config_alloc(struct fleet_config *config, size_t size) ISO_MUST_USE;
/* NUL-terminated copy that lives as long as the config.  [control] */
const char *fleet_config_text(struct fleet_config *config, struct slice text);
/* A cluster, pool and capacity with every optional field at its default. */
void cluster_init(struct cluster *cluster);
void pool_init(struct pool *pool);
void endpoint_init(struct endpoint *endpoint);
/* Checks names and counts, derives targets and the model table.  Nothing changes after.  [control]
 */
bool fleet_config_finish(struct fleet_config *config, struct error *error) ISO_MUST_USE;

struct fleet_config *fleet_config_hold(struct fleet_config *config);
void fleet_config_drop(struct fleet_config **config);

/* The entry of that name, else the any-entry, else NULL.  [worker] */
const struct model *fleet_config_model(const struct fleet_config *config, struct slice name);
/* The name target `i` knows the model by; `asked` itself when unchanged.  [worker] */
struct slice model_theirs(const struct model *model, uint32_t i, struct slice asked);

static inline bool model_served_by(const struct model *model, uint32_t i)
{
    return (model->served_by[i / 64] >> (i % 64)) & 1;
}

#endif
