/*
 * `isobench decide`: what one decision costs, from the route to the choice:
 * verdicts, estimates, chain.  One thread, CPU time, memory counted.
 */
#ifndef DECISION_DECISION_H
#define DECISION_DECISION_H

int decide_main(int argc, char **argv);

#endif
