/*
 * Who waits in one worker until the fleet has room, and who is next: of those
 * that wait for the same (a lane: the model, and what the route requires), the
 * one of the highest rank that came first.  It keeps order and counts; what a
 * request is and whether the fleet has room are queue.c's business.  No
 * allocation, no clock of its own.  [worker]
 */
#ifndef PROXY_ADMISSION_H
#define PROXY_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { ADMISSION_RANKS = 4, ADMISSION_LANES = 64 };

struct admission_lane {
    struct list link; /* of the active, or of the spare */
    uint64_t key;
    struct list ranks[ADMISSION_RANKS]; /* admission_entry, first come first */
    uint32_t waiting[ADMISSION_RANKS];
    uint32_t count;
    int64_t active_ns; /* when its first began to wait */
    int64_t let_in_ns; /* when the last was let in */
    double let_in;     /* how many were, lately: decays within seconds */
};

/* Embedded in what waits; zeroed: it does not wait. */
struct admission_entry {
    struct list link;
    struct admission_lane *lane; /* NULL: does not wait */
    uint32_t rank;
    int64_t since_ns;
};

struct admission {
    struct list active;
    struct list spare;
    uint32_t count; /* all that wait */
    struct admission_lane lanes[ADMISSION_LANES];
};

void admission_init(struct admission *admission);

/* Does somebody of this rank or a higher one wait for the same already? */
bool admission_is_behind(const struct admission *admission, uint64_t key, uint32_t rank);
/* How long the next of this rank would wait, by how many were let in lately.  0 when nobody is
 * before it, or when that cannot be told yet; INFINITY when nothing moves. */
double admission_wait_ms(const struct admission *admission, uint64_t key, uint32_t rank,
                         int64_t now_ns);
/* Who gives way to one of this rank when there is no room: the last of the lowest rank, if that is
 * below; NULL: nobody. */
struct admission_entry *admission_last_below(const struct admission *admission, uint32_t rank);

void admission_join(struct admission *admission, struct admission_entry *entry, uint64_t key,
                    uint32_t rank, int64_t now_ns);
/* `let_in`: it got what it waited for.  Leaving twice is leaving once. */
void admission_leave(struct admission *admission, struct admission_entry *entry, bool let_in,
                     int64_t now_ns);

/* The lane whose turn it is; each in turn.  NULL when nobody waits. */
struct admission_lane *admission_turn(struct admission *admission);
/* Lanes in which somebody waits. */
uint32_t admission_lanes(const struct admission *admission);
/* The next of a lane; NULL when nobody waits there any more. */
struct admission_entry *admission_next(const struct admission_lane *lane);
/* `visit` must not change who waits. */
void admission_each(const struct admission *admission,
                    void (*visit)(struct admission_entry *entry, void *arg), void *arg);

#endif
