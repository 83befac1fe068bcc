/* One tick: the workers' books are added up, health takes a step, the next snapshot is made. */
#include "fleet/fleet.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fleet/estimate.h"
#include "fleet/fleet_state.h"

#define CORRECTION_TAU_MS 10000.0
#define PROBE_TURN_NS NS_PER_S /* a worker that does not take the probe gives way to the next */

/* --- adding up ---------------------------------------------------------------------------------
 */

struct sums {
    struct slot_totals totals;
    struct target_outcomes outcomes;
    struct learned learned;
    double peak_ms;
    int64_t overdue_ns[2];
    uint32_t overdue_worker;
};

static uint64_t count_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static double sum_read(const _Atomic double *sum)
{
    return atomic_load_explicit(sum, memory_order_relaxed);
}

static struct slot_totals totals_read(const struct ledger_slot *slot)
{
    return (struct slot_totals){
        .sent = count_read(&slot->sent),
        .sent_tokens = count_read(&slot->sent_tokens),
        .answered = count_read(&slot->answered),
        .answered_tokens = count_read(&slot->answered_tokens),
        .ended = count_read(&slot->ended),
    };
}

static void totals_add(struct slot_totals *totals, const struct slot_totals *share)
{
    totals->sent += share->sent;
    totals->sent_tokens += share->sent_tokens;
    totals->answered += share->answered;
    totals->answered_tokens += share->answered_tokens;
    totals->ended += share->ended;
}

/* The earliest of all workers, who has it, and the earliest of the rest. */
static void overdue_add(struct sums *sums, uint32_t worker, int64_t from_ns)
{
    if (from_ns < sums->overdue_ns[0]) {
        sums->overdue_ns[1] = sums->overdue_ns[0];
        sums->overdue_ns[0] = from_ns;
        sums->overdue_worker = worker;
    } else if (from_ns < sums->overdue_ns[1]) {
        sums->overdue_ns[1] = from_ns;
    }
}

static void slot_add(struct sums *sums, const struct ledger_slot *slot, uint32_t worker,
                     int64_t now_ns)
{
    sums->outcomes.successes += count_read(&slot->successes);
    sums->outcomes.failures += count_read(&slot->failures);
    for (unsigned o = 0; o < FLIGHT_OUTCOMES; o++)
        sums->outcomes.outcomes[o] += count_read(&slot->outcomes[o]);
    sums->learned.observed_ms += sum_read(&slot->observed_ms);
    sums->learned.predicted_ms += sum_read(&slot->predicted_ms);
    sums->learned.ttft_ms += sum_read(&slot->ttft_ms);
    sums->learned.ttft_count += count_read(&slot->ttft_count);
    const double past_ms =
        ns_to_ms(now_ns - atomic_load_explicit(&slot->peak_ns, memory_order_relaxed));
    const double peak = sum_read(&slot->peak_ms) * exp(-fmax(0, past_ms) / LEDGER_TAU_MS);
    sums->peak_ms = fmax(sums->peak_ms, peak);
    const int64_t stream = atomic_load_explicit(&slot->stream_overdue_ns, memory_order_relaxed);
    const int64_t plain = atomic_load_explicit(&slot->plain_overdue_ns, memory_order_relaxed);
    overdue_add(sums, worker, stream < plain ? stream : plain);
}

static struct sums ledgers_add(struct fleet *fleet, struct ledger *const *ledgers, uint32_t slot,
                               int64_t now_ns)
{
    struct sums sums = {.peak_ms = NAN, .overdue_ns = {LEDGER_NEVER, LEDGER_NEVER}};
    for (uint32_t w = 0; w < fleet->workers; w++) {
        const struct ledger_slot *at = ledger_at(ledgers[w], slot);
        struct slot_totals *share = &fleet->shares[(size_t)w * FLEET_SLOTS_MAX + slot];
        *share = totals_read(at);
        totals_add(&sums.totals, share);
        slot_add(&sums, at, w, now_ns);
    }
    return sums;
}

/* --- learning ----------------------------------------------------------------------------------
 */

static void member_learn(struct member *member, const struct sums *sums, double past_ms)
{
    const double keep = exp(-past_ms / CORRECTION_TAU_MS);
    const struct learned *old = &member->learned;
    const struct learned *now = &sums->learned;
    member->observed_s =
        member->observed_s * keep + fmax(0, now->observed_ms - old->observed_ms) / 1000;
    member->predicted_s =
        member->predicted_s * keep + fmax(0, now->predicted_ms - old->predicted_ms) / 1000;
    const uint64_t count = now->ttft_count - old->ttft_count;
    if (count > 0) {
        const double mean = (now->ttft_ms - old->ttft_ms) / (double)count;
        const double weight = isnan(member->observed_ttft_ms) ? 0 : exp(-past_ms / LEDGER_TAU_MS);
        member->observed_ttft_ms =
            (weight > 0 ? weight * member->observed_ttft_ms : 0) + (1 - weight) * mean;
    }
    member->peak_ttft_ms = sums->peak_ms;
    member->learned = *now;
}

