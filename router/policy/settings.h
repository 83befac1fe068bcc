/*
 * The settings of one policy in a chain: a struct as the policy's option table
 * describes it, filled from its defaults and the operator's texts.
 *
 * Called by the chain.  Knows nothing of YAML: the config layer hands over
 * names, texts and places, and is told of every problem.
 */
#ifndef POLICY_SETTINGS_H
#define POLICY_SETTINGS_H

#include <stddef.h>

#include "base/error.h"
#include "isochrone/policy.h"

/* One line of a policy's `settings:`. */
struct setting_text {
    const char *name;
    const char *text;
    const char *place; /* "edge.yaml:41:9" */
};

/* Told of every problem, so that one run names them all.  `place` is the one
 * that was handed in with the offending thing; never NULL, may be "". */
struct problem_sink {
    void (*tell)(struct problem_sink *sink, const char *place, const char *sentence);
};

/* Keeps the first problem, as one sentence with its place in front. */
struct problem_first {
    struct problem_sink sink;
    unsigned count;
    struct error error;
};

void problem_first_init(struct problem_first *first);

/* The settings struct of a policy: defaults, then the operator's texts, then
 * the policy's own check.  NULL after telling every problem; a policy without
 * settings yields one zeroed byte.  From malloc; the caller frees.  [control] */
void *settings_create(const struct iso_policy *policy, const struct setting_text *texts,
                      size_t count, const char *place, struct problem_sink *sink) ISO_MUST_USE;

#endif
