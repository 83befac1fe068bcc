/*
 * A shadow: a chain that is asked beside the live one, on the same requests
 * with the same inputs, and never obeyed.  What it would have done is counted
 * and recorded, so that an operator knows before promoting it.
 *
 * The control thread makes shadows and publishes them with the tables; each
 * worker writes only its own cell.
 */
#ifndef PROXY_SHADOW_H
#define PROXY_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "policy/chain.h"
#include "policy/decision.h"

enum { SHADOW_NAME_BYTES = 128, SHADOWS_MOST = 4 };

/* What one worker saw. */
struct shadow_cell {
    struct counter agreed, differed;
    /* Of differing decisions that both chose a cluster.  Never below 0. */
    struct distribution gain_s; /* by its own prices: the live choice's cost above its own's */
    struct distribution loss_s; /* by the live prices: its choice's cost above the live one's */
};

struct shadow {
    uint32_t holders; /* [control] */
    bool from_file;   /* the configuration's, not an operator's by the admin interface */
    struct chain *chain;
    char name[SHADOW_NAME_BYTES]; /* chain_name */
    uint32_t workers;
    struct shadow_cell **cells; /* [workers] */
};

/* Takes over the caller's hold on `chain`.  [control] */
struct shadow *shadow_create(struct chain *chain, uint32_t workers, bool from_file) ISO_MUST_USE;
struct shadow *shadow_hold(struct shadow *shadow); /* [control] */
void shadow_drop(struct shadow **shadow);          /* [control] */

/* Asks it with the inputs of `live`, whose answer stands, and counts; the answer is left in `room`
 * as a whole decision.  [worker] */
void shadow_ask(const struct shadow *shadow, uint32_t worker, const struct decision *live,
                struct decision *room);

/* What all workers saw together. */
struct shadow_sum {
    uint64_t agreed, differed;
    struct distribution_total gain_s, loss_s;
};

void shadow_sum(const struct shadow *shadow, struct shadow_sum *out); /* any thread */

#endif
