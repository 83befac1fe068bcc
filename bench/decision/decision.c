#include "decision/decision.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "chain_text/chain_text.h"
#include "conform/allocation.h"
#include "fleet/fleet.h"
#include "policy/decision_record.h"
#include "proxy/decide.h"

enum {
    EXIT_CANNOT = 2,
    SIZES_MOST = 16,
    CLUSTERS_MOST = FLEET_SLOTS_MAX,
    ROUNDS = 21,           /* of which the median counts */
    ROUND_TARGETS = 64000, /* decisions of a round times clusters: a few milliseconds */
    SESSIONS = 64,
    LOG_BATCH_BYTES = 32 * 1024,
    WARM = 300, /* decisions until nothing grows any more */
};

/* --- a fleet that reports, has work and knows conversations --- */

struct ground {
    struct fleet *fleet;
    struct ledger *ledger;
    struct affinity *affinity;
    struct snapshot *snapshot;
    struct route route;
    struct proxy_tables tables;
    struct decide_room room;
    struct decision decision;
    struct decision_recorder recorder;
    struct buffer log; /* of decisions; emptied as the router would hand it over */
    struct random random;
    struct affinity_prefix prefixes[SESSIONS][AFFINITY_PREFIXES_MAX];
    struct geo_point place;
    int64_t now_ns;
};

static struct fleet_config *config_make(struct random *random, uint32_t count)
{
    struct fleet_config *config = fleet_config_create();
    struct cluster *clusters = fleet_config_alloc(config, count * sizeof *clusters);
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        struct endpoint *endpoint = fleet_config_alloc(config, sizeof *endpoint);
        struct pool *pool = fleet_config_alloc(config, sizeof *pool);
        snprintf(name, sizeof name, "cluster-%u", i);
        endpoint_init(endpoint);
        endpoint->host = "127.0.0.1";
        endpoint->port = 8000;
        pool_init(pool);
        pool->endpoints = endpoint;
        pool->endpoint_count = 1;
        cluster_init(&clusters[i]);
        clusters[i].name = fleet_config_text(config, slice_of(name));
        clusters[i].latitude = 120 * random_unit(random) - 60;
        clusters[i].longitude = 360 * random_unit(random) - 180;
        clusters[i].pools = pool;
        clusters[i].pool_count = 1;
    }
    config->clusters = clusters;
    config->cluster_count = count;
    return config;
}

static void report_make(struct ground *ground, uint32_t i)
{
    struct report report;
    char name[24];
    struct random *random = &ground->random;
    snprintf(name, sizeof name, "cluster-%u", i);
    report_init(&report);
    report.epoch = report.seq = 1;
    report.interval_ms = 2000;
    report.instances = 8;
    report.running = 200 * random_unit(random);
    report.waiting = 10 * random_unit(random);
    report.waiting_tokens = 1000 * report.waiting;
    report.slots = 256;
    report.prefill_tps = 20000 + 20000 * random_unit(random);
    report.prefill_tps_one = 4000;
    report.utilisation = 0.9 * random_unit(random);
    report.mean_tokens = 1000;
    report.hold_ms = 8000;
    report.itl_ms = 25;
    report.itl_idle_ms = 15;
    report.done_per_s = 20;
    CHECK_EQ(fleet_apply_report(ground->fleet, slice_of(name), SLICE("default"), &report,
                                500 * random_unit(random), ground->now_ns),
             REPORT_TAKEN);
}

/* Conversations and their prefixes, each served somewhere. */
static void affinity_fill(struct ground *ground)
{
    for (uint32_t s = 0; s < SESSIONS; s++) {
        const uint32_t at = (uint32_t)(random_u64(&ground->random) % ground->snapshot->count);
        for (uint32_t p = 0; p < AFFINITY_PREFIXES_MAX; p++)
            ground->prefixes[s][p] =
                (struct affinity_prefix){.hash = random_u64(&ground->random) | 1,
                                         .tokens = 256 * (p + 1)};
        affinity_note_request(ground->affinity, s + 1, 4096, ground->prefixes[s],
                              AFFINITY_PREFIXES_MAX, ground->snapshot->forecasts[at].slot,
                              ground->now_ns);
    }
}

