/* --policy and --set: which chains compete. */
#include <stdio.h>
#include <string.h>

#include "chain_text/chain_text.h"
#include "simulate/plan_state.h"

static const char *text_keep(struct plan *o, struct slice text)
{
    return arena_printf(&o->arena, "%.*s", SLICE_ARG(text)).ptr;
}

static struct chain *chain_read(struct plan *o, const char *text, struct error *error)
{
    struct chain_text chain_text;
    struct problem_first problem;
    struct chain *chain = NULL;
    if (chain_text_read(&chain_text, text, error)) {
        problem_first_init(&problem);
        chain = chain_create(chain_text.refs, chain_text.count, o->plugins, &problem.sink);
        if (chain == NULL)
            *error = problem.error;
    }
    chain_text_finish(&chain_text);
    if (chain == NULL)
        error_prefix(error, "--policy %s", text);
    return chain;
}

static bool contender_add(struct plan *o, const char *text, struct error *error)
{
    if (o->contender_count == PLAN_POLICIES_MAX)
        return error_set(error, "--policy and --set: there may be %d to compare",
                         PLAN_POLICIES_MAX);
    struct contender *c = &o->contenders[o->contender_count];
    *c = (struct contender){.name = text};
    if (strcmp(text, "clairvoyant") == 0)
        c->rule = RUN_EXACT;
    else if (strcmp(text, "clairvoyant_greedy") == 0)
        c->rule = RUN_EXACT_QUICKEST;
    c->chain = c->rule == RUN_POLICY ? chain_read(o, text, error) : chain_hold(o->exact_chain);
    o->contender_count += c->chain != NULL;
    return c->chain != NULL;
}

/* --- settings in turn --- */

/* POLICY.SETTING=VALUE[,VALUE]... */
struct sweep {
    struct slice policy, setting, values;
};

static bool sweep_read(const char *text, struct sweep *out, struct error *error)
{
    struct slice rest = slice_of(text), what = SLICE_NONE;
    if (slice_find(rest, '=') > 0) {
        slice_split(&rest, '=', &what);
        out->values = rest;
    }
    const ptrdiff_t dot = slice_find(what, '.');
    if (dot <= 0 || (size_t)dot + 1 == what.len || out->values.len == 0)
        return error_set(error, "--set: expected POLICY.SETTING=VALUE[,VALUE]..., found \"%s\"",
                         text);
    out->policy = slice_make(what.ptr, (size_t)dot);
    out->setting = slice_make(what.ptr + dot + 1, what.len - (size_t)dot - 1);
    return true;
}

/* What of a link's text names its policy: "dir/least_latency.so:x=1" has least_latency. */
static struct slice link_policy(struct slice link)
{
    struct slice name = link;
    slice_split(&link, ':', &name);
    for (ptrdiff_t slash; (slash = slice_find(name, '/')) >= 0;)
        name = slice_make(name.ptr + slash + 1, name.len - (size_t)slash - 1);
    if (slice_ends(name, SLICE(".so")))
        name.len -= 3;
    return name;
}

/* The chain with that setting at the policy, wherever it is in it; NULL when it is not. */
static const char *chain_with(struct plan *o, const char *chain, const struct sweep *sweep,
                              struct slice value)
{
    struct slice rest = slice_of(chain), link;
    const char *made = "";
    bool found = false;
    while (chain_text_link(&rest, &link)) {
        made = arena_printf(&o->arena, "%s%s%.*s", made, *made != '\0' ? "+" : "", SLICE_ARG(link))
                   .ptr;
        if (!slice_eq(link_policy(link), sweep->policy))
            continue;
        found = true;
        made = arena_printf(&o->arena, "%s:%.*s=%.*s", made, SLICE_ARG(sweep->setting),
                            SLICE_ARG(value))
                   .ptr;
    }
    return found ? made : NULL;
}

/* Every combination of the values of the sweeps from `at` on. */
static bool chain_spread(struct plan *o, const char *chain, const struct sweep *sweeps,
                         uint32_t count, uint64_t *used, struct error *error)
{
    if (count == 0)
        return contender_add(o, chain, error);
    struct slice values = sweeps->values, value;
    while (slice_split(&values, ',', &value)) {
        const char *made = chain_with(o, chain, sweeps, value);
        if (made == NULL)
            return chain_spread(o, chain, sweeps + 1, count - 1, used, error);
        *used |= UINT64_C(1) << count;
        if (!chain_spread(o, made, sweeps + 1, count - 1, used, error))
            return false;
    }
    return true;
}

bool plan_policies_read(struct plan *o, const struct plan_raw *raw, struct error *error)
{
    char folder[4096];
    struct sweep sweeps[PLAN_SWEEPS_MAX] = {0};
    struct slice rest = slice_of(raw->policy), part;
    uint64_t used = 0;
    o->plugins = plugin_dir_create(raw->plugins != NULL ? raw->plugins
                                                        : chain_text_folder(folder, sizeof folder));
    o->exact_chain = chain_read(o, "least_latency", error);
    if (o->exact_chain == NULL)
        return false;
    for (uint32_t i = 0; i < raw->sweep_count; i++)
        if (!sweep_read(raw->sweeps[i], &sweeps[i], error))
            return false;
    while (chain_text_split(&rest, &part))
        if (!chain_spread(o, text_keep(o, part), sweeps, raw->sweep_count, &used, error))
            return false;
    for (uint32_t i = 0; i < raw->sweep_count; i++)
        if ((used & UINT64_C(1) << (raw->sweep_count - i)) == 0)
            return error_set(error, "--set: there is no policy %.*s in --policy %s",
                             SLICE_ARG(sweeps[i].policy), raw->policy);
    return true;
}
