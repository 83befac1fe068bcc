#include "http/fields.h"

#include "http/byte_class.h"

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

bool field_name_valid(struct slice name)
{
    return name.len > 0 && bytes_are(name, BYTE_TOKEN);
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
