/*
 * Memory that is there or the process ends: the sizes asked for here are ours
 * or were checked against a limit first, so there is nothing sensible to do
 * when the kernel says no.
 *
 * An arena hands out memory that is given back all at once: one per exchange.
 * Its first block is kept across arena_reset, so a pooled exchange allocates
 * nothing in the usual case.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/check.h"
#include "base/slice.h"

/* Once, before there are threads: what is freed stays with the thread, up to 32 MiB each, for the
 * next body; malloc alone gives it to the kernel and takes it back page by page, with each body. */
void memory_keep(void);
/* What is free goes to the kernel all the same, of all threads.  Whoever asks for memory meanwhile
 * waits, 0.3 ms a MiB or so. */
void memory_return(void);
void *memory_alloc(size_t size) ISO_MUST_USE;
void *memory_zalloc(size_t size) ISO_MUST_USE;
enum { CACHE_LINE_BYTES = 64 };
/* `alignment`: a power of two. */
void *memory_zalloc_aligned(size_t size, size_t alignment) ISO_MUST_USE;
void *memory_realloc(void *old, size_t size) ISO_MUST_USE;
/* Into the cache, for who touches these bytes soon.  They need not be there. */
static inline void memory_fetch(const void *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += CACHE_LINE_BYTES)
        __builtin_prefetch((const char *)bytes + at);
}
char *memory_strdup(const char *text) ISO_MUST_USE;
char *memory_printf(const char *format, ...) ISO_PRINTF(1, 2) ISO_MUST_USE;

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *at;
    char *end;
};

void arena_init(struct arena *arena);
/* Its first block has room for `size` bytes and no more, for what is small and lasts. */
void arena_init_small(struct arena *arena, size_t size);
void arena_finish(struct arena *arena);
/* All that was handed out is gone; the oldest block stays. */
void arena_reset(struct arena *arena);
/* For arena_alloc, when the newest block has not room enough. */
void arena_grow(struct arena *arena, size_t size) ISO_COLD;

enum { ARENA_ALIGN = 16 };

/* 16-byte aligned, not zeroed.  What is left of a block is a multiple of the alignment: what fits,
 * fits aligned. */
static inline ISO_MUST_USE void *arena_alloc(struct arena *arena, size_t size)
{
    if (ISO_UNLIKELY(arena->at == NULL || size > (size_t)(arena->end - arena->at)))
        arena_grow(arena, size);
    void *p = arena->at;
    arena->at += (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    return p;
}

void *arena_zalloc(struct arena *arena, size_t size) ISO_MUST_USE;
struct slice arena_copy(struct arena *arena, struct slice s);
/* With a NUL behind it, not counted in len. */
struct slice arena_printf(struct arena *arena, const char *format, ...) ISO_PRINTF(2, 3);

#endif
