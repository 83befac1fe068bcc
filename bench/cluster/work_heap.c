#include "cluster/work_heap.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"

static void put(struct work_heap *heap, uint32_t place, struct work_item item, uint32_t *places)
{
    heap->items[place] = item;
    places[item.request] = place;
}

static void rise(struct work_heap *heap, uint32_t place, struct work_item item, uint32_t *places)
{
    while (place > 0) {
        const uint32_t parent = (place - 1) / 2;
        if (heap->items[parent].due <= item.due)
            break;
        put(heap, place, heap->items[parent], places);
        place = parent;
    }
    put(heap, place, item, places);
}

static void sink(struct work_heap *heap, uint32_t place, struct work_item item, uint32_t *places)
{
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->items[child + 1].due < heap->items[child].due)
            child++;
        if (heap->items[child].due >= item.due)
            break;
        put(heap, place, heap->items[child], places);
        place = child;
    }
    put(heap, place, item, places);
}

void work_heap_push(struct work_heap *heap, double due, uint32_t request, uint32_t *places)
{
    if (heap->count == heap->size) {
        heap->size = heap->size ? heap->size * 2 : 64;
        heap->items = memory_realloc(heap->items, heap->size * sizeof(*heap->items));
    }
    heap->count++;
    rise(heap, heap->count - 1, (struct work_item){due, request}, places);
}

void work_heap_remove(struct work_heap *heap, uint32_t place, uint32_t *places)
{
    CHECK_LT(place, heap->count);
    const struct work_item last = heap->items[--heap->count];
    if (place == heap->count)
        return;
    if (place > 0 && last.due < heap->items[(place - 1) / 2].due)
        rise(heap, place, last, places);
    else
        sink(heap, place, last, places);
}

void work_heap_finish(struct work_heap *heap)
{
    free(heap->items);
    *heap = (struct work_heap){0};
}
