#include "simulate/plan.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/option.h"
#include "simulate/plan_state.h"
#include "simulate/scenarios.h"

const char plan_usage[] =
    "usage: isobench simulate --policy LIST [options]\n"
    "  --policy LIST          policies to compare, e.g. "
    "least_latency.so:flex_rule=off,nearest.so;\n"
    "                         modifiers follow after +: nearest+prefer:region=eu,worth=1s;\n"
    "                         clairvoyant and clairvoyant_greedy too\n"
    "  --set POLICY.SETTING=VALUE[,VALUE]...\n"
    "                         each of these values in turn; may be given several times\n"
    "  --scenario NAME        global (default) or china, or FILE, or FILE:NAME\n"
    "  --load LIST            of the fleet's capacity, e.g. 0.5,0.8 (default 0.8)\n"
    "  --routers N            1 to 64 (default 4)\n"
    "  --report-interval T    of the agents, 100ms to 1m (default 2s)\n"
    "  --seeds N              runs of each, seeds 1 to N (default 1)\n"
    "  --first-seed N         count from there\n"
    "  --independent          every request its own conversation\n"
    "  --fault FAULT          KIND[:CLUSTER[:FACTOR]][@START+LASTS]; may be given several times\n"
    "  --traces FOLDER        draw sizes from the public traces in it; or from files of their\n"
    "                         formats: chat=FILE,code=FILE,flex=FILE\n"
    "  --output-scale X       so many times the output tokens (default as the scenario says)\n"
    "  --warm-up T            before measuring (default 2m)\n"
    "  --measure T            (default 10m)\n"
    "  --plugins FOLDER       where policies are looked up\n"
    "  --no-regret            without the clairvoyant runs that regret needs\n"
    "  --json                 one object per policy, load and seed, instead of a table\n"
    "  --merge                with --json: one object for all seeds of a policy and load\n"
    "  --goodput              the highest load at which 95 % are under the promise, instead\n"
    "  --arrivals FILE        run recorded requests instead of drawn ones: as isobench load reads\n"
    "                         them, at the pace of the file or, with --load, at that load\n"
    "  --write-arrivals FILE  the requests of the run, for isobench load; one policy, load, seed\n";

/* --- words --- */

static bool duration_read(const char *name, const char *text, const char *min, const char *max,
                          double *out_ms, struct error *error)
{
    const struct iso_option option = {
        .name = name, .help = "", .type = ISO_TYPE_DURATION, .min = min, .max = max};
    union option_value value;
    if (!option_parse(&option, text, &value, error))
        return error_prefix(error, "--%s", name);
    *out_ms = value.number;
    return true;
}

static bool count_read(const char *name, const char *text, uint32_t min, uint32_t max,
                       uint32_t *out, struct error *error)
{
    uint64_t value;
    if (!slice_to_u64(slice_of(text), &value) || value < min || value > max)
        return error_set(error, "--%s: expected a number from %u to %u, found \"%s\"", name, min,
                         max, text);
    *out = (uint32_t)value;
    return true;
}

static bool loads_read(struct plan *o, const char *text, struct error *error)
{
    struct slice rest = slice_of(text), part;
    o->load_count = 0;
    while (slice_split(&rest, ',', &part)) {
        double load;
        if (!slice_to_double(part, &load) || load < 0.01 || load > 3)
            return error_set(error, "--load: expected numbers from 0.01 to 3, found \"%.*s\"",
                             SLICE_ARG(part));
        if (o->load_count == PLAN_LOADS_MAX)
            return error_set(error, "--load: there may be %d", PLAN_LOADS_MAX);
        o->loads[o->load_count++] = load;
    }
    return true;
}

/* --- all of it --- */

enum letter {
    OPTION_POLICY = 256,
    OPTION_SET,
    OPTION_SCENARIO,
    OPTION_LOAD,
    OPTION_ROUTERS,
    OPTION_INTERVAL,
    OPTION_SEEDS,
    OPTION_FIRST_SEED,
    OPTION_INDEPENDENT,
    OPTION_FAULT,
    OPTION_TRACES,
    OPTION_SCALE,
    OPTION_WARM,
    OPTION_MEASURE,
    OPTION_PLUGINS,
    OPTION_NO_REGRET,
    OPTION_JSON,
    OPTION_MERGE,
    OPTION_GOODPUT,
    OPTION_PLAY,
    OPTION_ARRIVALS,
    OPTION_HELP,
};

