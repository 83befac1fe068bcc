/*
 * A growing byte queue in one piece: append at the end, consume from the
 * front.  An empty buffer holds no memory after buffer_release.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>

#include "base/check.h"
#include "base/slice.h"

struct buffer {
    char *memory;
    size_t start; /* first byte still in */
    size_t end;   /* one behind the last */
    size_t size;
};

static inline size_t buffer_len(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_make(buffer->memory + buffer->start, buffer->end - buffer->start);
}

/* For buffer_reserve, when there is not room enough. */
char *buffer_grow(struct buffer *buffer, size_t size) ISO_MUST_USE;

/* Room for `size` more bytes; write there, then buffer_commit. */
static inline ISO_MUST_USE char *buffer_reserve(struct buffer *buffer, size_t size)
{
    if (ISO_LIKELY(buffer->size - buffer->end >= size))
        return buffer->memory + buffer->end;
    return buffer_grow(buffer, size);
}

static inline void buffer_commit(struct buffer *buffer, size_t size)
{
    CHECK_LE(buffer->end + size, buffer->size);
    buffer->end += size;
}

static inline void buffer_append_byte(struct buffer *buffer, char byte)
{
    *buffer_reserve(buffer, 1) = byte;
    buffer->end++;
}

void buffer_append(struct buffer *buffer, const void *data, size_t len);
void buffer_append_slice(struct buffer *buffer, struct slice s);
void buffer_printf(struct buffer *buffer, const char *format, ...) ISO_PRINTF(2, 3);
void buffer_consume(struct buffer *buffer, size_t len);
void buffer_clear(struct buffer *buffer);   /* keeps the memory */
void buffer_release(struct buffer *buffer); /* gives it back; the buffer may be used again */

#endif
