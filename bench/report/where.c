#include "report/where.h"

#include <math.h>
#include <strings.h>

static void site_fill(struct site *site, const struct network_point *point)
{
    if (!isnan(site->latitude) || strcasecmp(site->name, point->name) != 0)
        return;
    site->latitude = point->latitude;
    site->longitude = point->longitude;
}

static void measure_fill(struct measure *measure, const struct scenario *scenario)
{
    for (size_t i = 0; i < measure->cluster_count; i++)
        for (uint32_t k = 0; k < scenario->cluster_count; k++)
            site_fill(&measure->clusters[i], &scenario->clusters[k].point);
    for (size_t i = 0; i < measure->place_count; i++)
        for (uint32_t k = 0; k < scenario->region_count; k++)
            site_fill(&measure->places[i], &scenario->regions[k].point);
}

void where_fill(struct study *study, const struct scenario *scenario)
{
    for (size_t s = 0; s < study->count; s++)
        for (size_t m = 0; m < study->subjects[s].count; m++)
            measure_fill(&study->subjects[s].measures[m], scenario);
}
