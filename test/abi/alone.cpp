#include <isochrone/policy.h>

double alone(const struct iso_call *call);

double alone(const struct iso_call *call)
{
    return iso_cluster(call, 0)->rtt_ms + iso_estimate(call, 0)->wait_ms + iso_uniform(call, 0);
}
