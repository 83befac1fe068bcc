/* See hpack.h.  Sections are those of RFC 7541. */
#include "base/check.h"
#include "http/hpack.h"
#include "http/hpack_search.h"

enum {
    INDEXED = 0x80,        /* 6.1 */
    INCREMENTAL = 0x40,    /* 6.2.1 */
    SIZE_UPDATE = 0x20,    /* 6.3 */
    NEVER = 0x10,          /* 6.2.3 */
    PLAIN = 0x00,          /* 6.2.2 */
    GUESS_DYNAMIC = 0x100, /* with the low byte of an entry's number; below, a static index or 0 */
};

void hpack_encoder_init(struct hpack_encoder *encoder)
{
    hpack_search_prepare();
    *encoder = (struct hpack_encoder){.limit = HPACK_TABLE_BYTES, .low_limit = HPACK_TABLE_BYTES};
}

void hpack_encoder_finish(struct hpack_encoder *encoder)
{
    hpack_table_destroy(&encoder->table);
    hpack_search_destroy(&encoder->search);
}

/* 5.1; `mask` has a one for each bit of the prefix. */
static inline char *integer_put(char *out, uint8_t first, uint32_t mask, size_t value)
{
    if (ISO_LIKELY(value < mask)) {
        *out++ = (char)(first | value);
        return out;
    }
    *out++ = (char)(first | mask);
    for (value -= mask; value >= 0x80; value >>= 7)
        *out++ = (char)(0x80 | (value & 0x7f));
    *out++ = (char)value;
    return out;
}

static inline char *string_put(char *out, struct slice string)
{
    return slice_put(integer_put(out, 0, 0x7f, string.len), string);
}

static inline char *literal_put(char *out, uint8_t kind, uint32_t index, struct slice name,
                                struct slice value)
{
    out = integer_put(out, kind, kind == INCREMENTAL ? 0x3f : 0x0f, index);
    if (index == 0)
        out = string_put(out, name);
    return string_put(out, value);
}

void hpack_encoder_limit(struct hpack_encoder *encoder, uint32_t peer_limit)
{
    uint32_t limit = peer_limit < HPACK_TABLE_BYTES ? peer_limit : HPACK_TABLE_BYTES;
    if (limit == encoder->limit)
        return;
    encoder->limit = limit;
    encoder->limit_changed = true;
    if (limit < encoder->low_limit)
        encoder->low_limit = limit;
    hpack_table_limit(&encoder->table, limit);
    if (encoder->table != NULL)
        return;
    hpack_search_destroy(&encoder->search);
    memset(encoder->guesses, 0, sizeof encoder->guesses);
}

char *hpack_encode_begin(struct hpack_encoder *encoder, char *out)
{
    encoder->turn = 0;
    if (ISO_LIKELY(!encoder->limit_changed))
        return out;
    if (encoder->low_limit < encoder->limit)
        out = integer_put(out, SIZE_UPDATE, 0x1f, encoder->low_limit);
    out = integer_put(out, SIZE_UPDATE, 0x1f, encoder->limit);
    encoder->limit_changed = false;
    encoder->low_limit = encoder->limit;
    return out;
}

/* Index of the field if it is the one that came in this place last time, or 0. */
static inline uint32_t guess_check(const struct hpack_encoder *encoder, uint32_t guess,
                                   struct slice name, struct slice value)
{
    if (guess < GUESS_DYNAMIC)
        return guess != 0 && hpack_static_is(guess, name, value) ? guess : 0;
    const struct hpack_table *table = encoder->table;
    const struct hpack_entry *entry = &table->entries[guess & table->entry_mask];
    uint32_t age = (table->inserted - 1 - guess) & 0xff;
    bool holds = age < table->count && hpack_entry_is(table, entry, name, value);
    return holds ? HPACK_FIRST_INDEX + age : 0;
}

/* Index of the name that came in this place last time, if it is that again, or 0. */
static inline uint32_t guess_check_name(const struct hpack_encoder *encoder, uint32_t guess,
                                        struct slice name)
{
    if (guess < GUESS_DYNAMIC) {
        bool holds = guess != 0 && hpack_same_name(hpack_static_fields[guess - 1].name, name);
        return holds ? guess : 0;
    }
    const struct hpack_table *table = encoder->table;
    uint32_t age = (table->inserted - 1 - guess) & 0xff;
    if (age >= table->count)
        return 0;
    const struct hpack_entry *entry = &table->entries[guess & table->entry_mask];
    return hpack_same_name(hpack_table_name(table, entry), name) ? HPACK_FIRST_INDEX + age : 0;
}

