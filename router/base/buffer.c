#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BUFFER_FIRST_BYTES = 256 };

char *buffer_grow(struct buffer *buffer, size_t size)
{
    const size_t len = buffer_len(buffer);
    if (buffer->start > 0 && buffer->size - len >= size && buffer->start >= len) {
        memcpy(buffer->memory, buffer->memory + buffer->start, len);
    } else {
        size_t grown = buffer->size ? buffer->size : BUFFER_FIRST_BYTES;
        while (grown - len < size)
            grown *= 2;
        char *memory = memory_alloc(grown);
        if (len > 0)
            memcpy(memory, buffer->memory + buffer->start, len);
        free(buffer->memory);
        buffer->memory = memory;
        buffer->size = grown;
    }
    buffer->start = 0;
    buffer->end = len;
    return buffer->memory + buffer->end;
}

void buffer_append(struct buffer *buffer, const void *data, size_t len)
{
    if (len == 0)
        return;
    memcpy(buffer_reserve(buffer, len), data, len);
    buffer->end += len;
}

void buffer_append_slice(struct buffer *buffer, struct slice s)
{
    buffer_append(buffer, s.ptr, s.len);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char small[256];
    va_list again;
    va_copy(again, args);
    const int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    CHECK(len >= 0);
    if ((size_t)len < sizeof small) {
        buffer_append(buffer, small, (size_t)len);
    } else {
        char *room = buffer_reserve(buffer, (size_t)len + 1);
        vsnprintf(room, (size_t)len + 1, format, again);
        buffer->end += (size_t)len;
    }
    va_end(again);
}

void buffer_consume(struct buffer *buffer, size_t len)
{
    CHECK_LE(len, buffer_len(buffer));
    buffer->start += len;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->start = buffer->end = 0;
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->memory);
    *buffer = (struct buffer){0};
}
