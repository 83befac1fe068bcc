#include "load/options.h"

#include <getopt.h>
#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/suggest.h"
#include "load/duration.h"

const char options_usage[] =
    "usage: isobench load --url URL --rate R [OPTION ...]\n"
    "where\n"
    "  --url URL              scheme://host:port; repeated: in turn\n"
    "  --place NAME=IP[@URL]  clients with this source address, and a URL of their own; repeated\n"
    "  --steer URL            each place asks GET /edge there and uses the nearest edge's URL\n"
    "  --protocol h2|h1       default h2, also in cleartext\n"
    "  --ca FILE, --insecure  whom to trust; nobody checks\n"
    "  --connections N        at most, per place and URL; default 8 (h1: 1000)\n"
    "  --streams N            at most, per connection; default 100\n"
    "how much\n"
    "  --rate R               requests a second, open loop\n"
    "  --arrivals KIND        poisson (default) or constant\n"
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
    "  --conversations N      requests are turns of N conversations; default 0: of none\n"
    "  --class NAME           x-isochrone-class: priority, interactive, flex, batch\n"
    "  --usage                streams are asked for their usage\n"
    "  --sim                  tells isosim the sizes (x-sim-prompt-tokens, x-sim-output-tokens)\n"
    "  --header 'NAME: VALUE' repeated\n"
    "  --seed N               default 1\n"
    "results\n"
    "  --json FILE            one object; -: standard output, and no table\n"
    "  --log FILE             a JSON line per request\n"
    "  --assert EXPRESSION    'ttft.p99 < 800ms', 'failed == 0'; repeated; exit code 1 if not so\n"
    "  --quiet                no table\n";

enum option_id {
    OPT_URL = 1,
    OPT_PLACE,
    OPT_STEER,
    OPT_PROTOCOL,
    OPT_CA,
    OPT_INSECURE,
    OPT_CONNECTIONS,
    OPT_STREAMS,
    OPT_RATE,
    OPT_ARRIVALS,
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
    OPT_CONVERSATIONS,
    OPT_CLASS,
    OPT_USAGE,
    OPT_SIM,
    OPT_HEADER,
    OPT_SEED,
    OPT_JSON,
    OPT_LOG,
    OPT_ASSERT,
    OPT_QUIET,
    OPT_HELP,
};

static const struct option known[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"place", required_argument, NULL, OPT_PLACE},
    {"steer", required_argument, NULL, OPT_STEER},
    {"protocol", required_argument, NULL, OPT_PROTOCOL},
    {"ca", required_argument, NULL, OPT_CA},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"streams", required_argument, NULL, OPT_STREAMS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"arrivals", required_argument, NULL, OPT_ARRIVALS},
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
    {"conversations", required_argument, NULL, OPT_CONVERSATIONS},
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

struct reader {
    struct options *out;
    struct arena *arena;
    struct error *error;
    bool connections_given;
    bool duration_given;
    bool requests_given;
};

/* ---- values ---- */

static bool read_count(struct reader *r, const char *text, uint64_t least, uint64_t most,
                       uint64_t *out)
{
    if (slice_to_u64(slice_of(text), out) && *out >= least && *out <= most)
        return true;
    return error_set(r->error, "expected a whole number, %llu to %llu, found %s",
                     (unsigned long long)least, (unsigned long long)most, text);
}

