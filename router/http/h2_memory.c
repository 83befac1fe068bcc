#include "http/h2_memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"

/* Under AddressSanitizer every piece comes from malloc, so that it sees misuse. */
#if defined(__SANITIZE_ADDRESS__)
#define H2_MEMORY_POOLED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define H2_MEMORY_POOLED 0
#endif
#endif
#ifndef H2_MEMORY_POOLED
#define H2_MEMORY_POOLED 1
#endif

enum {
    CLASS_COUNT = 7,         /* 64, 128 ... 4096 bytes */
    CLASS_SMALLEST = 64,     /* power of two */
    CLASS_KEPT = 256 * 1024, /* bytes a thread keeps of each class */
    SLOT_BYTES = 20 * 1024,  /* whole pages; see slot_take */
    SLOT_SMALLEST = 16 * 1024,
    SLAB_SLOTS = 32,
};

/* In front of every piece. */
struct piece {
    struct piece *next; /* while free */
    size_t size;        /* usable bytes */
};
_Static_assert(sizeof(struct piece) == 16, "what follows stays 16-byte aligned");

struct class_list {
    struct piece *free;
    size_t count;
};

struct memory_cache {
    struct class_list classes[CLASS_COUNT];
    struct piece *slots;
};

static pthread_once_t cache_once = PTHREAD_ONCE_INIT;
static pthread_key_t cache_key;
static __thread struct memory_cache *thread_cache;

static void cache_free(void *memory)
{
    struct memory_cache *cache = memory;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        for (struct piece *piece = cache->classes[i].free; piece != NULL;) {
            struct piece *next = piece->next;
            free(piece);
            piece = next;
        }
    }
    free(cache);
    thread_cache = NULL;
}

static void cache_key_create(void)
{
    CHECK_EQ(pthread_key_create(&cache_key, cache_free), 0);
}

static struct memory_cache *cache_get(void)
{
    if (ISO_UNLIKELY(thread_cache == NULL)) {
        CHECK_EQ(pthread_once(&cache_once, cache_key_create), 0);
        thread_cache = memory_zalloc(sizeof *thread_cache);
        CHECK_EQ(pthread_setspecific(cache_key, thread_cache), 0);
    }
    return thread_cache;
}

/* CLASS_COUNT: too large for any. */
static unsigned class_of(size_t size)
{
    if (!H2_MEMORY_POOLED)
        return CLASS_COUNT;
    if (size <= CLASS_SMALLEST)
        return 0;
    const unsigned bits = 64u - (unsigned)__builtin_clzl(size - 1);
    return bits - 6u < CLASS_COUNT ? bits - 6u : CLASS_COUNT;
}

static bool fits_slot(size_t size)
{
    return H2_MEMORY_POOLED && size >= SLOT_SMALLEST && size <= SLOT_BYTES - sizeof(struct piece);
}

/* The frame buffer of a session: of its 16 KiB little more than the beginning is ever written, for
 * DATA goes out without a copy.  In pages of its own the rest never becomes memory, which is 12 KiB
 * of an idle connection.  Slots stay mapped: a piece may outlive the thread that asked for it. */
static struct piece *slot_take(void)
{
    struct memory_cache *cache = cache_get();
    if (cache->slots == NULL) {
        char *slab = mmap(NULL, (size_t)SLAB_SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (slab == MAP_FAILED)
            return NULL;
        madvise(slab, (size_t)SLAB_SLOTS * SLOT_BYTES, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < SLAB_SLOTS; i++) {
            struct piece *piece = (struct piece *)(void *)(slab + i * SLOT_BYTES);
            piece->next = cache->slots;
            cache->slots = piece;
        }
    }
    struct piece *piece = cache->slots;
    cache->slots = piece->next;
    piece->size = SLOT_BYTES - sizeof *piece;
    return piece;
}

static void *piece_alloc(size_t size, void *user)
{
    (void)user;
    if (fits_slot(size)) {
        struct piece *piece = slot_take();
        return piece ? piece + 1 : NULL;
    }
    const unsigned class = class_of(size);
    if (class < CLASS_COUNT) {
        struct class_list *list = &cache_get()->classes[class];
        size = (size_t)CLASS_SMALLEST << class;
        if (list->free != NULL) {
            struct piece *piece = list->free;
            list->free = piece->next;
            list->count--;
            return piece + 1;
        }
    }
    struct piece *piece = malloc(sizeof *piece + size);
    if (piece == NULL)
        return NULL;
    piece->size = size;
    return piece + 1;
}

static void piece_free(void *memory, void *user)
{
    (void)user;
    if (memory == NULL)
        return;
    struct piece *piece = (struct piece *)memory - 1;
    if (fits_slot(piece->size)) {
        piece->next = cache_get()->slots;
        thread_cache->slots = piece;
        return;
    }
    const unsigned class = class_of(piece->size);
    if (class < CLASS_COUNT) {
        struct class_list *list = &cache_get()->classes[class];
        if (list->count < CLASS_KEPT / piece->size) {
            piece->next = list->free;
            list->free = piece;
            list->count++;
            return;
        }
    }
    free(piece);
}

static void *piece_zalloc(size_t count, size_t size, void *user)
{
    if (size != 0 && count > SIZE_MAX / 2 / size)
        return NULL;
    void *memory = piece_alloc(count * size, user);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

static void *piece_realloc(void *memory, size_t size, void *user)
{
    if (memory == NULL)
        return piece_alloc(size, user);
    const struct piece *piece = (struct piece *)memory - 1;
    if (size <= piece->size)
        return memory;
    void *grown = piece_alloc(size, user);
    if (grown == NULL)
        return NULL;
    memcpy(grown, memory, piece->size);
    piece_free(memory, user);
    return grown;
}

nghttp2_mem *h2_memory(void)
{
    static nghttp2_mem memory = {NULL, piece_alloc, piece_free, piece_zalloc, piece_realloc};
    return &memory;
}
