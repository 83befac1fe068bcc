/*
 * How the encoder finds a field, or only its name, in the static table and in
 * its own dynamic one: by hash, without a walk.
 *
 * For the dynamic table, sets of four: one word holds the low bytes of the
 * numbers of the last four entries whose hash chose it.  Nothing is taken out at
 * eviction; a number that is gone, or that has come round, is told by looking at
 * the entry.  A fifth pushes the first out: then it is not found and enters the
 * table again, so a peer that chooses its values to collide costs no more than
 * one whose values are new each time.
 */
#ifndef HTTP_HPACK_SEARCH_H
#define HTTP_HPACK_SEARCH_H

#include "base/check.h"
#include "http/hpack_hash.h"
#include "http/hpack_table.h"

/* Index in the static table by the first 8 bits of a hash, or 0. */
struct hpack_static_search {
    uint8_t field[256]; /* of those with a value */
    uint8_t name[256];
};
extern struct hpack_static_search hpack_static_search;

/* Fills it, once per process; before anything is looked for. */
void hpack_search_prepare(void);

struct hpack_search {
    uint32_t shift;  /* of a hash's high half, to the number of its set */
    uint32_t count;  /* sets */
    uint32_t sets[]; /* those of fields, then those of names that are not static */
};

/* Above the four numbers, so that shifting them out ends at 1. */
#define HPACK_SET_END (UINT64_C(1) << 32)

/* Names are often the same memory. */
static inline bool hpack_same_name(struct slice a, struct slice b)
{
    return a.len == b.len && (a.ptr == b.ptr || hpack_same(a.ptr, b.ptr, a.len));
}

static inline bool hpack_static_is(uint32_t index, struct slice name, struct slice value)
{
    const struct hpack_static_field *field = &hpack_static_fields[index - 1];
    return field->value.len == value.len && hpack_same_name(field->name, name) &&
           hpack_same(field->value.ptr, value.ptr, value.len);
}

static inline bool hpack_entry_is(const struct hpack_table *table, const struct hpack_entry *entry,
                                  struct slice name, struct slice value)
{
    return entry->value_len == value.len && hpack_same_name(hpack_table_name(table, entry), name) &&
           hpack_same(hpack_table_value(table, entry).ptr, value.ptr, value.len);
}

/* Index of the field in the static table, or 0. */
static inline uint32_t hpack_find_static(uint64_t hash, struct slice name, struct slice value)
{
    uint8_t index = hpack_static_search.field[hash >> 56];
    return index != 0 && hpack_static_is(index, name, value) ? index : 0;
}

/* Index of a field in the static table that has this name, or 0. */
static inline uint32_t hpack_find_static_name(uint64_t name_hash, struct slice name)
{
    uint8_t index = hpack_static_search.name[name_hash >> 56];
    return index != 0 && hpack_same_name(hpack_static_fields[index - 1].name, name) ? index : 0;
}

/* Index of the field in the dynamic table, or 0. */
static inline uint32_t hpack_find(const struct hpack_search *search,
                                  const struct hpack_table *table, uint64_t hash, struct slice name,
                                  struct slice value)
{
    uint32_t note = hpack_hash_note(hash);
    for (uint64_t set = search->sets[note >> search->shift] | HPACK_SET_END; set != 1; set >>= 8) {
        const struct hpack_entry *entry = &table->entries[(uint32_t)set & table->entry_mask];
        uint32_t age = (table->inserted - 1 - (uint32_t)set) & 0xff;
        if (entry->note == note && age < table->count && hpack_entry_is(table, entry, name, value))
            return HPACK_FIRST_INDEX + age;
    }
    return 0;
}

/* Index of an entry in the dynamic table with this name, which is not in the static one; or 0. */
uint32_t hpack_find_name(const struct hpack_search *search, const struct hpack_table *table,
                         uint64_t name_hash, struct slice name);

/* The newest entry just came.  *search may be NULL before. */
void hpack_search_add(struct hpack_search **search, const struct hpack_table *table,
                      uint64_t name_hash);
void hpack_search_destroy(struct hpack_search **search);

#endif
