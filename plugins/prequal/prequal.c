/*
 * Prequal's hot-cold rule on what clusters report: a cluster is hot when its
 * requests in flight are among the most; of the cold the quickest is taken,
 * and when all are hot the emptiest.  Of a few drawn at random, as Prequal
 * probes a few.
 */
#include <isochrone/policy.h>

#define HOT_MS 1e6  /* a hot one is dearer than any cold one */
#define MS_MOST 1e8 /* inputs may be anything; the answer stays within what the router takes */

struct settings {
    int64_t choices;
    double hot;
};

static const struct iso_option options[] = {
    {.name = "choices",
     .help = "How many are drawn and compared",
     .type = ISO_TYPE_INT,
     .offset = offsetof(struct settings, choices),
     .def = "3",
     .min = "1",
     .max = "64"},
    {.name = "hot",
     .help = "The share of clusters that count as cold; those with more in flight are hot",
     .type = ISO_TYPE_NUMBER,
     .offset = offsetof(struct settings, hot),
     .def = "0.75",
     .min = "0",
     .max = "1"},
};

enum part { LATENCY, HOT, PARTS };
static const char *const parts[PARTS] = {[LATENCY] = "latency", [HOT] = "hot"};

static double bounded(double ms)
{
    return ms < MS_MOST ? ms : MS_MOST;
}

/* In flight, of what it runs at once: clusters are not equal. */
static double fullness(const struct iso_call *call, uint32_t i)
{
    const double slots = iso_cluster(call, i)->slots;
    return iso_estimate(call, i)->inflight / (slots > 1 ? slots : 1);
}

/* How many kept ones are emptier. */
static uint32_t emptier(const struct iso_call *call, const uint8_t *verdict, uint32_t than)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < call->count; i++)
        count += verdict[i] == ISO_KEEP && fullness(call, i) < fullness(call, than);
    return count;
}

static uint32_t kept_count(const struct iso_call *call, const uint8_t *verdict)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < call->count; i++)
        kept += verdict[i] == ISO_KEEP;
    return kept;
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const struct settings *settings = call->settings;
    const double cold = settings->hot * kept_count(call, verdict);
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        double *row = ms + (size_t)i * PARTS;
        if (emptier(call, verdict, i) < cold)
            row[LATENCY] = bounded(iso_estimate(call, i)->observed_ttft_ms);
        else
            row[HOT] = bounded(HOT_MS * (1 + fullness(call, i)));
    }
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
    const uint32_t kept = kept_count(call, verdict);
    uint32_t best = ISO_NONE;
    for (uint32_t n = 0; n < (uint32_t)settings->choices && kept > 0; n++) {
        const uint32_t i = kept_at(call, verdict, (uint32_t)(iso_uniform(call, n) * kept));
        if (best == ISO_NONE || (i != ISO_NONE && total_ms[i] < total_ms[best]))
            best = i;
    }
    return best;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "prequal",
    .version = "1.0.0",
    .summary = "Of a few drawn: the quickest that is not among the fullest, else the emptiest",
    .kind = ISO_COMPLETE,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .settings_size = sizeof(struct settings),
    .parts = parts,
    .part_count = PARTS,
    .cost = cost,
    .pick = pick,
};
