/* See hpack.h.  Sections are those of RFC 7541. */
#include <stdlib.h>

#include "base/memory.h"
#include "http/hpack.h"
#include "http/hpack_huffman.h"
#include "http/hpack_table.h"

enum {
    INDEXED = 0x80,     /* 6.1 */
    INCREMENTAL = 0x40, /* 6.2.1 */
    SIZE_UPDATE = 0x20, /* 6.3 */
    NEVER = 0x10,       /* 6.2.3 */
    INTEGER_MORE = 5,   /* bytes behind the prefix, at most: 32 bits */
};

void hpack_decoder_init(struct hpack_decoder *decoder, hpack_mark *mark)
{
    hpack_huffman_prepare();
    *decoder = (struct hpack_decoder){
        .mark = mark,
        .known = hpack_static_marked(mark),
        .limit = HPACK_TABLE_BYTES,
    };
}

static void scratch_drop(struct hpack_decoder *decoder)
{
    if (decoder->scratch_is_ours)
        free(decoder->scratch);
    decoder->scratch_is_ours = false;
    decoder->scratch = NULL;
    decoder->scratch_size = 0;
}

void hpack_decoder_finish(struct hpack_decoder *decoder)
{
    hpack_table_destroy(&decoder->table);
    scratch_drop(decoder);
}

void hpack_decode_begin(struct hpack_decoder *decoder, struct slice block,
                        char room[HPACK_ROOM_BYTES])
{
    scratch_drop(decoder); /* of a block that was given up */
    decoder->scratch = room;
    decoder->scratch_size = HPACK_ROOM_BYTES;
    decoder->at = (const uint8_t *)block.ptr;
    decoder->end = decoder->at + block.len;
    decoder->fields_begun = false;
}

/* What continues an integer whose prefix is full (5.1). */
static bool integer_continue(struct hpack_decoder *decoder, uint32_t *value)
{
    uint64_t sum = *value;
    for (unsigned i = 0; i < INTEGER_MORE && decoder->at < decoder->end; i++) {
        uint8_t byte = *decoder->at++;
        sum += (uint64_t)(byte & 0x7f) << (7 * i);
        if (sum > UINT32_MAX)
            return false;
        if ((byte & 0x80) == 0) {
            *value = (uint32_t)sum;
            return true;
        }
    }
    return false;
}

/* There is a byte; `mask` has a one for each bit of the prefix. */
static inline bool integer_take(struct hpack_decoder *decoder, uint32_t mask, uint32_t *value)
{
    *value = *decoder->at++ & mask;
    return ISO_LIKELY(*value < mask) || integer_continue(decoder, value);
}

/* Room for `more` bytes behind the first `used` of scratch, which may hold the name. */
static void scratch_need(struct hpack_decoder *decoder, size_t used, size_t more)
{
    if (used + more <= decoder->scratch_size)
        return;
    char *larger = memory_alloc(used + more);
    memcpy(larger, decoder->scratch, used);
    scratch_drop(decoder);
    decoder->scratch = larger;
    decoder->scratch_size = used + more;
    decoder->scratch_is_ours = true;
}

/* A string of 5.2; if it is coded, it is decoded to behind the first `used` bytes of scratch. */
static bool string_take(struct hpack_decoder *decoder, size_t used, struct slice *string,
                        bool *coded)
{
    if (decoder->at == decoder->end)
        return false;
    *coded = (*decoder->at & 0x80) != 0;
    uint32_t len;
    if (!integer_take(decoder, 0x7f, &len) || len > HPACK_STRING_BYTES ||
        len > (size_t)(decoder->end - decoder->at))
        return false;
    const uint8_t *bytes = decoder->at;
    decoder->at += len;
    *string = slice_make(bytes, len);
    if (*coded) {
        scratch_need(decoder, used, hpack_huffman_room(len));
        ssize_t decoded = hpack_huffman_decode(decoder->scratch + used, bytes, len);
        if (decoded < 0)
            return false;
        *string = slice_make(decoder->scratch + used, (size_t)decoded);
    }
    return string->len <= HPACK_STRING_BYTES;
}

static inline enum hpack_step field_indexed(const struct hpack_decoder *decoder, uint32_t index,
                                            struct hpack_field *field)
{
    if (index - 1 < HPACK_STATIC_COUNT) {
        *field = decoder->known[index - 1];
        return HPACK_FIELD;
    }
    const struct hpack_table *table = decoder->table;
    uint32_t age = index - HPACK_FIRST_INDEX;
    if (table == NULL || age >= table->count)
        return HPACK_BROKEN;
    const struct hpack_entry *entry = hpack_table_entry(table, age);
    *field = (struct hpack_field){
        .name = hpack_table_name(table, entry),
        .value = hpack_table_value(table, entry),
        .mark = entry->note,
        .name_lasts = entry->static_name != 0,
    };
    return HPACK_FIELD;
}

