/*
 * The router's configuration file, read and checked whole.  A struct config is
 * what one file said, with every default filled in; it never changes after
 * config_load and is counted, so that a worker keeps the one it began with.
 * README.md in this folder is the reference of every key; its test compares it
 * with the reader.
 *
 * Called by control/ (start, reload), isoctl check and --check.  Loads no
 * policy, opens no socket and no database: control does, and reports problems
 * with the places kept here.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/problems.h"
#include "config/yaml_net.h"
#include "fleet/cluster.h"
#include "net/address.h"
#include "net/tls.h"
#include "policy/chain.h"

#define CONFIG_CLASSES 4 /* by enum iso_class */

extern const char *const config_class_names[CONFIG_CLASSES + 1]; /* ends with NULL */

struct config_listen {
    const char *place; /* "edge.yaml:2:5", for what goes wrong later; every place is like this */
    struct yaml_address address;
    const struct tls_certificate *certificates; /* the first is the default */
    size_t certificate_count;                   /* 0: cleartext */
    bool behind_tls; /* cleartext, but clients came over TLS to a proxy */
};

struct config_edge {
    const char *name;
    const char *url;            /* "" unknown */
    double latitude, longitude; /* degrees, NAN unknown */
};

struct config_class {
    double slo_ms;   /* time to first token promised */
    double queue_ms; /* later than promised a request may come, and wait here */
};

struct config_policies { /* one chain */
    const char *place;
    const struct policy_ref *refs;
    size_t count;
};

struct config_texts {
    const char *const *items;
    size_t count; /* 0: not given */
};

/* All that are given must hold; within one, any of its items. */
struct config_match {
    struct config_texts models;  /* exact, or a beginning and "*" */
    struct config_texts paths;   /* likewise */
    struct config_texts tenants; /* likewise */
    struct config_texts countries;
    struct config_texts continents;
    uint32_t classes; /* bit 1 << enum iso_class; 0: not given */
};

/* A target must meet all that are given: hard, never a cost. */
struct config_require {
    struct config_texts countries;
    struct config_texts regions;
    struct config_texts accelerators;
    struct config_texts clusters; /* each is one of the file */
};

struct config_route {
    const char *place;
    struct config_match match;
    struct config_require require;
    struct config_policies policies; /* count 0: the file's `policies` */
    bool retry_refused;              /* 429 and 503 of a cluster, once, elsewhere */
};

struct config_redis {
    const struct slice *urls;  /* as redis_url_parse takes them, in order of preference */
    const char *const *shown;  /* of each, without user and password */
    const char *const *places; /* of each */
    size_t url_count;          /* 0: no Redis */
    const char *prefix;
    double connect_timeout_ms;
    double timeout_ms; /* of one command */
};

struct config_geoip {
    const char *place;
    const char *const *databases; /* absolute or relative to the working directory */
    size_t database_count;
    double default_latitude, default_longitude; /* degrees, NAN: unknown stays unknown */
};

struct config_limits {
    uint64_t body_bytes;        /* of one request */
    uint64_t body_memory_bytes; /* of all requests together */
    uint32_t queue; /* requests that may wait, all workers and classes together; 0: none does */
    uint32_t connections; /* of clients, all workers together */
    uint32_t streams;     /* at once on one client connection */
};

struct config_timeouts {
    double connect_ms;    /* to a cluster, TLS included */
    double head_ms;       /* for a client's request head */
    double body_ms;       /* between two pieces of a client's body */
    double first_byte_ms; /* of a cluster's answer */
    double idle_ms;       /* between two pieces of an answer, either side */
    double stream_ms;     /* a whole exchange */
    double keep_alive_ms; /* a client connection without a request */
    double drain_ms;      /* open streams after SIGTERM */
};

struct config_upstream {
    uint32_t connections;     /* per endpoint and worker */
    double idle_ms;           /* an unused HTTP/1.1 connection is closed after */
    double probe_interval_ms; /* per endpoint */
    double probe_timeout_ms;
    const char *probe_path;
    const char *ca_file; /* NULL: the system's; endpoints without their own take it */
};

enum config_access_log { CONFIG_ACCESS_LOG_STDOUT, CONFIG_ACCESS_LOG_OFF, CONFIG_ACCESS_LOG_FILE };

struct config {
    _Atomic uint32_t references;
    struct arena arena; /* all texts and tables below */
    const char *path;   /* of the file, as given */

    const struct config_listen *listens;
    size_t listen_count;         /* >= 1 */
    struct yaml_address admin;   /* loopback or unix */
    struct yaml_address metrics; /* text NULL: only on admin */
    const char *admin_place, *metrics_place;
    uint32_t workers;           /* 0: one per processor */
    const struct cidr *trusted; /* whose X-Forwarded-For is believed */
    size_t trusted_count;
    struct config_texts trusted_texts; /* of each */

    struct config_edge edge;
    struct address source_address;   /* for connections to clusters; len 0: any */
    const struct config_edge *edges; /* the others; never the own name */
    size_t edge_count;

    struct config_redis redis;
    struct config_geoip geoip;
    struct config_class classes[CONFIG_CLASSES];
    struct config_policies policies; /* count >= 1 */
    struct config_policies shadow;   /* count 0: none */
    const struct config_route *routes;
    size_t route_count;
    struct fleet_config *fleet; /* finished */
    const char *keys_file;      /* NULL: open to all */
    const char *keys_place;

    struct config_limits limits;
    struct config_timeouts timeouts;
    struct config_upstream upstream;
    const char *plugin_dir;
    enum config_access_log access_log;
    const char *access_log_file; /* with CONFIG_ACCESS_LOG_FILE */
    const char *access_log_place;
    const char *decision_log_file; /* NULL: off */
    const char *decision_log_place;
    enum log_level log_level;
};

/* Reads and checks everything.  On false *out is NULL and `problems`, which the
 * caller has initialised, has every problem in the order of the file.  [control] */
bool config_load(const char *path, struct config **out,
                 struct config_problems *problems) ISO_MUST_USE;
struct config *config_hold(struct config *config);
void config_drop(struct config **config);

/* One object, what holds now with its defaults; no credential, key or password.  [control] */
void config_write_json(const struct config *config, struct json *json);

#endif
