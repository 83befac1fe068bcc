#include "http/hpack_table.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    ENTRIES_FIRST = 8,
    ENTRIES_MOST = HPACK_TABLE_BYTES / HPACK_ENTRY_COST,
    BYTES_FIRST = 128,
};

/* Bytes between the oldest entry's first and the newest's last. */
static uint32_t live_bytes(const struct hpack_table *table)
{
    return table->count == 0 ? 0 : table->end - hpack_table_entry(table, table->count - 1)->at;
}

static struct hpack_table *table_alloc(uint32_t entries, uint32_t capacity)
{
    size_t head = sizeof(struct hpack_table) + entries * sizeof(struct hpack_entry);
    struct hpack_table *table = memory_alloc(head + capacity);
    memset(table, 0, head);
    table->entry_mask = entries - 1;
    table->capacity = capacity;
    table->bytes = (char *)table + head;
    return table;
}

/* What lives in `old`, in memory of its own. */
static struct hpack_table *table_copy(const struct hpack_table *old, uint32_t entries,
                                      uint32_t capacity)
{
    struct hpack_table *table = table_alloc(entries, capacity);
    uint32_t live = live_bytes(old);
    table->inserted = old->inserted;
    table->count = old->count;
    table->size = old->size;
    table->end = old->end;
    table->base = old->end - live;
    memcpy(table->bytes, old->bytes + (table->base - old->base), live);
    for (uint32_t age = 0; age < old->count; age++) {
        uint32_t number = old->inserted - 1 - age;
        table->entries[number & table->entry_mask] = old->entries[number & old->entry_mask];
    }
    return table;
}

static void evict_to(struct hpack_table *table, uint32_t size)
{
    while (table->size > size) {
        const struct hpack_entry *oldest = hpack_table_entry(table, table->count - 1);
        table->size -= (uint32_t)HPACK_ENTRY_COST + oldest->name_len + oldest->value_len;
        table->count--;
    }
}

static bool has_room(const struct hpack_table *table, uint32_t bytes)
{
    return table->count <= table->entry_mask && table->end - table->base + bytes <= table->capacity;
}

/* A table with room for one more entry of `bytes`: larger when more than three quarters would be
 * in use, so that copying stays rare, else as large. */
static struct hpack_table *make_room(const struct hpack_table *old, uint32_t bytes)
{
    if (old == NULL) {
        uint32_t capacity = BYTES_FIRST;
        while (capacity < bytes)
            capacity *= 2;
        return table_alloc(ENTRIES_FIRST, capacity);
    }
    uint32_t entries = old->entry_mask + 1, capacity = old->capacity;
    if (old->count == entries)
        entries *= 2;
    while (live_bytes(old) + bytes > capacity / 4 * 3)
        capacity *= 2;
    CHECK_LE(entries, ENTRIES_MOST);
    return table_copy(old, entries, capacity);
}

static void append(struct hpack_table *table, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(table->bytes + (table->end - table->base), bytes, len);
    table->end += (uint32_t)len;
}

static void enter(struct hpack_table *table, const struct hpack_insert *insert)
{
    struct hpack_entry *entry = &table->entries[table->inserted & table->entry_mask];
    *entry = (struct hpack_entry){
        .at = table->end,
        .name_len = (uint16_t)insert->name.len,
        .value_len = (uint16_t)insert->value.len,
        .note = insert->note,
        .static_name = insert->static_name,
    };
    if (insert->static_name == 0)
        append(table, insert->name.ptr, insert->name.len);
    append(table, insert->value.ptr, insert->value.len);
    table->inserted++;
    table->count++;
    table->size += (uint32_t)(HPACK_ENTRY_COST + insert->name.len + insert->value.len);
}

bool hpack_table_insert(struct hpack_table **at, uint32_t limit, const struct hpack_insert *insert)
{
    struct hpack_table *table = *at;
    size_t size = insert->name.len + insert->value.len + HPACK_ENTRY_COST;
    if (size > limit) {
        if (table != NULL)
            evict_to(table, 0);
        return false;
    }
    uint32_t bytes = (uint32_t)(insert->value.len + (insert->static_name ? 0 : insert->name.len));
    if (table != NULL)
        evict_to(table, limit - (uint32_t)size);
    if (table == NULL || !has_room(table, bytes))
        *at = make_room(table, bytes);
    enter(*at, insert);
    /* Only now: the name may be one of those just evicted. */
    if (table != *at)
        free(table);
    return true;
}

void hpack_table_limit(struct hpack_table **at, uint32_t limit)
{
    struct hpack_table *table = *at;
    if (table == NULL)
        return;
    evict_to(table, limit);
    if (table->count == 0)
        hpack_table_destroy(at);
}

void hpack_table_destroy(struct hpack_table **table)
{
    free(*table);
    *table = NULL;
}
