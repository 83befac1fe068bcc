#include "policy/chain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define MS_LIMIT 1e9

/* --- putting one together [control] --- */

struct chain_work {
    struct chain *chain;
    struct problem_sink *sink;
    bool failed;
};

static void work_tell(struct chain_work *work, const char *place, const struct error *error)
{
    work->sink->tell(work->sink, place ? place : "", error->text);
    work->failed = true;
}

static void link_add(struct chain_work *work, const struct policy_ref *ref, struct plugin_dir *dir)
{
    struct chain *chain = work->chain;
    struct chain_link *link = &chain->links[chain->count];
    struct error error;
    link->plugin = plugin_load(dir, ref->plugin, &error);
    if (!link->plugin) {
        work_tell(work, ref->place, &error);
        return;
    }
    link->settings = settings_create(&link->plugin->policy, ref->settings, ref->setting_count,
                                     ref->place, work->sink);
    if (!link->settings)
        work->failed = true;
    chain->count++;
    chain->part_count += link->plugin->policy.part_count;
}

/* The first is complete, the others are modifiers. */
static void kinds_check(struct chain_work *work, const struct policy_ref *refs)
{
    struct error error;
    for (uint32_t k = 0; k < work->chain->count; k++) {
        const struct iso_policy *policy = &work->chain->links[k].plugin->policy;
        if (k == 0 && policy->kind != ISO_COMPLETE) {
            error_set(&error,
                      "policy %s is a modifier; a chain begins with a complete policy, "
                      "such as least_latency",
                      policy->name);
            work_tell(work, refs[k].place, &error);
        } else if (k > 0 && policy->kind != ISO_MODIFIER) {
            error_set(&error,
                      "policy %s is complete, and so is %s before it; a chain has one "
                      "complete policy and then modifiers",
                      policy->name, work->chain->links[0].plugin->policy.name);
            work_tell(work, refs[k].place, &error);
        }
    }
}

static void pick_find(struct chain_work *work, const struct policy_ref *refs)
{
    struct chain *chain = work->chain;
    struct error error;
    chain->pick = chain->count;
    for (uint32_t k = 0; k < chain->count; k++) {
        if (!chain->links[k].plugin->policy.pick)
            continue;
        if (chain->pick == chain->count) {
            chain->pick = k;
            continue;
        }
        error_set(&error, "policies %s and %s both pick; a chain may have one that does",
                  chain->links[chain->pick].plugin->policy.name,
                  chain->links[k].plugin->policy.name);
        work_tell(work, refs[k].place, &error);
    }
}

struct chain *chain_create(const struct policy_ref *refs, size_t count, struct plugin_dir *dir,
                           struct problem_sink *sink)
{
    struct chain_work work = {.chain = memory_zalloc(sizeof *work.chain), .sink = sink};
    struct error error;
    static _Atomic uint64_t made;
    work.chain->holders = 1;
    work.chain->number = atomic_fetch_add(&made, 1) + 1;
    if (count < 1 || count > CHAIN_POLICIES_MAX) {
        error_set(&error, "there are %zu policies; a chain has 1 to %d", count, CHAIN_POLICIES_MAX);
        work_tell(&work, count ? refs[0].place : "", &error);
        count = 0;
    }
    for (size_t i = 0; i < count; i++)
        link_add(&work, &refs[i], dir);
    if (work.chain->count == count) { /* positions mean something only when all are there */
        kinds_check(&work, refs);
        pick_find(&work, refs);
    }
    if (work.failed)
        chain_drop(&work.chain);
    return work.chain;
}

struct chain *chain_hold(struct chain *chain)
{
    chain->holders++;
    return chain;
}

void chain_drop(struct chain **chain)
{
    struct chain *dropped = *chain;
    *chain = NULL;
    if (!dropped || --dropped->holders > 0)
        return;
    for (uint32_t k = 0; k < dropped->count; k++)
        free(dropped->links[k].settings);
    free(dropped);
}

bool chain_equal(const struct chain *a, const struct chain *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t k = 0; k < a->count; k++) {
        const struct chain_link *one = &a->links[k], *other = &b->links[k];
        if (one->plugin != other->plugin ||
            memcmp(one->settings, other->settings, one->plugin->policy.settings_size) != 0)
            return false;
    }
    return true;
}

