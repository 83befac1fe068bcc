/*
 * What the body of a POST to /policies/... says: JSON into what the chain
 * loader takes.  Reads, does not load.
 *
 *     {"plugin": "prequal", "settings": {"probes": 3, "cold": "on"}}
 *     {"policies": [{"plugin": ...}, {"plugin": ...}]}
 *     {"policy": "prequal+prefer"}   a name that is known already
 *     {"stop": "prequal"}            likewise
 *     {} or nothing
 */
#ifndef CONTROL_POLICY_SPEC_H
#define CONTROL_POLICY_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "http/json_tree.h"
#include "policy/chain.h"

struct policy_spec {
    struct policy_ref refs[CHAIN_POLICIES_MAX];
    size_t count;     /* 0: no chain was described */
    const char *name; /* of "policy"; NULL: not given */
    const char *stop; /* of "stop"; NULL: not given */
    struct json_tree *tree;
    struct arena arena;
};

/* False with a sentence; to be finished in any case.  [control] */
bool policy_spec_read(struct policy_spec *spec, struct slice body,
                      struct error *error) ISO_MUST_USE;
void policy_spec_finish(struct policy_spec *spec);

#endif
