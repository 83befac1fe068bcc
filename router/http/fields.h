/*
 * Header fields in the order they came.  Names are lower case, without colon;
 * values are trimmed.  The slices live in somebody's arena.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slice.h"

struct field {
    struct slice name;
    struct slice value;
    bool secret; /* came over HTTP/2 as never to be indexed, and goes on so (RFC 7541 6.2.3) */
};

struct fields {
    struct field *items;
    uint32_t count;
    uint32_t capacity;
};

/* Room for so many in one piece; for who knows how many are to come. */
void fields_reserve(struct fields *fields, struct arena *arena, uint32_t count);

enum { FIELDS_FIRST = 16 };

/* Neither name nor value is copied. */
static inline void fields_add(struct fields *fields, struct arena *arena, struct slice name,
                              struct slice value)
{
    if (ISO_UNLIKELY(fields->count == fields->capacity))
        fields_reserve(fields, arena, fields->capacity ? fields->capacity * 2 : FIELDS_FIRST);
    fields->items[fields->count++] = (struct field){name, value, false};
}

/* As it is in another head. */
static inline void fields_carry(struct fields *fields, struct arena *arena,
                                const struct field *field)
{
    fields_add(fields, arena, field->name, field->value);
    fields->items[fields->count - 1].secret = field->secret;
}

/* The first of that name; ptr NULL when absent (an empty value has ptr set). */
struct slice fields_find(const struct fields *fields, struct slice name);
bool fields_has(const struct fields *fields, struct slice name);
uint32_t fields_count(const struct fields *fields, struct slice name);
/* RFC 9110 5.6.2 token; RFC 9110 5.5 field value (no CR, LF, NUL, other control bytes, DEL). */
bool field_name_valid(struct slice name);
bool field_value_valid(struct slice value);

#endif
