/*
 * A right policy, and with -DOVERRIDE one wrong field of it: the loader's
 * refusals are tested with a shared object each.  meson.build lists them.
 */
#include <isochrone/policy.h>

#ifndef OVERRIDE
#define OVERRIDE .reserved = 0
#endif
#ifndef OPTION_OVERRIDE
#define OPTION_OVERRIDE .choices = NULL
#endif

struct settings {
    double max_age_ms;
    int64_t tries;
    int32_t rule;
    bool strict;
};

static const char *const rules[] = {"cheap", "fast", NULL};
static const char *const reasons[] = {NULL, "too far"};
static const char two_lines[] = "a\nb";
static const char *const no_reasons[] = {NULL, NULL};
static const char *const parts[] = {"wait", "wait"};

static const struct iso_option options[] = {
    {.name = "max_age",
     .help = "Reports older than this are not believed",
     .type = ISO_TYPE_DURATION,
     .offset = offsetof(struct settings, max_age_ms),
     .def = "5s",
     .min = "100ms",
     .max = "10m",
     OPTION_OVERRIDE},
    {.name = "tries",
     .help = "How often",
     .type = ISO_TYPE_INT,
     .offset = offsetof(struct settings, tries),
     .def = "2",
     .min = "1"},
    {.name = "rule",
     .help = "Which rule",
     .type = ISO_TYPE_CHOICE,
     .offset = offsetof(struct settings, rule),
     .def = "fast",
     .choices = rules},
    {.name = "strict",
     .help = "No exceptions",
     .type = ISO_TYPE_BOOL,
     .offset = offsetof(struct settings, strict),
     .def = "off"},
};

static bool check(const void *opaque, char *why, size_t why_size)
{
    static const char text[] = "strict needs more than one try";
    const struct settings *settings = opaque;
    if (!settings->strict || settings->tries > 1)
        return true;
    for (size_t i = 0; i < sizeof text && i < why_size; i++)
        why[i] = text[i];
    return false;
}

static void filter(const struct iso_call *call, uint8_t *verdict)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP && iso_estimate(call, i)->distance_km > 5000)
            verdict[i] = 1;
}

#ifdef UNDEFINED
double not_defined_anywhere(void);
#endif

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[i] = iso_estimate(call, i)->wait_ms;
#ifdef UNDEFINED
    ms[0] += not_defined_anywhere();
#endif
}

static uint32_t pick(const struct iso_call *call, const uint8_t *verdict, const double *total_ms)
{
    (void)total_ms;
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            return i;
    return ISO_NONE;
}

#ifdef HIDDEN
__attribute__((visibility("hidden"), used)) const struct iso_policy not_iso_policy = {
#else
const struct iso_policy iso_policy = {
#endif
    .magic = ISO_MAGIC,
    .abi_major = ISO_ABI_MAJOR,
    .abi_minor = ISO_ABI_MINOR,
    .struct_size = sizeof(struct iso_policy),
    .option_size = sizeof(struct iso_option),
    .name = "variant",
    .version = "1.0",
    .summary = "For the loader's tests",
    .kind = ISO_COMPLETE,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .settings_size = sizeof(struct settings),
    .reason_count = 2,
    .reasons = reasons,
    .parts = parts,
    .part_count = 1,
    .check = check,
    .filter = filter,
    .cost = cost,
    OVERRIDE,
};

/* So that each is used whatever OVERRIDE takes out. */
const void *const variant_kept[] = {two_lines, no_reasons, reasons, parts, options};
void (*const variant_kept_functions[])(void) = {(void (*)(void))(void *)pick,
                                                (void (*)(void))(void *)filter,
                                                (void (*)(void))(void *)cost};