/* Of the field with that index its name, its mark as *like; *static_name is 0 if the name lies in
 * the dynamic table. */
static bool name_indexed(const struct hpack_decoder *decoder, uint32_t index, struct slice *name,
                         uint32_t *like, uint8_t *static_name)
{
    *static_name = (uint8_t)index;
    if (index > HPACK_STATIC_COUNT) {
        const struct hpack_table *table = decoder->table;
        uint32_t age = index - HPACK_FIRST_INDEX;
        if (table == NULL || age >= table->count)
            return false;
        const struct hpack_entry *entry = hpack_table_entry(table, age);
        *static_name = entry->static_name;
        *name = hpack_table_name(table, entry);
        *like = entry->note;
        return true;
    }
    *name = decoder->known[index - 1].name;
    *like = decoder->known[index - 1].mark;
    return true;
}

static void field_insert(struct hpack_decoder *decoder, struct hpack_field *field,
                         uint8_t static_name, bool name_in_table)
{
    bool inserted = hpack_table_insert(&decoder->table, decoder->limit,
                                       &(struct hpack_insert){
                                           .name = field->name,
                                           .value = field->value,
                                           .note = field->mark,
                                           .static_name = static_name,
                                       });
    if (inserted && name_in_table)
        field->name = hpack_table_name(decoder->table, hpack_table_entry(decoder->table, 0));
}

static bool field_literal(struct hpack_decoder *decoder, struct hpack_field *field, bool insert)
{
    uint8_t first = *decoder->at, static_name = 0;
    uint32_t index, like = HPACK_NO_MARK;
    if (!integer_take(decoder, insert ? 0x3f : 0x0f, &index))
        return false;
    bool name_coded = false, value_coded;
    if (index != 0) {
        if (!name_indexed(decoder, index, &field->name, &like, &static_name))
            return false;
    } else if (!string_take(decoder, 0, &field->name, &name_coded)) {
        return false;
    }
    if (!string_take(decoder, name_coded ? field->name.len : 0, &field->value, &value_coded))
        return false;
    if (name_coded) /* scratch may have moved */
        field->name.ptr = decoder->scratch;
    field->name_lasts = static_name != 0;
    field->value_lasts = false;
    field->secret = !insert && (first & NEVER) != 0;
    field->mark = decoder->mark(field->name, field->value, like);
    if (insert)
        field_insert(decoder, field, static_name, index != 0 && static_name == 0);
    return true;
}

/* Size updates come first, if at all (4.2). */
static bool size_update(struct hpack_decoder *decoder)
{
    uint32_t limit;
    if (decoder->fields_begun || !integer_take(decoder, 0x1f, &limit) || limit > HPACK_TABLE_BYTES)
        return false;
    decoder->limit = limit;
    hpack_table_limit(&decoder->table, limit);
    return true;
}

static enum hpack_step block_end(struct hpack_decoder *decoder) __attribute__((noinline));
static enum hpack_step block_end(struct hpack_decoder *decoder)
{
    scratch_drop(decoder);
    return HPACK_END;
}

static enum hpack_step next_indexed(struct hpack_decoder *decoder, struct hpack_field *field)
{
    uint32_t index;
    decoder->fields_begun = true;
    return integer_take(decoder, 0x7f, &index) ? field_indexed(decoder, index, field)
                                               : HPACK_BROKEN;
}

static enum hpack_step next_other(struct hpack_decoder *decoder, struct hpack_field *field)
    __attribute__((noinline));
static enum hpack_step next_other(struct hpack_decoder *decoder, struct hpack_field *field)
{
    while ((*decoder->at & (INDEXED | INCREMENTAL | SIZE_UPDATE)) == SIZE_UPDATE) {
        if (!size_update(decoder))
            return HPACK_BROKEN;
        if (decoder->at == decoder->end)
            return block_end(decoder);
    }
    if ((*decoder->at & INDEXED) != 0)
        return next_indexed(decoder, field);
    decoder->fields_begun = true;
    bool insert = (*decoder->at & INCREMENTAL) != 0;
    return field_literal(decoder, field, insert) ? HPACK_FIELD : HPACK_BROKEN;
}

enum hpack_step hpack_decode_next(struct hpack_decoder *decoder, struct hpack_field *field)
{
    const uint8_t *at = decoder->at;
    if (at == decoder->end)
        return block_end(decoder);
    uint32_t index = *at ^ INDEXED;
    if (ISO_UNLIKELY(index >= 0x7f))
        return next_other(decoder, field);
    /* The usual case, without a call. */
    decoder->at = at + 1;
    decoder->fields_begun = true;
    return field_indexed(decoder, index, field);
}
