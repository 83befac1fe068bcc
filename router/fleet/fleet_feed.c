/* What the fleet is told: reports, the other routers' counters, round trips, probes, addresses. */
#include "fleet/fleet.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/fleet_state.h"

#define AGE_MOST_MS 1e9
#define RTT_MOST_MS 60000.0
#define REPORT_TTL_MS 10000.0 /* where the report does not say */
#define REPORT_TTLS_DEAD 3.0  /* after so many its key is gone from Redis */

/* --- totals of the past ------------------------------------------------------------------------
 */

static uint64_t between(uint64_t early, uint64_t late, double share)
{
    return late > early ? early + (uint64_t)((double)(late - early) * share) : early;
}

static struct slot_totals totals_between(const struct slot_totals *early,
                                         const struct slot_totals *late, double share)
{
    return (struct slot_totals){
        .sent = between(early->sent, late->sent, share),
        .sent_tokens = between(early->sent_tokens, late->sent_tokens, share),
        .answered = between(early->answered, late->answered, share),
        .answered_tokens = between(early->answered_tokens, late->answered_tokens, share),
        .ended = between(early->ended, late->ended, share),
    };
}

struct slot_totals member_totals_at(const struct fleet *fleet, const struct member *member,
                                    int64_t at_ns)
{
    const uint64_t oldest =
        fleet->history_count > FLEET_HISTORY ? fleet->history_count - FLEET_HISTORY : 0;
    const struct slot_totals *late = &member->totals;
    int64_t late_ns = fleet->ticked_ns;
    for (uint64_t k = fleet->history_count; k-- > oldest;) {
        const struct slot_totals *early = &member->history[k % FLEET_HISTORY];
        const int64_t early_ns = fleet->history_ns[k % FLEET_HISTORY];
        if (early_ns <= at_ns && late_ns > early_ns) {
            const double share = (double)(at_ns - early_ns) / (double)(late_ns - early_ns);
            return totals_between(early, late, fmin(1, share));
        }
        if (early_ns <= at_ns)
            return *late;
        late = early;
        late_ns = early_ns;
    }
    return *late;
}

static double age_bounded(double age_ms)
{
    return age_ms > 0 ? fmin(age_ms, AGE_MOST_MS) : 0;
}

/* --- reports -----------------------------------------------------------------------------------
 */

static bool jumps(double from, double to)
{
    return from > 0 && to > 0 && (to > from * CAPACITY_JUMP || to < from / CAPACITY_JUMP);
}

static bool capacity_jumps(const struct report *from, const struct report *to)
{
    return jumps(from->prefill_tps, to->prefill_tps) ||
           jumps(from->prefill_tps_one, to->prefill_tps_one) || jumps(from->slots, to->slots) ||
           jumps(from->instances, to->instances);
}

static void keep_last(double *fresh, double last)
{
    if (isnan(*fresh))
        *fresh = last;
}

/* What changes slowly is not forgotten because one report lacks it. */
static void slow_fields_keep(struct report *fresh, const struct report *last)
{
    keep_last(&fresh->ttl_ms, last->ttl_ms);
    keep_last(&fresh->interval_ms, last->interval_ms);
    keep_last(&fresh->instances, last->instances);
    keep_last(&fresh->slots, last->slots);
    keep_last(&fresh->prefill_tps, last->prefill_tps);
    keep_last(&fresh->prefill_tps_one, last->prefill_tps_one);
    keep_last(&fresh->mean_tokens, last->mean_tokens);
    keep_last(&fresh->hold_ms, last->hold_ms);
    keep_last(&fresh->itl_ms, last->itl_ms);
    keep_last(&fresh->itl_idle_ms, last->itl_idle_ms);
    keep_last(&fresh->cache_age_ms, last->cache_age_ms);
    keep_last(&fresh->price_per_mtok, last->price_per_mtok);
    if (fresh->accelerator[0] == '\0')
        memcpy(fresh->accelerator, last->accelerator, sizeof fresh->accelerator);
}