static const struct option known[] = {
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"set", required_argument, NULL, OPTION_SET},
    {"scenario", required_argument, NULL, OPTION_SCENARIO},
    {"load", required_argument, NULL, OPTION_LOAD},
    {"routers", required_argument, NULL, OPTION_ROUTERS},
    {"report-interval", required_argument, NULL, OPTION_INTERVAL},
    {"seeds", required_argument, NULL, OPTION_SEEDS},
    {"first-seed", required_argument, NULL, OPTION_FIRST_SEED},
    {"independent", no_argument, NULL, OPTION_INDEPENDENT},
    {"fault", required_argument, NULL, OPTION_FAULT},
    {"traces", required_argument, NULL, OPTION_TRACES},
    {"output-scale", required_argument, NULL, OPTION_SCALE},
    {"warm-up", required_argument, NULL, OPTION_WARM},
    {"measure", required_argument, NULL, OPTION_MEASURE},
    {"plugins", required_argument, NULL, OPTION_PLUGINS},
    {"no-regret", no_argument, NULL, OPTION_NO_REGRET},
    {"json", no_argument, NULL, OPTION_JSON},
    {"merge", no_argument, NULL, OPTION_MERGE},
    {"goodput", no_argument, NULL, OPTION_GOODPUT},
    {"arrivals", required_argument, NULL, OPTION_PLAY},
    {"write-arrivals", required_argument, NULL, OPTION_ARRIVALS},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool seconds_read(const char *name, const char *text, double *out_s, struct error *error)
{
    double ms = 0;
    if (!duration_read(name, text, "1s", "10h", &ms, error))
        return false;
    *out_s = ms / 1000;
    return true;
}

/* Of options that are on when given, or whose text is read when all are known; false: another. */
static bool plain_take(struct plan *o, struct plan_raw *raw, int letter)
{
    switch (letter) {
    case OPTION_POLICY:
        raw->policy = optarg;
        return true;
    case OPTION_SCENARIO:
        raw->scenario = optarg;
        return true;
    case OPTION_TRACES:
        raw->traces = optarg;
        return true;
    case OPTION_SCALE:
        raw->scale = optarg;
        return true;
    case OPTION_PLUGINS:
        raw->plugins = optarg;
        return true;
    case OPTION_PLAY:
        raw->arrivals = optarg;
        return true;
    case OPTION_ARRIVALS:
        o->arrivals_file = optarg;
        return true;
    case OPTION_INDEPENDENT:
        return o->independent = true;
    case OPTION_JSON:
        return o->json = true;
    case OPTION_MERGE:
        return o->merge = true;
    case OPTION_GOODPUT:
        return o->goodput = true;
    case OPTION_NO_REGRET:
        o->regret = false;
        return true;
    default:
        return false;
    }
}

static bool letter_take(struct plan *o, struct plan_raw *raw, int letter, struct error *error)
{
    if (plain_take(o, raw, letter))
        return true;
    switch (letter) {
    case OPTION_SET:
        if (raw->sweep_count == PLAN_SWEEPS_MAX)
            return error_set(error, "--set: there may be %d", PLAN_SWEEPS_MAX);
        raw->sweeps[raw->sweep_count++] = optarg;
        return true;
    case OPTION_LOAD:
        raw->load_given = true;
        return loads_read(o, optarg, error);
    case OPTION_ROUTERS:
        return count_read("routers", optarg, 1, 64, &o->routers, error);
    case OPTION_INTERVAL:
        return duration_read("report-interval", optarg, "100ms", "1m", &o->report_interval_ms,
                             error);
    case OPTION_SEEDS:
        return count_read("seeds", optarg, 1, 1000, &o->seeds, error);
    case OPTION_FIRST_SEED:
        return count_read("first-seed", optarg, 0, 1000000, &o->first_seed, error);
    case OPTION_FAULT:
        if (raw->fault_count == RUN_FAULTS_MAX)
            return error_set(error, "--fault: there may be %d", RUN_FAULTS_MAX);
        raw->faults[raw->fault_count++] = optarg;
        return true;
    case OPTION_WARM:
        return seconds_read("warm-up", optarg, &o->warm_s, error);
    case OPTION_MEASURE:
        o->measured_given = true;
        return seconds_read("measure", optarg, &o->measured_s, error);
    default:
        return error_set(error, "see isobench simulate --help");
    }
}

static bool letters_take(struct plan *o, struct plan_raw *raw, int argc, char **argv,
                         struct error *error)
{
    int letter;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!letter_take(o, raw, letter, error))
            return false;
    if (optind < argc)
        return error_set(error, "\"%s\" is no option", argv[optind]);
    if (raw->policy == NULL)
        return error_set(error, "--policy is missing: say which policies to compare");
    return true;
}

