/*
 * A modifier: so many milliseconds off for the clusters of a region, a country
 * or an accelerator.  A preference, not a constraint: a cluster that would be
 * slower by more than that is not taken (a route's `require` is for that).
 */
#include <isochrone/policy.h>
#include <string.h>

struct settings {
    double worth_ms;
    char region[ISO_TEXT_BYTES];
    char country[ISO_TEXT_BYTES];
    char accelerator[ISO_TEXT_BYTES];
};

static const struct iso_option options[] = {
    {.name = "worth",
     .help = "What being there is worth",
     .type = ISO_TYPE_DURATION,
     .offset = offsetof(struct settings, worth_ms),
     .def = "50ms",
     .min = "0s",
     .max = "1h"},
    {.name = "region",
     .help = "Of the clusters preferred; empty: any",
     .type = ISO_TYPE_TEXT,
     .offset = offsetof(struct settings, region),
     .def = ""},
    {.name = "country",
     .help = "Of the clusters preferred, such as DE; empty: any",
     .type = ISO_TYPE_TEXT,
     .offset = offsetof(struct settings, country),
     .def = ""},
    {.name = "accelerator",
     .help = "Of the clusters preferred; empty: any",
     .type = ISO_TYPE_TEXT,
     .offset = offsetof(struct settings, accelerator),
     .def = ""},
};

static const char *const parts[] = {"preference"};

static bool country_valid(const char *country)
{
    return country[0] == '\0' || (country[0] >= 'A' && country[0] <= 'Z' && country[1] >= 'A' &&
                                  country[1] <= 'Z' && country[2] == '\0');
}

static bool check(const void *opaque, char *why, size_t why_size)
{
    static const char sentence[] = "country is two capital letters, such as DE";
    const struct settings *settings = opaque;
    if (country_valid(settings->country))
        return true;
    if (why_size > 0) {
        strncpy(why, sentence, why_size - 1);
        why[why_size - 1] = '\0';
    }
    return false;
}

static bool is_or_any(const char *wanted, const char *found)
{
    return wanted[0] == '\0' || strcmp(wanted, found) == 0;
}

/* All that is set must be so; when nothing is set, it is the client's own country. */
static bool preferred(const struct settings *settings, const struct iso_request *request,
                      const struct iso_cluster *cluster)
{
    const char *home = request->country;
    if (settings->region[0] || settings->country[0] || settings->accelerator[0])
        return is_or_any(settings->region, cluster->region) &&
               is_or_any(settings->country, cluster->country) &&
               is_or_any(settings->accelerator, cluster->accelerator);
    return home[0] != '\0' && strcmp(home, cluster->country) == 0;
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const struct settings *settings = call->settings;
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP && preferred(settings, call->request, iso_cluster(call, i)))
            ms[i] = -settings->worth_ms;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "prefer",
    .version = "1.0.0",
    .summary = "So many milliseconds off for a region, a country or an accelerator",
    .kind = ISO_MODIFIER,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .settings_size = sizeof(struct settings),
    .parts = parts,
    .part_count = 1,
    .check = check,
    .cost = cost,
};
