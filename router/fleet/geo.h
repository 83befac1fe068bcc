/*
 * Places: great circles, what light and fibre cost, and where an IP address
 * is.  Databases are the operator's .mmdb files, in MaxMind's shape (nested)
 * or flat; libmaxminddb is seen by geoip.c only.
 */
#ifndef FLEET_GEO_H
#define FLEET_GEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/error.h"

struct sockaddr;

struct geo_point {
    double latitude, longitude; /* degrees, NAN unknown */
    bool known;                 /* the coordinates */
    char country[4];   /* ISO 3166-1 alpha-2, "" unknown; may be known when `known` is not */
    char continent[4]; /* "AS" "EU" "NA" "SA" "AF" "OC" "AN", "" unknown */
};

/* A place as a unit vector: distances without trigonometry per pair. */
struct geo_vector {
    double x, y, z; /* NAN unknown */
};

/* A row of the generated table: where a country's main city is. */
struct geo_country {
    char code[4];
    char continent[4];
    float latitude, longitude;
};

extern const struct geo_country geo_countries[]; /* by code, ascending */
extern const size_t geo_country_count;

struct geo_vector geo_vector_of(double latitude, double longitude);
/* Great circle, within 1 m; NAN when either is unknown.  [worker] */
double geo_vector_km(const struct geo_vector *a, const struct geo_vector *b);
double geo_distance_km(double latitude_a, double longitude_a, double latitude_b,
                       double longitude_b);
/* What a round trip over that distance should take: 2 ms + 1.4 ms per 100 km; NAN for NAN. */
double geo_rtt_prior_ms(double distance_km);
/* NULL when there is no such country. */
const struct geo_country *geo_country_find(const char *code);

/* Some database files, opened; immutable, counted. */
struct geoip;

/*
 * Every file is copied before use, so that one truncated in place cannot take
 * us down, checked (metadata, a few look-ups) and refused with a sentence.
 * NULL when any is refused.  [control]
 */
struct geoip *geoip_open(const char *const *paths, size_t count, struct error *error) ISO_MUST_USE;
struct geoip *geoip_hold(struct geoip *geoip);
void geoip_drop(struct geoip **geoip);
/* When the oldest of the files was built, seconds since 1970. */
uint64_t geoip_build_epoch(const struct geoip *geoip);
/* Where is that address?  Coordinates of the database, else of the country's main city, else
 * unknown. NULL geoip knows nothing.  About 1 us: once per connection, not per request.  [worker]
 */
struct geo_point geoip_find(const struct geoip *geoip, const struct sockaddr *address);

#endif
