#include "proxy/decide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* --- routes --- */

bool word_list_fits(const struct word_list *list, struct slice word)
{
    if (list->count == 0)
        return true;
    for (uint32_t i = 0; i < list->count; i++) {
        struct slice pattern = slice_of(list->words[i]);
        if (slice_ends(pattern, SLICE("*"))) {
            pattern.len--;
            if (slice_starts(word, pattern))
                return true;
        } else if (slice_eq(word, pattern)) {
            return true;
        }
    }
    return false;
}

static bool route_matches(const struct route *route, const struct decide_input *input)
{
    return (route->classes == 0 || (route->classes & (1u << input->service_class))) &&
           word_list_fits(&route->models, input->model) &&
           word_list_fits(&route->paths, input->path) &&
           word_list_fits(&route->tenants, input->tenant) &&
           word_list_fits(&route->countries, slice_of(input->place->country)) &&
           word_list_fits(&route->continents, slice_of(input->place->continent));
}

const struct route *route_find(const struct proxy_tables *tables, const struct decide_input *input)
{
    for (size_t i = 0; i + 1 < tables->route_count; i++)
        if (route_matches(&tables->routes[i], input))
            return &tables->routes[i];
    return &tables->routes[tables->route_count - 1];
}

static bool permits_text(const struct word_list *list, const char *word)
{
    return list->count == 0 || word_list_fits(list, slice_of(word));
}

/* Most routes require nothing, and then nothing of a cluster has to be looked at. */
static bool requires(const struct route *route)
{
    return route->need_countries.count > 0 || route->need_regions.count > 0 ||
           route->need_accelerators.count > 0 || route->need_clusters.count > 0;
}

static bool permits(const struct route *route, const struct iso_cluster *cluster,
                    const struct target *target)
{
    return permits_text(&route->need_countries, cluster->country) &&
           permits_text(&route->need_regions, cluster->region) &&
           permits_text(&route->need_accelerators, cluster->accelerator) &&
           permits_text(&route->need_clusters, target->config->cluster->name);
}

/* --- verdicts --- */

static void make_room(struct decide_room *room, uint32_t targets)
{
    if (room->targets >= targets)
        return;
    room->verdicts = memory_realloc(room->verdicts, targets);
    room->reasons = memory_realloc(room->reasons, targets);
    room->targets = targets;
}

void decide_room_finish(struct decide_room *room)
{
    free(room->verdicts);
    free(room->reasons);
    standing_finish(&room->standing);
    *room = (struct decide_room){0};
}

static enum decision_reason reason_of(uint8_t fleet_reason)
{
    static const uint8_t reasons[FLEET_REASON_COUNT] = {
        [FLEET_USABLE] = DECISION_OPEN,
        [FLEET_NO_MODEL] = DECISION_MODEL,
        [FLEET_TRIED] = DECISION_TRIED,
        [FLEET_DRAINED] = DECISION_DRAINING,
        [FLEET_WEIGHTLESS] = DECISION_WEIGHT,
        [FLEET_CLOSED] = DECISION_CLOSED,
        [FLEET_EXISTING_ONLY] = DECISION_EXISTING_ONLY,
        [FLEET_DOWN] = DECISION_DOWN,
        [FLEET_EJECTED] = DECISION_EJECTED,
        [FLEET_PROBING] = DECISION_PROBING,
        [FLEET_SLOW_START] = DECISION_SLOW_START,
        [FLEET_SILENT] = DECISION_SILENT,
        [FLEET_EXCLUDED] = DECISION_RESIDENCY,
    };
    return reasons[fleet_reason < FLEET_REASON_COUNT ? fleet_reason : FLEET_USABLE];
}

/* Closes what the router itself rules out.  Returns how many are left; *permitted, how many of
 * those that serve the model the route permits at all. */
