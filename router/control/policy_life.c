#include "control/policy_life.h"

#include <string.h>

#include "base/log.h"

#define NAME_BYTES SHADOW_NAME_BYTES

void policy_life_init(struct policy_life *life, uint32_t workers)
{
    *life = (struct policy_life){.workers = workers};
}

static void promotions_drop(struct policy_life *life)
{
    while (life->promoted_count > 0)
        chain_drop(&life->promoted[--life->promoted_count]);
}

void policy_life_finish(struct policy_life *life)
{
    chain_drop(&life->candidate);
    chain_drop(&life->before);
    promotions_drop(life);
    shadow_drop(&life->file_shadow);
    while (life->shadow_count > 0)
        shadow_drop(&life->shadows[--life->shadow_count]);
}

void policy_life_load(struct policy_life *life, struct chain *chain)
{
    chain_drop(&life->candidate);
    life->candidate = chain;
}

/* --- shadows --- */

static uint32_t shadow_find(const struct policy_life *life, const char *name)
{
    uint32_t s = 0;
    while (s < life->shadow_count && strcmp(life->shadows[s]->name, name) != 0)
        s++;
    return s;
}

static void shadow_remove(struct policy_life *life, uint32_t s)
{
    shadow_drop(&life->shadows[s]);
    life->shadows[s] = life->shadows[--life->shadow_count];
    life->shadows[life->shadow_count] = NULL;
}

static void shadow_renew(struct shadow **shadow)
{
    struct shadow *old = *shadow;
    *shadow = shadow_create(chain_hold(old->chain), old->workers, old->from_file);
    shadow_drop(&old);
}

/* What they counted was about another live chain. */
static void shadows_renew(struct policy_life *life)
{
    if (life->file_shadow != NULL)
        shadow_renew(&life->file_shadow);
    for (uint32_t s = 0; s < life->shadow_count; s++)
        shadow_renew(&life->shadows[s]);
}

bool policy_life_shadow(struct policy_life *life, struct error *error)
{
    char name[NAME_BYTES];
    if (life->candidate == NULL)
        return error_set(error, "There is no candidate to shadow; load a policy first.");
    const uint32_t same = shadow_find(life, chain_name(life->candidate, name, sizeof name));
    if (same < life->shadow_count)
        shadow_remove(life, same);
    if (life->shadow_count == OPERATOR_SHADOWS_MOST)
        return error_set(error, "There are %d shadows already; stop one of them first.",
                         OPERATOR_SHADOWS_MOST);
    life->shadows[life->shadow_count++] = shadow_create(life->candidate, life->workers, false);
    life->candidate = NULL;
    return true;
}

bool policy_life_unshadow(struct policy_life *life, const char *name, struct error *error)
{
    const uint32_t s = shadow_find(life, name);
    if (s < life->shadow_count) {
        shadow_remove(life, s);
        return true;
    }
    if (life->file_shadow != NULL && strcmp(life->file_shadow->name, name) == 0)
        return error_set(error,
                         "The shadow \"%.80s\" is the file's; take it out of `shadow:` and "
                         "reload.",
                         name);
    return error_set(error, "There is no shadow \"%.80s\".", name);
}

/* --- in force and back --- */

/* Takes over the hold.  The oldest promotion falls off the end. */
static void promoted_push(struct policy_life *life, struct chain *chain)
{
    if (life->promoted_count == PROMOTIONS_MOST) {
        chain_drop(&life->promoted[0]);
        life->promoted_count--;
        memmove(&life->promoted[0], &life->promoted[1],
                life->promoted_count * sizeof life->promoted[0]);
    }
    life->promoted[life->promoted_count++] = chain;
}

static struct shadow *only_shadow(const struct policy_life *life)
{
    const uint32_t count = life->shadow_count + (life->file_shadow != NULL);
    if (count != 1)
        return NULL;
    return life->shadow_count == 1 ? life->shadows[0] : life->file_shadow;
}

