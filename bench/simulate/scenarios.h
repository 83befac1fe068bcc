/* The reference scenarios, carried in the program: bench/scenarios/; and others from files. */
#ifndef SIMULATE_SCENARIOS_H
#define SIMULATE_SCENARIOS_H

#include "cluster/scenario.h"

/*
 * `which`: the name of a reference scenario, FILE, or FILE:NAME.  Everything
 * lives in the arena.  False after telling what is wrong on stderr.
 */
bool scenarios_load(const char *which, struct arena *arena, struct scenario *out) ISO_MUST_USE;

#endif
