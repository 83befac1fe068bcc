#include "fleet/snapshot.h"

#include <stdlib.h>
#include <string.h>

struct endpoint_addresses *endpoint_addresses_create(const struct sockaddr_storage *list,
                                                     size_t count)
{
    const size_t kept = count < ENDPOINT_ADDRESSES_MAX ? count : ENDPOINT_ADDRESSES_MAX;
    struct endpoint_addresses *addresses =
        memory_alloc(sizeof *addresses + kept * sizeof addresses->list[0]);
    atomic_init(&addresses->references, 1);
    addresses->count = (uint32_t)kept;
    memcpy(addresses->list, list, kept * sizeof addresses->list[0]);
    return addresses;
}

struct endpoint_addresses *endpoint_addresses_hold(struct endpoint_addresses *addresses)
{
    if (addresses != NULL)
        atomic_fetch_add_explicit(&addresses->references, 1, memory_order_relaxed);
    return addresses;
}

void endpoint_addresses_drop(struct endpoint_addresses **addresses)
{
    struct endpoint_addresses *old = *addresses;
    *addresses = NULL;
    if (old != NULL && atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) == 1)
        free(old);
}

void snapshot_destroy(struct snapshot **snapshot)
{
    struct snapshot *old = *snapshot;
    *snapshot = NULL;
    if (old == NULL)
        return;
    for (uint32_t i = 0; i < old->count; i++) {
        for (uint32_t e = 0; e < old->targets[i].endpoint_count; e++) {
            struct endpoint_addresses *addresses = old->targets[i].endpoints[e].addresses;
            endpoint_addresses_drop(&addresses);
        }
    }
    fleet_config_drop(&old->config);
    arena_finish(&old->arena);
    free(old);
}
