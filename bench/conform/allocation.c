#include "conform/allocation.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static _Thread_local bool watched;
static _Thread_local uint64_t count;

static void note(void)
{
    count += watched;
}

uint64_t allocation_watch_end(void)
{
    watched = false;
    return count;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t),
                                              void (*given)(const volatile void *));

static void on_taken(const volatile void *memory, size_t size)
{
    (void)memory, (void)size;
    note();
}

static void on_given(const volatile void *memory)
{
    (void)memory;
    note();
}

void allocation_watch_begin(void)
{
    static bool hooked;
    if (!hooked)
        __sanitizer_install_malloc_and_free_hooks(on_taken, on_given);
    hooked = true;
    count = 0;
    watched = true;
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t items, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size);
void *calloc(size_t items, size_t size);
void *realloc(void *old, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);
void free(void *memory);

void allocation_watch_begin(void)
{
    count = 0;
    watched = true;
}

void *malloc(size_t size)
{
    note();
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
    note();
    return __libc_calloc(items, size);
}

void *realloc(void *old, size_t size)
{
    note();
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    note();
    *out = __libc_memalign(alignment, size);
    return *out != NULL ? 0 : ENOMEM;
}

void free(void *memory)
{
    note();
    __libc_free(memory);
}

#endif
