#include "policy/decision_record.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/random.h"

void decision_recorder_init(struct decision_recorder *recorder)
{
    *recorder = (struct decision_recorder){0};
    random_secret(&recorder->stream, sizeof recorder->stream);
}

static size_t padded(size_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

/* Room for a whole record, zeroed, so that padding is the same every time. */
static char *record_begin(const struct decision_recorder *recorder, enum record_kind kind,
                          size_t bytes, struct buffer *out)
{
    char *record = buffer_reserve(out, padded(bytes));
    const struct record_head head = {
        .magic = RECORD_MAGIC,
        .kind = kind,
        .bytes = padded(bytes),
        .stream = recorder->stream,
        .scene = recorder->scene,
    };
    memset(record, 0, padded(bytes));
    memcpy(record, &head, sizeof head);
    buffer_commit(out, padded(bytes));
    return record;
}

/* Everything behind the head of a record's fixed part. */
#define RECORD_BODY(record, fixed)                              \
    memcpy((record) + sizeof(struct record_head),               \
           (const char *)&(fixed) + sizeof(struct record_head), \
           sizeof(fixed) - sizeof(struct record_head))

static char *put(char *at, const void *from, size_t bytes)
{
    if (bytes > 0)
        memcpy(at, from, bytes);
    return at + bytes;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text) + 1);
}

static size_t texts_bytes(const struct iso_cluster *cluster)
{
    return strlen(cluster->name) + strlen(cluster->region) + strlen(cluster->country) +
           strlen(cluster->accelerator) + 4;
}

static void scene_put(const struct decision_recorder *recorder, const struct decision *decision,
                      struct buffer *out)
{
    const struct record_scene fixed = {.count = decision->count,
                                       .cluster_bytes = sizeof(struct iso_cluster)};
    size_t bytes = sizeof fixed + decision->count * sizeof(struct iso_cluster);
    for (uint32_t i = 0; i < decision->count; i++)
        bytes += texts_bytes(decision_cluster(decision, i));
    char *record = record_begin(recorder, RECORD_SCENE, bytes, out);
    RECORD_BODY(record, fixed);
    char *at = record + sizeof fixed;
    for (uint32_t i = 0; i < decision->count; i++)
        at = put(at, decision_cluster(decision, i), sizeof(struct iso_cluster));
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct iso_cluster *cluster = decision_cluster(decision, i);
        at = put_text(at, cluster->name);
        at = put_text(at, cluster->region);
        at = put_text(at, cluster->country);
        at = put_text(at, cluster->accelerator);
    }
}

static size_t link_bytes(const struct chain_link *link)
{
    return padded(sizeof(struct record_link) + link->plugin->policy.settings_size +
                  strlen(link->plugin->path) + 1);
}

static void chain_put(const struct decision_recorder *recorder, const struct chain *chain,
                      struct buffer *out)
{
    const struct record_chain fixed = {.number = chain->number, .count = chain->count};
    size_t bytes = sizeof fixed;
    for (uint32_t k = 0; k < chain->count; k++)
        bytes += link_bytes(&chain->links[k]);
    char *record = record_begin(recorder, RECORD_CHAIN, bytes, out);
    RECORD_BODY(record, fixed);
    char *at = record + sizeof fixed;
    for (uint32_t k = 0; k < chain->count; k++) {
        const struct plugin *plugin = chain->links[k].plugin;
        struct record_link link = {.bytes = (uint32_t)link_bytes(&chain->links[k]),
                                   .settings_bytes = plugin->policy.settings_size};
        snprintf(link.hash, sizeof link.hash, "%s", plugin->hash);
        snprintf(link.name, sizeof link.name, "%s", plugin->policy.name);
        snprintf(link.version, sizeof link.version, "%s", plugin->policy.version);
        char *behind = put(at, &link, sizeof link);
        behind = put(behind, chain->links[k].settings, link.settings_bytes);
        put_text(behind, plugin->path);
        at += link.bytes;
    }
}

static void scene_need(struct decision_recorder *recorder, uint64_t snapshot,
                       const struct chain *chain, const struct decision *decision,
                       struct buffer *out)
{
    if (recorder->scene == 0 || recorder->snapshot != snapshot ||
        recorder->chain_count == RECORD_CHAINS_MAX) {
        recorder->scene++;
        recorder->snapshot = snapshot;
        recorder->chain_count = 0;
        scene_put(recorder, decision, out);
    }
    for (uint32_t k = 0; k < recorder->chain_count; k++)
        if (recorder->chains[k] == chain->number)
            return;
    recorder->chains[recorder->chain_count++] = chain->number;
    chain_put(recorder, chain, out);
}

uint64_t decision_parts_hash(const struct decision *decision)
{
    uint64_t hash = 0;
    for (uint32_t k = 0; k < decision->policy_count; k++) {
        const uint32_t parts = decision->policies[k].plugin->policy.part_count;
        const double *ms =
            decision->ms + (size_t)decision->count * decision->policies[k].first_part;
        if (decision->policies[k].plugin->policy.cost == NULL)
            continue;
        for (uint32_t i = 0; i < decision->count; i++)
            if (decision_is_kept(decision->verdicts[i]))
                hash = XXH3_64bits_withSeed(ms + (size_t)i * parts, parts * sizeof *ms, hash);
    }
    return hash;
}

void decision_record(struct decision_recorder *recorder, uint64_t snapshot,
                     const struct chain *chain, const struct decision *decision, struct buffer *out)
{
    const struct iso_request *request = &decision->request;
    const size_t count = decision->count;
    struct record_decision fixed = {
        .chain = chain->number,
        .id = decision->id,
        .seed = decision->seed,
        .sequence = decision->sequence,
        .now_ns = decision->now_ns,
        .wall_ms = decision->wall_ms,
        .count = decision->count,
        .estimate_bytes = sizeof *decision->estimates,
        .chosen = decision->chosen,
        .runner_up = decision->runner_up,
        .parts_hash = decision_parts_hash(decision),
        .route_len = (uint32_t)strlen(decision->route),
        .request = *request,
    };
    fixed.request.model.ptr = fixed.request.tenant.ptr = NULL;
    scene_need(recorder, snapshot, chain, decision, out);
    char *record =
        record_begin(recorder, RECORD_DECISION,
                     sizeof fixed +
                         count * (sizeof *decision->estimates + sizeof *decision->total_ms + 1) +
                         fixed.route_len + request->model.len + request->tenant.len,
                     out);
    RECORD_BODY(record, fixed);
    char *at = record + sizeof fixed;
    at = put(at, decision->estimates, count * sizeof *decision->estimates);
    at = put(at, decision->total_ms, count * sizeof *decision->total_ms);
    for (size_t i = 0; i < count; i++)
        *at++ = decision->verdicts[i].by == 0 ? (char)decision->verdicts[i].reason : 0;
    at = put(at, decision->route, fixed.route_len);
    at = put(at, request->model.ptr, request->model.len);
    put(at, request->tenant.ptr, request->tenant.len);
}
