/*
 * A policy of a minor version that this router does not know yet: one field
 * more in both structs.  It loads as long as the new fields are zero.
 */
#include <isochrone/policy.h>

#ifndef TAIL
#define TAIL 0
#endif
#ifndef OPTION_TAIL
#define OPTION_TAIL 0
#endif

struct newer_option {
    struct iso_option known;
    uint64_t tail;
};

struct newer_policy {
    struct iso_policy known;
    uint64_t tail;
};

static const char *const parts[] = {"wait"};

static const struct newer_option options[] = {
    {.known = {.name = "first", .help = "One", .type = ISO_TYPE_NUMBER, .offset = 0, .def = "1"}},
    {.known = {.name = "second", .help = "Two", .type = ISO_TYPE_NUMBER, .offset = 8, .def = "2"},
     .tail = OPTION_TAIL},
};

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    const double *settings = call->settings;
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[i] = settings[1];
}

__attribute__((visibility("default"))) extern const struct newer_policy
    newer_policy __asm__("iso_policy");

const struct newer_policy newer_policy = {
    .known = {.magic = ISO_MAGIC,
              .abi_major = ISO_ABI_MAJOR,
              .abi_minor = ISO_ABI_MINOR + 1,
              .struct_size = sizeof(struct newer_policy),
              .option_size = sizeof(struct newer_option),
              .name = "newer",
              .version = "2.0",
              .summary = "Written for a later router",
              .kind = ISO_COMPLETE,
              .option_count = 2,
              .options = &options[0].known,
              .settings_size = 16,
              .parts = parts,
              .part_count = 1,
              .cost = cost},
    .tail = TAIL,
};
