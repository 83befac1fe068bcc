#include "conform/example.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "policy/plugin.h"

enum {
    TEXT_BYTES = 24,
    TEXTS = 4 * EXAMPLE_CLUSTERS_MAX + 2, /* four of a cluster, model, tenant */
    TAIL_MOST = 64,                       /* what a newer router may have behind a struct */
};

const char *const example_area_names[EXAMPLE_AREAS] = {
    [EXAMPLE_CALL] = "the call",           [EXAMPLE_CLUSTERS] = "the clusters",
    [EXAMPLE_ESTIMATES] = "the estimates", [EXAMPLE_REQUEST] = "the request",
    [EXAMPLE_TEXTS] = "the texts",         [EXAMPLE_SETTINGS] = "the settings",
    [EXAMPLE_VERDICTS] = "the verdicts",   [EXAMPLE_TOTALS] = "the totals",
    [EXAMPLE_SAID] = "the verdicts",       [EXAMPLE_MS] = "the milliseconds",
};

void example_init(struct example *example, const void *settings, uint32_t settings_bytes)
{
    const size_t most = EXAMPLE_CLUSTERS_MAX;
    const size_t bytes[EXAMPLE_AREAS] = {
        [EXAMPLE_CALL] = sizeof(struct iso_call),
        [EXAMPLE_CLUSTERS] = most * (sizeof(struct iso_cluster) + TAIL_MOST),
        [EXAMPLE_ESTIMATES] = most * (sizeof(struct iso_estimate) + TAIL_MOST),
        [EXAMPLE_REQUEST] = sizeof(struct iso_request),
        [EXAMPLE_TEXTS] = (size_t)TEXTS * TEXT_BYTES,
        [EXAMPLE_SETTINGS] = settings_bytes,
        [EXAMPLE_VERDICTS] = most,
        [EXAMPLE_TOTALS] = most * sizeof(double),
        [EXAMPLE_SAID] = most,
        [EXAMPLE_MS] = most * PLUGIN_PARTS_MAX * sizeof(double),
    };
    memset(example, 0, sizeof *example);
    for (int k = 0; k < EXAMPLE_AREAS; k++)
        pages_init(&example->areas[k], bytes[k], k == EXAMPLE_SAID || k == EXAMPLE_MS);
    const size_t room = (settings_bytes + 15u) / 16 * 16; /* as malloc aligns them */
    memcpy(pages_ours(&example->areas[EXAMPLE_SETTINGS], room), settings, settings_bytes);
    struct iso_call *call =
        (void *)pages_ours(&example->areas[EXAMPLE_CALL], sizeof(struct iso_call));
    call->settings = pages_shown(&example->areas[EXAMPLE_SETTINGS], room);
    example->call =
        (const void *)pages_shown(&example->areas[EXAMPLE_CALL], sizeof(struct iso_call));
}

void example_finish(struct example *example)
{
    for (int k = 0; k < EXAMPLE_AREAS; k++)
        pages_finish(&example->areas[k]);
}

/* --- values --- */

static bool chance(struct random *random, double share)
{
    return random_unit(random) < share;
}

/* Between `low` and `high`, as likely in each power of ten; now and then the lowest or the highest
 * that there is. */
static double value(struct random *random, double least, double low, double high, double most)
{
    const double kind = random_unit(random);
    if (kind < 0.04)
        return least;
    if (kind < 0.08)
        return most;
    return low * pow(high / low, random_unit(random));
}

static double value_or_nan(struct random *random, double least, double low, double high,
                           double most)
{
    return chance(random, 0.2) ? NAN : value(random, least, low, high, most);
}

static double between(struct random *random, double low, double high)
{
    return low + (high - low) * random_unit(random);
}

static uint64_t id(struct random *random)
{
    return chance(random, 0.1) ? UINT64_MAX : random_u64(random);
}

/* One of the words, or (not often) none; returns the length. */
static size_t text(struct random *random, char *out, const char *const *words, size_t count)
{
    memset(out, 0, TEXT_BYTES);
    if (chance(random, 0.15))
        return 0;
    const char *word = words[random_u64(random) % count];
    memcpy(out, word, strlen(word));
    return strlen(word);
}

static const char *const regions[] = {"cn-north", "eu-west", "us-east", "a-region-far-away"};
static const char *const countries[] = {"CN", "DE", "US", "JP", "BR"};
static const char *const continents[] = {"AS", "EU", "NA", "SA"};
static const char *const accelerators[] = {"h100", "910b", "mi300x"};
static const char *const models[] = {"qwen3-32b", "m", "Qwen/Qwen3-235B-A22B"};

