#include "load/options.h"

#include <getopt.h>
#include <math.h>
#include <string.h>

#include "base/suggest.h"
#include "load/options_reader.h"

const char options_usage[] =
    "usage: isobench load --url URL --rate R [OPTION ...]\n"
    "where\n"
    "  --url URL              scheme://host:port; repeated: in turn\n"
    "  --place NAME=IP[@URL]  clients with this source address, and a URL of their own; repeated\n"
    "  --identify HOW         bind (default), forwarded (x-forwarded-for) or proxy (a PROXY line)\n"
    "  --steer URL            each place asks GET /edge there and uses the nearest edge's URL\n"
    "  --direct URL           every other request goes there; the report says what is added\n"
    "  --protocol h2|h1       default h2, also in cleartext\n"
    "  --ca FILE, --insecure  whom to trust; nobody checks\n"
    "  --connections N        at most, per place and URL; default 8 (h1: 1000)\n"
    "  --streams N            at most, per connection; default 100\n"
    "how much\n"
    "  --rate R               requests a second, open loop\n"
    "  --arrivals KIND        poisson (default), constant, ramp[:FROM] (the rate grows to R over "
    "--duration),\n"
    "                         burst[:FACTOR,LASTS,EVERY] (5,2s,20s), or a file of requests, "
    "without --rate:\n"
    "                         of isobench simulate --write-arrivals, Azure LLM inference, "
    "Mooncake\n"
    "  --time-scale X         times in that file are multiplied by it; default 1\n"
    "  --closed N             instead of --rate: N at a time\n"
    "  --duration D           default 30s; without it and with --requests: until they are sent\n"
    "  --requests N           at most so many\n"
    "  --stall D              a request that hears nothing for so long is given up; default 60s, 0 "
    "never\n"
    "  --drain D              how long the last ones may take; default 60s\n"
    "  --open N               at most so many open at once; default 100000\n"
    "what\n"
    "  --path KIND            chat (default), completions, embeddings\n"
    "  --model NAME           default qwen3-32b\n"
    "  --stream on|off        default on; embeddings never stream\n"
    "  --prompt SIZE          tokens: N or lognormal:MU,SIGMA; default 256\n"
    "  --output SIZE          the same, sent as max_tokens; 0: not sent; default 64\n"
    "  --sizes FILE           both are those of any request in such a file as --arrivals takes\n"
    "  --max-tokens N         sent instead, whatever the answer will have; isosim has --sim\n"
    "  --conversations N      requests are turns of N conversations; default 0: of none\n"
    "  --turns N              these have N turns in the mean, each begins with all before it\n"
    "  --class NAME[=W],...   priority, interactive, flex, batch by weight\n"
    "  --tenants FILE         keys: lines NAME KEY [WEIGHT]\n"
    "  --usage                streams are asked for their usage\n"
    "  --sim                  tells isosim the sizes (x-sim-prompt-tokens, -output-, -prefix-)\n"
    "  --header 'NAME: VALUE' repeated\n"
    "  --seed N               default 1\n"
    "results\n"
    "  --json FILE            one object; -: standard output, and no table\n"
    "  --log FILE             a JSON line per request\n"
    "  --promise P            [CLASS:]ttft=1s,itl=100ms,e2e=9s: how many keep it; repeated\n"
    "  --assert EXPRESSION    'ttft.p99 < 800ms', 'failed == 0'; repeated; exit code 1 if not so\n"
    "  --quiet                no table\n";

enum option_id {
    OPT_URL = 1,
    OPT_PLACE,
    OPT_IDENTIFY,
    OPT_STEER,
    OPT_DIRECT,
    OPT_PROTOCOL,
    OPT_CA,
    OPT_INSECURE,
    OPT_CONNECTIONS,
    OPT_STREAMS,
    OPT_RATE,
    OPT_ARRIVALS,
    OPT_TIME_SCALE,
    OPT_CLOSED,
    OPT_DURATION,
    OPT_REQUESTS,
    OPT_STALL,
    OPT_DRAIN,
    OPT_OPEN,
    OPT_PATH,
    OPT_MODEL,
    OPT_STREAM,
    OPT_PROMPT,
    OPT_OUTPUT,
    OPT_SIZES,
    OPT_MAX_TOKENS,
    OPT_CONVERSATIONS,
    OPT_TURNS,
    OPT_CLASS,
    OPT_TENANTS,
    OPT_USAGE,
    OPT_SIM,
    OPT_HEADER,
    OPT_SEED,
    OPT_JSON,
    OPT_LOG,
    OPT_PROMISE,
    OPT_ASSERT,
    OPT_QUIET,
    OPT_HELP,
};