static bool counts_as_fleet(const struct member *member)
{
    return !member->drained && member->report.state != REPORT_CLOSED;
}

static bool is_out(const struct member *member)
{
    return member->health.state == HEALTH_EJECTED || member->health.state == HEALTH_HALF_OPEN;
}

/* May one more be ejected?  Half of those in service or to be, never the last. */
static bool fleet_can_spare(const struct fleet *fleet)
{
    uint32_t members = 0, out = 0;
    for (uint32_t i = 0; i < fleet->config->target_count; i++) {
        const struct member *member = fleet_member(fleet, i);
        members += counts_as_fleet(member);
        out += counts_as_fleet(member) && is_out(member);
    }
    return 2 * (out + 1) <= members;
}

static void member_health_step(struct fleet *fleet, struct member *member,
                               const struct target_outcomes *outcomes, int64_t now_ns)
{
    const struct health_events events = {
        .sent = member->totals.sent,
        .successes = outcomes->successes - member->outcomes.successes,
        .failures = outcomes->failures - member->outcomes.failures,
    };
    const bool may_eject = events.failures > 0 && fleet_can_spare(fleet);
    health_step(&member->health, &events, may_eject, &fleet->random, now_ns);
    member->outcomes = *outcomes;
}

static bool history_is_due(const struct fleet *fleet, int64_t now_ns)
{
    const uint64_t count = fleet->history_count;
    return count == 0 || ns_to_ms(now_ns - fleet->history_ns[(count - 1) % FLEET_HISTORY]) >=
                             FLEET_HISTORY_STEP_MS;
}

static void history_add(struct fleet *fleet, int64_t now_ns)
{
    if (!history_is_due(fleet, now_ns))
        return;
    const uint64_t at = fleet->history_count++ % FLEET_HISTORY;
    fleet->history_ns[at] = now_ns;
    for (uint32_t slot = 0; slot < fleet->member_count; slot++)
        fleet->members[slot]->history[at] = fleet->members[slot]->totals;
}

static void members_step(struct fleet *fleet, struct ledger *const *ledgers, int64_t now_ns)
{
    const double past_ms = fleet->ticked_ns == 0 ? 0 : ns_to_ms(now_ns - fleet->ticked_ns);
    for (uint32_t slot = 0; slot < fleet->member_count; slot++) {
        struct member *member = fleet->members[slot];
        const struct sums sums = ledgers_add(fleet, ledgers, slot, now_ns);
        member->totals = sums.totals;
        member->overdue_ns[0] = sums.overdue_ns[0];
        member->overdue_ns[1] = sums.overdue_ns[1];
        member->overdue_worker = sums.overdue_worker;
        member_learn(member, &sums, fmax(0, past_ms));
        member_health_step(fleet, member, &sums.outcomes, now_ns);
    }
    fleet->ticked_ns = now_ns;
    history_add(fleet, now_ns);
}

/* --- the snapshot ------------------------------------------------------------------------------
 */

static struct snapshot *snapshot_create(struct fleet *fleet, int64_t now_ns)
{
    const uint32_t count = fleet->config->target_count;
    const size_t shares = (size_t)fleet->workers * count;
    struct snapshot *snapshot = memory_zalloc(sizeof *snapshot);
    arena_init(&snapshot->arena);
    snapshot->generation = ++fleet->generation;
    snapshot->made_ns = now_ns;
    snapshot->count = count;
    snapshot->routers = fleet->routers;
    snapshot->workers = fleet->workers;
    snapshot->exchange_tick_ms = fleet->exchange_tick_ms;
    snapshot->exchange_age_ms =
        fleet->exchanged ? fmax(0, ns_to_ms(now_ns - fleet->exchange_ns)) : NAN;
    snapshot->config = fleet_config_hold(fleet->config);
    snapshot->clusters = arena_zalloc(&snapshot->arena, (count + 1) * sizeof(struct iso_cluster));
    snapshot->targets = arena_zalloc(&snapshot->arena, (count + 1) * sizeof(struct target));
    snapshot->forecasts = arena_zalloc(&snapshot->arena, (count + 1) * sizeof(struct forecast));
    snapshot->gates = arena_zalloc(&snapshot->arena, count + 1);
    snapshot->shares = arena_zalloc(&snapshot->arena, (shares + 1) * sizeof(struct slot_totals));
    return snapshot;
}

