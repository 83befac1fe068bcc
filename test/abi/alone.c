#include <isochrone/policy.h>

/* The layout is the contract: these numbers may not change within a major version. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct iso_policy) == 120, "iso_policy 1.0");
_Static_assert(sizeof(void *) != 8 || sizeof(struct iso_option) == 56, "iso_option 1.0");
_Static_assert(sizeof(void *) != 8 || sizeof(struct iso_cluster) == 160, "iso_cluster 1.0");
_Static_assert(sizeof(struct iso_estimate) == 120, "iso_estimate 1.0");
_Static_assert(sizeof(void *) != 8 || sizeof(struct iso_request) == 104, "iso_request 1.0");
_Static_assert(sizeof(void *) != 8 || sizeof(struct iso_call) == 72, "iso_call 1.0");

double alone(const struct iso_call *call);

double alone(const struct iso_call *call)
{
    return iso_cluster(call, 0)->rtt_ms + iso_estimate(call, 0)->wait_ms + iso_uniform(call, 0);
}
