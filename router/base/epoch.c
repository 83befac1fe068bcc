#include "base/epoch.h"

void epoch_init(struct epoch *epoch, uint32_t readers)
{
    CHECK_LE(readers, EPOCH_READERS_MAX);
    atomic_init(&epoch->now, 1);
    epoch->readers = readers;
    list_init(&epoch->retired);
    for (uint32_t r = 0; r < readers; r++)
        atomic_init(&epoch->reader[r].seen, 1);
}

static void free_until(struct epoch *epoch, uint64_t seen_by_all)
{
    LIST_EACH_SAFE (node, &epoch->retired) {
        struct epoch_item *item = LIST_ENTRY(node, struct epoch_item, link);
        if (item->retired_at > seen_by_all)
            return; /* oldest first */
        list_remove(&item->link);
        item->destroy(item);
    }
}

void epoch_finish(struct epoch *epoch)
{
    free_until(epoch, UINT64_MAX);
}

void epoch_mark(struct epoch *epoch, uint32_t r)
{
    const uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);
    if (atomic_load_explicit(&epoch->reader[r].seen, memory_order_relaxed) != now)
        atomic_store_explicit(&epoch->reader[r].seen, now, memory_order_release);
}

void epoch_leave(struct epoch *epoch, uint32_t r)
{
    atomic_store_explicit(&epoch->reader[r].seen, UINT64_MAX, memory_order_release);
}

void epoch_retire(struct epoch *epoch, struct epoch_item *item,
                  void (*destroy)(struct epoch_item *item))
{
    item->destroy = destroy;
    item->retired_at = atomic_fetch_add_explicit(&epoch->now, 1, memory_order_acq_rel) + 1;
    list_append(&epoch->retired, &item->link);
}

bool epoch_reclaim(struct epoch *epoch)
{
    uint64_t seen_by_all = UINT64_MAX;
    for (uint32_t r = 0; r < epoch->readers; r++) {
        const uint64_t seen = atomic_load_explicit(&epoch->reader[r].seen, memory_order_acquire);
        if (seen < seen_by_all)
            seen_by_all = seen;
    }
    free_until(epoch, seen_by_all);
    return !list_empty(&epoch->retired);
}
