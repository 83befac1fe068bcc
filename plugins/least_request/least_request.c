/*
 * Of two clusters drawn at random by weight, the one with fewer requests of
 * ours under way for its weight: what Envoy calls least request, and the most
 * common balancer there is.  It sees one router's own requests and nothing else.
 */
#include <isochrone/policy.h>

#define MS_MOST 1e8 /* inputs may be anything; the answer stays within what the router takes */

enum weigh_by { BY_PREFILL, BY_SLOTS, BY_WEIGHT };

struct settings {
    int64_t choices;
    int32_t weigh_by;
};

static const char *const ways[] = {"prefill", "slots", "weight", NULL};

static const struct iso_option options[] = {
    {.name = "choices",
     .help = "How many are drawn, of which the least loaded is taken",
     .type = ISO_TYPE_INT,
     .offset = offsetof(struct settings, choices),
     .def = "2",
     .min = "1",
     .max = "64"},
    {.name = "weigh_by",
     .help = "What the operator's weight is multiplied with",
     .type = ISO_TYPE_CHOICE,
     .offset = offsetof(struct settings, weigh_by),
     .def = "prefill",
     .choices = ways},
};

static const char *const parts[] = {"requests"};

static double bounded(double ms)
{
    return ms < MS_MOST ? ms : MS_MOST;
}

static double weight(const struct settings *settings, const struct iso_cluster *cluster)
{
    const double own = cluster->weight > 0 ? cluster->weight : 1;
    switch (settings->weigh_by) {
    case BY_PREFILL:
        return own * cluster->prefill_tokens_per_s;
    case BY_SLOTS:
        return own * cluster->slots;
    default:
        return own;
    }
}

static double weights_sum(const struct iso_call *call, const uint8_t *verdict, uint32_t *kept)
{
    double sum = 0;
    *kept = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        sum += weight(call->settings, iso_cluster(call, i));
        (*kept)++;
    }
    return sum;
}

/* A millisecond for each request under way and for this one, for the mean weight. */
static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    uint32_t kept;
    const double mean = weights_sum(call, verdict, &kept) / (kept > 0 ? kept : 1);
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[i] = bounded((iso_estimate(call, i)->own_inflight + 1) * mean /
                            weight(call->settings, iso_cluster(call, i)));
}

/* The one that the n-th random number falls on. */
static uint32_t draw(const struct iso_call *call, const uint8_t *verdict, uint32_t n, double sum)
{
    double left = iso_uniform(call, n) * sum;
    uint32_t last = ISO_NONE;
    for (uint32_t i = 0; i < call->count && left >= 0; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        last = i;
        left -= weight(call->settings, iso_cluster(call, i));
    }
    return last;
}

static uint32_t pick(const struct iso_call *call, const uint8_t *verdict, const double *total_ms)
{
    const struct settings *settings = call->settings;
    uint32_t kept, best = ISO_NONE;
    const double sum = weights_sum(call, verdict, &kept);
    for (uint32_t n = 0; n < (uint32_t)settings->choices; n++) {
        const uint32_t i = draw(call, verdict, n, sum);
        if (best == ISO_NONE || (i != ISO_NONE && total_ms[i] < total_ms[best]))
            best = i;
    }
    return best;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "least_request",
    .version = "1.0.0",
    .summary = "Of two drawn by weight, the one with fewer requests under way for its weight",
    .kind = ISO_COMPLETE,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .settings_size = sizeof(struct settings),
    .parts = parts,
    .part_count = 1,
    .cost = cost,
    .pick = pick,
};
