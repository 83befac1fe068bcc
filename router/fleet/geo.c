#include "fleet/geo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EARTH_KM 6371.0
#define RADIAN (M_PI / 180.0)

struct geo_vector geo_vector_of(double latitude, double longitude)
{
    if (isnan(latitude) || isnan(longitude)) /* at many edges, of most clients */
        return (struct geo_vector){NAN, NAN, NAN};
    double sin_latitude, cos_latitude, sin_longitude, cos_longitude;
    sincos(latitude * RADIAN, &sin_latitude, &cos_latitude);
    sincos(longitude * RADIAN, &sin_longitude, &cos_longitude);
    return (struct geo_vector){cos_latitude * cos_longitude, cos_latitude * sin_longitude,
                               sin_latitude};
}

/*
 * acos by Abramowitz and Stegun 4.4.46 (error below 2e-8, 15 cm here): a
 * decision needs one per cluster, and libm's takes five times as long.  The
 * polynomial is summed in pairs, which do not wait for each other.
 */
static double acos_fast(double x)
{
    const double a = fabs(x), a2 = a * a;
    const double p01 = 1.5707963050 - 0.2145988016 * a;
    const double p23 = 0.0889789874 - 0.0501743046 * a;
    const double p45 = 0.0308918810 - 0.0170881256 * a;
    const double p67 = 0.0066700901 - 0.0012624911 * a;
    const double p = (p01 + p23 * a2) + (p45 + p67 * a2) * (a2 * a2);
    const double angle = sqrt(1 - a > 0 ? 1 - a : 0) * p;
    return M_PI_2 - copysign(M_PI_2 - angle, x); /* no branch: signs are as good as random */
}

double geo_vector_km(const struct geo_vector *a, const struct geo_vector *b)
{
    const double dot = a->x * b->x + a->y * b->y + a->z * b->z;
    return isnan(dot) ? NAN : EARTH_KM * acos_fast(dot);
}

double geo_distance_km(double latitude_a, double longitude_a, double latitude_b, double longitude_b)
{
    const struct geo_vector a = geo_vector_of(latitude_a, longitude_a);
    const struct geo_vector b = geo_vector_of(latitude_b, longitude_b);
    return geo_vector_km(&a, &b);
}

double geo_rtt_prior_ms(double distance_km)
{
    return 2.0 + 0.014 * distance_km;
}

static int country_order(const void *code, const void *row)
{
    return strcmp(code, ((const struct geo_country *)row)->code);
}

const struct geo_country *geo_country_find(const char *code)
{
    return bsearch(code, geo_countries, geo_country_count, sizeof *geo_countries, country_order);
}
