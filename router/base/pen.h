/*
 * Text written where its maker knows that there is room: nothing is checked
 * and a constant word costs a store or two.  For the few lines that every
 * request leaves behind; everything else is written with base/json.h.
 *
 *     char *room = buffer_reserve(out, MOST);
 *     struct pen pen = {room};
 *     PEN_WORD(&pen, "{\"status\":");
 *     pen_u64(&pen, status);
 *     buffer_commit(out, pen_written(&pen, room));
 */
#ifndef BASE_PEN_H
#define BASE_PEN_H

#include <string.h>

#include "base/json.h"
#include "base/number.h"

struct pen {
    char *at;
};

static inline size_t pen_written(const struct pen *pen, const char *since)
{
    return (size_t)(pen->at - since);
}

static inline void pen_slice(struct pen *pen, struct slice text)
{
    pen->at = slice_put(pen->at, text);
}

/* A literal. */
#define PEN_WORD(pen, literal) pen_slice(pen, SLICE(literal))
/* A key that is not its object's first. */
#define PEN_KEY(pen, key) PEN_WORD(pen, ",\"" key "\":")

/* Each at most NUMBER_TEXT_BYTES. */
static inline void pen_u64(struct pen *pen, uint64_t value)
{
    pen->at += number_write_u64(pen->at, value);
}

static inline void pen_i64(struct pen *pen, int64_t value)
{
    pen->at += number_write_i64(pen->at, value);
}

/* Unknown is null, as everywhere in our JSON. */
static inline void pen_fixed(struct pen *pen, double value, unsigned decimals)
{
    if (__builtin_isfinite(value))
        pen->at += number_write_fixed(pen->at, value, decimals);
    else
        PEN_WORD(pen, "null");
}

/* In quotes, as it is: a text in which nothing needs an escape. */
static inline void pen_clean(struct pen *pen, struct slice text)
{
    *pen->at++ = '"';
    pen_slice(pen, text);
    *pen->at++ = '"';
}

/* In quotes and escaped; at most JSON_TEXT_BYTES(text.len). */
static inline void pen_json(struct pen *pen, struct slice text)
{
    pen->at += json_write_text(pen->at, text);
}

#endif
