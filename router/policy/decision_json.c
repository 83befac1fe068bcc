/*
 * A decision for people and tools: in full for /explain and /decisions, in a
 * few words for the access log.  Numbers that are unknown are null.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/pen.h"
#include "policy/decision.h"
#include "policy/option.h"

#define MS_DECIMALS 3
#define MODEL_SHOWN 256

static const char *const class_names[] = {
    [ISO_INTERACTIVE] = "interactive",
    [ISO_PRIORITY] = "priority",
    [ISO_FLEX] = "flex",
    [ISO_BATCH] = "batch",
};

static const char *cluster_name(const struct decision *decision, uint32_t target)
{
    return target == ISO_NONE ? NULL : decision_cluster(decision, target)->name;
}

static void hex_write(struct json *json, const char *key, uint64_t value)
{
    char text[DECISION_ID_SIZE];
    decision_id_text(value, text);
    json_kv_string(json, key, text);
}

static void ms_write(struct json *json, const char *key, double ms)
{
    json_kv_fixed(json, key, ms, MS_DECIMALS);
}

/* {"least_latency": {"network": 31.2, "wait": 0}, "prefer": {...}} */
static void parts_write(const struct decision *decision, uint32_t target, struct json *json)
{
    json_key(json, "ms");
    json_object_begin(json);
    for (uint32_t k = 0; k < decision->policy_count; k++) {
        const struct iso_policy *policy = &decision->policies[k].plugin->policy;
        if (policy->part_count == 0)
            continue;
        json_key(json, policy->name);
        json_object_begin(json);
        for (uint32_t p = 0; p < policy->part_count; p++)
            ms_write(json, policy->parts[p], decision_ms(decision, target, k, p));
        json_object_end(json);
    }
    json_object_end(json);
}

static void policies_write(const struct decision *decision, struct json *json)
{
    json_key(json, "policies");
    json_array_begin(json);
    for (uint32_t k = 0; k < decision->policy_count; k++) {
        const struct decision_policy *policy = &decision->policies[k];
        json_object_begin(json);
        json_kv_string(json, "name", policy->plugin->policy.name);
        json_kv_string(json, "version", policy->plugin->policy.version);
        json_kv_string(json, "hash", policy->plugin->hash);
        for (int fault = 0; fault < PLUGIN_FAULTS; fault++) {
            char key[32];
            snprintf(key, sizeof key, "%s_faults", plugin_fault_names[fault]);
            if (policy->faults[fault])
                json_kv_uint(json, key, policy->faults[fault]);
        }
        if (policy->took_ns > 0)
            json_kv_fixed(json, "took_us", (double)policy->took_ns / 1e3, MS_DECIMALS);
        json_object_end(json);
    }
    json_array_end(json);
}

/* What another chain would have done: what it would have gained by its own prices, and in predicted
 * time to first token. */
static void shadow_write(const struct decision *decision, struct json *json)
{
    const uint32_t own = decision->chosen, obeyed = decision->obeyed;
    const bool both = own != ISO_NONE && obeyed != ISO_NONE;
    json_kv_bool(json, "shadow", true);
    json_kv_string(json, "obeyed", cluster_name(decision, obeyed));
    json_kv_bool(json, "agrees", own == obeyed);
    ms_write(json, "gain_ms", both ? decision->total_ms[obeyed] - decision->total_ms[own] : NAN);
    ms_write(json, "ttft_gain_ms",
             both ? decision->estimates[obeyed].ttft_ms - decision->estimates[own].ttft_ms : NAN);
}

static void request_write(const struct iso_request *request, struct json *json)
{
    json_key(json, "request");
    json_object_begin(json);
    json_key(json, "model");
    json_slice_capped(json, slice_make(request->model.ptr, request->model.len), MODEL_SHOWN);
    json_kv_string(json, "class",
                   request->service_class < COUNT_OF(class_names)
                       ? class_names[request->service_class]
                       : NULL);
    json_kv_bool(json, "stream", request->stream != 0);
    json_kv_uint(json, "attempt", request->attempt);
    json_kv_string(json, "country", request->country);
    json_kv_string(json, "continent", request->continent);
    json_kv_number(json, "latitude", request->latitude);
    json_kv_number(json, "longitude", request->longitude);
    if (request->session)
        hex_write(json, "session", request->session);
    json_kv_number(json, "prompt_tokens", request->prompt_tokens);
    json_kv_number(json, "output_tokens", request->output_tokens);
    json_kv_number(json, "slo_ms", request->slo_ms);
    json_object_end(json);
}

