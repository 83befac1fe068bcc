/*
 * A dynamic table of HPACK (RFC 7541 section 2.3.2), for decoder and encoder: a
 * ring of entries, and their bytes one behind the other.  Everything lies in one
 * piece of memory that begins small and grows with what it holds: most
 * connections have a few hundred bytes here for ever.
 */
#ifndef HTTP_HPACK_TABLE_H
#define HTTP_HPACK_TABLE_H

#include "http/hpack_static.h"

enum {
    HPACK_ENTRY_COST = 32, /* RFC 7541 section 4.1 */
    HPACK_FIRST_INDEX = HPACK_STATIC_COUNT + 1,
};

struct hpack_entry {
    uint32_t at;                  /* of its bytes: name, if it is not static, and value */
    uint16_t name_len, value_len; /* an entry fits into HPACK_TABLE_BYTES */
    uint32_t note;                /* decoder: the field's mark; encoder: its hash */
    uint8_t static_name;          /* index in the static table that has this name, or 0 */
};

struct hpack_table {
    uint32_t inserted;   /* entries ever: they are numbered from 0, modulo 2^32 */
    uint32_t count;      /* the newest ones are here */
    uint32_t size;       /* as the RFC counts */
    uint32_t entry_mask; /* room for one more than this, a power of two */
    uint32_t base, end;  /* the bytes are numbered too: first of memory, and behind the newest */
    uint32_t capacity;   /* bytes */
    char *bytes;         /* behind the entries */
    struct hpack_entry entries[];
};

/* Entry of the given age, the newest is 0; which must be below table->count. */
static inline const struct hpack_entry *hpack_table_entry(const struct hpack_table *table,
                                                          uint32_t age)
{
    return &table->entries[(table->inserted - 1 - age) & table->entry_mask];
}

static inline struct slice hpack_table_name(const struct hpack_table *table,
                                            const struct hpack_entry *entry)
{
    if (entry->static_name != 0)
        return hpack_static_fields[entry->static_name - 1].name;
    return slice_make(table->bytes + (entry->at - table->base), entry->name_len);
}

static inline struct slice hpack_table_value(const struct hpack_table *table,
                                             const struct hpack_entry *entry)
{
    uint32_t at = entry->at - table->base + (entry->static_name != 0 ? 0U : entry->name_len);
    return slice_make(table->bytes + at, entry->value_len);
}

struct hpack_insert {
    struct slice name, value; /* the name may lie in this very table */
    uint32_t note;
    uint8_t static_name;
};

/* Evicts what must go, then enters the field as the newest.  False when it is larger than `limit`:
 * then the table is empty, and nothing wrong (RFC 7541 section 4.4).  *table may be NULL before.
 * Bytes of the table stay where they are if false, else they may have moved or be gone. */
bool hpack_table_insert(struct hpack_table **table, uint32_t limit,
                        const struct hpack_insert *insert);
/* A new limit: the oldest entries go until it holds. */
void hpack_table_limit(struct hpack_table **table, uint32_t limit);
void hpack_table_destroy(struct hpack_table **table);

#endif
