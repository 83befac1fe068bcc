#include "simulate/trip.h"

#include <stdlib.h>

#include "base/memory.h"

enum { BLOCK_BITS = 8, BLOCK = 1 << BLOCK_BITS };

void trip_pool_init(struct trip_pool *pool)
{
    *pool = (struct trip_pool){.free_head = TRIP_NONE};
}

void trip_pool_finish(struct trip_pool *pool)
{
    for (uint32_t b = 0; b < pool->block_count; b++)
        free(pool->blocks[b]);
    free(pool->blocks);
    trip_pool_init(pool);
}

static void pool_grow(struct trip_pool *pool)
{
    struct trip *block = memory_zalloc(BLOCK * sizeof *block);
    pool->blocks = memory_realloc(pool->blocks, (pool->block_count + 1) * sizeof(struct trip *));
    for (uint32_t i = BLOCK; i-- > 0;) {
        block[i].number = pool->block_count << BLOCK_BITS | i;
        block[i].next_free = pool->free_head;
        pool->free_head = block[i].number;
    }
    pool->blocks[pool->block_count++] = block;
}

struct trip *trip_at(const struct trip_pool *pool, uint32_t number)
{
    CHECK_LT(number >> BLOCK_BITS, pool->block_count);
    return &pool->blocks[number >> BLOCK_BITS][number & (BLOCK - 1)];
}

struct trip *trip_take(struct trip_pool *pool)
{
    if (pool->free_head == TRIP_NONE)
        pool_grow(pool);
    const uint32_t number = pool->free_head;
    struct trip *trip = trip_at(pool, number);
    pool->free_head = trip->next_free;
    *trip = (struct trip){.number = number, .next_free = TRIP_NONE};
    return trip;
}

void trip_give(struct trip_pool *pool, struct trip *trip)
{
    trip->state = TRIP_FREE;
    trip->next_free = pool->free_head;
    pool->free_head = trip->number;
}

uint32_t trip_pool_size(const struct trip_pool *pool)
{
    return pool->block_count << BLOCK_BITS;
}
