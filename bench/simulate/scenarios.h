/* The reference scenarios, carried in the program: bench/scenarios/. */
#ifndef SIMULATE_SCENARIOS_H
#define SIMULATE_SCENARIOS_H

/* The file's text; NULL when there is none of that name. */
const char *scenarios_find(const char *name);

#endif