static const struct option known[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"place", required_argument, NULL, OPT_PLACE},
    {"identify", required_argument, NULL, OPT_IDENTIFY},
    {"direct", required_argument, NULL, OPT_DIRECT},
    {"tenants", required_argument, NULL, OPT_TENANTS},
    {"promise", required_argument, NULL, OPT_PROMISE},
    {"steer", required_argument, NULL, OPT_STEER},
    {"protocol", required_argument, NULL, OPT_PROTOCOL},
    {"ca", required_argument, NULL, OPT_CA},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"streams", required_argument, NULL, OPT_STREAMS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"arrivals", required_argument, NULL, OPT_ARRIVALS},
    {"time-scale", required_argument, NULL, OPT_TIME_SCALE},
    {"closed", required_argument, NULL, OPT_CLOSED},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"stall", required_argument, NULL, OPT_STALL},
    {"drain", required_argument, NULL, OPT_DRAIN},
    {"open", required_argument, NULL, OPT_OPEN},
    {"path", required_argument, NULL, OPT_PATH},
    {"model", required_argument, NULL, OPT_MODEL},
    {"stream", required_argument, NULL, OPT_STREAM},
    {"prompt", required_argument, NULL, OPT_PROMPT},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"sizes", required_argument, NULL, OPT_SIZES},
    {"max-tokens", required_argument, NULL, OPT_MAX_TOKENS},
    {"conversations", required_argument, NULL, OPT_CONVERSATIONS},
    {"turns", required_argument, NULL, OPT_TURNS},
    {"class", required_argument, NULL, OPT_CLASS},
    {"usage", no_argument, NULL, OPT_USAGE},
    {"sim", no_argument, NULL, OPT_SIM},
    {"header", required_argument, NULL, OPT_HEADER},
    {"seed", required_argument, NULL, OPT_SEED},
    {"json", required_argument, NULL, OPT_JSON},
    {"log", required_argument, NULL, OPT_LOG},
    {"assert", required_argument, NULL, OPT_ASSERT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* ---- options ---- */

static bool read_identify(struct options_reader *r, const char *text)
{
    static const char *const ways[] = {"bind", "forwarded", "proxy", NULL};
    unsigned choice = 0;
    const bool good = options_choice(r, text, ways, &choice);
    r->out->identify = (enum identify)choice;
    return good;
}

static bool read_where(struct options_reader *r, int id, const char *text)
{
    struct options *out = r->out;
    switch (id) {
    case OPT_URL:
        return options_target(r, text);
    case OPT_PLACE:
        return options_place(r, text);
    case OPT_IDENTIFY:
        return read_identify(r, text);
    case OPT_DIRECT:
        out->has_direct = true;
        return target_read(slice_of(text), r->arena, &out->direct_target, r->error);
    case OPT_STEER:
        out->steer = true;
        return target_read(slice_of(text), r->arena, &out->steer_target, r->error);
    case OPT_PROTOCOL:
        return options_yes(r, text, "h2", "h1", &out->h2);
    case OPT_CA:
        out->ca_file = text;
        return true;
    case OPT_CONNECTIONS:
        r->connections_given = true;
        return options_count32(r, text, 1, OPTIONS_CONNECTIONS_MOST, &out->connections);
    case OPT_STREAMS:
        return options_count32(r, text, 1, OPTIONS_STREAMS_MOST, &out->streams);
    default:
        out->insecure = true;
        return true;
    }
}

static bool read_how_much(struct options_reader *r, int id, const char *text)
{
    struct options *out = r->out;
    switch (id) {
    case OPT_RATE:
        return options_rate(r, text);
    case OPT_ARRIVALS:
        return options_arrivals(r, text);
    case OPT_TIME_SCALE:
        return (slice_to_double(slice_of(text), &out->time_scale) && out->time_scale >= 0.001 &&
                out->time_scale <= 1000) ||
               error_set(r->error, "expected a factor, 0.001 to 1000, found %s", text);
    case OPT_CLOSED:
        return options_count32(r, text, 1, 100000, &out->closed);
    case OPT_DURATION:
        r->duration_given = true;
        return options_duration(r, text, &out->duration_ms);
    case OPT_REQUESTS:
        r->requests_given = true;
        return options_count(r, text, 1, UINT32_MAX, &out->requests);
    case OPT_STALL:
        return options_duration(r, text, &out->stall_ms);
    case OPT_DRAIN:
        return options_duration(r, text, &out->drain_ms);
    default:
        return options_count32(r, text, 1, 1000000, &out->open_most);
    }
}

static bool read_what(struct options_reader *r, int id, const char *text)
{
    static const char *const paths[] = {"chat", "completions", "embeddings", NULL};
    struct options *out = r->out;
    unsigned choice = 0;
    switch (id) {
    case OPT_PATH:
        if (!options_choice(r, text, paths, &choice))
            return false;
        out->prompt.kind = (enum prompt_kind)choice;
        return true;
    case OPT_MODEL:
        return options_model(r, text);
    case OPT_STREAM:
        return options_yes(r, text, "on", "off", &out->prompt.stream);
    case OPT_PROMPT:
        return size_parse(slice_of(text), &out->prompt_size, r->error);
    case OPT_OUTPUT:
        return size_parse(slice_of(text), &out->output_size, r->error);
    case OPT_SIZES:
        trace_destroy(&out->sizes);
        out->sizes = trace_read(text, 1, r->error);
        return out->sizes != NULL;
    case OPT_MAX_TOKENS:
        return options_count32(r, text, 1, 1000000, &out->prompt.max_tokens);
    case OPT_CONVERSATIONS:
        return options_count32(r, text, 0, 10000000, &out->conversations);
    case OPT_TURNS:
        return (slice_to_double(slice_of(text), &out->turns) && out->turns >= 1 &&
                out->turns <= OPTIONS_TURNS_MOST) ||
               error_set(r->error, "expected a mean number, 1 to %d, found %s", OPTIONS_TURNS_MOST,
                         text);
    case OPT_CLASS:
        return options_class(r, text);
    case OPT_TENANTS:
        return tenants_read(text, r->arena, &out->tenants, r->error);
    case OPT_HEADER:
        return options_header(r, text);
    case OPT_SEED:
        return options_count(r, text, 0, UINT64_MAX, &out->seed);
    case OPT_USAGE:
        out->prompt.usage = true;
        return true;
    default:
        out->sim = true;
        return true;
    }
}

static bool read_results(struct options_reader *r, int id, const char *text)
{
    switch (id) {
    case OPT_JSON:
        r->out->json_file = text;
        return true;
    case OPT_LOG:
        r->out->log_file = text;
        return true;
    case OPT_PROMISE:
        return options_promise(r, text);
    case OPT_ASSERT:
        return options_assertion(r, text);
    case OPT_QUIET:
        r->out->quiet = true;
        return true;
    default:
        r->out->help = true;
        return true;
    }
}

static bool read_option(struct options_reader *r, int id, const char *text)
{
    if (id <= OPT_STREAMS)
        return read_where(r, id, text);
    if (id <= OPT_OPEN)
        return read_how_much(r, id, text);
    if (id <= OPT_SEED)
        return read_what(r, id, text);
    return read_results(r, id, text);
}

static bool unknown_option(struct error *error, const char *word)
{
    const char *names[COUNT_OF(known) - 1];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        names[i] = known[i].name;
        if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, names[i]) == 0)
            return error_set(error, "%s needs a value", word);
    }
    const char *bare = word + strspn(word, "-");
    const char *near = suggest_word(bare, names, COUNT_OF(names));
    if (near != NULL)
        return error_set(error, "unknown option %s, did you mean --%s?", word, near);
    return error_set(error, "unknown option %s; --help lists them", word);
}

