/*
 * A binary min-heap of (due, request index) that tells each request where it
 * stands, so that one can be taken out of the middle.  Used by the cluster
 * model alone: one heap for prefills, one for decodes.
 */
#ifndef CLUSTER_WORK_HEAP_H
#define CLUSTER_WORK_HEAP_H

#include <stdint.h>

struct work_item {
    double due; /* on the clock of this heap */
    uint32_t request;
};

struct work_heap {
    struct work_item *items;
    uint32_t count;
    uint32_t size;
};

/* `places[request]` is kept up to date for whoever is in the heap. */
void work_heap_push(struct work_heap *heap, double due, uint32_t request, uint32_t *places);
/* Takes out the item at `place`; 0 is the first due. */
void work_heap_remove(struct work_heap *heap, uint32_t place, uint32_t *places);
void work_heap_finish(struct work_heap *heap);

#endif
