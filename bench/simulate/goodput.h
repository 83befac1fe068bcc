/*
 * `isobench simulate --goodput`: the highest load at which a policy keeps its
 * promise to 95 % of the interactive requests, and the curve up to there.
 */
#ifndef SIMULATE_GOODPUT_H
#define SIMULATE_GOODPUT_H

#include "simulate/plan.h"

#define GOODPUT_SHARE 0.95

/* For each policy of the plan; prints as it goes. */
void goodput_run(const struct plan *plan);

#endif