static const char *name_of(int id)
{
    for (size_t i = 0; known[i].name != NULL; i++)
        if (known[i].val == id)
            return known[i].name;
    return "?";
}

/* ---- the whole ---- */

static bool check_targets(struct options *out, struct error *error)
{
    if (out->place_count == 0 && !out->steer && out->target_count == 0)
        return error_set(error, "give --url URL, --place NAME=IP@URL or --steer URL");
    if (out->place_count == 0)
        out->places[out->place_count++] = (struct options_place){.name = "here"};
    for (uint32_t i = 0; i < out->place_count; i++) {
        if (out->steer && out->places[i].has_target)
            return error_set(error, "place %s has a URL of its own, so --steer cannot choose one",
                             out->places[i].name);
        if (!out->steer && !out->places[i].has_target && out->target_count == 0)
            return error_set(error, "place %s has no URL: give --url, --steer or %s=IP@URL",
                             out->places[i].name, out->places[i].name);
    }
    if (out->steer && out->target_count > 0)
        return error_set(error, "--url and --steer exclude each other");
    return true;
}

/* Which of our places is each of the trace's; where we have none, they are made. */
static bool match_places(struct options *out, struct error *error)
{
    const struct trace *trace = out->trace;
    const bool make = out->place_count == 0;
    for (uint32_t t = 0; t < trace->place_count; t++) {
        uint32_t p = 0;
        while (p < out->place_count && strcmp(out->places[p].name, trace->places[t]) != 0)
            p++;
        out->trace_places[t] = p;
        if (p < out->place_count)
            continue;
        if (!make)
            return error_set(error, "--arrivals %s: there is no --place %s", out->arrivals_text,
                             trace->places[t]);
        out->places[out->place_count++] = (struct options_place){.name = trace->places[t]};
    }
    return true;
}

