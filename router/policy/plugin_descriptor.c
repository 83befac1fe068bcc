/*
 * `iso_policy`, field by field.  Every pointer is looked at for NULL and every
 * count for its range before it is followed; what a hostile object could still
 * do here it could have done in its constructor: a plugin is trusted code.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policy/option.h"
#include "policy/plugin.h"

#define STRUCT_MAX 4096
#define OPTIONS_MAX 128
#define SETTINGS_MAX_BYTES (64u << 10)
#define VERSION_MAX 48
#define SUMMARY_MAX 200
#define REASON_MAX 100

/* Sizes as they were in 1.0, the least an object may have. */
#define STRUCT_SIZE_1_0 (offsetof(struct iso_policy, pick) + sizeof(void (*)(void)))
#define OPTION_SIZE_1_0 (offsetof(struct iso_option, choices) + sizeof(void *))

/* The five fields that never move. */
#define HEAD_BYTES offsetof(struct iso_policy, name)

static bool head_check(const struct iso_policy *found, size_t object_bytes, struct error *error)
{
    if (object_bytes < HEAD_BYTES)
        return error_set(error, "iso_policy has %zu bytes; a struct iso_policy has %zu",
                         object_bytes, sizeof *found);
    if (found->magic != ISO_MAGIC)
        return error_set(error, "magic is 0x%08x; it must be ISO_MAGIC, 0x%08x", found->magic,
                         ISO_MAGIC);
    if (found->abi_major != ISO_ABI_MAJOR)
        return error_set(error,
                         "abi_major is %u; this router speaks %u: compile the policy with "
                         "this router's policy.h",
                         found->abi_major, ISO_ABI_MAJOR);
    return true;
}

/* A size may pass ours only when the object says it is from a newer minor version. */
static bool size_check(const struct iso_policy *found, const char *field, size_t size, size_t least,
                       size_t ours, struct error *error)
{
    const bool newer = found->abi_minor > ISO_ABI_MINOR;
    if (size < least || size % sizeof(void *) != 0 || size > (newer ? (size_t)STRUCT_MAX : ours))
        return error_set(error, "%s is %zu for ABI %u.%u; this router, of ABI %u.%u, has %zu",
                         field, size, found->abi_major, found->abi_minor, ISO_ABI_MAJOR,
                         ISO_ABI_MINOR, ours);
    return true;
}

static bool sizes_check(const struct iso_policy *found, size_t object_bytes, struct error *error)
{
    if (!size_check(found, "struct_size", found->struct_size, STRUCT_SIZE_1_0, sizeof *found,
                    error) ||
        !size_check(found, "option_size", found->option_size, OPTION_SIZE_1_0,
                    sizeof(struct iso_option), error))
        return false;
    if (found->struct_size > object_bytes)
        return error_set(error, "struct_size is %u, but the symbol iso_policy has %zu bytes",
                         found->struct_size, object_bytes);
    for (size_t i = sizeof *found; i < found->struct_size; i++)
        if (((const char *)found)[i])
            return error_set(error,
                             "it is of ABI %u.%u and sets byte %zu of iso_policy, which this "
                             "router, of ABI %u.%u, does not know; it must be zero",
                             found->abi_major, found->abi_minor, i, ISO_ABI_MAJOR, ISO_ABI_MINOR);
    return true;
}

/* One line of printable text. */
static bool text_check(const char *field, const char *text, size_t most, struct error *error)
{
    if (!text)
        return error_set(error, "%s is NULL; a text of 1 to %zu bytes is needed", field, most);
    size_t len = 0;
    while (text[len] && len <= most) {
        if ((unsigned char)text[len] < 0x20 || text[len] == 0x7f)
            return error_set(error, "%s has the control byte 0x%02x; printable text is needed",
                             field, (unsigned char)text[len]);
        len++;
    }
    if (len == 0 || len > most)
        return error_set(error, "%s %s; a text of 1 to %zu bytes is needed", field,
                         len ? "is too long" : "is empty", most);
    return true;
}

static bool name_check(const char *field, const char *name, struct error *error)
{
    if (!text_check(field, name, OPTION_NAME_MAX, error))
        return false;
    return option_name_valid(name) ||
           error_set(error, "%s is \"%s\"; lower_snake_case is needed", field, name);
}