/* Load 1 is the fleet's capacity for the mean of these requests. */
static bool arrivals_take(struct plan *o, const struct plan_raw *raw, struct error *error)
{
    if (raw->arrivals == NULL)
        return true;
    const double scale = o->sizes.output_scale > 0 ? o->sizes.output_scale : 1;
    o->arrivals = arrivals_read(raw->arrivals, &o->scenario, scale, error);
    if (o->arrivals == NULL)
        return error_prefix(error, "--arrivals");
    const struct mean_request mean = {o->arrivals->uncached_tokens, o->arrivals->output_tokens, 1};
    o->arrivals_load = o->arrivals->requests_per_s / scenario_capacity(&o->scenario, &mean);
    if (!raw->load_given)
        o->loads[0] = o->arrivals_load;
    for (uint32_t i = 0; i < o->load_count; i++) {
        const double ends_s = arrivals_last_s(o->arrivals) * o->arrivals_load / o->loads[i];
        if (ends_s <= o->warm_s)
            return error_set(error,
                             "--arrivals: at load %.3g the last request comes after %.0f s, before "
                             "anything is measured: say a shorter --warm-up than %.0f s",
                             o->loads[i], ends_s, o->warm_s);
    }
    return true;
}

static bool raw_resolve(struct plan *o, const struct plan_raw *raw, struct error *error)
{
    error_set(error, "scenario %s cannot be read", raw->scenario);
    if (!scenarios_load(raw->scenario, &o->arena, &o->scenario))
        return false;
    if (o->routers < o->scenario.edge_count)
        return error_set(error,
                         "--routers: expected at least one at each of the %u places of the "
                         "scenario's edges, found %u",
                         o->scenario.edge_count, o->routers);
    for (uint32_t f = 0; f < raw->fault_count; f++)
        if (!fault_parse(raw->faults[f], &o->scenario, o->measured_s, &o->faults[o->fault_count++],
                         error))
            return error_prefix(error, "--fault");
    if (raw->traces != NULL && !sizes_load(&o->sizes, raw->traces, error))
        return error_prefix(error, "--traces");
    o->sizes.output_scale = o->scenario.workload.output_scale;
    if (raw->scale != NULL && (!slice_to_double(slice_of(raw->scale), &o->sizes.output_scale) ||
                               o->sizes.output_scale < 0.001 || o->sizes.output_scale > 100))
        return error_set(error, "--output-scale: expected a number from 0.001 to 100, found \"%s\"",
                         raw->scale);
    if (!arrivals_take(o, raw, error))
        return false;
    if (!plan_policies_read(o, raw, error))
        return false;
    const bool one = o->contender_count == 1 && o->load_count == 1 && o->seeds == 1;
    if (o->arrivals_file != NULL && !one)
        return error_set(error, "--write-arrivals: one policy, one load and one seed at a time");
    return true;
}

bool plan_read(struct plan *o, int argc, char **argv)
{
    struct error error = {""};
    struct plan_raw raw = {.scenario = "global"};
    *o = (struct plan){.loads = {0.8},
                       .load_count = 1,
                       .routers = 4,
                       .first_seed = 1,
                       .seeds = 1,
                       .report_interval_ms = 2000,
                       .warm_s = 120,
                       .measured_s = 600,
                       .regret = true};
    arena_init(&o->arena);
    if (letters_take(o, &raw, argc, argv, &error) && raw_resolve(o, &raw, &error))
        return true;
    fprintf(stderr, "isobench simulate: %s\n", error.text);
    return false;
}

struct run_setup plan_setup(const struct plan *o, double load, uint32_t seed,
                            const struct contender *contender)
{
    double measured_s = o->measured_s;
    if (o->arrivals != NULL && !o->measured_given)
        measured_s =
            fmax(1, arrivals_last_s(o->arrivals) * o->arrivals_load / load + 0.001 - o->warm_s);
    return (struct run_setup){
        .workload = {.scenario = &o->scenario,
                     .sizes = &o->sizes,
                     .load = load,
                     .independent = o->independent,
                     .seed = seed,
                     .warm_s = o->warm_s,
                     .measured_s = measured_s,
                     .arrivals = o->arrivals},
        .rule = contender->rule,
        .chain = contender->chain,
        .routers = o->routers,
        .report_interval_ms = o->report_interval_ms,
        .faults = o->faults,
        .fault_count = o->fault_count,
        .slo_ms = o->scenario.workload.slo_ms,
        .flex_slo_ms = o->scenario.workload.flex_slo_ms,
    };
}

void plan_finish(struct plan *o)
{
    for (uint32_t i = 0; i < o->contender_count; i++)
        chain_drop(&o->contenders[i].chain);
    if (o->exact_chain != NULL)
        chain_drop(&o->exact_chain);
    if (o->plugins != NULL)
        plugin_dir_destroy(&o->plugins);
    sizes_finish(&o->sizes);
    arrivals_destroy(&o->arrivals);
    arena_finish(&o->arena);
}