const char *chain_name(const struct chain *chain, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t k = 0; k < chain->count && len < size; k++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", k > 0 ? "+" : "",
                                chain->links[k].plugin->policy.name);
    return out;
}

/* --- asking it [worker] --- */

/* One look at the clock ends a policy's turn and begins the next one's. */
static void turn_begin(struct decision *decision)
{
    decision->decided_ns = decision->clock_ns ? decision->clock_ns() : 0;
}

static void turn_end(struct decision *decision, uint32_t k)
{
    const int64_t began_ns = decision->decided_ns;
    turn_begin(decision);
    decision->policies[k].took_ns += decision->decided_ns - began_ns;
}

static void fault_count(struct decision *decision, uint32_t k, enum plugin_fault fault)
{
    decision->policies[k].faults[fault]++;
}

/* For the metrics; in the usual case nothing is written that others share. */
static void faults_add(const struct chain *chain, const struct decision *decision)
{
    for (uint32_t k = 0; k < chain->count; k++)
        for (int fault = 0; fault < PLUGIN_FAULTS; fault++)
            if (ISO_UNLIKELY(decision->policies[k].faults[fault]))
                atomic_fetch_add_explicit(&chain->links[k].plugin->faults[fault],
                                          decision->policies[k].faults[fault],
                                          memory_order_relaxed);
}

static void policies_list(const struct chain *chain, struct decision *decision)
{
    uint32_t first = 0;
    decision->policy_count = chain->count;
    decision->part_count = chain->part_count;
    for (uint32_t k = 0; k < chain->count; k++) {
        decision->policies[k] =
            (struct decision_policy){.plugin = chain->links[k].plugin, .first_part = first};
        first += chain->links[k].plugin->policy.part_count;
    }
}

static struct iso_call call_make(const struct decision *decision)
{
    return (struct iso_call){
        .struct_size = sizeof(struct iso_call),
        .count = decision->count,
        .cluster_stride = decision->cluster_stride,
        .estimate_stride = sizeof *decision->estimates,
        .clusters = decision->clusters,
        .estimates = decision->estimates,
        .request = &decision->request,
        .seed = decision->seed,
        .sequence = decision->sequence,
        .now_ns = decision->now_ns,
    };
}

/* What a policy is shown: its own copy, so that it can disturb nobody. */
static uint8_t *verdicts_show(struct decision *decision, bool filtering)
{
    if (!filtering && decision->kept == decision->count)
        return memset(decision->scratch_verdicts, ISO_KEEP, decision->count);
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct decision_verdict verdict = decision->verdicts[i];
        const bool open = decision_is_kept(verdict) || (filtering && verdict.avoided);
        decision->scratch_verdicts[i] = open ? ISO_KEEP : ISO_CLOSED;
    }
    return decision->scratch_verdicts;
}

/* Takes one answer of a filter: it may close or avoid, never open. */
static void verdict_take(struct decision *decision, uint32_t k, uint32_t i, uint8_t said)
{
    struct decision_verdict *verdict = &decision->verdicts[i];
    const uint8_t reason = said & ISO_CLOSED;
    const bool avoid = said & ISO_AVOID;
    if (said == ISO_KEEP || (verdict->reason && !verdict->avoided))
        return;
    if (reason == 0 || reason >= decision->policies[k].plugin->policy.reason_count) {
        fault_count(decision, k, PLUGIN_FAULT_VERDICT);
        return;
    }
    if (!verdict->reason || !avoid) /* a refusal is stronger than an earlier "avoid" */
        *verdict =
            (struct decision_verdict){.by = (uint8_t)(k + 1), .reason = reason, .avoided = avoid};
}

static void filters_ask(const struct chain *chain, struct decision *decision, struct iso_call *call)
{
    for (uint32_t k = 0; k < chain->count; k++) {
        const struct iso_policy *policy = &chain->links[k].plugin->policy;
        if (!policy->filter)
            continue;
        uint8_t *shown = verdicts_show(decision, true);
        call->settings = chain->links[k].settings;
        policy->filter(call, shown);
        turn_end(decision, k);
        for (uint32_t i = 0; i < decision->count; i++)
            verdict_take(decision, k, i, shown[i]);
    }
}

static uint32_t kept_count(const struct decision *decision)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < decision->count; i++)
        kept += decision_is_kept(decision->verdicts[i]);
    return kept;
}

