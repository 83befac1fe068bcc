/*
 * The time to the first token, as the router predicts it: the way there, the
 * wait before the prompt is read, the reading of what is not cached.
 */
#include <isochrone/policy.h>

enum part { NETWORK, WAIT, SERVICE, PARTS };

static const char *const parts[PARTS] = {
    [NETWORK] = "network",
    [WAIT] = "wait",
    [SERVICE] = "service",
};

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        const struct iso_estimate *estimate = iso_estimate(call, i);
        double *row = ms + (size_t)i * PARTS;
        row[NETWORK] = iso_cluster(call, i)->rtt_ms;
        row[WAIT] = estimate->wait_ms;
        row[SERVICE] = estimate->service_ms;
    }
}

const struct iso_policy iso_policy = {
    .magic = ISO_MAGIC,
    .abi_major = ISO_ABI_MAJOR,
    .abi_minor = ISO_ABI_MINOR,
    .struct_size = sizeof(struct iso_policy),
    .option_size = sizeof(struct iso_option),
    .name = "least_latency",
    .version = "0.1.0",
    .summary = "The cluster with the least predicted time to first token",
    .kind = ISO_COMPLETE,
    .parts = parts,
    .part_count = PARTS,
    .cost = cost,
};
