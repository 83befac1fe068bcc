#include "upstream/upstream.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* What an endpoint_entry was made from; when any of it changes, the pool is another. */
struct endpoint_entry {
    struct upstream_endpoint face; /* first: handed out */
    char *url;
    char *authority;
    char *server_name;
    char *ca_file; /* NULL: the system's, or no TLS */
    bool verify;
    enum endpoint_protocol protocol;
    struct sockaddr_storage address;
    uint32_t made_for; /* face.address_at when the pool was made */
};

struct slot_entry {
    uint32_t count;
    uint32_t next;                     /* where the search begins, so that equals take turns */
    struct endpoint_entry **endpoints; /* each stays where it is: exchanges point at them */
};

struct upstream {
    struct loop *loop;
    struct connection_pool_settings settings;
    struct address source;
    struct list retired; /* pools with streams that are still to end */
    struct slot_entry slots[FLEET_SLOTS_MAX];
};

struct upstream *upstream_create(struct loop *loop, const struct connection_pool_settings *settings,
                                 const struct address *source)
{
    struct upstream *upstream = memory_zalloc(sizeof *upstream);
    upstream->loop = loop;
    upstream->settings = *settings;
    upstream->source = *source;
    list_init(&upstream->retired);
    return upstream;
}

static void entry_destroy(struct endpoint_entry *entry)
{
    connection_pool_destroy(&entry->face.pool);
    free(entry->url);
    free(entry->authority);
    free(entry->server_name);
    free(entry->ca_file);
    free(entry);
}

void upstream_destroy(struct upstream **upstream)
{
    if (*upstream == NULL)
        return;
    for (size_t s = 0; s < FLEET_SLOTS_MAX; s++) {
        struct slot_entry *slot = &(*upstream)->slots[s];
        for (uint32_t e = 0; e < slot->count; e++)
            entry_destroy(slot->endpoints[e]);
        free(slot->endpoints);
    }
    connection_pool_destroy_all(&(*upstream)->retired);
    free(*upstream);
    *upstream = NULL;
}

