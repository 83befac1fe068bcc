#include "control/resolver.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "net/address.h"

enum { AGAIN_MS = 30000, RETRY_MS = 2000 };

struct name {
    struct list link;
    struct resolver *resolver;
    uint32_t slot;
    uint32_t endpoint;
    char *host;
    uint16_t port;
    bool gone; /* not of this configuration any more; freed when its answer came */
    struct evdns_getaddrinfo_request *asked;
    struct sockaddr_storage known[ENDPOINT_ADDRESSES_MAX];
    size_t known_count;
    struct timer again;
};

struct resolver {
    struct loop *loop;
    struct fleet *fleet;
    resolver_changed *changed;
    void *owner;
    struct evdns_base *dns; /* made when the first name is seen */
    struct list names;
    struct random random;
    uint64_t order; /* seed of the order of addresses */
    struct resolver_counts counts;
};

static void name_free(struct name *name)
{
    timer_stop(&name->again);
    list_remove(&name->link);
    free(name->host);
    free(name);
}

static size_t gather(const struct evutil_addrinfo *list, uint16_t port,
                     struct sockaddr_storage *out)
{
    size_t count = 0;
    for (; list != NULL && count < ENDPOINT_ADDRESSES_MAX; list = list->ai_next) {
        if (list->ai_family != AF_INET && list->ai_family != AF_INET6)
            continue;
        struct address address = {.len = (socklen_t)list->ai_addrlen};
        memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
        address_set_port(&address, port);
        out[count++] = address.storage;
    }
    return count;
}

/* In an order of this router's own, the same each time: a name server that turns its answer round
 * must not make us leave warm connections, and not all routers shall take the same address. */
static void put_in_order(const struct resolver *resolver, struct sockaddr_storage *list,
                         size_t count)
{
    uint64_t keys[ENDPOINT_ADDRESSES_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct sockaddr_storage address = list[i];
        const uint64_t key = XXH3_64bits_withSeed(&address, sizeof address, resolver->order);
        size_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--) {
            keys[at] = keys[at - 1];
            list[at] = list[at - 1];
        }
        keys[at] = key;
        list[at] = address;
    }
}

static void schedule(struct name *name, int64_t ms)
{
    struct resolver *resolver = name->resolver;
    const double jitter = 0.8 + 0.4 * random_unit(&resolver->random);
    timer_start(&name->again, resolver->loop, (int64_t)((double)ms * jitter));
}

static void answered(int result, struct evutil_addrinfo *list, void *arg)
{
    struct name *name = arg;
    name->asked = NULL;
    struct sockaddr_storage found[ENDPOINT_ADDRESSES_MAX];
    memset(found, 0, sizeof found);
    const size_t count = result == 0 ? gather(list, name->port, found) : 0;
    if (list != NULL)
        evutil_freeaddrinfo(list);
    if (name->gone) { /* the resolver too, perhaps */
        name_free(name);
        return;
    }
    struct resolver *resolver = name->resolver;
    if (count == 0) {
        resolver->counts.failures++;
        log_event(LOG_WARN, "resolve_failed", "%s: %s; the last good addresses stay", name->host,
                  result != 0 ? evutil_gai_strerror(result) : "no address");
        schedule(name, RETRY_MS);
        return;
    }
    resolver->counts.answers++;
    put_in_order(resolver, found, count);
    schedule(name, AGAIN_MS);
    if (count == name->known_count && memcmp(found, name->known, count * sizeof found[0]) == 0)
        return;
    memcpy(name->known, found, sizeof found);
    name->known_count = count;
    fleet_set_endpoint_addresses(resolver->fleet, name->slot, name->endpoint, found, count);
    resolver->changed(resolver->owner);
}

static void ask(struct timer *timer)
{
    struct name *name = CONTAINER_OF(timer, struct name, again);
    struct resolver *resolver = name->resolver;
    if (name->asked != NULL)
        return;
    if (resolver->dns == NULL)
        resolver->dns =
            evdns_base_new(loop_base(resolver->loop),
                           EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolver->dns == NULL) {
        log_event(LOG_ERROR, "resolve_failed", "no name server could be set up");
        schedule(name, RETRY_MS);
        return;
    }
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_protocol = IPPROTO_TCP,
                                    .ai_flags = EVUTIL_AI_ADDRCONFIG};
    name->asked = evdns_getaddrinfo(resolver->dns, name->host, NULL, &hints, answered, name);
}

static void follow_endpoint(struct resolver *resolver, uint32_t slot, uint32_t e,
                            const struct endpoint *endpoint)
{
    struct address address;
    if (address_parse_ip(slice_of(endpoint->host), &address)) {
        address_set_port(&address, endpoint->port);
        fleet_set_endpoint_addresses(resolver->fleet, slot, e, &address.storage, 1);
        return;
    }
    struct name *name = memory_zalloc(sizeof *name);
    name->resolver = resolver;
    name->slot = slot;
    name->endpoint = e;
    name->host = memory_strdup(endpoint->host);
    name->port = endpoint->port;
    timer_init(&name->again, ask);
    list_append(&resolver->names, &name->link);
    timer_start(&name->again, resolver->loop, 0);
}

static void forget(struct name *name)
{
    name->gone = true;
    timer_stop(&name->again);
    if (name->asked == NULL)
        name_free(name);
}

void resolver_follow(struct resolver *resolver, struct fleet_config *config)
{
    LIST_EACH_SAFE (node, &resolver->names)
        forget(LIST_ENTRY(node, struct name, link));
    for (uint32_t t = 0; t < config->target_count; t++) {
        const struct target_config *target = &config->targets[t];
        const uint32_t slot = fleet_slot_find(resolver->fleet, slice_of(target->cluster->name),
                                              slice_of(target->pool->name));
        CHECK(slot != FLEET_SLOT_NONE);
        for (uint32_t e = 0; e < target->pool->endpoint_count; e++)
            follow_endpoint(resolver, slot, e, &target->pool->endpoints[e]);
    }
    resolver->changed(resolver->owner);
}

struct resolver *resolver_create(struct loop *loop, struct fleet *fleet, resolver_changed *changed,
                                 void *owner)
{
    struct resolver *resolver = memory_zalloc(sizeof *resolver);
    resolver->loop = loop;
    resolver->fleet = fleet;
    resolver->changed = changed;
    resolver->owner = owner;
    list_init(&resolver->names);
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    random_seed(&resolver->random, seed);
    random_secret(&resolver->order, sizeof resolver->order);
    return resolver;
}

void resolver_destroy(struct resolver **resolver)
{
    if (*resolver == NULL)
        return;
    LIST_EACH_SAFE (node, &(*resolver)->names) {
        struct name *name = LIST_ENTRY(node, struct name, link);
        if (name->asked != NULL)
            evdns_getaddrinfo_cancel(name->asked);
        list_remove(&name->link);
        forget(name);
    }
    if ((*resolver)->dns != NULL)
        evdns_base_free((*resolver)->dns, 1);
    free(*resolver);
    *resolver = NULL;
}

struct resolver_counts resolver_count(const struct resolver *resolver)
{
    return resolver->counts;
}
