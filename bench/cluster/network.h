/*
 * How far places and clusters are from each other, as a table of round-trip
 * times and a way to draw one packet's share of it.
 *
 *     RTT = (2 ms + 1 ms per 100 km of great circle) x inflation of the pair
 *
 * The inflation, 1 + 0.2 x |normal|, is drawn once per pair from the seed and
 * both names, so a pair keeps its RTT when others come and go.  A draw adds
 * 5 % jitter and, once in 500, 20 ms.  Pure; one `random` per thread.
 */
#ifndef CLUSTER_NETWORK_H
#define CLUSTER_NETWORK_H

#include <stdint.h>

#include "base/check.h"
#include "base/random.h"

struct network_point {
    const char *name;
    double latitude;  /* degrees */
    double longitude; /* degrees */
};

struct network;

struct network *network_create(const struct network_point *places, uint32_t place_count,
                               const struct network_point *clusters, uint32_t cluster_count,
                               uint64_t seed) ISO_MUST_USE;
void network_destroy(struct network **network);

/* The pair's base RTT in milliseconds; places and clusters count from 0. */
double network_rtt_ms(const struct network *network, uint32_t place, uint32_t cluster);
/* One round trip drawn around that base. */
double network_draw_ms(double base_rtt_ms, struct random *random);

#endif