static void ground_init(struct ground *ground, uint32_t count, struct chain *chain)
{
    struct error error;
    memset(ground, 0, sizeof *ground);
    random_seed(&ground->random, 1);
    ground->now_ns = NS_PER_S;
    ground->fleet = fleet_create(1);
    ground->ledger = ledger_create(0);
    ground->affinity = affinity_create(4096);
    struct fleet_config *config = config_make(&ground->random, count);
    CHECK(fleet_config_finish(config, &error));
    CHECK(fleet_configure(ground->fleet, config, ground->now_ns, &error));
    fleet_config_drop(&config);
    for (uint32_t i = 0; i < count; i++)
        report_make(ground, i);
    ground->snapshot = fleet_tick(ground->fleet, &ground->ledger, 1, ground->now_ns);
    affinity_fill(ground);
    ground->route = (struct route){.name = "default", .chain = chain};
    ground->tables = (struct proxy_tables){.routes = &ground->route, .route_count = 1};
    for (int k = 0; k < CLASS_COUNT; k++)
        ground->tables.classes[k] = (struct class_promise){1000, 2000};
    ground->place =
        (struct geo_point){.latitude = 31, .longitude = 121, .known = true, .country = "CN"};
    decision_init(&ground->decision);
    decision_recorder_init(&ground->recorder);
}

static void ground_finish(struct ground *ground)
{
    decision_finish(&ground->decision);
    buffer_release(&ground->log);
    decide_room_finish(&ground->room);
    snapshot_destroy(&ground->snapshot);
    affinity_destroy(&ground->affinity);
    ledger_destroy(&ground->ledger);
    fleet_destroy(&ground->fleet);
}

/* As with `decision_log:`; a snapshot serves thousands of decisions. */
static void record(struct ground *ground)
{
    if (buffer_len(&ground->log) >= LOG_BATCH_BYTES)
        buffer_clear(&ground->log);
    decision_record(&ground->recorder, ground->snapshot->generation, ground->route.chain,
                    &ground->decision, &ground->log);
}

static void decide_once(struct ground *ground, uint64_t n, bool prefixes, bool recorded)
{
    struct decide_outcome outcome;
    const uint32_t session = (uint32_t)(n % SESSIONS);
    const struct decide_input input = {
        .model = SLICE("m"),
        .path = SLICE("/v1/chat/completions"),
        .stream = true,
        .place = &ground->place,
        .prompt_tokens = 4500,
        .output_tokens = 200,
        .session = prefixes ? session + 1 : 0,
        .prefixes = prefixes ? ground->prefixes[session] : NULL,
        .prefix_count = prefixes ? AFFINITY_PREFIXES_MAX : 0,
        .id = n + 1,
        .seed = n * UINT64_C(0x9e3779b97f4a7c15),
        .sequence = n,
        .now_ns = ground->now_ns + (int64_t)n,
    };
    decide(&ground->tables, ground->snapshot, ground->ledger, ground->affinity, &input,
           &ground->room, &ground->decision, &outcome);
    CHECK_EQ(outcome.fault, FAULT_NONE);
    if (recorded)
        record(ground);
}

/* --- measuring --- */

struct result {
    uint32_t clusters;
    bool prefixes;
    double ns; /* CPU of one decision: the median round */
    uint64_t allocations;
};

static int64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct result measure(struct chain *chain, uint32_t clusters, bool prefixes, bool recorded)
{
    struct ground *ground = memory_alloc(sizeof *ground);
    struct result result = {.clusters = clusters, .prefixes = prefixes};
    const uint64_t decisions = 1 + ROUND_TARGETS / clusters;
    double rounds[ROUNDS];
    uint64_t n = 0;
    ground_init(ground, clusters, chain);
    while (n < WARM)
        decide_once(ground, ++n, prefixes, recorded);
    for (int r = 0; r < ROUNDS; r++) {
        allocation_watch_begin();
        const int64_t began_ns = thread_ns();
        for (uint64_t k = 0; k < decisions; k++)
            decide_once(ground, ++n, prefixes, recorded);
        rounds[r] = (double)(thread_ns() - began_ns) / (double)decisions;
        result.allocations += allocation_watch_end();
    }
    qsort(rounds, ROUNDS, sizeof *rounds, by_size);
    result.ns = rounds[ROUNDS / 2];
    ground_finish(ground);
    free(ground);
    return result;
}

/* --- telling --- */

static void tell(const struct result *results, size_t count)
{
    printf("%8s  %-8s  %12s  %s\n", "clusters", "prefixes", "ns/decision", "allocations");
    for (size_t i = 0; i < count; i++)
        printf("%8u  %-8s  %12.0f  %llu\n", results[i].clusters,
               results[i].prefixes ? "16" : "none", results[i].ns,
               (unsigned long long)results[i].allocations);
}

