/*
 * `isobench conform`: does a policy keep to the ABI?  It is asked about many
 * made-up fleets in a child process, its inputs in read-only pages, its
 * allocations counted; every fault is told in a sentence with its seed.
 */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include <stdint.h>

#include "base/error.h"
#include "conform/finding.h"
#include "isochrone/policy.h"

int conform_main(int argc, char **argv);

/* Examples `seed` to `seed + fleets - 1`.  The findings are shared memory: conform_release. */
struct findings *conform_run(const struct iso_policy *policy, const void *settings, uint64_t seed,
                             uint64_t fleets) ISO_MUST_USE;
void conform_release(struct findings **findings);

#endif
