/* Configuration, slots and life of the fleet; what it is fed is in fleet_feed.c, the tick in
 * fleet_tick.c. */
#include "fleet/fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fleet/fleet_state.h"

struct fleet *fleet_create(uint64_t seed)
{
    struct fleet *fleet = memory_zalloc(sizeof *fleet);
    random_seed(&fleet->random, seed);
    fleet->routers = 1;
    return fleet;
}

static void endpoints_finish(struct member *member)
{
    for (uint32_t e = 0; e < member->endpoint_count; e++)
        endpoint_addresses_drop(&member->endpoints[e].addresses);
    free(member->endpoints);
    member->endpoints = NULL;
    member->endpoint_count = 0;
}

void fleet_destroy(struct fleet **fleet)
{
    struct fleet *old = *fleet;
    *fleet = NULL;
    if (old == NULL)
        return;
    for (uint32_t i = 0; i < old->member_count; i++) {
        endpoints_finish(old->members[i]);
        free(old->members[i]->history);
        free(old->members[i]->name);
        free(old->members[i]);
    }
    fleet_config_drop(&old->config);
    free(old->shares);
    free(old);
}

static uint32_t slot_of_name(const struct fleet *fleet, struct slice name)
{
    for (uint32_t i = 0; i < fleet->member_count; i++)
        if (slice_eq(slice_of(fleet->members[i]->name), name))
            return i;
    return FLEET_SLOT_NONE;
}

static struct member *member_create(const struct target_config *target, int64_t now_ns)
{
    struct member *member = memory_zalloc(sizeof *member);
    member->name = memory_strdup(target->name);
    member->cluster_len = strlen(target->cluster->name);
    member->history = memory_zalloc(FLEET_HISTORY * sizeof *member->history);
    member->observed_ttft_ms = member->peak_ttft_ms = NAN;
    member->overdue_ns[0] = member->overdue_ns[1] = LEDGER_NEVER;
    report_init(&member->report);
    health_init(&member->health, now_ns);
    return member;
}

static bool endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && a->tls == b->tls && strcmp(a->host, b->host) == 0;
}

/* Endpoints that stay keep their addresses, probes and round trips. */
static void endpoints_adopt(struct member *member, const struct pool *pool)
{
    struct endpoint_member *fresh = memory_zalloc(pool->endpoint_count * sizeof *fresh);
    for (uint32_t e = 0; e < pool->endpoint_count; e++) {
        for (uint32_t k = 0; k < member->endpoint_count; k++) {
            struct endpoint_member *old = &member->endpoints[k];
            if (old->config == NULL || !endpoint_same(old->config, &pool->endpoints[e]))
                continue;
            fresh[e] = *old;
            *old = (struct endpoint_member){0};
            break;
        }
        fresh[e].config = &pool->endpoints[e];
    }
    endpoints_finish(member);
    member->endpoints = fresh;
    member->endpoint_count = pool->endpoint_count;
}

/* A cluster drained before a pool of it was added is drained with it. */
static bool cluster_is_drained(const struct fleet *fleet, const char *cluster)
{
    const struct slice name = slice_of(cluster);
    for (uint32_t i = 0; i < fleet->member_count; i++) {
        const struct member *member = fleet->members[i];
        if (member->drained && slice_eq(slice_make(member->name, member->cluster_len), name))
            return true;
    }
    return false;
}

static bool slots_suffice(const struct fleet *fleet, const struct fleet_config *config,
                          struct error *error)
{
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < config->target_count; i++)
        fresh += slot_of_name(fleet, slice_of(config->targets[i].name)) == FLEET_SLOT_NONE;
    if (fleet->member_count + fresh <= FLEET_SLOTS_MAX)
        return true;
    return error_set(
        error, "clusters: %u new pools on top of %u seen since the start; %d fit until a restart",
        fresh, fleet->member_count, FLEET_SLOTS_MAX);
}

bool fleet_configure(struct fleet *fleet, struct fleet_config *config, int64_t now_ns,
                     struct error *error)
{
    if (!slots_suffice(fleet, config, error))
        return false;
    for (uint32_t i = 0; i < config->target_count; i++) {
        const struct target_config *target = &config->targets[i];
        uint32_t slot = slot_of_name(fleet, slice_of(target->name));
        if (slot == FLEET_SLOT_NONE) {
            const bool drained = cluster_is_drained(fleet, target->cluster->name);
            slot = fleet->member_count++;
            fleet->members[slot] = member_create(target, now_ns);
            fleet->members[slot]->drained = drained;
        }
        fleet->slots[i] = slot;
        endpoints_adopt(fleet->members[slot], target->pool);
    }
    /* Those that left point into the old configuration. */
    bool stays[FLEET_SLOTS_MAX] = {false};
    for (uint32_t i = 0; i < config->target_count; i++)
        stays[fleet->slots[i]] = true;
    for (uint32_t slot = 0; slot < fleet->member_count; slot++)
        if (!stays[slot])
            endpoints_finish(fleet->members[slot]);
    fleet_config_drop(&fleet->config);
    fleet->config = fleet_config_hold(config);
    fleet->configured_ns = now_ns;
    return true;
}

uint32_t fleet_slot_find(const struct fleet *fleet, struct slice cluster, struct slice pool)
{
    if (fleet->config == NULL)
        return FLEET_SLOT_NONE;
    for (uint32_t i = 0; i < fleet->config->target_count; i++) {
        const struct target_config *target = &fleet->config->targets[i];
        if (slice_eq(slice_of(target->cluster->name), cluster) &&
            slice_eq(slice_of(target->pool->name), pool))
            return fleet->slots[i];
    }
    return FLEET_SLOT_NONE;
}

bool fleet_drain(struct fleet *fleet, struct slice cluster, bool drained)
{
    bool found = false;
    for (uint32_t i = 0; i < fleet->member_count; i++) {
        struct member *member = fleet->members[i];
        if (!slice_eq(slice_make(member->name, member->cluster_len), cluster))
            continue;
        member->drained = drained;
        found = found || member->endpoint_count > 0;
    }
    return found;
}

static int64_t count_between(uint64_t more, uint64_t less)
{
    return more > less ? (int64_t)(more - less) : 0;
}

size_t fleet_shares(const struct fleet *fleet, struct fleet_share *shares, size_t max)
{
    const size_t count = fleet->config != NULL ? fleet->config->target_count : 0;
    size_t i = 0;
    for (; i < count && i < max; i++) {
        const struct member *member = fleet_member(fleet, (uint32_t)i);
        const struct slot_totals *totals = &member->totals;
        shares[i] = (struct fleet_share){
            .name = fleet->config->targets[i].name,
            .slot = fleet->slots[i],
            .inflight = count_between(totals->sent, totals->ended),
            .pending = count_between(totals->sent, totals->answered),
            .pending_tokens = count_between(totals->sent_tokens, totals->answered_tokens),
        };
    }
    return i;
}
