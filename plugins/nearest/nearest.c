/*
 * The nearest cluster, whatever it is busy with: what most deployments do, and
 * the line to beat.
 */
#include <isochrone/policy.h>
#include <math.h>

/* Light in fibre, there and back, on a path half as long again as the arc. */
#define MS_PER_KM 0.014

static const char *const parts[] = {"distance"};

/* Without the client's place in every pair, kilometres do not compare: then all
 * are taken by round-trip time. */
static bool distances_known(const struct iso_call *call, const uint8_t *verdict)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP && isnan(iso_estimate(call, i)->distance_km))
            return false;
    return true;
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const bool by_distance = distances_known(call, verdict);
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[i] = by_distance ? iso_estimate(call, i)->distance_km * MS_PER_KM
                                : iso_cluster(call, i)->rtt_ms;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "nearest",
    .version = "1.0.0",
    .summary = "The cluster nearest to the client; by round-trip time when places are unknown",
    .kind = ISO_COMPLETE,
    .parts = parts,
    .part_count = 1,
    .cost = cost,
};
