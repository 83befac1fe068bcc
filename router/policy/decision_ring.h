/*
 * The recent decisions of one worker, for /decisions.  The worker adds, any
 * other thread reads at the same time; nobody waits.  A record that is
 * overwritten while it is read counts as gone.
 *
 * Every word is atomic: a writer makes the slot's sequence odd, stores the
 * words with release, makes it even; a reader loads with acquire and compares
 * the sequence before and after.  No fences (ThreadSanitizer does not model
 * them).
 */
#ifndef POLICY_DECISION_RING_H
#define POLICY_DECISION_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/decision.h"

/* Of a decision with more targets: the chosen, the runner-up, then the first ones. */
#define DECISION_RING_TARGETS 64

struct decision_ring;

/* `slots`: how many decisions it remembers.  Memory is touched as it is used:
 * about 0.5 KiB a target.  [control] */
struct decision_ring *decision_ring_create(uint32_t slots) ISO_MUST_USE;
void decision_ring_destroy(struct decision_ring **ring);

/* [worker], the owner only */
void decision_ring_add(struct decision_ring *ring, const struct decision *decision);

/* How many were ever added. */
uint64_t decision_ring_added(const struct decision_ring *ring);

/* Texts of one stored cluster; longer ones are cut. */
struct decision_cluster_texts {
    char name[64];
    char region[32];
    char country[8];
    char accelerator[24];
};

/* A decision as it was, with its own copies of all texts. */
struct decision_copy {
    struct decision decision; /* count: targets that were stored */
    uint32_t targets;         /* that took part */
    char route[64];
    char model[64];
    char tenant[64];
    struct iso_cluster clusters[DECISION_RING_TARGETS];
    struct decision_cluster_texts texts[DECISION_RING_TARGETS];
    uint64_t *words; /* a slot, before it is known to be whole */
};

void decision_copy_init(struct decision_copy *copy);
void decision_copy_finish(struct decision_copy *copy);

/* The n-th ever added, 0 the first; false when it is gone or not there yet.
 * Any thread. */
bool decision_ring_read(const struct decision_ring *ring, uint64_t n, struct decision_copy *copy);

#endif