/* A hold on the chain that is meant; NULL after the sentence. */
static struct chain *chain_meant(struct policy_life *life, const char *name, struct error *error)
{
    char candidate[NAME_BYTES] = "";
    if (life->candidate != NULL)
        chain_name(life->candidate, candidate, sizeof candidate);
    if (name == NULL) {
        if (only_shadow(life) != NULL)
            return chain_hold(only_shadow(life)->chain);
        if (life->shadow_count == 0 && life->candidate != NULL)
            return chain_hold(life->candidate);
        error_set(error, life->shadow_count > 0
                             ? "There are several shadows; say which one by its name."
                             : "There is neither a shadow nor a candidate; load a policy first.");
        return NULL;
    }
    const uint32_t s = shadow_find(life, name);
    if (s < life->shadow_count)
        return chain_hold(life->shadows[s]->chain);
    if (life->file_shadow != NULL && strcmp(life->file_shadow->name, name) == 0)
        return chain_hold(life->file_shadow->chain);
    if (strcmp(candidate, name) == 0)
        return chain_hold(life->candidate);
    error_set(error, "There is no shadow and no candidate \"%.80s\".", name);
    return NULL;
}

bool policy_life_promote(struct policy_life *life, const char *name, struct error *error)
{
    struct chain *chain = chain_meant(life, name, error);
    if (chain == NULL)
        return false;
    for (uint32_t s = 0; s < life->shadow_count; s++)
        if (life->shadows[s]->chain == chain)
            shadow_remove(life, s--);
    if (life->candidate == chain)
        chain_drop(&life->candidate);
    promoted_push(life, chain);
    shadows_renew(life);
    life->promotions++;
    return true;
}

bool policy_life_rollback(struct policy_life *life, struct error *error)
{
    if (life->promoted_count == 0)
        return error_set(error, "Nothing was promoted: the file's policies are in force.");
    policy_life_load(life, life->promoted[--life->promoted_count]);
    life->promoted[life->promoted_count] = NULL;
    shadows_renew(life);
    life->rollbacks++;
    return true;
}

const struct chain *policy_life_in_force(const struct policy_life *life,
                                         const struct tables *tables)
{
    return life->promoted_count > 0 ? life->promoted[life->promoted_count - 1]
                                    : tables_file_chain(tables);
}

/* --- tables --- */

static void file_policies_changed(struct policy_life *life, const struct tables *old)
{
    chain_drop(&life->before);
    life->before = chain_hold(old->usual_chain);
    if (life->promoted_count > 0)
        log_event(LOG_WARN, "policy_promotion_ended",
                  "the file's `policies:` changed and are in force from now on");
    promotions_drop(life);
    shadows_renew(life);
}

static void follow_file_shadow(struct policy_life *life, struct chain *chain)
{
    if (life->file_shadow != NULL && chain != NULL && chain_equal(life->file_shadow->chain, chain))
        return; /* goes on counting */
    shadow_drop(&life->file_shadow);
    if (chain != NULL)
        life->file_shadow = shadow_create(chain_hold(chain), life->workers, true);
}

void policy_life_reload(struct policy_life *life, const struct tables *old,
                        const struct tables *now)
{
    if (old != NULL && !chain_equal(tables_file_chain(old), tables_file_chain(now)))
        file_policies_changed(life, old);
    follow_file_shadow(life, now->ground->shadow_chain);
}

struct tables *policy_life_tables(const struct policy_life *life, const struct tables *from)
{
    struct shadow *shadows[SHADOWS_MOST];
    uint32_t count = 0;
    const struct chain *in_force = policy_life_in_force(life, from);
    /* What is in force agrees with itself. */
    if (life->file_shadow != NULL && !chain_equal(life->file_shadow->chain, in_force))
        shadows[count++] = life->file_shadow;
    for (uint32_t s = 0; s < life->shadow_count; s++)
        if (!chain_equal(life->shadows[s]->chain, in_force))
            shadows[count++] = life->shadows[s];
    struct chain *promoted =
        life->promoted_count > 0 ? life->promoted[life->promoted_count - 1] : NULL;
    return tables_vary(from, promoted, shadows, count);
}