static bool read_count32(struct reader *r, const char *text, uint32_t least, uint32_t most,
                         uint32_t *out)
{
    uint64_t value = 0;
    if (!read_count(r, text, least, most, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool read_duration(struct reader *r, const char *text, double *out_ms)
{
    if (duration_parse(slice_of(text), out_ms) && *out_ms <= 7 * 86400e3)
        return true;
    return error_set(r->error,
                     "expected a duration such as 500ms, 30s or 5m, at most 168h, found %s", text);
}

static bool read_choice(struct reader *r, const char *text, const char *const *choices,
                        unsigned *out)
{
    struct buffer list = {0};
    for (*out = 0; choices[*out] != NULL; ++*out) {
        if (strcmp(choices[*out], text) == 0) {
            buffer_release(&list);
            return true;
        }
        buffer_printf(&list, "%s%s", *out > 0 ? ", " : "", choices[*out]);
    }
    error_set(r->error, "expected one of %.*s, found %s", SLICE_ARG(buffer_slice(&list)), text);
    buffer_release(&list);
    return false;
}

static bool read_rate(struct reader *r, const char *text)
{
    if (slice_to_double(slice_of(text), &r->out->rate) && r->out->rate >= 0.001 &&
        r->out->rate <= 1e6)
        return true;
    return error_set(r->error, "expected requests a second, 0.001 to 1000000, found %s", text);
}

static bool read_target(struct reader *r, const char *text)
{
    if (r->out->target_count == OPTIONS_TARGETS_MOST)
        return error_set(r->error, "at most %d", OPTIONS_TARGETS_MOST);
    return target_read(slice_of(text), r->arena, &r->out->targets[r->out->target_count++],
                       r->error);
}

/* NAME=IP[@URL] */
static bool read_place(struct reader *r, const char *text)
{
    struct options *out = r->out;
    struct slice rest = slice_of(text), name, source;
    if (out->place_count == OPTIONS_PLACES_MOST)
        return error_set(r->error, "at most %d", OPTIONS_PLACES_MOST);
    if (!slice_split(&rest, '=', &name) || name.len == 0 || name.len >= TALLY_NAME_BYTES ||
        !slice_split(&rest, '@', &source))
        return error_set(r->error, "expected NAME=IP or NAME=IP@URL, found %s", text);
    struct options_place *place = &out->places[out->place_count];
    place->name = arena_copy(r->arena, name).ptr;
    for (uint32_t i = 0; i < out->place_count; i++)
        if (strcmp(out->places[i].name, place->name) == 0)
            return error_set(r->error, "there are two places named %s", place->name);
    if (!address_parse_ip(source, &place->source))
        return error_set(r->error, "%s: %.*s is no IP address", text, SLICE_ARG(source));
    place->has_target = rest.ptr != NULL;
    out->place_count++;
    return !place->has_target || target_read(rest, r->arena, &place->target, r->error);
}

static bool read_header(struct reader *r, const char *text)
{
    struct slice rest = slice_of(text), name;
    if (r->out->header_count == OPTIONS_HEADERS_MOST)
        return error_set(r->error, "at most %d", OPTIONS_HEADERS_MOST);
    if (!slice_split(&rest, ':', &name) || rest.ptr == NULL || !field_name_valid(name) ||
        !field_value_valid(slice_trim(rest)))
        return error_set(r->error, "expected 'NAME: VALUE', found %s", text);
    char *lower = arena_alloc(r->arena, name.len);
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    r->out->headers[r->out->header_count++] =
        (struct field){slice_make(lower, name.len), slice_trim(rest)};
    return true;
}

static bool read_assertion(struct reader *r, const char *text)
{
    if (r->out->assertion_count == OPTIONS_ASSERTIONS_MOST)
        return error_set(r->error, "at most %d", OPTIONS_ASSERTIONS_MOST);
    return assertion_parse(slice_of(text), &r->out->assertions[r->out->assertion_count++],
                           r->error);
}

static bool read_model(struct reader *r, const char *text)
{
    struct buffer quoted = {0};
    struct json json;
    if (text[0] == '\0' || strlen(text) > 128)
        return error_set(r->error, "expected a name of 1 to 128 bytes");
    json_init(&json, &quoted);
    json_slice(&json, slice_of(text));
    r->out->model = text;
    r->out->prompt.model = arena_copy(r->arena, buffer_slice(&quoted));
    buffer_release(&quoted);
    return true;
}

static bool read_class(struct reader *r, const char *text)
{
    static const char *const classes[] = {"priority", "interactive", "flex", "batch", NULL};
    unsigned choice = 0;
    r->out->traffic_class = text;
    return read_choice(r, text, classes, &choice);
}

static bool read_yes(struct reader *r, const char *text, const char *yes, const char *no, bool *out)
{
    const char *const choices[] = {yes, no, NULL};
    unsigned choice = 0;
    const bool good = read_choice(r, text, choices, &choice);
    *out = choice == 0;
    return good;
}

/* ---- options ---- */

static bool read_where(struct reader *r, int id, const char *text)
{
    struct options *out = r->out;
    switch (id) {
    case OPT_URL:
        return read_target(r, text);
    case OPT_PLACE:
        return read_place(r, text);
    case OPT_STEER:
        out->steer = true;
        return target_read(slice_of(text), r->arena, &out->steer_target, r->error);
    case OPT_PROTOCOL:
        return read_yes(r, text, "h2", "h1", &out->h2);
    case OPT_CA:
        out->ca_file = text;
        return true;
    case OPT_CONNECTIONS:
        r->connections_given = true;
        return read_count32(r, text, 1, OPTIONS_CONNECTIONS_MOST, &out->connections);
    case OPT_STREAMS:
        return read_count32(r, text, 1, OPTIONS_STREAMS_MOST, &out->streams);
    default:
        out->insecure = true;
        return true;
    }
}

static bool read_how_much(struct reader *r, int id, const char *text)
{
    struct options *out = r->out;
    bool poisson = true;
    switch (id) {
    case OPT_RATE:
        return read_rate(r, text);
    case OPT_ARRIVALS:
        if (!read_yes(r, text, "poisson", "constant", &poisson))
            return false;
        out->arrivals = poisson ? ARRIVALS_POISSON : ARRIVALS_CONSTANT;
        return true;
    case OPT_CLOSED:
        return read_count32(r, text, 1, 100000, &out->closed);
    case OPT_DURATION:
        r->duration_given = true;
        return read_duration(r, text, &out->duration_ms);
    case OPT_REQUESTS:
        r->requests_given = true;
        return read_count(r, text, 1, UINT32_MAX, &out->requests);
    case OPT_STALL:
        return read_duration(r, text, &out->stall_ms);
    case OPT_DRAIN:
        return read_duration(r, text, &out->drain_ms);
    default:
        return read_count32(r, text, 1, 1000000, &out->open_most);
    }
}

static bool read_what(struct reader *r, int id, const char *text)
{
    static const char *const paths[] = {"chat", "completions", "embeddings", NULL};
    struct options *out = r->out;
    unsigned choice = 0;
    switch (id) {
    case OPT_PATH:
        if (!read_choice(r, text, paths, &choice))
            return false;
        out->prompt.kind = (enum prompt_kind)choice;
        return true;
    case OPT_MODEL:
        return read_model(r, text);
    case OPT_STREAM:
        return read_yes(r, text, "on", "off", &out->prompt.stream);
    case OPT_PROMPT:
        return size_parse(slice_of(text), &out->prompt.prompt, r->error);
    case OPT_OUTPUT:
        return size_parse(slice_of(text), &out->prompt.output, r->error);
    case OPT_CONVERSATIONS:
        return read_count32(r, text, 0, 10000000, &out->prompt.conversations);
    case OPT_CLASS:
        return read_class(r, text);
    case OPT_HEADER:
        return read_header(r, text);
    case OPT_SEED:
        return read_count(r, text, 0, UINT64_MAX, &out->seed);
    case OPT_USAGE:
        out->prompt.usage = true;
        return true;
    default:
        out->sim = true;
        return true;
    }
}

static bool read_results(struct reader *r, int id, const char *text)
{
    switch (id) {
    case OPT_JSON:
        r->out->json_file = text;
        return true;
    case OPT_LOG:
        r->out->log_file = text;
        return true;
    case OPT_ASSERT:
        return read_assertion(r, text);
    case OPT_QUIET:
        r->out->quiet = true;
        return true;
    default:
        r->out->help = true;
        return true;
    }
}

static bool read_option(struct reader *r, int id, const char *text)
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

static bool check(struct reader *r)
{
    struct options *out = r->out;
    if ((out->closed > 0) == (out->rate > 0))
        return error_set(r->error, out->closed > 0 ? "--rate and --closed exclude each other"
                                                   : "give --rate R or --closed N");
    if (out->closed > out->open_most)
        return error_set(r->error, "--closed %u is more than --open %u", out->closed,
                         out->open_most);
    if (r->requests_given && !r->duration_given)
        out->duration_ms = INFINITY;
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
    struct reader reader = {.out = out, .arena = arena, .error = error};
    *out = (struct options){.h2 = true,
                            .streams = OPTIONS_STREAMS_MOST,
                            .duration_ms = 30e3,
                            .requests = UINT64_MAX,
                            .stall_ms = 60e3,
                            .drain_ms = 60e3,
                            .open_most = 100000,
                            .seed = 1};
    out->prompt.stream = true;
    out->prompt.prompt.tokens = 256;
    out->prompt.output.tokens = 64;
    if (!read_model(&reader, "qwen3-32b"))
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
