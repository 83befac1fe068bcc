#include "base/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BYTES = 4 << 20, KEPT_BYTES = 32 << 20 };

enum {
    ARENA_BLOCK_BYTES = 2048 - 64,
#if defined(__SANITIZE_ADDRESS__)
    SPARE_BLOCKS_MOST = 0, /* so that it sees misuse */
#else
    SPARE_BLOCKS_MOST = 1024,
#endif
};

struct arena_block {
    struct arena_block *older;
    size_t size;
    _Alignas(ARENA_ALIGN) char data[];
};

_Static_assert(ARENA_BLOCK_BYTES % ARENA_ALIGN == 0, "what fits a block fits it aligned");

void memory_keep(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

void memory_return(void)
{
    malloc_trim(0);
}

void *memory_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    CHECK(p != NULL);
    return p;
}

void *memory_zalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    CHECK(p != NULL);
    return p;
}

void *memory_zalloc_aligned(size_t size, size_t alignment)
{
    void *p;
    CHECK_EQ(posix_memalign(&p, alignment, size), 0);
    return memset(p, 0, size);
}

void *memory_realloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    CHECK(p != NULL);
    return p;
}

char *memory_strdup(const char *text)
{
    return slice_dup(slice_of(text));
}

char *memory_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    const int len = vasprintf(&text, format, args);
    va_end(args);
    CHECK(len >= 0);
    return text;
}

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

/* Blocks that a thread's arenas gave back.  Of this size malloc would return them to the kernel and
 * ask again, request by request. */
struct spare_blocks {
    struct arena_block *first;
    size_t count;
};

static pthread_key_t spare_key; /* its destructor empties them when the thread ends */
static pthread_once_t spare_once = PTHREAD_ONCE_INIT;
static _Thread_local struct spare_blocks *thread_spare;

static void free_spare(void *arg)
{
    struct spare_blocks *spare = arg;
    while (spare->first != NULL) {
        struct arena_block *block = spare->first;
        spare->first = block->older;
        free(block);
    }
    free(spare);
    thread_spare = NULL;
}

static void make_spare_key(void)
{
    CHECK_EQ(pthread_key_create(&spare_key, free_spare), 0);
}

static struct spare_blocks *spare_blocks(void)
{
    if (ISO_UNLIKELY(thread_spare == NULL)) {
        CHECK_EQ(pthread_once(&spare_once, make_spare_key), 0);
        thread_spare = memory_zalloc(sizeof *thread_spare);
        CHECK_EQ(pthread_setspecific(spare_key, thread_spare), 0);
    }
    return thread_spare;
}

static void block_free(struct arena_block *block)
{
    struct spare_blocks *spare = spare_blocks();
    if (block->size != ARENA_BLOCK_BYTES || spare->count >= SPARE_BLOCKS_MOST) {
        free(block);
        return;
    }
    block->older = spare->first;
    spare->first = block;
    spare->count++;
}

static struct arena_block *block_make(size_t size)
{
    struct spare_blocks *spare = spare_blocks();
    if (size == ARENA_BLOCK_BYTES && spare->first != NULL) {
        struct arena_block *block = spare->first;
        spare->first = block->older;
        spare->count--;
        return block;
    }
    struct arena_block *block = memory_alloc(sizeof *block + size);
    block->size = size;
    return block;
}

static void free_blocks(struct arena_block *block, const struct arena_block *keep)
{
    while (block != NULL && block != keep) {
        struct arena_block *older = block->older;
        block_free(block);
        block = older;
    }
}

void arena_finish(struct arena *arena)
{
    free_blocks(arena->blocks, NULL);
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *oldest = arena->blocks;
    while (oldest != NULL && oldest->older != NULL)
        oldest = oldest->older;
    free_blocks(arena->blocks, oldest);
    if (oldest != NULL && oldest->size != ARENA_BLOCK_BYTES) { /* an outsized first block */
        block_free(oldest);
        oldest = NULL;
    }
    arena->blocks = oldest;
    arena->at = oldest ? oldest->data : NULL;
    arena->end = oldest ? oldest->data + oldest->size : NULL;
}

static size_t aligned(size_t size)
{
    return (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

static void add_block(struct arena *arena, size_t size)
{
    struct arena_block *block = block_make(size);
    block->older = arena->blocks;
    arena->blocks = block;
    arena->at = block->data;
    arena->end = block->data + size;
}

void arena_grow(struct arena *arena, size_t size)
{
    CHECK(size <= SIZE_MAX / 2);
    add_block(arena, aligned(size) > ARENA_BLOCK_BYTES ? aligned(size) : ARENA_BLOCK_BYTES);
}

void arena_init_small(struct arena *arena, size_t size)
{
    arena_init(arena);
    add_block(arena, aligned(size));
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    *slice_put(copy, s) = '\0';
    return slice_make(copy, s.len);
}

struct slice arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return slice_make(text, (size_t)len);
}