/* A field that came damaged: the last good value stands. */
static void refused_fields_keep(struct report *fresh, const struct report *last)
{
#define X(field, ...)                                 \
    if ((fresh->refused >> REPORT_FIELD_##field) & 1) \
        memcpy(&fresh->field, &last->field, sizeof fresh->field);
    REPORT_NUMBERS(X)
    REPORT_TEXTS(X)
    X(state)
#undef X
}

static void capacity_keep(struct report *fresh, const struct report *last)
{
    fresh->prefill_tps = last->prefill_tps;
    fresh->prefill_tps_one = last->prefill_tps_one;
    fresh->slots = last->slots;
    fresh->instances = last->instances;
}

static bool report_is_newer(const struct report *fresh, const struct report *last)
{
    return fresh->epoch != last->epoch ? fresh->epoch > last->epoch : fresh->seq > last->seq;
}

/* A smaller pair counts again once the writer of the larger one has long been silent: its clock had
 * been wrong, or Redis lost the order of things. */
static bool report_is_stale(const struct member *member, const struct report *fresh, double age_ms,
                            int64_t now_ns)
{
    const struct report *last = &member->report;
    if (!member->reported || report_is_newer(fresh, last))
        return false;
    const double ttl_ms = isnan(last->ttl_ms) ? REPORT_TTL_MS : last->ttl_ms;
    const bool same = fresh->epoch == last->epoch && fresh->seq == last->seq;
    const double silent_ms = ns_to_ms(now_ns - member->report_ns);
    return same || silent_ms < REPORT_TTLS_DEAD * ttl_ms || age_ms >= silent_ms;
}

enum report_fate fleet_apply_report(struct fleet *fleet, struct slice cluster, struct slice pool,
                                    const struct report *report, double age_ms, int64_t now_ns)
{
    const uint32_t slot = fleet_slot_find(fleet, cluster, pool);
    if (slot == FLEET_SLOT_NONE)
        return REPORT_UNKNOWN_TARGET;
    struct member *member = fleet->members[slot];
    if (report_is_stale(member, report, age_bounded(age_ms), now_ns))
        return REPORT_STALE;
    struct report fresh = *report;
    bool held = false;
    if (member->reported) {
        refused_fields_keep(&fresh, &member->report);
        held = capacity_jumps(&member->report, &fresh) && member->held < CAPACITY_HOLDS;
        if (held)
            capacity_keep(&fresh, &member->report);
        slow_fields_keep(&fresh, &member->report);
    }
    member->held = held ? member->held + 1 : 0;
    member->report = fresh;
    member->reported = true;
    member->report_ns = now_ns - ms_to_ns(age_bounded(age_ms));
    member->at_report = member_totals_at(fleet, member, member->report_ns);
    return held ? REPORT_HELD : REPORT_TAKEN;
}

/* --- exchange ----------------------------------------------------------------------------------
 */

static double count_bounded(int64_t count)
{
    return count > 0 ? fmin((double)count, 1e12) : 0;
}

void fleet_apply_exchange(struct fleet *fleet, const struct fleet_share *others, size_t count,
                          uint32_t routers, double tick_ms, double age_ms, int64_t now_ns)
{
    fleet->routers = routers > 0 ? routers : 1;
    fleet->exchanged = true;
    fleet->exchange_tick_ms = tick_ms > 0 ? fmin(tick_ms, AGE_MOST_MS) : 0;
    fleet->exchange_ns = now_ns - ms_to_ns(age_bounded(age_ms));
    for (uint32_t slot = 0; slot < fleet->member_count; slot++) {
        struct member *member = fleet->members[slot];
        member->others_tokens = member->others_pending = member->others_requests = 0;
        member->at_exchange = member_totals_at(fleet, member, fleet->exchange_ns);
    }
    for (size_t i = 0; i < count; i++) {
        if (others[i].slot >= fleet->member_count)
            continue;
        struct member *member = fleet->members[others[i].slot];
        member->others_tokens = count_bounded(others[i].pending_tokens);
        member->others_pending = count_bounded(others[i].pending);
        member->others_requests = count_bounded(others[i].inflight);
    }
}

/* --- endpoints ----------------------------------------------------------------------------------
 */

static struct endpoint_member *endpoint_find(struct fleet *fleet, uint32_t slot, uint32_t endpoint)
{
    if (slot >= fleet->member_count || endpoint >= fleet->members[slot]->endpoint_count)
        return NULL;
    return &fleet->members[slot]->endpoints[endpoint];
}

void fleet_observe_rtt(struct fleet *fleet, uint32_t slot, uint32_t endpoint, double rtt_ms,
                       int64_t now_ns)
{
    struct endpoint_member *member = endpoint_find(fleet, slot, endpoint);
    if (member == NULL || !(rtt_ms >= 0 && rtt_ms <= RTT_MOST_MS))
        return;
    struct rtt_window *window = &member->rtt;
    window->ms[window->count % RTT_SAMPLES] = rtt_ms;
    window->ns[window->count % RTT_SAMPLES] = now_ns;
    window->count++;
}

double rtt_window_ms(const struct rtt_window *window, int64_t now_ns)
{
    if (window->count == 0)
        return NAN;
    /* The newest stands however old it is: unknown is not better. */
    double least = window->ms[(window->count - 1) % RTT_SAMPLES];
    const uint32_t count = window->count < RTT_SAMPLES ? window->count : RTT_SAMPLES;
    for (uint32_t i = 0; i < count; i++)
        if (ns_to_ms(now_ns - window->ns[i]) <= RTT_WINDOW_MS)
            least = fmin(least, window->ms[i]);
    return least;
}

void fleet_observe_probe(struct fleet *fleet, uint32_t slot, uint32_t endpoint, bool ok,
                         int64_t now_ns)
{
    struct endpoint_member *member = endpoint_find(fleet, slot, endpoint);
    if (member == NULL || !probe_health_observe(&member->probe, ok))
        return;
    struct member *target = fleet->members[slot];
    const bool down = member_is_down(target);
    if (target->was_down && !down)
        health_restart(&target->health, now_ns);
    target->was_down = down;
}

bool member_is_down(const struct member *member)
{
    for (uint32_t e = 0; e < member->endpoint_count; e++)
        if (!member->endpoints[e].probe.down)
            return false;
    return member->endpoint_count > 0;
}

void fleet_set_endpoint_addresses(struct fleet *fleet, uint32_t slot, uint32_t endpoint,
                                  const struct sockaddr_storage *addresses, size_t count)
{
    struct endpoint_member *member = endpoint_find(fleet, slot, endpoint);
    if (member == NULL || count == 0)
        return;
    endpoint_addresses_drop(&member->addresses);
    member->addresses = endpoint_addresses_create(addresses, count);
}