static bool reasons_check(const struct iso_policy *policy, struct error *error)
{
    if (policy->reason_count > PLUGIN_REASONS_MAX)
        return error_set(error, "reason_count is %u; it may be 0 to %d", policy->reason_count,
                         PLUGIN_REASONS_MAX);
    if (policy->reason_count && !policy->reasons)
        return error_set(error, "reasons is NULL, but reason_count is %u", policy->reason_count);
    for (uint32_t i = 1; i < policy->reason_count; i++) {
        char field[32];
        snprintf(field, sizeof field, "reasons[%u]", i);
        if (!text_check(field, policy->reasons[i], REASON_MAX, error))
            return false;
    }
    if (policy->filter && policy->reason_count < 2)
        return error_set(error,
                         "filter is set, but reason_count is %u; it has nothing to say "
                         "without reasons[1]",
                         policy->reason_count);
    return true;
}

static bool parts_check(const struct iso_policy *policy, struct error *error)
{
    const uint32_t least = policy->cost ? 1 : 0;
    const uint32_t most = policy->cost ? PLUGIN_PARTS_MAX : 0;
    if (policy->part_count < least || policy->part_count > most)
        return error_set(error, "part_count is %u; with%s cost it may be %u to %u",
                         policy->part_count, policy->cost ? "" : "out", least, most);
    if (policy->part_count && !policy->parts)
        return error_set(error, "parts is NULL, but part_count is %u", policy->part_count);
    for (uint32_t i = 0; i < policy->part_count; i++) {
        char field[32];
        snprintf(field, sizeof field, "parts[%u]", i);
        if (!name_check(field, policy->parts[i], error))
            return false;
        for (uint32_t other = 0; other < i; other++)
            if (strcmp(policy->parts[i], policy->parts[other]) == 0)
                return error_set(error,
                                 "parts[%u] is \"%s\", as parts[%u]; each needs its own "
                                 "name",
                                 i, policy->parts[i], other);
    }
    return true;
}

static bool kind_check(const struct iso_policy *policy, struct error *error)
{
    if (policy->kind != ISO_COMPLETE && policy->kind != ISO_MODIFIER)
        return error_set(error, "kind is %u; it may be %d (ISO_COMPLETE) or %d (ISO_MODIFIER)",
                         policy->kind, ISO_COMPLETE, ISO_MODIFIER);
    if (policy->kind == ISO_COMPLETE && !policy->cost)
        return error_set(error, "cost is NULL; a complete policy must have it");
    if (!policy->filter && !policy->cost && !policy->pick)
        return error_set(error, "filter, cost and pick are all NULL; a modifier needs one of them");
    return true;
}

static bool options_check(const struct iso_policy *policy, struct error *error)
{
    if (policy->option_count > OPTIONS_MAX)
        return error_set(error, "option_count is %u; it may be 0 to %d", policy->option_count,
                         OPTIONS_MAX);
    if (policy->settings_size > SETTINGS_MAX_BYTES)
        return error_set(error, "settings_size is %u; it may be 0 to %u", policy->settings_size,
                         SETTINGS_MAX_BYTES);
    if (policy->option_count && !policy->options)
        return error_set(error, "options is NULL, but option_count is %u", policy->option_count);
    return option_table_check(policy, error);
}

bool plugin_descriptor_check(const struct iso_policy *found, size_t object_bytes,
                             struct iso_policy *known, struct error *error)
{
    if (!head_check(found, object_bytes, error) || !sizes_check(found, object_bytes, error))
        return false;
    memset(known, 0, sizeof *known);
    memcpy(known, found, found->struct_size < sizeof *known ? found->struct_size : sizeof *known);
    if (known->reserved)
        return error_set(error, "reserved is %u; it must be 0", known->reserved);
    return name_check("name", known->name, error) &&
           text_check("version", known->version, VERSION_MAX, error) &&
           text_check("summary", known->summary, SUMMARY_MAX, error) && kind_check(known, error) &&
           reasons_check(known, error) && parts_check(known, error) && options_check(known, error);
}
