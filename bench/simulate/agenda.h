/*
 * What is to happen when: a binary heap of due times in virtual nanoseconds.
 * Of two that are due at once the one put in first comes first, so that a run
 * is the same every time.
 */
#ifndef SIMULATE_AGENDA_H
#define SIMULATE_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_item {
    int64_t due_ns;
    uint64_t order;
    uint32_t kind; /* the owner's */
    uint32_t subject;
    uint64_t detail;
};

struct agenda {
    struct agenda_item *items;
    size_t count, room;
    uint64_t order;
};

void agenda_add(struct agenda *agenda, int64_t due_ns, uint32_t kind, uint32_t subject,
                uint64_t detail);
/* INT64_MAX when empty. */
static inline int64_t agenda_next_ns(const struct agenda *agenda)
{
    return agenda->count > 0 ? agenda->items[0].due_ns : INT64_MAX;
}
/* The first due; the agenda must not be empty. */
struct agenda_item agenda_take(struct agenda *agenda);
void agenda_finish(struct agenda *agenda);

#endif
