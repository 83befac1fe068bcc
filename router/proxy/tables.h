/*
 * Everything a worker needs of one configuration: immutable, built by the
 * control thread, published by pointer, retired by epoch.  One generation of
 * it is seen by a whole callback; no exchange holds it across events.
 */
#ifndef PROXY_TABLES_H
#define PROXY_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "fleet/cluster.h"
#include "fleet/geo.h"
#include "isochrone/policy.h"
#include "net/address.h"
#include "policy/chain.h"
#include "proxy/meter.h"
#include "proxy/shadow.h"
#include "upstream/tls_set.h"

enum { CLASS_COUNT = ISO_BATCH + 1 };

/* Words one of which must fit, exactly or by a beginning and "*"; empty: anything does. */
struct word_list {
    const char *const *words;
    uint32_t count;
};

/* Exactly, or by a beginning and "*"; an empty list is met by anything. */
bool word_list_fits(const struct word_list *list, struct slice word);

struct route {
    const char *name;
    /* match */
    struct word_list models;
    struct word_list paths;
    struct word_list tenants;
    struct word_list countries;
    struct word_list continents;
    uint32_t classes; /* bit per enum iso_class; 0: any */
    /* require: never a cost, fails closed */
    struct word_list need_countries;
    struct word_list need_regions;
    struct word_list need_accelerators;
    struct word_list need_clusters;
    uint32_t requirement; /* the same for all routes that require the same */
    bool retry_refused;   /* 429 and 503 of a cluster may be tried elsewhere, once */
    struct chain *chain;
    bool shadowed; /* its chain is the one that shadows are compared with */
};

struct class_promise {
    double slo_ms;   /* time to first token */
    double queue_ms; /* may come, and wait here, so much longer before it is refused */
};

struct edge_place {
    const char *name;
    const char *url;
    double latitude, longitude; /* degrees; NAN unknown */
};

struct tenant_key {
    uint8_t digest[32]; /* SHA-256 of the key */
    const char *tenant;
    uint32_t most_class;       /* the class that claims most */
    uint64_t requests_per_min; /* 0: any number */
    uint64_t tokens_per_min;   /* likewise; prompt and answer */
    struct word_list models;   /* that it may have */
    struct meter *meter;       /* what it has used; NULL: nobody counts */
};

struct proxy_limits {
    size_t body_bytes;        /* one request */
    size_t body_memory_bytes; /* all bodies of one worker */
    uint32_t queue;           /* requests that may wait in one worker; 0: none does */
    int64_t body_timeout_ms;
    int64_t connect_timeout_ms; /* one attempt, waiting for a connection included */
    int64_t first_byte_timeout_ms;
    int64_t stall_timeout_ms; /* no byte from the cluster after the first */
    int64_t client_stall_ms;  /* no byte taken by the client */
    int64_t stream_most_ms;   /* a whole exchange */
};

struct proxy_tables {
    uint64_t generation;
    const struct route *routes; /* first match wins; the last matches everything */
    size_t route_count;
    struct shadow *const *shadows; /* asked beside */
    uint32_t shadow_count;
    struct class_promise classes[CLASS_COUNT];
    struct geoip *geoip; /* NULL: none */
    struct geo_point default_location;
    const struct cidr *trusted; /* whose x-forwarded-for is believed */
    size_t trusted_count;
    const struct tls_set *tls;
    const struct edge_place *edges; /* own first; may be empty */
    size_t edge_count;
    const struct tenant_key *keys; /* NULL: open */
    size_t key_count;
    struct proxy_limits limits;
    bool access_log;
};

#endif
