/*
 * One after the other.  The turn comes from the decision's sequence number, so
 * the policy keeps nothing; each worker counts for itself.
 */
#include <isochrone/policy.h>

static const char *const parts[] = {"turn"};

/* A millisecond for each cluster that is before it in the circle. */
static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    uint32_t kept = 0, place = 0;
    for (uint32_t i = 0; i < call->count; i++)
        kept += verdict[i] == ISO_KEEP;
    if (kept == 0)
        return;
    const uint32_t turn = (uint32_t)(call->sequence % kept);
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[i] = (place++ + kept - turn) % kept;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,      .name = "round_robin",
    .version = "1.0.0",   .summary = "One cluster after the other, whatever they are",
    .kind = ISO_COMPLETE, .parts = parts,
    .part_count = 1,      .cost = cost,
};