static void known_write(uint64_t known, struct json *json)
{
    static const char *const names[] = {
        "report", "exchange", "rtt",         "prefill",     "prefill_one", "itl",   "itl_idle",
        "slots",  "hold",     "utilisation", "mean_tokens", "price",       "cache", "observed",
    };
    json_key(json, "known");
    json_array_begin(json);
    for (size_t bit = 0; bit < COUNT_OF(names); bit++)
        if (known >> bit & 1)
            json_string(json, names[bit]);
    json_array_end(json);
}

struct number {
    const char *name;
    size_t offset;
};

static const struct number cluster_numbers[] = {
    {"rtt_ms", offsetof(struct iso_cluster, rtt_ms)},
    {"prefill_tokens_per_s", offsetof(struct iso_cluster, prefill_tokens_per_s)},
    {"prefill_tokens_per_s_one", offsetof(struct iso_cluster, prefill_tokens_per_s_one)},
    {"itl_ms", offsetof(struct iso_cluster, itl_ms)},
    {"itl_idle_ms", offsetof(struct iso_cluster, itl_idle_ms)},
    {"slots", offsetof(struct iso_cluster, slots)},
    {"hold_ms", offsetof(struct iso_cluster, hold_ms)},
    {"utilisation", offsetof(struct iso_cluster, utilisation)},
    {"kv_used", offsetof(struct iso_cluster, kv_used)},
    {"mean_tokens", offsetof(struct iso_cluster, mean_tokens)},
    {"price_per_mtok", offsetof(struct iso_cluster, price_per_mtok)},
    {"price_ratio", offsetof(struct iso_cluster, price_ratio)},
};

static const struct number estimate_numbers[] = {
    {"age_ms", offsetof(struct iso_estimate, age_ms)},
    {"distance_km", offsetof(struct iso_estimate, distance_km)},
    {"own_inflight", offsetof(struct iso_estimate, own_inflight)},
    {"inflight", offsetof(struct iso_estimate, inflight)},
    {"backlog_tokens", offsetof(struct iso_estimate, backlog_tokens)},
    {"cached_tokens", offsetof(struct iso_estimate, cached_tokens)},
    {"correction", offsetof(struct iso_estimate, correction)},
    {"wait_prefill_ms", offsetof(struct iso_estimate, wait_prefill_ms)},
    {"wait_slot_ms", offsetof(struct iso_estimate, wait_slot_ms)},
    {"wait_ms", offsetof(struct iso_estimate, wait_ms)},
    {"service_ms", offsetof(struct iso_estimate, service_ms)},
    {"ttft_ms", offsetof(struct iso_estimate, ttft_ms)},
    {"observed_ttft_ms", offsetof(struct iso_estimate, observed_ttft_ms)},
    {"peak_ttft_ms", offsetof(struct iso_estimate, peak_ttft_ms)},
};

static void numbers_write(const struct number *numbers, size_t count, const void *from,
                          struct json *json)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)from + numbers[i].offset, sizeof value);
        json_kv_fixed(json, numbers[i].name, value, MS_DECIMALS);
    }
}

static void inputs_write(const struct iso_cluster *cluster, const struct iso_estimate *estimate,
                         struct json *json)
{
    json_key(json, "inputs");
    json_object_begin(json);
    numbers_write(estimate_numbers, COUNT_OF(estimate_numbers), estimate, json);
    numbers_write(cluster_numbers, COUNT_OF(cluster_numbers), cluster, json);
    json_kv_uint(json, "weight", cluster->weight);
    known_write(estimate->known, json);
    json_object_end(json);
}

static const char *verdict_word(struct decision_verdict verdict)
{
    if (decision_is_kept(verdict))
        return "keep";
    return verdict.avoided ? "avoid" : "closed";
}

static void target_write(const struct decision *decision, uint32_t target, struct json *json)
{
    const struct decision_verdict verdict = decision->verdicts[target];
    const struct iso_cluster *cluster = decision_cluster(decision, target);
    json_object_begin(json);
    json_kv_string(json, "name", cluster->name);
    json_kv_string(json, "region", cluster->region);
    json_kv_string(json, "country", cluster->country);
    json_kv_string(json, "verdict", verdict_word(verdict));
    if (verdict.reason) {
        json_kv_string(json, "reason", decision_verdict_reason(decision, verdict));
        json_kv_string(json, "by",
                       verdict.by ? decision->policies[verdict.by - 1].plugin->policy.name
                                  : "router");
        if (verdict.by == 0)
            json_kv_string(json, "why", decision_reason_text(verdict.reason));
        json_kv_bool(json, "avoided", verdict.avoided);
    }
    if (decision_is_kept(verdict)) {
        ms_write(json, "total_ms", decision->total_ms[target]);
        parts_write(decision, target, json);
    }
    inputs_write(cluster, &decision->estimates[target], json);
    json_object_end(json);
}

