/*
 * Whether every token of a simulated answer came, once and in its place: isosim
 * says its words in a fixed order, one an event.  Of other servers' words
 * nothing is known.  Pure.
 */
#ifndef LOAD_SEQUENCE_H
#define LOAD_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "load/outcome.h"

struct sequence {
    uint32_t tokens; /* that came, those that are missing counted in */
    uint32_t lost, duplicates;
    bool foreign; /* somebody else's words came: nothing can be said */
};

/* The data of an event; one without text is none of a token. */
void sequence_feed(struct sequence *sequence, struct slice data);
/* OUTCOME_ANSWERED, or what is wrong; asked 0: any number of tokens is good. */
enum outcome sequence_judge(const struct sequence *sequence, uint32_t asked);

#endif
