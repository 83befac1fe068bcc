/*
 * Of two clusters drawn at random, the one whose latency of late times its
 * requests under way is less: Finagle's Peak EWMA.  The latency jumps up with
 * the worst answer and forgets it slowly; the router keeps it.
 */
#include <isochrone/policy.h>

#define MS_MOST 1e8 /* inputs may be anything; the answer stays within what the router takes */

struct settings {
    int64_t choices;
};

static const struct iso_option options[] = {
    {.name = "choices",
     .help = "How many are drawn, of which the cheapest is taken",
     .type = ISO_TYPE_INT,
     .offset = offsetof(struct settings, choices),
     .def = "2",
     .min = "1",
     .max = "64"},
};

static const char *const parts[] = {"latency"};

static double bounded(double ms)
{
    return ms < MS_MOST ? ms : MS_MOST;
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[i] = bounded(iso_estimate(call, i)->peak_ttft_ms *
                            (iso_estimate(call, i)->own_inflight + 1));
}

/* The k-th that is kept. */
static uint32_t kept_at(const struct iso_call *call, const uint8_t *verdict, uint32_t k)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP && k-- == 0)
            return i;
    return ISO_NONE;
}

static uint32_t pick(const struct iso_call *call, const uint8_t *verdict, const double *total_ms)
{
    const struct settings *settings = call->settings;
    uint32_t kept = 0, best = ISO_NONE;
    for (uint32_t i = 0; i < call->count; i++)
        kept += verdict[i] == ISO_KEEP;
    for (uint32_t n = 0; n < (uint32_t)settings->choices && kept > 0; n++) {
        const uint32_t i = kept_at(call, verdict, (uint32_t)(iso_uniform(call, n) * kept));
        if (best == ISO_NONE || (i != ISO_NONE && total_ms[i] < total_ms[best]))
            best = i;
    }
    return best;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "peak_ewma",
    .version = "1.0.0",
    .summary = "Of two drawn, the one whose peak latency of late times its requests is less",
    .kind = ISO_COMPLETE,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .settings_size = sizeof(struct settings),
    .parts = parts,
    .part_count = 1,
    .cost = cost,
    .pick = pick,
};
