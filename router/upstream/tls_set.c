#include "upstream/tls_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct tls_set_item {
    bool verify;
    enum endpoint_protocol protocol;
    char *ca_file; /* NULL: the system's */
    struct tls_client *tls;
};

struct tls_set {
    size_t count;
    struct tls_set_item *items;
};

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool item_fits(const struct tls_set_item *item, const struct endpoint *endpoint)
{
    return item->verify == endpoint->verify && item->protocol == endpoint->protocol &&
           same_text(item->ca_file, endpoint->ca_file);
}

struct tls_client *tls_set_find(const struct tls_set *set, const struct endpoint *endpoint)
{
    if (!endpoint->tls)
        return NULL;
    for (size_t i = 0; i < set->count; i++)
        if (item_fits(&set->items[i], endpoint))
            return set->items[i].tls;
    return NULL;
}

static bool add(struct tls_set *set, const struct endpoint *endpoint, struct error *error)
{
    if (!endpoint->tls || tls_set_find(set, endpoint) != NULL)
        return true;
    const struct tls_client_settings settings = {
        .verify = endpoint->verify,
        .ca_file = endpoint->ca_file,
        .offer_h2 = endpoint->protocol != ENDPOINT_H1,
        .offer_h1 = endpoint->protocol != ENDPOINT_H2,
    };
    struct tls_client *tls = tls_client_create(&settings, error);
    if (tls == NULL)
        return error_prefix(error, "endpoint %s", endpoint->url);
    set->items = memory_realloc(set->items, (set->count + 1) * sizeof *set->items);
    set->items[set->count++] = (struct tls_set_item){
        .verify = endpoint->verify,
        .protocol = endpoint->protocol,
        .ca_file = endpoint->ca_file != NULL ? memory_strdup(endpoint->ca_file) : NULL,
        .tls = tls,
    };
    return true;
}

struct tls_set *tls_set_create(const struct fleet_config *config, struct error *error)
{
    struct tls_set *set = memory_zalloc(sizeof *set);
    for (uint32_t t = 0; t < config->target_count; t++) {
        const struct pool *pool = config->targets[t].pool;
        for (uint32_t e = 0; e < pool->endpoint_count; e++) {
            if (!add(set, &pool->endpoints[e], error)) {
                tls_set_destroy(&set);
                return NULL;
            }
        }
    }
    return set;
}

void tls_set_destroy(struct tls_set **set)
{
    if (*set == NULL)
        return;
    for (size_t i = 0; i < (*set)->count; i++) {
        free((*set)->items[i].ca_file);
        tls_client_drop(&(*set)->items[i].tls);
    }
    free((*set)->items);
    free(*set);
    *set = NULL;
}