static const char *server_name_of(const struct endpoint *endpoint)
{
    return endpoint->server_name != NULL ? endpoint->server_name : endpoint->host;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The pool is one for this endpoint, whatever its address. */
static bool entry_is_for(const struct endpoint_entry *entry, const struct endpoint *endpoint)
{
    return entry->face.pool != NULL && strcmp(entry->url, endpoint->url) == 0 &&
           strcmp(entry->server_name, server_name_of(endpoint)) == 0 &&
           entry->verify == endpoint->verify && entry->protocol == endpoint->protocol &&
           same_text(entry->ca_file, endpoint->ca_file);
}

static bool entry_fits(const struct endpoint_entry *entry, const struct endpoint_state *state,
                       const struct sockaddr_storage *address)
{
    return entry_is_for(entry, state->config) &&
           memcmp(&entry->address, address, sizeof *address) == 0;
}

static socklen_t sockaddr_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static enum upstream_protocol protocol_of(const struct endpoint *endpoint)
{
    switch (endpoint->protocol) {
    case ENDPOINT_H1:
        return UPSTREAM_H1;
    case ENDPOINT_H2:
        return UPSTREAM_H2;
    case ENDPOINT_AUTO:
        break;
    }
    return UPSTREAM_AUTO;
}

char *upstream_authority(const struct endpoint *endpoint)
{
    const bool v6 = strchr(endpoint->host, ':') != NULL;
    const uint16_t usual = endpoint->tls ? 443 : 80;
    if (endpoint->port == usual)
        return memory_printf(v6 ? "[%s]" : "%s", endpoint->host);
    return memory_printf(v6 ? "[%s]:%u" : "%s:%u", endpoint->host, endpoint->port);
}

void upstream_dial_fill(struct upstream_dial *dial, const struct endpoint *endpoint,
                        const struct sockaddr_storage *address, struct tls_client *tls)
{
    *dial = (struct upstream_dial){
        .tls = tls,
        .server_name = server_name_of(endpoint),
        .protocol = protocol_of(endpoint),
    };
    dial->address.storage = *address;
    dial->address.len = sockaddr_len(address);
}

static void entry_make(struct upstream *upstream, struct endpoint_entry *entry,
                       const struct endpoint_state *state, const struct sockaddr_storage *address,
                       struct tls_client *tls)
{
    connection_pool_retire(&entry->face.pool, &upstream->retired);
    free(entry->url);
    free(entry->authority);
    free(entry->server_name);
    free(entry->ca_file);
    entry->url = memory_strdup(state->config->url);
    entry->server_name = memory_strdup(server_name_of(state->config));
    entry->ca_file = state->config->ca_file ? memory_strdup(state->config->ca_file) : NULL;
    entry->verify = state->config->verify;
    entry->protocol = state->config->protocol;
    entry->address = *address;
    entry->made_for = entry->face.address_at;
    entry->face.url = slice_of(entry->url);
    entry->authority = upstream_authority(state->config);
    entry->face.authority = slice_of(entry->authority);
    struct upstream_dial dial;
    upstream_dial_fill(&dial, state->config, address, tls);
    dial.source = upstream->source;
    entry->face.pool = connection_pool_create(upstream->loop, &dial, &upstream->settings);
}

static struct slot_entry *slot_of(struct upstream *upstream, const struct target *target)
{
    struct slot_entry *slot = &upstream->slots[target->slot];
    if (slot->count >= target->endpoint_count)
        return slot;
    slot->endpoints =
        memory_realloc(slot->endpoints, target->endpoint_count * sizeof *slot->endpoints);
    while (slot->count < target->endpoint_count)
        slot->endpoints[slot->count++] = memory_zalloc(sizeof **slot->endpoints);
    return slot;
}

static bool usable(const struct endpoint_state *state, bool down_too)
{
    return state->addresses != NULL && state->addresses->count > 0 && (down_too || !state->down);
}

/* -1: none. */
static int64_t least_busy(const struct slot_entry *slot, const struct target *target, bool down_too)
{
    int64_t best = -1;
    for (uint32_t i = 0; i < target->endpoint_count; i++) {
        const uint32_t e = (slot->next + i) % target->endpoint_count;
        if (!usable(&target->endpoints[e], down_too))
            continue;
        if (best < 0 || slot->endpoints[e]->face.inflight < slot->endpoints[best]->face.inflight)
            best = e;
    }
    return best;
}

struct upstream_endpoint *upstream_choose(struct upstream *upstream, const struct target *target,
                                          const struct tls_set *tls)
{
    struct slot_entry *slot = slot_of(upstream, target);
    int64_t e = least_busy(slot, target, false);
    if (e < 0)
        e = least_busy(slot, target, true);
    if (e < 0)
        return NULL;
    slot->next = (uint32_t)e + 1;
    struct endpoint_entry *entry = slot->endpoints[e];
    const struct endpoint_state *state = &target->endpoints[e];
    const struct sockaddr_storage *address =
        &state->addresses->list[entry->face.address_at % state->addresses->count];
    entry->face.index = (uint32_t)e;
    if (entry_fits(entry, state, address))
        return &entry->face;
    struct tls_client *client = tls_set_find(tls, state->config);
    if (state->config->tls && client == NULL)
        return NULL; /* never in cleartext instead */
    entry_make(upstream, entry, state, address, client);
    return &entry->face;
}

void upstream_failed(struct upstream_endpoint *endpoint, const struct connection_pool *pool)
{
    if (endpoint->pool == pool) /* however many requests waited for it, it is one failure */
        endpoint->address_at = CONTAINER_OF(endpoint, struct endpoint_entry, face)->made_for + 1;
}

static bool still_there(const struct snapshot *snapshot, uint32_t slot, uint32_t e,
                        const struct endpoint_entry *entry)
{
    const int32_t index = snapshot_index(snapshot, slot);
    return index >= 0 && e < snapshot->targets[index].endpoint_count &&
           entry_is_for(entry, snapshot->targets[index].endpoints[e].config);
}

void upstream_sweep(struct upstream *upstream, const struct snapshot *snapshot)
{
    for (uint32_t s = 0; s < FLEET_SLOTS_MAX; s++) {
        struct slot_entry *slot = &upstream->slots[s];
        for (uint32_t e = 0; e < slot->count; e++)
            if (!still_there(snapshot, s, e, slot->endpoints[e]))
                connection_pool_retire(&slot->endpoints[e]->face.pool, &upstream->retired);
    }
}

struct connection_pool_counts upstream_count(const struct upstream *upstream)
{
    struct connection_pool_counts sum = {0};
    for (size_t s = 0; s < FLEET_SLOTS_MAX; s++) {
        for (uint32_t e = 0; e < upstream->slots[s].count; e++) {
            const struct connection_pool *pool = upstream->slots[s].endpoints[e]->face.pool;
            if (pool == NULL)
                continue;
            const struct connection_pool_counts one = connection_pool_count(pool);
            sum.connections += one.connections;
            sum.dialling += one.dialling;
            sum.streams += one.streams;
            sum.waiting += one.waiting;
        }
    }
    return sum;
}
