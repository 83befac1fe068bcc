#include "simulate/agenda.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"

static bool before(const struct agenda_item *a, const struct agenda_item *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

void agenda_add(struct agenda *agenda, int64_t due_ns, uint32_t kind, uint32_t subject,
                uint64_t detail)
{
    if (agenda->count == agenda->room) {
        agenda->room = agenda->room > 0 ? 2 * agenda->room : 1024;
        agenda->items = memory_realloc(agenda->items, agenda->room * sizeof *agenda->items);
    }
    const struct agenda_item item = {due_ns, agenda->order++, kind, subject, detail};
    size_t at = agenda->count++;
    while (at > 0 && before(&item, &agenda->items[(at - 1) / 2])) {
        agenda->items[at] = agenda->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->items[at] = item;
}

struct agenda_item agenda_take(struct agenda *agenda)
{
    CHECK(agenda->count > 0);
    const struct agenda_item first = agenda->items[0];
    const struct agenda_item last = agenda->items[--agenda->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < agenda->count; at = child) {
        if (child + 1 < agenda->count && before(&agenda->items[child + 1], &agenda->items[child]))
            child++;
        if (!before(&agenda->items[child], &last))
            break;
        agenda->items[at] = agenda->items[child];
    }
    agenda->items[at] = last;
    return first;
}

void agenda_finish(struct agenda *agenda)
{
    free(agenda->items);
    *agenda = (struct agenda){0};
}
