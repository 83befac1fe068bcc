/* Ten milliseconds on top for every second cluster; with -DPICKS also a pick. */
#include <isochrone/policy.h>

static const char *const parts[] = {"odd"};

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    for (uint32_t i = 1; i < call->count; i += 2)
        if (verdict[i] == ISO_KEEP)
            ms[i] = 10;
}

static uint32_t pick(const struct iso_call *call, const uint8_t *verdict, const double *total_ms)
{
    uint32_t last = ISO_NONE;
    (void)total_ms;
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            last = i;
    return last;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,      .name = NAME,   .version = "1.0", .summary = "For the chain's tests",
    .kind = ISO_MODIFIER, .parts = parts, .part_count = 1,  .cost = cost,
    .pick = pick,
};
