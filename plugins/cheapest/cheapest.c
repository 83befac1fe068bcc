/*
 * Tokens are bought where they are cheap, whatever the class, as long as the
 * promise stands and others are not harmed.  The rule that least_latency keeps
 * for flex and batch, for everybody.  README.md has the formula.
 */
#include <isochrone/policy.h>

#define BUSY_MOST 0.95    /* of utilisation: the harm stays finite */
#define READ_LATER 0.1    /* of a token's time, when tokens are read as they come */
#define DECODE_WEIGHT 0.1 /* of decode */
#define PROMISE_SHARE 0.3 /* of the promised time is used without thought */
#define LATE_WEIGHT 10.0  /* a millisecond beyond that */
#define MS_MOST 1e8       /* of any part */

struct settings {
    double latency;
};

static const struct iso_option options[] = {
    {.name = "latency",
     .help = "What a millisecond of latency is worth, in milliseconds of price",
     .type = ISO_TYPE_NUMBER,
     .offset = offsetof(struct settings, latency),
     .def = "0.02",
     .min = "0",
     .max = "100"},
};

enum part { PRICE, LATENCY, HARM, DECODE, PROMISE, PARTS };

static const char *const parts[PARTS] = {[PRICE] = "price",
                                         [LATENCY] = "latency",
                                         [HARM] = "harm",
                                         [DECODE] = "decode",
                                         [PROMISE] = "promise"};

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Inputs may be anything; the answer stays within what the router takes. */
static double bounded(double ms)
{
    return ms < MS_MOST ? ms : MS_MOST;
}

static double odds(double share)
{
    const double busy = share < BUSY_MOST ? share : BUSY_MOST;
    return busy / (1 - busy);
}

/* The delay that this request's work adds to those behind it. */
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

static double decode_ms(const struct iso_cluster *cluster, const struct iso_request *request)
{
    const double each = larger(0, 2 * cluster->itl_ms - cluster->itl_idle_ms);
    return (request->stream ? READ_LATER : 1) * request->output_tokens * each;
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const struct settings *settings = call->settings;
    const struct iso_request *request = call->request;
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdict[i] != ISO_KEEP)
            continue;
        const struct iso_cluster *cluster = iso_cluster(call, i);
        const struct iso_estimate *estimate = iso_estimate(call, i);
        double *row = ms + (size_t)i * PARTS;
        row[PRICE] = bounded(cluster->price_ratio * request->prompt_tokens);
        row[LATENCY] = bounded(settings->latency * estimate->ttft_ms);
        row[HARM] = bounded(harm_ms(cluster, estimate, request->prompt_tokens));
        row[DECODE] = bounded(DECODE_WEIGHT * decode_ms(cluster, request));
        row[PROMISE] =
            bounded(LATE_WEIGHT * larger(0, estimate->ttft_ms - PROMISE_SHARE * request->slo_ms));
    }
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,      .name = "cheapest",
    .version = "1.0.0",   .summary = "Cheap tokens for all classes, as long as promises stand",
    .kind = ISO_COMPLETE, .option_count = sizeof options / sizeof *options,
    .options = options,   .settings_size = sizeof(struct settings),
    .parts = parts,       .part_count = PARTS,
    .cost = cost,
};
