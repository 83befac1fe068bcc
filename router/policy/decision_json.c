/*
 * A decision for people and tools: the one shape that /explain, /decisions and
 * the access log share.  Numbers that are unknown are null.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/decision.h"

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

/* {"least_latency": {"network": 31.2, "wait": 0}, "prefer": {...}}; `all`: what costs nothing too.
 */
static void parts_write(const struct decision *decision, uint32_t target, bool all,
                        struct json *json)
{
    json_key(json, "ms");
    json_object_begin(json);
    for (uint32_t k = 0; k < decision->policy_count; k++) {
        const struct iso_policy *policy = &decision->policies[k].plugin->policy;
        if (policy->part_count == 0)
            continue;
        json_key(json, policy->name);
        json_object_begin(json);
        for (uint32_t p = 0; p < policy->part_count; p++) {
            const double ms = decision_ms(decision, target, k, p);
            if (all || ms != 0)
                ms_write(json, policy->parts[p], ms);
        }
        json_object_end(json);
    }
    json_object_end(json);
}

static void compact_write(const struct decision *decision, struct json *json)
{
    json_kv_string(json, "chosen", cluster_name(decision, decision->chosen));
    if (decision->chosen != ISO_NONE) {
        ms_write(json, "total_ms", decision->total_ms[decision->chosen]);
        parts_write(decision, decision->chosen, false, json);
    }
    json_kv_uint(json, "kept", decision->kept);
    if (decision->runner_up != ISO_NONE) {
        json_kv_string(json, "runner_up", cluster_name(decision, decision->runner_up));
        ms_write(json, "runner_up_ms", decision->total_ms[decision->runner_up]);
    }
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
        parts_write(decision, target, true, json);
    }
    inputs_write(cluster, &decision->estimates[target], json);
    json_object_end(json);
}

static void full_write(const struct decision *decision, struct json *json)
{
    if (decision->id)
        hex_write(json, "id", decision->id);
    json_kv_string(json, "route", decision->route);
    json_kv_int(json, "time_ms", decision->wall_ms);
    hex_write(json, "seed", decision->seed);
    json_kv_uint(json, "sequence", decision->sequence);
    json_kv_string(json, "chosen", cluster_name(decision, decision->chosen));
    json_kv_string(json, "runner_up", cluster_name(decision, decision->runner_up));
    json_kv_uint(json, "kept", decision->kept);
    if (decision->is_shadow)
        shadow_write(decision, json);
    policies_write(decision, json);
    request_write(&decision->request, json);
    json_key(json, "clusters");
    json_array_begin(json);
    for (uint32_t target = 0; target < decision->count; target++)
        target_write(decision, target, json);
    json_array_end(json);
}

void decision_write_json(const struct decision *decision, enum decision_form form,
                         struct json *json)
{
    json_object_begin(json);
    if (form == DECISION_FORM_FULL)
        full_write(decision, json);
    else
        compact_write(decision, json);
    json_object_end(json);
}