/* --- a cluster --- */

static const char *text_shown(const struct example *example, uint32_t k)
{
    return pages_shown(&example->areas[EXAMPLE_TEXTS], (size_t)TEXTS * TEXT_BYTES) +
           (size_t)k * TEXT_BYTES;
}

static char *text_ours(const struct example *example, uint32_t k)
{
    return pages_ours(&example->areas[EXAMPLE_TEXTS], (size_t)TEXTS * TEXT_BYTES) +
           (size_t)k * TEXT_BYTES;
}

static void texts_make(struct example *example, struct random *random, uint32_t i,
                       struct iso_cluster *cluster)
{
    snprintf(text_ours(example, 4 * i), TEXT_BYTES, "cluster-%u", i);
    text(random, text_ours(example, 4 * i + 1), regions, COUNT_OF(regions));
    text(random, text_ours(example, 4 * i + 2), countries, COUNT_OF(countries));
    text(random, text_ours(example, 4 * i + 3), accelerators, COUNT_OF(accelerators));
    cluster->name = text_shown(example, 4 * i);
    cluster->region = text_shown(example, 4 * i + 1);
    cluster->country = text_shown(example, 4 * i + 2);
    cluster->accelerator = text_shown(example, 4 * i + 3);
}

static void cluster_make(struct random *random, struct iso_cluster *cluster)
{
    const bool placed = !chance(random, 0.2);
    *cluster = (struct iso_cluster){
        .id = id(random),
        .weight = (uint32_t)value(random, 0, 1, 1000, 1000),
        .latitude = placed ? between(random, -90, 90) : NAN,
        .longitude = placed ? between(random, -180, 180) : NAN,
        .rtt_ms = value(random, 0, 0.2, 400, 60000),
        .prefill_tokens_per_s = value(random, 1, 1000, 1e6, 1e9),
        .prefill_tokens_per_s_one = value(random, 1, 500, 50000, 1e9),
        .itl_ms = value(random, 0, 5, 100, 60000),
        .itl_idle_ms = value(random, 0, 5, 50, 60000),
        .slots = value(random, 1, 8, 10000, 1e7),
        .hold_ms = value(random, 1, 500, 60000, 3.6e6),
        .utilisation = chance(random, 0.1) ? 1 : random_unit(random),
        .kv_used = value_or_nan(random, 0, 0.1, 1, 1),
        .mean_tokens = value(random, 1, 50, 5000, 1e7),
        .price_per_mtok = value_or_nan(random, 0, 0.05, 20, 1e6),
        .price_ratio = value(random, 0, 0.2, 5, 1000),
    };
}

static void estimate_make(struct random *random, const struct iso_cluster *cluster,
                          const struct iso_request *request, struct iso_estimate *estimate)
{
    const double inflight = value(random, 0, 1, 2 * cluster->slots, 1e7);
    *estimate = (struct iso_estimate){
        .known = random_u64(random) & (2 * (uint64_t)ISO_KNOWN_OBSERVED - 1),
        .age_ms = value(random, 0, 10, 10000, 1e10),
        .distance_km = value_or_nan(random, 0, 1, 20000, 20038),
        .own_inflight = floor(inflight * random_unit(random)),
        .inflight = inflight,
        .backlog_tokens = value(random, 0, 100, 1e6, 1e9),
        .cached_tokens = chance(random, 0.5) ? request->prompt_tokens * random_unit(random) : 0,
        .correction = chance(random, 0.5) ? 1 : value(random, 0.5, 0.5, 5, 50),
        .wait_prefill_ms = value(random, 0, 1, 10000, 1e8),
        .wait_slot_ms = value(random, 0, 1, 10000, 1e8),
        .service_ms = value(random, 15, 15, 5000, 1e8),
    };
    estimate->wait_ms = fmax(estimate->wait_prefill_ms, estimate->wait_slot_ms);
    estimate->ttft_ms = cluster->rtt_ms + estimate->wait_ms + estimate->service_ms;
    estimate->observed_ttft_ms = value(random, 0.1, 10, 10000, 1e8);
    estimate->peak_ttft_ms = fmax(estimate->observed_ttft_ms, value(random, 0.1, 10, 10000, 1e8));
}

/* --- the request --- */

