#include "cluster/network.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "fleet/geo.h"

#define RTT_FIXED_MS 2.0
#define RTT_PER_KM_MS 0.01
#define INFLATION 0.2
#define JITTER 0.05
#define SPIKE_MS 20.0
#define SPIKE_ONE_IN 500

struct network {
    uint32_t place_count;
    uint32_t cluster_count;
    double rtt_ms[];
};

/* FNV-1a over a text and its end. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

static double pair_rtt_ms(const struct network_point *place, const struct network_point *cluster,
                          uint64_t seed)
{
    struct random random;
    random_seed(&random, hash_text(hash_text(seed ^ UINT64_C(0xcbf29ce484222325), place->name),
                                   cluster->name));
    const double straight =
        RTT_FIXED_MS + RTT_PER_KM_MS * geo_distance_km(place->latitude, place->longitude,
                                                       cluster->latitude, cluster->longitude);
    return straight * (1 + INFLATION * fabs(random_normal(&random)));
}

struct network *network_create(const struct network_point *places, uint32_t place_count,
                               const struct network_point *clusters, uint32_t cluster_count,
                               uint64_t seed)
{
    const size_t pairs = (size_t)place_count * cluster_count;
    struct network *n = memory_zalloc(sizeof(*n) + pairs * sizeof(n->rtt_ms[0]));
    n->place_count = place_count;
    n->cluster_count = cluster_count;
    for (uint32_t i = 0; i < place_count; i++)
        for (uint32_t k = 0; k < cluster_count; k++)
            n->rtt_ms[(size_t)i * cluster_count + k] = pair_rtt_ms(&places[i], &clusters[k], seed);
    return n;
}

void network_destroy(struct network **network)
{
    free(*network);
    *network = NULL;
}

double network_rtt_ms(const struct network *n, uint32_t place, uint32_t cluster)
{
    CHECK_LT(place, n->place_count);
    CHECK_LT(cluster, n->cluster_count);
    return n->rtt_ms[(size_t)place * n->cluster_count + cluster];
}

double network_draw_ms(double base_rtt_ms, struct random *random)
{
    double rtt_ms = base_rtt_ms * (1 + JITTER * random_normal(random));
    if (random_u64(random) % SPIKE_ONE_IN == 0)
        rtt_ms += SPIKE_MS;
    return fmax(0.5 * base_rtt_ms, rtt_ms);
}
