/*
 * A chain: one complete policy, then modifiers, each with its settings.  It is
 * immutable and may be asked by any number of workers at once; the
 * configuration's snapshot holds it.
 *
 * chain_decide is pure: the same decision inputs give the same answer, bit for
 * bit, live, in shadow, offline and in simulation.  It knows arrays of the
 * public ABI and nothing of the fleet behind them.
 */
#ifndef POLICY_CHAIN_H
#define POLICY_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/decision.h"
#include "policy/plugin.h"
#include "policy/settings.h"

/* One item of `policies:` in the configuration. */
struct policy_ref {
    const char *plugin; /* name or absolute path */
    const char *place;  /* "edge.yaml:40:5" */
    const struct setting_text *settings;
    size_t setting_count;
};

struct chain_link {
    struct plugin *plugin;
    void *settings;
};

struct chain {
    uint32_t holders; /* [control] */
    uint32_t count;
    uint64_t number;     /* of this process: no two chains have the same */
    uint32_t part_count; /* of all policies together */
    uint32_t pick;       /* which one picks; `count`: none, the cheapest is taken */
    struct chain_link links[CHAIN_POLICIES_MAX];
};

/* NULL after telling every problem; held once by the caller.  [control] */
struct chain *chain_create(const struct policy_ref *refs, size_t count, struct plugin_dir *dir,
                           struct problem_sink *sink) ISO_MUST_USE;
struct chain *chain_hold(struct chain *chain); /* [control] */
void chain_drop(struct chain **chain);         /* [control] */
/* The same policies, by content, with the same settings.  [control] */
bool chain_equal(const struct chain *a, const struct chain *b);
/* "least_latency+prefer", cut to `size`; returns out. */
const char *chain_name(const struct chain *chain, char *out, size_t size);

/* Fills the answer of a decision whose inputs stand: verdicts, milliseconds,
 * totals, chosen, runner_up, faults, and what each policy took if asked to.  Allocates nothing.
 * [worker] */
void chain_decide(const struct chain *chain, struct decision *decision);

#endif
