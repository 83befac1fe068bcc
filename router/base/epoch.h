/*
 * Freeing what other threads may still look at.  Readers (workers) mark at the
 * top of each loop turn that they hold nothing from before; the publisher
 * (control) replaces a pointer, retires the old object and frees it once every
 * reader has marked since.  The publisher never waits: it wakes readers that
 * idle and looks again at its next tick.
 *
 * Loads of a published pointer are acquire, stores release; see proxy_tables().
 */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { EPOCH_READERS_MAX = 256 };

struct epoch_reader {
    _Atomic uint64_t seen; /* the epoch it last marked */
    char pad[56];          /* a cache line each */
};

struct epoch {
    _Atomic uint64_t now;
    uint32_t readers;
    struct list retired;
    struct epoch_reader reader[EPOCH_READERS_MAX];
};

/* Embedded in what is retired, or allocated with it. */
struct epoch_item {
    struct list link;
    uint64_t retired_at;
    void (*destroy)(struct epoch_item *item);
};

void epoch_init(struct epoch *epoch, uint32_t readers); /* [control] */
/* Frees all that is retired; no reader may be alive. [control] */
void epoch_finish(struct epoch *epoch);
/* "I hold nothing that was published before now."  [worker], reader `r` */
void epoch_mark(struct epoch *epoch, uint32_t r);
/* It ended and holds nothing for ever.  [worker], its last act */
void epoch_leave(struct epoch *epoch, uint32_t r);
/* After the pointer to it was replaced. [control] */
void epoch_retire(struct epoch *epoch, struct epoch_item *item,
                  void (*destroy)(struct epoch_item *item));
/* Frees what no reader can hold any more; true when something is still waiting. [control] */
bool epoch_reclaim(struct epoch *epoch);

#endif
