/*
 * Marginal cost: what this request will wait and work, and what its work does
 * to those behind it.  README.md has the formula.
 */
#include <isochrone/policy.h>
#include <math.h>

#define BUSY_MOST 0.95    /* of utilisation: the harm stays finite */
#define READ_LATER 0.1    /* of a token's time, when tokens are read as they come */
#define LATE_WEIGHT 2.0   /* a millisecond over the promise */
#define FLEX_LATENCY 0.02 /* of a millisecond, where nobody is waiting */
#define FLEX_DECODE 0.1   /* ... of decode */
#define FLEX_PROMISE 0.3  /* of the promised time is used without thought */
#define FLEX_LATE_WEIGHT 10.0
#define NEAR_SHARE 0.05 /* of the best cost ... */
#define NEAR_MS 5.0     /* ... and this: as good as the best */
#define PART_MOST 1e8   /* ms, more than a day: beyond it, hopeless is hopeless */

struct settings {
    bool flex_rule;
};

static const struct iso_option options[] = {
    {.name = "flex_rule",
     .help = "Flex and batch requests go where tokens are cheap, not where answers are quick",
     .type = ISO_TYPE_BOOL,
     .offset = offsetof(struct settings, flex_rule),
     .def = "on"},
};

enum part { NETWORK, WAIT, SERVICE, HARM, DECODE, PRICE, PROMISE, PARTS };
static const char *const parts[PARTS] = {"network", "wait",  "service", "harm",
                                         "decode",  "price", "promise"};

/* fmax without its care for NAN, of which there is none here. */
static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Numbers from elsewhere multiply up; a cost must stay finite, and below the ABI's 1e9. */
static void bound(double *row)
{
    for (int p = 0; p < PARTS; p++)
        row[p] = row[p] > PART_MOST ? PART_MOST : row[p] < -PART_MOST ? -PART_MOST : row[p];
}

static double odds(double share)
{
    return share < BUSY_MOST ? share / (1 - share) : BUSY_MOST / (1 - BUSY_MOST);
}

/* The delay that this request's work adds to those behind it (M/G/1, first
 * policy iteration): in the prefill queue, and for slots once they are scarce. */
static double harm_ms(const struct iso_cluster *cluster, const struct iso_estimate *estimate,
                      double prompt_tokens)
{
    const double uncached = larger(1, prompt_tokens - estimate->cached_tokens);
    const double ahead_ms = estimate->correction * 1000 *
                            (estimate->backlog_tokens + uncached / 2) /
                            larger(1, cluster->prefill_tokens_per_s);
    return odds(cluster->utilisation) * ahead_ms * uncached / larger(1, cluster->mean_tokens) +
           odds(estimate->inflight / larger(1, cluster->slots)) * estimate->wait_slot_ms;
}

/* Each token comes later by as much as this sequence slows the others. */
static double decode_ms(const struct iso_cluster *cluster, const struct iso_request *request)
{
    const double each = larger(0, 2 * cluster->itl_ms - cluster->itl_idle_ms);
    return (request->stream ? READ_LATER : 1) * request->output_tokens * each;
}

/* Nobody is waiting: within the promise, tokens are bought where they are cheap. */
static void flexible(const struct iso_cluster *cluster, const struct iso_estimate *estimate,
                     const struct iso_request *request, double *row)
{
    row[NETWORK] *= FLEX_LATENCY;
    row[WAIT] *= FLEX_LATENCY;
    row[SERVICE] *= FLEX_LATENCY;
    row[DECODE] *= FLEX_DECODE;
    row[PRICE] = cluster->price_ratio * request->prompt_tokens;
    row[PROMISE] = FLEX_LATE_WEIGHT * larger(0, estimate->ttft_ms - FLEX_PROMISE * request->slo_ms);
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const struct settings *settings = call->settings;
    const struct iso_request *request = call->request;
    const bool flex = settings->flex_rule &&
                      (request->service_class == ISO_FLEX || request->service_class == ISO_BATCH);
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        const struct iso_cluster *cluster = iso_cluster(call, i);
        const struct iso_estimate *estimate = iso_estimate(call, i);
        double *row = ms + (size_t)i * PARTS;
        row[NETWORK] = cluster->rtt_ms;
        row[WAIT] = estimate->wait_ms;
        row[SERVICE] = estimate->service_ms;
        row[HARM] = harm_ms(cluster, estimate, request->prompt_tokens);
        row[DECODE] = decode_ms(cluster, request);
        if (flex)
            flexible(cluster, estimate, request, row);
        else
            row[PROMISE] = LATE_WEIGHT * larger(0, estimate->ttft_ms - request->slo_ms);
        bound(row);
    }
}

static double share(const struct iso_call *call, uint32_t i)
{
    return larger(1, iso_cluster(call, i)->slots - iso_estimate(call, i)->inflight) *
           larger(1, iso_cluster(call, i)->weight);
}

/* Of those as good as the best, one at random by its free slots, so that
 * routers that see the same do not all do the same. */
static uint32_t pick(const struct iso_call *call, const uint8_t *verdict, const double *total_ms)
{
    double best = INFINITY, shares = 0;
    uint32_t last = ISO_NONE;
    for (uint32_t i = 0; i < call->count; i++)
        best = total_ms[i] < best ? total_ms[i] : best; /* infinite where not kept */
    const double most = best + NEAR_SHARE * fabs(best) + NEAR_MS;
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP && total_ms[i] <= most)
            shares += share(call, i);
    double left = iso_uniform(call, 0) * shares;
    for (uint32_t i = 0; i < call->count && !(left < 0); i++)
        if (verdict[i] == ISO_KEEP && total_ms[i] <= most) {
            last = i;
            left -= share(call, i);
        }
    return last;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "least_latency",
    .version = "1.0.0",
    .summary = "Least latency for all: a request's own delay and the delay it causes to others",
    .kind = ISO_COMPLETE,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .settings_size = sizeof(struct settings),
    .parts = parts,
    .part_count = PARTS,
    .cost = cost,
    .pick = pick,
};
