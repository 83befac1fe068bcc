#include "http/fields.h"

void fields_reserve(struct fields *fields, struct arena *arena, uint32_t count)
{
    if (count <= fields->capacity)
        return;
    struct field *items = arena_alloc(arena, count * sizeof *items);
    if (fields->count > 0)
        memcpy(items, fields->items, fields->count * sizeof *items);
    fields->items = items;
    fields->capacity = count;
}

struct slice fields_find(const struct fields *fields, struct slice name)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (slice_eq(fields->items[i].name, name))
            return fields->items[i].value;
    }
    return SLICE_NONE;
}

bool fields_has(const struct fields *fields, struct slice name)
{
    return fields_find(fields, name).ptr != NULL;
}

uint32_t fields_count(const struct fields *fields, struct slice name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fields->count; i++)
        count += slice_eq(fields->items[i].name, name);
    return count;
}

/* RFC 9110 5.6.2: letters, digits and !#$%&'*+-.^_`|~ as a set of bits. */
static const uint64_t token_bytes[4] = {UINT64_C(0x3ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe),
                                        UINT64_C(0x0), UINT64_C(0x0)};

static bool is_token_byte(unsigned char c)
{
    return (token_bytes[c >> 6] >> (c & 63)) & 1;
}

bool field_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_byte((unsigned char)name.ptr[i]))
            return false;
    }
    return name.len > 0;
}

bool field_value_valid(struct slice value)
{
    unsigned bad = 0; /* no early exit: nearly all are valid, and this way it vectorises */
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char c = (unsigned char)value.ptr[i];
        bad |= ((unsigned)(c < 0x20) & (unsigned)(c != '\t')) | (unsigned)(c == 0x7f);
    }
    return bad == 0;
}