static bool check_trace(struct options_reader *r)
{
    struct options *out = r->out;
    if (out->closed > 0 || out->schedule.rate > 0)
        return error_set(r->error, "--arrivals %s says when; --rate and --closed exclude it",
                         out->arrivals_text);
    if (out->sizes != NULL)
        return error_set(r->error, "--arrivals %s says how large; --sizes excludes it",
                         out->arrivals_text);
    if (!r->duration_given)
        out->duration_ms = INFINITY;
    out->trace = trace_read(out->arrivals_text, out->time_scale, r->error);
    if (out->trace == NULL)
        return error_prefix(r->error, "--arrivals");
    return match_places(out, r->error);
}

static bool check_schedule(struct options_reader *r)
{
    struct options *out = r->out;
    if (out->time_scale != 1 && out->schedule.arrivals != ARRIVALS_TRACE)
        return error_set(r->error, "--time-scale is for --arrivals FILE");
    if (out->schedule.arrivals == ARRIVALS_TRACE)
        return check_trace(r);
    if ((out->closed > 0) == (out->schedule.rate > 0))
        return error_set(r->error, out->closed > 0 ? "--rate and --closed exclude each other"
                                                   : "give --rate R or --closed N");
    if (r->requests_given && !r->duration_given)
        out->duration_ms = INFINITY;
    out->schedule.ramp_s = out->duration_ms / 1e3;
    if (out->schedule.arrivals == ARRIVALS_RAMP && isinf(out->duration_ms))
        return error_set(r->error, "--arrivals ramp needs a --duration to grow over");
    if (out->closed > 0)
        out->schedule.rate = 1; /* the feed's times are not looked at */
    return true;
}

static bool check(struct options_reader *r)
{
    struct options *out = r->out;
    if (!check_schedule(r))
        return false;
    if (out->turns > 0 && out->conversations == 0)
        return error_set(r->error, "--turns is for --conversations N");
    if (out->closed > out->open_most)
        return error_set(r->error, "--closed %u is more than --open %u", out->closed,
                         out->open_most);
    if (!r->connections_given)
        out->connections = out->h2 ? 8 : 1000;
    if (!out->h2)
        out->streams = 1;
    if (out->prompt.kind == PROMPT_EMBEDDINGS)
        out->prompt.stream = false;
    return check_targets(out, r->error);
}

bool options_read(int argc, char **argv, struct arena *arena, struct options *out,
                  struct error *error)
{
    struct options_reader reader = {.out = out, .arena = arena, .error = error};
    *out = (struct options){.h2 = true,
                            .streams = OPTIONS_STREAMS_MOST,
                            .duration_ms = 30e3,
                            .requests = UINT64_MAX,
                            .stall_ms = 60e3,
                            .drain_ms = 60e3,
                            .open_most = 100000,
                            .arrivals_text = "poisson",
                            .time_scale = 1,
                            .seed = 1};
    out->prompt.stream = true;
    out->prompt_size.tokens = 256;
    out->output_size.tokens = 64;
    if (!options_model(&reader, "qwen3-32b"))
        return false;
    optind = 0;
    opterr = 0;
    int id;
    while ((id = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (id == 'h')
            id = OPT_HELP;
        if (id == '?')
            return unknown_option(error, argv[optind - 1]);
        if (!read_option(&reader, id, optarg))
            return error_prefix(error, "--%s", name_of(id));
    }
    if (optind < argc)
        return error_set(error, "%s: expected an option, they begin with --", argv[optind]);
    return out->help || check(&reader);
}

void options_finish(struct options *options)
{
    trace_destroy(&options->trace);
    trace_destroy(&options->sizes);
}