static uint32_t close_targets(const struct snapshot *snapshot, const struct ledger *ledger,
                              const struct decide_input *input,
                              const struct decide_outcome *outcome, struct decide_room *room,
                              struct decision *decision, uint32_t *permitted)
{
    const bool picky = requires(outcome->route);
    if (!picky && fleet_all_usable(snapshot, &outcome->query, input->tried)) { /* as a rule */
        memset(room->reasons, FLEET_USABLE, snapshot->count);
        return *permitted = snapshot->count;
    }
    *permitted = 0;
    for (uint32_t i = 0; i < snapshot->count; i++) {
        const struct iso_cluster *cluster = &snapshot->clusters[i];
        const bool fine = (!picky || permits(outcome->route, cluster, &snapshot->targets[i])) &&
                          cluster->weight > 0;
        room->verdicts[i] = fine ? ISO_KEEP : ISO_CLOSED;
        *permitted += fine && model_served_by(outcome->model, i);
    }
    const uint32_t kept = fleet_verdicts(snapshot, ledger, &outcome->query, input->tried,
                                         input->now_ns, room->verdicts, room->reasons);
    for (uint32_t i = 0; i < snapshot->count; i++) {
        if (room->verdicts[i] != ISO_KEEP)
            decision->verdicts[i].reason = (uint8_t)reason_of(room->reasons[i]);
    }
    return kept;
}

/* --- the request as policies see it --- */

static void fill_request(struct iso_request *request, const struct decide_input *input,
                         const struct proxy_tables *tables)
{
    *request = (struct iso_request){
        .struct_size = sizeof *request,
        .attempt = input->attempt,
        .service_class = input->service_class,
        .stream = input->stream,
        .latitude = input->place->latitude,
        .longitude = input->place->longitude,
        .model = {input->model.ptr, input->model.len},
        .tenant = {input->tenant.ptr, input->tenant.len},
        .session = input->session,
        .prompt_tokens = input->prompt_tokens,
        .output_tokens = input->output_tokens,
        .slo_ms = tables->classes[input->service_class].slo_ms,
    };
    memcpy(request->country, input->place->country, sizeof request->country);
    memcpy(request->continent, input->place->continent, sizeof request->continent);
}

static void fill_query(struct fleet_query *query, const struct decide_input *input,
                       const struct model *model, const struct affinity *affinity)
{
    *query = (struct fleet_query){
        .model = model,
        .prompt_tokens = input->prompt_tokens,
        .output_tokens = input->output_tokens,
        .session = input->session,
        .prefixes = input->prefixes,
        .prefix_count = input->prefix_count,
        .service_class = input->service_class,
        .stream = input->stream,
        .latitude = input->place->known ? input->place->latitude : NAN,
        .longitude = input->place->known ? input->place->longitude : NAN,
        .affinity = affinity,
    };
}

void decide(const struct proxy_tables *tables, const struct snapshot *snapshot,
            const struct ledger *ledger, const struct affinity *affinity,
            const struct decide_input *input, struct decide_room *room, struct decision *decision,
            struct decide_outcome *outcome)
{
    *outcome = (struct decide_outcome){.fault = FAULT_NONE};
    outcome->route = route_find(tables, input);
    outcome->model = snapshot_model_find(snapshot, input->model);
    if (outcome->model == NULL) {
        outcome->fault = FAULT_NO_MODEL;
        return;
    }
    fill_query(&outcome->query, input, outcome->model, affinity);
    make_room(room, snapshot->count);
    decision_begin(decision, snapshot->count, outcome->route->chain->part_count);
    decision->id = input->id;
    decision->seed = input->seed;
    decision->sequence = input->sequence;
    decision->now_ns = input->now_ns;
    decision->clock_ns = input->clock_ns;
    decision->route = outcome->route->name;
    decision->clusters = snapshot->clusters;
    fill_request(&decision->request, input, tables);

    uint32_t permitted;
    const uint32_t kept =
        close_targets(snapshot, ledger, input, outcome, room, decision, &permitted);
    standing_estimate(&room->standing, snapshot, ledger, &outcome->query, input->now_ns,
                      decision->estimates);
    chain_decide(outcome->route->chain, decision);
    if (decision->chosen == ISO_NONE)
        outcome->fault = kept == 0 && permitted == 0 ? FAULT_CONSTRAINT : FAULT_NO_CLUSTER;
}
