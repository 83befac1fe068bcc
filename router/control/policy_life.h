/*
 * The life of policies while the router runs: what is loaded, what is asked
 * beside, what was promoted over the file's `policies:`, and the way back.
 *
 *     load       candidate <- a chain, checked, asked by nobody
 *     shadow     candidate -> one of the shadows
 *     promote    shadow or candidate -> in force for every route without policies of its own
 *     rollback   in force -> candidate; what was in force before is again
 *
 * A promotion outlives reloads, until one changes `policies:` itself: then the
 * file has the last word.  A policy that overruns its budget again and again
 * is taken out as by rollback, but does not become the candidate.
 *
 * Only state: the caller makes tables of it and publishes them
 * (control_publish_policies).  All [control].
 */
#ifndef CONTROL_POLICY_LIFE_H
#define CONTROL_POLICY_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/tables.h"
#include "policy/chain.h"
#include "proxy/policy_time.h"
#include "proxy/shadow.h"

enum { PROMOTIONS_MOST = 8, OPERATOR_SHADOWS_MOST = SHADOWS_MOST - 1 };

/* When a policy overran its hard budget, the latest last. */
struct policy_strikes {
    uint64_t seen;
    int64_t at_ns[POLICY_STRIKES];
};

struct policy_life {
    uint32_t workers;
    struct chain *candidate; /* NULL: none */
    struct chain *promoted[PROMOTIONS_MOST];
    uint32_t promoted_count;    /* the last one is in force; 0: the file's chain */
    struct shadow *file_shadow; /* of `shadow:`; NULL: none */
    struct shadow *shadows[OPERATOR_SHADOWS_MOST];
    uint32_t shadow_count;
    struct chain *before; /* in force before a reload changed `policies:`; NULL: none */
    struct policy_strikes strikes[PLUGINS_MAX];
    uint64_t promotions, rollbacks, taken_out; /* since the start */
};

void policy_life_init(struct policy_life *life, uint32_t workers);
void policy_life_finish(struct policy_life *life);

/* Takes over the caller's hold. */
void policy_life_load(struct policy_life *life, struct chain *chain);
/* The candidate becomes a shadow.  One of the same name makes room; else false when there are too
 * many, or no candidate. */
bool policy_life_shadow(struct policy_life *life, struct error *error) ISO_MUST_USE;
/* False when no shadow of an operator's has that name. */
bool policy_life_unshadow(struct policy_life *life, const char *name,
                          struct error *error) ISO_MUST_USE;
/* `name` NULL: the only shadow, or without one the candidate. */
bool policy_life_promote(struct policy_life *life, const char *name,
                         struct error *error) ISO_MUST_USE;
bool policy_life_rollback(struct policy_life *life, struct error *error) ISO_MUST_USE;

/* What is in force over this file's chain. */
const struct chain *policy_life_in_force(const struct policy_life *life,
                                         const struct tables *tables);
/* Whether new tables stand over a file that changes what was promoted or shadowed.  `old` NULL: the
 * first ones. */
void policy_life_reload(struct policy_life *life, const struct tables *old,
                        const struct tables *now);
/* New tables over the ground of `from`. */
struct tables *policy_life_tables(const struct policy_life *life,
                                  const struct tables *from) ISO_MUST_USE;

/* Tells of a policy's confirmed overruns so far.  True when it must go: three within a minute. */
bool policy_life_strike(struct policy_life *life, const struct plugin *plugin, uint64_t strikes,
                        int64_t now_ns);
/* Takes it out of shadows and out of force; true when something changed, and then new tables are
 * due.  What came of it is in the log. */
bool policy_life_take_out(struct policy_life *life, const struct plugin *plugin,
                          const struct tables *tables);

#endif