static void tell_json(const struct result *results, size_t count)
{
    struct buffer out = {0};
    struct json json;
    json_init(&json, &out);
    json_array_begin(&json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&json);
        json_kv_uint(&json, "clusters", results[i].clusters);
        json_kv_uint(&json, "prefixes", results[i].prefixes ? AFFINITY_PREFIXES_MAX : 0);
        json_kv_fixed(&json, "cpu_ns", results[i].ns, 1);
        json_kv_uint(&json, "allocations", results[i].allocations);
        json_object_end(&json);
    }
    json_array_end(&json);
    printf("%.*s\n", SLICE_ARG(buffer_slice(&out)));
    buffer_release(&out);
}

/* --- the command --- */

static const char usage[] =
    "usage: isobench decide [OPTION ...]\n"
    "  measures the CPU time of a decision: route, verdicts, estimates, chain\n"
    "  --clusters N,...  how many; default 16,1000\n"
    "  --record          each is written to a decision log as well (in memory)\n"
    "  --policy CHAIN    NAME[:SETTING=VALUE,...][+NAME...]; default least_latency\n"
    "  --plugins FOLDER  where names are looked up\n"
    "  --json            an array\n"
    "exit code: 0; 1 if a decision asked for memory; 2 if it cannot be tried\n";

struct wish {
    uint32_t sizes[SIZES_MOST];
    size_t size_count;
    const char *policy, *plugins;
    bool json, record, help;
};

static bool sizes_read(struct wish *wish, const char *text, struct error *error)
{
    struct slice rest = slice_of(text), part;
    wish->size_count = 0;
    while (slice_split(&rest, ',', &part)) {
        uint64_t size;
        if (!slice_to_u64(part, &size) || size < 1 || size > CLUSTERS_MOST)
            return error_set(error, "--clusters has %.*s; it may be 1 to %d", SLICE_ARG(part),
                             CLUSTERS_MOST);
        if (wish->size_count == SIZES_MOST)
            return error_set(error, "--clusters: at most %d numbers", SIZES_MOST);
        wish->sizes[wish->size_count++] = (uint32_t)size;
    }
    return true;
}

static bool wish_read(struct wish *wish, int argc, char **argv, struct error *error)
{
    static const struct option known[] = {
        {"clusters", required_argument, NULL, 'c'},
        {"policy", required_argument, NULL, 'p'},
        {"plugins", required_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},
        {"record", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    *wish = (struct wish){.sizes = {16, 1000}, .size_count = 2, .policy = "least_latency"};
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == '?')
            return error_set(error, "isobench decide --help says what there is");
        if (option == 'c' && !sizes_read(wish, optarg, error))
            return false;
        wish->policy = option == 'p' ? optarg : wish->policy;
        wish->plugins = option == 'd' ? optarg : wish->plugins;
        wish->json |= option == 'j';
        wish->record |= option == 'r';
        wish->help |= option == 'h';
    }
    return optind == argc || error_set(error, "\"%s\" is not an option", argv[optind]);
}

static int measure_all(const struct wish *wish, struct chain *chain)
{
    struct result results[2 * SIZES_MOST];
    size_t count = 0;
    uint64_t allocations = 0;
    for (size_t i = 0; i < wish->size_count; i++)
        for (int prefixes = 0; prefixes < 2; prefixes++) {
            results[count] = measure(chain, wish->sizes[i], prefixes != 0, wish->record);
            allocations += results[count++].allocations;
        }
    (wish->json ? tell_json : tell)(results, count);
    return allocations > 0;
}

static int wish_grant(const struct wish *wish, struct error *error)
{
    struct chain_text text;
    struct problem_first problem;
    char folder[4096];
    int code = EXIT_CANNOT;
    struct plugin_dir *dir = plugin_dir_create(
        wish->plugins != NULL ? wish->plugins : chain_text_folder(folder, sizeof folder));
    if (chain_text_read(&text, wish->policy, error)) {
        problem_first_init(&problem);
        struct chain *chain = chain_create(text.refs, text.count, dir, &problem.sink);
        *error = problem.error;
        code = chain != NULL ? measure_all(wish, chain) : EXIT_CANNOT;
        chain_drop(&chain);
    }
    chain_text_finish(&text);
    plugin_dir_destroy(&dir);
    return code;
}

int decide_main(int argc, char **argv)
{
    struct wish wish;
    struct error error;
    int code = EXIT_CANNOT;
    if (wish_read(&wish, argc, argv, &error))
        code = wish.help ? fputs(usage, stdout) < 0 : wish_grant(&wish, &error);
    if (code == EXIT_CANNOT)
        fprintf(stderr, "isobench decide: %s\n", error.text);
    return code;
}
