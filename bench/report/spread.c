#include "report/spread.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* Labels that touch are moved as one, to the mean of what they want. */
struct group {
    size_t first, count;
    double size, want; /* want: the sum over labels of where the group would begin */
};

static int by_want(const void *a, const void *b)
{
    const struct spread *const *left = a, *const *right = b;
    if ((*left)->want != (*right)->want)
        return (*left)->want < (*right)->want ? -1 : 1;
    return *left < *right ? -1 : 1;
}

static double group_begin(const struct group *group, double low, double high)
{
    return fmax(low, fmin(group->want / (double)group->count, high - group->size));
}

static void group_join(struct group *into, const struct group *next)
{
    into->want += next->want - into->size * (double)next->count;
    into->size += next->size;
    into->count += next->count;
}

bool spread_apart(struct spread *labels, size_t count, double low, double high)
{
    struct spread **order = memory_alloc((count + 1) * sizeof(*order));
    struct group *groups = memory_alloc((count + 1) * sizeof *groups);
    size_t group_count = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        order[i] = &labels[i];
        sum += labels[i].size;
    }
    qsort(order, count, sizeof(*order), by_want);
    for (size_t i = 0; i < count; i++) {
        groups[group_count++] =
            (struct group){i, 1, order[i]->size, order[i]->want - order[i]->size / 2};
        while (group_count > 1) {
            struct group *last = &groups[group_count - 1], *before = last - 1;
            if (group_begin(before, low, high) + before->size <= group_begin(last, low, high))
                break;
            group_join(before, last);
            group_count--;
        }
    }
    for (size_t g = 0; g < group_count; g++) {
        double at = group_begin(&groups[g], low, high);
        for (size_t i = groups[g].first; i < groups[g].first + groups[g].count; i++) {
            order[i]->at = at + order[i]->size / 2;
            at += order[i]->size;
        }
    }
    free(groups);
    free(order);
    return sum <= high - low;
}