static struct endpoint_state *endpoints_copy(struct snapshot *snapshot, const struct member *member)
{
    struct endpoint_state *copy =
        arena_zalloc(&snapshot->arena, (member->endpoint_count + 1) * sizeof *copy);
    for (uint32_t e = 0; e < member->endpoint_count; e++) {
        const struct endpoint_member *endpoint = &member->endpoints[e];
        copy[e] = (struct endpoint_state){
            .config = endpoint->config,
            .addresses = endpoint_addresses_hold(endpoint->addresses),
            .down = endpoint->probe.down,
            .rtt_ms = rtt_window_ms(&endpoint->rtt, snapshot->made_ns),
        };
    }
    return copy;
}

static void target_fill(const struct fleet *fleet, struct snapshot *snapshot, uint32_t i)
{
    const struct member *member = fleet_member(fleet, i);
    const uint64_t turn = (uint64_t)(snapshot->made_ns / PROBE_TURN_NS);
    snapshot->targets[i] = (struct target){
        .slot = fleet->slots[i],
        .config = &fleet->config->targets[i],
        .endpoints = endpoints_copy(snapshot, member),
        .endpoint_count = member->endpoint_count,
        .state = member->report.state,
        .drained = member->drained,
        .down = member_is_down(member),
        .erring = health_erring(&member->health),
        .health = member->health,
        .probe_free = health_probe_free(&member->health),
        .probe_worker = (uint32_t)(turn % fleet->workers),
        .reported = member->reported,
        .report_age_ms = member->reported ? ns_to_ms(snapshot->made_ns - member->report_ns) : NAN,
        .report = member->report,
        .totals = member->totals,
        .outcomes = member->outcomes,
    };
    snapshot->index_of_slot[fleet->slots[i]] = (uint16_t)(i + 1);
    for (uint32_t w = 0; w < fleet->workers; w++)
        snapshot->shares[(size_t)w * snapshot->count + i] =
            fleet->shares[(size_t)w * FLEET_SLOTS_MAX + fleet->slots[i]];
}

/* Fewer than half look fit: the probes rather than the fleet are at fault.  Ejection, by real
 * requests, is capped at half already. */
static bool probes_are_doubtful(const struct fleet *fleet)
{
    uint32_t members = 0, good = 0;
    for (uint32_t i = 0; i < fleet->config->target_count; i++) {
        const struct member *member = fleet_member(fleet, i);
        members += counts_as_fleet(member);
        good += counts_as_fleet(member) && !is_out(member) && !member_is_down(member);
    }
    return 2 * good < members;
}

static enum fleet_reason gate_of(const struct snapshot *snapshot, uint32_t i)
{
    const struct target *target = &snapshot->targets[i];
    if (target->drained)
        return FLEET_DRAINED;
    if (snapshot->clusters[i].weight == 0)
        return FLEET_WEIGHTLESS;
    if (target->state == REPORT_CLOSED)
        return FLEET_CLOSED;
    if (target->health.state == HEALTH_EJECTED)
        return FLEET_EJECTED;
    if (target->down && !snapshot->panic)
        return FLEET_DOWN;
    if (target->health.state == HEALTH_HALF_OPEN)
        return FLEET_PROBING;
    if (target->state == REPORT_EXISTING_ONLY)
        return FLEET_EXISTING_ONLY;
    if (target->health.state == HEALTH_SLOW_START)
        return FLEET_SLOW_START;
    if (target->reported && target->report_age_ms > snapshot->forecasts[i].fresh_ms)
        return FLEET_SILENT;
    return FLEET_USABLE;
}

static void workers_set(struct fleet *fleet, uint32_t workers)
{
    CHECK_LT(0, workers);
    if (fleet->workers == 0) {
        fleet->workers = workers;
        fleet->shares =
            memory_zalloc((size_t)workers * FLEET_SLOTS_MAX * sizeof(struct slot_totals));
    }
    CHECK_EQ(fleet->workers, workers);
}

struct snapshot *fleet_tick(struct fleet *fleet, struct ledger *const *ledgers, uint32_t workers,
                            int64_t now_ns)
{
    CHECK(fleet->config != NULL);
    workers_set(fleet, workers);
    members_step(fleet, ledgers, now_ns);
    struct snapshot *snapshot = snapshot_create(fleet, now_ns);
    for (uint32_t i = 0; i < snapshot->count; i++)
        target_fill(fleet, snapshot, i);
    fleet_inputs_fill(fleet, snapshot);
    snapshot->panic = probes_are_doubtful(fleet);
    snapshot->all_usable = true;
    for (uint32_t i = 0; i < snapshot->count; i++) {
        snapshot->gates[i] = (uint8_t)gate_of(snapshot, i);
        snapshot->all_usable &= snapshot->gates[i] == FLEET_USABLE;
    }
    return snapshot;
}