static inline uint32_t guess_next(struct hpack_encoder *encoder)
{
    return encoder->guesses[encoder->turn++ % HPACK_GUESSES];
}

/* The guess just taken was wrong. */
static void guess_set(struct hpack_encoder *encoder, uint32_t index)
{
    uint32_t guess = index;
    if (index >= HPACK_FIRST_INDEX)
        guess =
            ((encoder->table->inserted - 1 - (index - HPACK_FIRST_INDEX)) & 0xff) | GUESS_DYNAMIC;
    encoder->guesses[(encoder->turn - 1U) % HPACK_GUESSES] = (uint16_t)guess;
}

static inline uint32_t name_find(const struct hpack_encoder *encoder, uint64_t name_hash,
                                 struct slice name)
{
    uint32_t index = hpack_find_static_name(name_hash, name);
    if (index == 0 && encoder->table != NULL)
        index = hpack_find_name(encoder->search, encoder->table, name_hash, name);
    return index;
}

/* A literal that enters the table, unless it would take half of it from the others. */
static char *literal_insert(struct hpack_encoder *encoder, char *out, struct slice name,
                            struct slice value, uint64_t name_hash, uint32_t index)
{
    size_t size = name.len + value.len + HPACK_ENTRY_COST;
    if (size > encoder->limit / 2)
        return literal_put(out, PLAIN, index, name, value);
    out = literal_put(out, INCREMENTAL, index, name, value);
    bool inserted =
        hpack_table_insert(&encoder->table, encoder->limit,
                           &(struct hpack_insert){
                               .name = name,
                               .value = value,
                               .note = hpack_hash_note(hpack_hash_field(name_hash, value)),
                               .static_name = (uint8_t)(index < HPACK_FIRST_INDEX ? index : 0),
                           });
    CHECK(inserted);
    hpack_search_add(&encoder->search, encoder->table, name_hash);
    guess_set(encoder, HPACK_FIRST_INDEX);
    return out;
}

/* What is not the usual, each with a frame of its own, so that hpack_encode needs none. */
static char *repeats(struct hpack_encoder *encoder, char *out, struct slice name,
                     struct slice value) __attribute__((noinline));
static char *once(struct hpack_encoder *encoder, char *out, struct slice name, struct slice value,
                  enum hpack_index how) __attribute__((noinline));

static char *repeats(struct hpack_encoder *encoder, char *out, struct slice name,
                     struct slice value)
{
    uint64_t name_hash = hpack_hash_name(name);
    uint64_t hash = hpack_hash_field(name_hash, value);
    uint32_t index = hpack_find_static(hash, name, value);
    if (index == 0 && encoder->table != NULL)
        index = hpack_find(encoder->search, encoder->table, hash, name, value);
    if (index != 0) {
        guess_set(encoder, index);
        return integer_put(out, INDEXED, 0x7f, index);
    }
    index = name_find(encoder, name_hash, name);
    return literal_insert(encoder, out, name, value, name_hash, index);
}

/* Only the name is looked up. */
static char *once(struct hpack_encoder *encoder, char *out, struct slice name, struct slice value,
                  enum hpack_index how)
{
    uint32_t index = guess_check_name(encoder, guess_next(encoder), name);
    if (ISO_UNLIKELY(index == 0)) {
        uint64_t name_hash = hpack_hash_name(name);
        index = name_find(encoder, name_hash, name);
        if (index == 0 && how == HPACK_UNIQUE)
            return literal_insert(encoder, out, name, value, name_hash, index);
        guess_set(encoder, index);
    }
    return literal_put(out, how == HPACK_SECRET ? NEVER : PLAIN, index, name, value);
}

char *hpack_encode(struct hpack_encoder *encoder, char *out, struct slice name, struct slice value,
                   enum hpack_index how)
{
    if (how != HPACK_REPEATS)
        return once(encoder, out, name, value, how);
    uint32_t index = guess_check(encoder, guess_next(encoder), name, value);
    if (ISO_LIKELY(index != 0))
        return integer_put(out, INDEXED, 0x7f, index);
    return repeats(encoder, out, name, value);
}
