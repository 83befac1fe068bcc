#include "http/hpack_search.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

struct hpack_static_search hpack_static_search;

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void static_fill(void)
{
    for (unsigned i = 0; i < HPACK_STATIC_COUNT; i++) {
        const struct hpack_static_field *field = &hpack_static_fields[i];
        uint64_t name_hash = hpack_hash_name(field->name);
        uint8_t *index = &hpack_static_search.name[name_hash >> 56];
        if (*index == 0)
            *index = (uint8_t)(i + 1);
        else
            CHECK(slice_eq(hpack_static_fields[*index - 1].name, field->name));
        if (field->value.len > 0) {
            index = &hpack_static_search.field[hpack_hash_field(name_hash, field->value) >> 56];
            CHECK_EQ(*index, 0);
            *index = (uint8_t)(i + 1);
        }
    }
}

void hpack_search_prepare(void)
{
    CHECK_EQ(pthread_once(&prepared, static_fill), 0);
}

static const uint32_t *name_set(const struct hpack_search *search, uint64_t name_hash)
{
    return &search->sets[search->count + (hpack_hash_note(name_hash) >> search->shift)];
}

/* Age of the entry with this number, if it is there and has this name; else UINT32_MAX. */
static uint32_t name_age(const struct hpack_table *table, uint8_t number, struct slice name)
{
    uint32_t age = (table->inserted - 1 - number) & 0xff;
    if (age >= table->count)
        return UINT32_MAX;
    const struct hpack_entry *entry = hpack_table_entry(table, age);
    return hpack_same_name(hpack_table_name(table, entry), name) ? age : UINT32_MAX;
}

uint32_t hpack_find_name(const struct hpack_search *search, const struct hpack_table *table,
                         uint64_t name_hash, struct slice name)
{
    for (uint64_t set = *name_set(search, name_hash) | HPACK_SET_END; set != 1; set >>= 8) {
        uint32_t age = name_age(table, (uint8_t)set, name);
        if (age != UINT32_MAX)
            return HPACK_FIRST_INDEX + age;
    }
    return 0;
}

/* A name is in its set once: at its newest entry, which is the last to go. */
static void name_add(struct hpack_search *search, const struct hpack_table *table, uint32_t number,
                     uint64_t name_hash, struct slice name)
{
    uint32_t *set = &search->sets[name_set(search, name_hash) - search->sets];
    for (unsigned way = 0; way < 32; way += 8) {
        if (name_age(table, (uint8_t)(*set >> way), name) != UINT32_MAX) {
            *set = (*set & ~(UINT32_C(0xff) << way)) | (number & 0xff) << way;
            return;
        }
    }
    *set = *set << 8 | (number & 0xff);
}

static void entry_add(struct hpack_search *search, const struct hpack_table *table, uint32_t age,
                      uint64_t name_hash)
{
    const struct hpack_entry *entry = hpack_table_entry(table, age);
    uint32_t number = table->inserted - 1 - age;
    uint32_t *set = &search->sets[entry->note >> search->shift];
    *set = *set << 8 | (number & 0xff);
    if (entry->static_name == 0)
        name_add(search, table, number, name_hash, hpack_table_name(table, entry));
}

/* As many places as the table has, twice over. */
static struct hpack_search *search_build(const struct hpack_table *table)
{
    uint32_t count = (table->entry_mask + 1) / 2;
    struct hpack_search *search = memory_zalloc(sizeof *search + 2 * count * sizeof(uint32_t));
    search->count = count;
    search->shift = 32 - (uint32_t)__builtin_ctz(count);
    for (uint32_t age = table->count; age-- > 0;)
        entry_add(search, table, age,
                  hpack_hash_name(hpack_table_name(table, hpack_table_entry(table, age))));
    return search;
}

void hpack_search_add(struct hpack_search **search, const struct hpack_table *table,
                      uint64_t name_hash)
{
    if (*search != NULL && (*search)->count == (table->entry_mask + 1) / 2) {
        entry_add(*search, table, 0, name_hash);
        return;
    }
    hpack_search_destroy(search);
    *search = search_build(table);
}

void hpack_search_destroy(struct hpack_search **search)
{
    free(*search);
    *search = NULL;
}
