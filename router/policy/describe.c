#include "policy/describe.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "policy/option.h"
#include "policy/plugin.h"

static void options_print(const struct iso_policy *policy, FILE *out)
{
    if (policy->option_count == 0) {
        fprintf(out, "settings  none\n");
        return;
    }
    fprintf(out, "settings\n");
    for (uint32_t k = 0; k < policy->option_count; k++) {
        const struct iso_option *option = option_at(policy, k);
        char allowed[320];
        option_allowed(option, allowed, sizeof allowed);
        fprintf(out, "  %-20s %-8s %s, %s%s\n", option->name, option_type_name(option->type),
                allowed, option->def ? "default " : "must be set", option_default(option));
        fprintf(out, "  %-20s %s\n", "", option->help);
    }
}

static void list_print(const char *title, const char *const *items, uint32_t first, uint32_t count,
                       FILE *out)
{
    fprintf(out, "%-9s ", title);
    for (uint32_t i = first; i < count; i++)
        fprintf(out, "%s%s", i > first ? ", " : "", items[i]);
    fprintf(out, first < count ? "\n" : "none\n");
}

static void plugin_print(const struct plugin *plugin, FILE *out)
{
    const struct iso_policy *policy = &plugin->policy;
    fprintf(out, "%s %s\n%s\n\n", policy->name, policy->version, policy->summary);
    fprintf(out, "kind      %s\n", policy->kind == ISO_COMPLETE ? "complete" : "modifier");
    fprintf(out, "abi       %u.%u (this router: %u.%u)\n", policy->abi_major, policy->abi_minor,
            ISO_ABI_MAJOR, ISO_ABI_MINOR);
    fprintf(out, "content   %s\n", plugin->hash);
    fprintf(out, "answers   %s%s%s%s%s\n", policy->filter ? "filter" : "",
            policy->filter && policy->cost ? ", " : "", policy->cost ? "cost" : "",
            policy->pick && (policy->filter || policy->cost) ? ", " : "",
            policy->pick ? "pick" : "");
    list_print("parts", policy->parts, 0, policy->part_count, out);
    list_print("reasons", policy->reasons, 1, policy->reason_count, out);
    options_print(policy, out);
}

bool plugin_describe(const char *path, FILE *out, struct error *error)
{
    char full[PATH_MAX];
    if (!realpath(path, full))
        return error_set(error, "plugin %.200s: opening it: %s", path, strerror(errno));
    struct plugin_dir *dir = plugin_dir_create(NULL);
    const struct plugin *plugin = plugin_load(dir, full, error);
    if (plugin)
        plugin_print(plugin, out);
    plugin_dir_destroy(&dir);
    return plugin != NULL;
}
