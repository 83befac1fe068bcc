/*
 * `isobench replay`: recorded decisions made again, by the policy that made
 * them (and then bit for bit the same) or by another (and then: what would
 * have changed).
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "policy/chain.h"
#include "replay/log_reader.h"

int replay_main(int argc, char **argv);

/* The inputs of a recorded decision, as chain_decide wants them. */
void replay_fill(struct decision *decision, const struct recorded *recorded, uint32_t parts);
/* Is the answer the recorded one: choice, totals and every part, bit for bit? */
bool replay_same(const struct decision *decision, const struct recorded *recorded);
/* The chain as it was; NULL with a sentence when a policy's file is gone or another. */
struct chain *replay_chain(const struct record_chain *record, struct plugin_dir *dir,
                           struct error *error) ISO_MUST_USE;

#endif