/* Nothing is kept: what was only avoided comes back. */
static void avoided_rescue(struct decision *decision)
{
    for (uint32_t i = 0; i < decision->count; i++)
        decision->verdicts[i].rescued = decision->verdicts[i].avoided;
}

static ISO_COLD double row_mend(struct decision *decision, uint32_t k, double *row, uint32_t parts)
{
    double sum = 0;
    for (uint32_t p = 0; p < parts; p++) {
        if (!(fabs(row[p]) <= MS_LIMIT)) {
            row[p] = MS_LIMIT;
            fault_count(decision, k, PLUGIN_FAULT_COST);
        }
        sum += row[p];
    }
    return sum;
}

/* Sums one policy's row, and mends what cannot be a cost: nothing in it while all together can. */
static double row_take(struct decision *decision, uint32_t k, double *row, uint32_t parts)
{
    double sum = 0, size = 0;
    for (uint32_t p = 0; p < parts; p++) {
        sum += row[p];
        size += fabs(row[p]);
    }
    return ISO_LIKELY(size <= MS_LIMIT) ? sum : row_mend(decision, k, row, parts);
}

static void cost_ask(const struct chain *chain, struct decision *decision,
                     const struct iso_call *call, uint32_t k)
{
    const struct iso_policy *policy = &chain->links[k].plugin->policy;
    const uint32_t parts = policy->part_count;
    double *ms = decision->ms + (size_t)decision->count * decision->policies[k].first_part;
    memset(ms, 0, sizeof *ms * decision->count * parts);
    const uint8_t *shown = verdicts_show(decision, false);
    policy->cost(call, shown, ms);
    turn_end(decision, k);
    const bool all = decision->kept == decision->count;
    for (uint32_t i = 0; i < decision->count; i++)
        if (all || decision_is_kept(decision->verdicts[i]))
            decision->total_ms[i] += row_take(decision, k, ms + (size_t)i * parts, parts);
}

static void costs_ask(const struct chain *chain, struct decision *decision, struct iso_call *call)
{
    for (uint32_t i = 0; i < decision->count; i++)
        decision->total_ms[i] = decision_is_kept(decision->verdicts[i]) ? 0 : INFINITY;
    for (uint32_t k = 0; k < chain->count; k++) {
        call->settings = chain->links[k].settings;
        if (chain->links[k].plugin->policy.cost)
            cost_ask(chain, decision, call, k);
    }
}

/* The first of the cheapest that is not `except`; what is not kept costs infinity. */
static uint32_t cheapest(const struct decision *decision, uint32_t except)
{
    uint32_t best = ISO_NONE;
    double best_ms = INFINITY;
    for (uint32_t i = 0; i < decision->count; i++) {
        if (decision->total_ms[i] < best_ms && i != except) {
            best = i;
            best_ms = decision->total_ms[i];
        }
    }
    return best;
}

static uint32_t pick_ask(const struct chain *chain, struct decision *decision,
                         struct iso_call *call)
{
    const uint32_t k = chain->pick;
    if (k == chain->count)
        return cheapest(decision, ISO_NONE);
    memcpy(decision->scratch_ms, decision->total_ms, sizeof *decision->total_ms * decision->count);
    call->settings = chain->links[k].settings;
    const uint8_t *shown = verdicts_show(decision, false);
    const uint32_t picked = chain->links[k].plugin->policy.pick(call, shown, decision->scratch_ms);
    turn_end(decision, k);
    if (picked == ISO_NONE ||
        (picked < decision->count && decision_is_kept(decision->verdicts[picked])))
        return picked;
    fault_count(decision, k, PLUGIN_FAULT_PICK);
    return cheapest(decision, ISO_NONE);
}

void chain_decide(const struct chain *chain, struct decision *decision)
{
    CHECK_LE(decision->count, decision->room_targets);
    CHECK_LE(chain->part_count, decision->room_parts);
    struct iso_call call = call_make(decision);
    policies_list(chain, decision);
    turn_begin(decision);
    filters_ask(chain, decision, &call);
    decision->kept = kept_count(decision);
    if (decision->kept == 0) {
        avoided_rescue(decision);
        decision->kept = kept_count(decision);
    }
    costs_ask(chain, decision, &call);
    decision->chosen = decision->kept ? pick_ask(chain, decision, &call) : ISO_NONE;
    decision->runner_up = cheapest(decision, decision->chosen);
    faults_add(chain, decision);
}
