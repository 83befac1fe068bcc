/*
 * What makes isosim tick: a wheel of one-millisecond slots for bytes on their
 * way, one timerfd for the next thing that is due (the loop's own timers are
 * too coarse), and the end of each turn, where the clusters are brought up to
 * now and everything dirty is written once.
 *
 *   a turn:  sockets read -> wheel -> pump (cluster models) -> dirty work -> timer armed
 *
 * One per process, in the loop's thread.
 */
#ifndef SIM_CLOCKWORK_H
#define SIM_CLOCKWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/loop.h"

enum { CLOCKWORK_SLOTS = 1024 };

struct event;

struct clockwork_entry {
    struct list link;
    int64_t tick; /* -1: not in the wheel */
    void (*run)(struct clockwork_entry *entry, int64_t now_ns);
};

struct clockwork_work {
    struct list link;
    void (*run)(struct clockwork_work *work, int64_t now_ns);
};

struct clockwork {
    struct loop *loop;
    struct event *event;
    int timer_fd;
    int64_t armed_ns; /* INT64_MAX: not armed */
    struct loop_task turn;
    bool in_turn;
    bool again;         /* woken inside the turn: pump once more */
    int64_t wheel_tick; /* everything before it has run */
    uint32_t in_wheel;
    struct list wheel[CLOCKWORK_SLOTS];
    struct list dirty;
    /* Brings the clusters up to now; says when it wants to be called again. */
    int64_t (*pump)(void *owner, int64_t now_ns);
    void *owner;
};

void clockwork_init(struct clockwork *clockwork, struct loop *loop,
                    int64_t (*pump)(void *owner, int64_t now_ns), void *owner);
void clockwork_finish(struct clockwork *clockwork);
/* The clusters need a look: a turn's end comes soon, or once more.  Asking again costs nothing. */
void clockwork_wake(struct clockwork *clockwork);

void clockwork_entry_init(struct clockwork_entry *entry,
                          void (*run)(struct clockwork_entry *entry, int64_t now_ns));
/* Runs about then (within half a slot; early, and asked to come again, beyond a second).  Replaces
 * what was asked before; INT64_MAX takes it out. */
void clockwork_entry_at(struct clockwork *clockwork, struct clockwork_entry *entry, int64_t due_ns);

void clockwork_work_init(struct clockwork_work *work,
                         void (*run)(struct clockwork_work *work, int64_t now_ns));
/* At the end of this turn, once. */
void clockwork_work_later(struct clockwork *clockwork, struct clockwork_work *work);
void clockwork_work_cancel(struct clockwork_work *work);

#endif
