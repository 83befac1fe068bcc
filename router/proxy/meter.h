/*
 * What one API key has used within the last minute, over all workers.  Each
 * worker writes a share of its own and reads everybody's, so there is no lock
 * and no word with two writers; two workers that look at the same instant may
 * both find the last request free.
 */
#ifndef PROXY_METER_H
#define PROXY_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* The minute moves on in steps; with the one under way, never less than a whole minute counts. */
enum { METER_STEP_S = 5, METER_STEPS = 60 / METER_STEP_S + 1 };

enum meter_kind { METER_REQUESTS, METER_TOKENS, METER_KINDS };

#define METER_COUNT_MOST (UINT64_C(1) << 40) /* of one kind in one step of one worker */

/* One worker's: the number of a step in the upper 24 bits, what was used in it in the lower 40. */
struct meter_share {
    _Atomic uint64_t steps[METER_KINDS][METER_STEPS];
} __attribute__((aligned(64)));

struct meter {
    uint32_t holders; /* the control thread's */
    uint32_t workers;
    _Atomic(struct meter_share *) shares[]; /* each made by its worker at its first request */
};

/* [control] */
struct meter *meter_create(uint32_t workers) ISO_MUST_USE;
struct meter *meter_hold(struct meter *meter);
void meter_drop(struct meter **meter);

/* [worker] */
void meter_add(struct meter *meter, uint32_t worker, enum meter_kind kind, uint64_t count,
               int64_t now_ns);
/* 0: less than `most` was used within the last minute.  Else, how long until that is so if nothing
 * more is used.  Any thread. */
double meter_wait_ms(const struct meter *meter, enum meter_kind kind, uint64_t most,
                     int64_t now_ns);

#endif