void decision_write_json(const struct decision *decision, struct json *json)
{
    json_object_begin(json);
    if (decision->id)
        hex_write(json, "id", decision->id);
    json_kv_string(json, "route", decision->route);
    json_kv_int(json, "time_ms", decision->wall_ms);
    hex_write(json, "seed", decision->seed);
    json_kv_uint(json, "sequence", decision->sequence);
    json_kv_string(json, "chosen", cluster_name(decision, decision->chosen));
    json_kv_string(json, "runner_up", cluster_name(decision, decision->runner_up));
    json_kv_uint(json, "kept", decision->kept);
    json_kv_bool(json, "waits", decision->waits);
    if (decision->is_shadow)
        shadow_write(decision, json);
    policies_write(decision, json);
    request_write(&decision->request, json);
    json_key(json, "clusters");
    json_array_begin(json);
    for (uint32_t target = 0; target < decision->count; target++)
        target_write(decision, target, json);
    json_array_end(json);
    json_object_end(json);
}

/* --- in a few words --- */

/* "least_latency": {"network": 31.2}; what costs nothing is left out. */
static void policy_parts_pen(const struct decision *decision, uint32_t k, struct pen *pen)
{
    const struct plugin *plugin = decision->policies[k].plugin;
    const double *ms = decision_parts(decision, decision->chosen, k);
    pen_clean(pen, plugin->name);
    PEN_WORD(pen, ":{");
    bool first = true;
    for (uint32_t p = 0; p < plugin->policy.part_count; p++) {
        if (ms[p] == 0)
            continue;
        if (!first)
            PEN_WORD(pen, ",");
        first = false;
        pen_clean(pen, plugin->parts[p]);
        PEN_WORD(pen, ":");
        pen_fixed(pen, ms[p], MS_DECIMALS);
    }
    PEN_WORD(pen, "}");
}

static void chosen_parts_pen(const struct decision *decision, struct pen *pen)
{
    bool first = true;
    PEN_WORD(pen, ",\"ms\":{");
    for (uint32_t k = 0; k < decision->policy_count; k++) {
        if (decision->policies[k].plugin->policy.part_count == 0)
            continue;
        if (!first)
            PEN_WORD(pen, ",");
        first = false;
        policy_parts_pen(decision, k, pen);
    }
    PEN_WORD(pen, "}");
}

/* Names of clusters, policies and parts are [a-z0-9._-]: clean. */
void decision_write_compact(const struct decision *decision, struct buffer *out)
{
    enum { WORDS_BYTES = 256, ITEM_BYTES = OPTION_NAME_MAX + NUMBER_TEXT_BYTES + 8 };
    const struct slice chosen = slice_of(cluster_name(decision, decision->chosen));
    const struct slice runner_up = slice_of(cluster_name(decision, decision->runner_up));
    const size_t items = decision->policy_count + decision->part_count;
    char *room = buffer_reserve(out, WORDS_BYTES + chosen.len + runner_up.len + items * ITEM_BYTES);
    struct pen pen = {room};
    PEN_WORD(&pen, "{\"chosen\":");
    if (chosen.ptr != NULL) {
        pen_clean(&pen, chosen);
        PEN_KEY(&pen, "total_ms");
        pen_fixed(&pen, decision->total_ms[decision->chosen], MS_DECIMALS);
        chosen_parts_pen(decision, &pen);
    } else {
        PEN_WORD(&pen, "null");
    }
    PEN_KEY(&pen, "kept");
    pen_u64(&pen, decision->kept);
    if (runner_up.ptr != NULL) {
        PEN_KEY(&pen, "runner_up");
        pen_clean(&pen, runner_up);
        PEN_KEY(&pen, "runner_up_ms");
        pen_fixed(&pen, decision->total_ms[decision->runner_up], MS_DECIMALS);
    }
    PEN_WORD(&pen, "}");
    buffer_commit(out, pen_written(&pen, room));
}