/* --- out --- */

bool policy_life_strike(struct policy_life *life, const struct plugin *plugin, uint64_t strikes,
                        int64_t now_ns)
{
    struct policy_strikes *past = &life->strikes[plugin->number];
    for (; past->seen < strikes; past->seen++) {
        memmove(&past->at_ns[0], &past->at_ns[1], sizeof past->at_ns - sizeof past->at_ns[0]);
        past->at_ns[POLICY_STRIKES - 1] = now_ns;
    }
    if (past->at_ns[0] == 0 || now_ns - past->at_ns[0] > POLICY_STRIKE_NS)
        return false;
    memset(past->at_ns, 0, sizeof past->at_ns);
    return true;
}

static bool chain_has(const struct chain *chain, const struct plugin *plugin)
{
    for (uint32_t k = 0; k < chain->count; k++)
        if (chain->links[k].plugin == plugin)
            return true;
    return false;
}

static bool shadows_take_out(struct policy_life *life, const struct plugin *plugin)
{
    const uint32_t before = life->shadow_count;
    bool changed = false;
    for (uint32_t s = 0; s < life->shadow_count; s++)
        if (chain_has(life->shadows[s]->chain, plugin))
            shadow_remove(life, s--);
    if (life->file_shadow != NULL && chain_has(life->file_shadow->chain, plugin)) {
        shadow_drop(&life->file_shadow);
        changed = true;
    }
    return changed || life->shadow_count < before;
}

/* Back to the last that did without it. */
static bool in_force_take_out(struct policy_life *life, const struct plugin *plugin,
                              const struct tables *tables)
{
    if (!chain_has(policy_life_in_force(life, tables), plugin))
        return false;
    const uint32_t before = life->promoted_count;
    while (life->promoted_count > 0 && chain_has(policy_life_in_force(life, tables), plugin))
        chain_drop(&life->promoted[--life->promoted_count]);
    if (!chain_has(policy_life_in_force(life, tables), plugin))
        return true;
    if (life->before != NULL && !chain_has(life->before, plugin)) {
        promoted_push(life, chain_hold(life->before));
        return true;
    }
    return life->promoted_count < before;
}

static bool routes_have(const struct tables *tables, const struct plugin *plugin)
{
    for (size_t r = 0; r < tables->face.route_count; r++)
        if (chain_has(tables->face.routes[r].chain, plugin))
            return true;
    return false;
}

bool policy_life_take_out(struct policy_life *life, const struct plugin *plugin,
                          const struct tables *tables)
{
    char name[NAME_BYTES];
    const bool was_shadow = shadows_take_out(life, plugin);
    const bool was_in_force = in_force_take_out(life, plugin, tables);
    if (was_in_force)
        shadows_renew(life);
    const struct chain *now = policy_life_in_force(life, tables);
    const bool gone = was_shadow || was_in_force;
    life->taken_out += gone;
    if (gone && !chain_has(now, plugin))
        log_event(LOG_ERROR, "policy_taken_out",
                  "%s overran its budget of %d ms %d times within a minute; in force is %s",
                  plugin->policy.name, (int)(POLICY_HARD_NS / 1000000), POLICY_STRIKES,
                  chain_name(now, name, sizeof name));
    else if (routes_have(tables, plugin))
        log_event(LOG_ERROR, "policy_too_slow",
                  "%s overran its budget of %d ms %d times within a minute; it stays, for there is "
                  "no earlier chain without it",
                  plugin->policy.name, (int)(POLICY_HARD_NS / 1000000), POLICY_STRIKES);
    return gone;
}
