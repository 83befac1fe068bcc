/* arena: alignment, growth, and that reset keeps exactly one ordinary block. */
#include "unit.h"

#include "base/memory.h"

static void hands_out_aligned_memory(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (size_t size = 1; size < 9000; size += 613) {
        char *p = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 'x', size);
    }
    arena_finish(&arena);
}

static void reset_reuses_the_first_block(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    void *first = arena_alloc(&arena, 64);
    assert_non_null(arena_alloc(&arena, 100000));
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 64), first);
    arena_finish(&arena);
}

static void reset_gives_back_an_outsized_first_block(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_non_null(arena_alloc(&arena, 100000));
    arena_reset(&arena);
    assert_null(arena.blocks);
    arena_finish(&arena);
}

static void a_small_one_takes_what_was_said_and_grows(void **state)
{
    (void)state;
    struct arena arena;
    arena_init_small(&arena, 100);
    const struct arena_block *small = arena.blocks;
    char *first = arena_alloc(&arena, 100);
    memset(first, 'x', 100);
    assert_ptr_equal(arena.blocks, small);
    assert_true(arena.end - first < 128);
    memset(arena_alloc(&arena, 100), 'y', 100);
    assert_ptr_not_equal(arena.blocks, small);
    arena_reset(&arena); /* it does not go on small */
    assert_null(arena.blocks);
    arena_finish(&arena);
}

static void copies_and_prints_end_with_nul(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_string_equal(arena_copy(&arena, SLICE("abc")).ptr, "abc");
    const struct slice s = arena_printf(&arena, "%d-%s", 7, "x");
    assert_string_equal(s.ptr, "7-x");
    assert_int_equal(s.len, 3);
    arena_finish(&arena);
}

UNIT_MAIN(hands_out_aligned_memory, reset_reuses_the_first_block,
          reset_gives_back_an_outsized_first_block, a_small_one_takes_what_was_said_and_grows,
          copies_and_prints_end_with_nul)
