#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "replay/replay.h"

void replay_fill(struct decision *decision, const struct recorded *recorded, uint32_t parts)
{
    const struct record_decision *fixed = recorded->fixed;
    decision_begin(decision, fixed->count, parts);
    decision->id = fixed->id;
    decision->seed = fixed->seed;
    decision->sequence = fixed->sequence;
    decision->now_ns = fixed->now_ns;
    decision->wall_ms = fixed->wall_ms;
    decision->request = fixed->request;
    decision->request.model = (struct iso_text){recorded->model.ptr, recorded->model.len};
    decision->request.tenant = (struct iso_text){recorded->tenant.ptr, recorded->tenant.len};
    decision->clusters = recorded->clusters;
    memcpy(decision->estimates, recorded->estimates, fixed->count * sizeof *recorded->estimates);
    for (uint32_t i = 0; i < fixed->count; i++)
        decision->verdicts[i].reason = recorded->verdicts[i];
}

bool replay_same(const struct decision *decision, const struct recorded *recorded)
{
    const struct record_decision *fixed = recorded->fixed;
    return decision->chosen == fixed->chosen && decision->runner_up == fixed->runner_up &&
           memcmp(decision->total_ms, recorded->totals, fixed->count * sizeof *recorded->totals) ==
               0 &&
           decision_parts_hash(decision) == fixed->parts_hash;
}

static bool link_restore(struct chain *chain, const struct record_chain *record,
                         struct plugin_dir *dir, struct error *error)
{
    const void *settings;
    const char *path;
    const struct record_link *link = log_link(record, chain->count, &settings, &path);
    struct plugin *plugin = plugin_load(dir, path, error);
    if (plugin == NULL)
        return false;
    if (strcmp(plugin->hash, link->hash) != 0 ||
        plugin->policy.settings_size != link->settings_bytes)
        return error_set(error,
                         "%s is not what decided: recorded %s %s (%s), found %s (%s); bring it "
                         "back, or say --policy",
                         path, link->name, link->version, link->hash, plugin->policy.version,
                         plugin->hash);
    struct chain_link *made = &chain->links[chain->count++];
    made->plugin = plugin;
    made->settings = memory_zalloc(link->settings_bytes + 1u);
    memcpy(made->settings, settings, link->settings_bytes);
    chain->part_count += plugin->policy.part_count;
    return true;
}

struct chain *replay_chain(const struct record_chain *record, struct plugin_dir *dir,
                           struct error *error)
{
    struct chain *chain = memory_zalloc(sizeof *chain);
    chain->holders = 1;
    chain->number = record->number;
    while (chain->count < record->count)
        if (!link_restore(chain, record, dir, error)) {
            chain_drop(&chain);
            return NULL;
        }
    while (chain->pick < chain->count && chain->links[chain->pick].plugin->policy.pick == NULL)
        chain->pick++;
    return chain;
}
