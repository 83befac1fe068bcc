/*
 * Conversations stay where they are: rendezvous hashing on the conversation,
 * weighted by prefill capacity, with bounded loads.  Where a cluster has more
 * than its share the next in the conversation's own order is taken; requests
 * without a conversation go by least request.
 */
#include <isochrone/policy.h>
#include <math.h>

#define MS_MOST 1e8 /* inputs may be anything; the answer stays within what the router takes */

struct settings {
    double bound;
};

static const struct iso_option options[] = {
    {.name = "bound",
     .help = "How many times its fair share a cluster takes before the next is asked",
     .type = ISO_TYPE_NUMBER,
     .offset = offsetof(struct settings, bound),
     .def = "1.25",
     .min = "1",
     .max = "100"},
};

enum part { REQUESTS, ORDER, FULL, PARTS };
static const char *const parts[PARTS] = {
    [REQUESTS] = "requests", [ORDER] = "order", [FULL] = "full"};

static double bounded(double ms)
{
    return ms < MS_MOST ? ms : MS_MOST;
}

static double weight(const struct iso_cluster *cluster)
{
    return (cluster->weight > 0 ? cluster->weight : 1) * cluster->prefill_tokens_per_s;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Rendezvous by weight: the least of -log(u) / weight has it, where u is drawn by the conversation
 * and the cluster. */
static double order(uint64_t session, const struct iso_cluster *cluster, double mean_weight)
{
    const double u = ((double)(mix(session ^ mix(cluster->id)) >> 11) + 0.5) * 0x1p-53;
    return -log(u) * mean_weight / weight(cluster);
}

struct fleet {
    double weights, requests; /* of those kept; this one included */
    uint32_t kept;
};

static struct fleet fleet_sum(const struct iso_call *call, const uint8_t *verdict)
{
    struct fleet fleet = {0, 1, 0};
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        fleet.weights += weight(iso_cluster(call, i));
        fleet.requests += iso_estimate(call, i)->own_inflight;
        fleet.kept++;
    }
    return fleet;
}

/* Its requests and this one, over its fair share of all. */
static double load(const struct iso_call *call, uint32_t i, const struct fleet *fleet)
{
    const double share = weight(iso_cluster(call, i)) / fleet->weights;
    return (iso_estimate(call, i)->own_inflight + 1) / (fleet->requests * share + 1);
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const struct settings *settings = call->settings;
    const struct fleet fleet = fleet_sum(call, verdict);
    const double mean_weight = fleet.weights / (fleet.kept > 0 ? fleet.kept : 1);
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        double *row = ms + (size_t)i * PARTS;
        const double of_share = load(call, i, &fleet);
        if (call->request->session == 0)
            row[REQUESTS] = bounded(of_share);
        else if (of_share <= settings->bound)
            row[ORDER] = bounded(order(call->request->session, iso_cluster(call, i), mean_weight));
        else
            row[FULL] = bounded(1000 * of_share); /* the order ends below that */
    }
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "sticky",
    .version = "1.0.0",
    .summary = "Conversations stay where they are, as long as that has no more than its share",
    .kind = ISO_COMPLETE,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .settings_size = sizeof(struct settings),
    .parts = parts,
    .part_count = PARTS,
    .cost = cost,
};
