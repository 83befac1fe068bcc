// A policy in C++17: the header gives the symbol C linkage, and its structs are
// filled by position or by a function.
#include <isochrone/policy.h>

namespace
{

struct settings {
    double weight;
};

const char *const parts[] = {"distance"};

const iso_option options[] = {
    {"weight", "Milliseconds for a kilometre", ISO_TYPE_NUMBER, offsetof(settings, weight), "0.01",
     "0", "1", nullptr},
};

void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const auto *own = static_cast<const settings *>(call->settings);
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[i] = own->weight * iso_estimate(call, i)->distance_km + iso_cluster(call, i)->rtt_ms;
}

} // namespace

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    "in_cpp",
    "1.0",
    "A policy in C++",
    ISO_COMPLETE,
    1,
    options,
    sizeof(settings),
    0,
    nullptr,
    parts,
    1,
    0,
    nullptr,
    nullptr,
    cost,
    nullptr,
};