static struct iso_request request_make(struct example *example, struct random *random)
{
    const bool placed = !chance(random, 0.3);
    char word[TEXT_BYTES];
    struct iso_request request = {
        .struct_size = sizeof request,
        .attempt = (uint32_t)(random_u64(random) % 3),
        .service_class = (uint32_t)(random_u64(random) % (ISO_BATCH + 1)),
        .stream = (uint32_t)(random_u64(random) & 1),
        .latitude = placed ? between(random, -90, 90) : NAN,
        .longitude = placed ? between(random, -180, 180) : NAN,
        .session = chance(random, 0.5) ? id(random) : 0,
        .prompt_tokens = floor(value(random, 1, 1, 100000, 1e7)),
        .output_tokens = floor(value(random, 0, 1, 5000, 1e6)),
        .slo_ms = value(random, 1, 200, 60000, 8.64e7),
    };
    text(random, word, countries, COUNT_OF(countries));
    memcpy(request.country, word, sizeof request.country);
    text(random, word, continents, COUNT_OF(continents));
    memcpy(request.continent, word, sizeof request.continent);
    const uint32_t model = TEXTS - 2, tenant = TEXTS - 1;
    request.model.ptr = text_shown(example, model);
    request.model.len = text(random, text_ours(example, model), models, COUNT_OF(models));
    request.tenant.ptr = text_shown(example, tenant);
    request.tenant.len = text(random, text_ours(example, tenant), regions, COUNT_OF(regions));
    return request;
}

/* --- all of it --- */

/* Alike: every cluster is the same as the first, so that all ties are there. */
static void fleet_make(struct example *example, struct random *random,
                       const struct iso_request *request, struct iso_call *call)
{
    const bool alike = chance(random, 0.05);
    const size_t clusters = (size_t)call->count * call->cluster_stride;
    const size_t estimates = (size_t)call->count * call->estimate_stride;
    char *cluster_at = pages_ours(&example->areas[EXAMPLE_CLUSTERS], clusters);
    char *estimate_at = pages_ours(&example->areas[EXAMPLE_ESTIMATES], estimates);
    struct iso_cluster cluster = {0};
    struct iso_estimate estimate = {0};
    memset(cluster_at, 0xa5, clusters);
    memset(estimate_at, 0xa5, estimates);
    for (uint32_t i = 0; i < call->count; i++) {
        if (i == 0 || !alike) {
            cluster_make(random, &cluster);
            estimate_make(random, &cluster, request, &estimate);
        }
        texts_make(example, random, i, &cluster);
        memcpy(cluster_at + (size_t)i * call->cluster_stride, &cluster, sizeof cluster);
        memcpy(estimate_at + (size_t)i * call->estimate_stride, &estimate, sizeof estimate);
    }
    call->clusters = pages_shown(&example->areas[EXAMPLE_CLUSTERS], clusters);
    call->estimates = pages_shown(&example->areas[EXAMPLE_ESTIMATES], estimates);
}

static void verdicts_make(struct example *example, struct random *random)
{
    static const double shares[] = {0, 0, 0.1, 0.5, 0.9, 1};
    const double share = shares[random_u64(random) % COUNT_OF(shares)];
    for (uint32_t i = 0; i < example->count; i++) {
        example->closed[i] = chance(random, share);
        example->others[i] = chance(random, 0.5) ? 0 : between(random, -1000, 1000);
    }
}

void example_make(struct example *example, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    struct iso_call *call = (void *)pages_ours(&example->areas[EXAMPLE_CALL], sizeof *call);
    struct iso_request *request =
        (void *)pages_ours(&example->areas[EXAMPLE_REQUEST], sizeof *request);
    example->count = 1 + (uint32_t)(random_u64(&random) % EXAMPLE_CLUSTERS_MAX);
    *request = request_make(example, &random);
    *call = (struct iso_call){
        .struct_size = sizeof *call,
        .count = example->count,
        .cluster_stride =
            (uint32_t)(sizeof(struct iso_cluster) + 8 * (random_u64(&random) % (TAIL_MOST / 8))),
        .estimate_stride =
            (uint32_t)(sizeof(struct iso_estimate) + 8 * (random_u64(&random) % (TAIL_MOST / 8))),
        .request = (const void *)pages_shown(&example->areas[EXAMPLE_REQUEST], sizeof *request),
        .settings = call->settings,
        .seed = id(&random),
        .sequence = chance(&random, 0.2) ? 0 : id(&random),
        .now_ns = (int64_t)(random_u64(&random) >> (1 + random_u64(&random) % 30)),
    };
    fleet_make(example, &random, request, call);
    verdicts_make(example, &random);
}
