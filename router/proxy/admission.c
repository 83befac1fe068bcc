#include "proxy/admission.h"

#include <math.h>
#include <stddef.h>

#include "base/clock.h"

#define TAU_NS (2 * NS_PER_S) /* how far back "lately" goes */
#define TELLING_NS (NS_PER_S) /* before that a rate is no more than a guess */

static struct admission_lane *lane_of(struct list *node)
{
    return LIST_ENTRY(node, struct admission_lane, link);
}

void admission_init(struct admission *admission)
{
    *admission = (struct admission){0};
    list_init(&admission->active);
    list_init(&admission->spare);
    for (uint32_t i = 0; i < ADMISSION_LANES; i++) {
        struct admission_lane *lane = &admission->lanes[i];
        for (uint32_t rank = 0; rank < ADMISSION_RANKS; rank++)
            list_init(&lane->ranks[rank]);
        list_append(&admission->spare, &lane->link);
    }
}

static struct admission_lane *find(const struct admission *admission, uint64_t key)
{
    LIST_EACH (node, &admission->active)
        if (lane_of(node)->key == key)
            return lane_of(node);
    return NULL;
}

/* More lanes at once than there are: some are shared, and wait for each other. */
static struct admission_lane *open_lane(struct admission *admission, uint64_t key, int64_t now_ns)
{
    struct list *node = list_pop(&admission->spare);
    if (node == NULL)
        return &admission->lanes[key % ADMISSION_LANES];
    struct admission_lane *lane = lane_of(node);
    lane->key = key;
    lane->active_ns = lane->let_in_ns = now_ns;
    lane->let_in = 0;
    list_append(&admission->active, &lane->link);
    return lane;
}

bool admission_is_behind(const struct admission *admission, uint64_t key, uint32_t rank)
{
    const struct admission_lane *lane = admission->count > 0 ? find(admission, key) : NULL;
    for (; lane != NULL && rank < ADMISSION_RANKS; rank++)
        if (lane->waiting[rank] > 0)
            return true;
    return false;
}

static double decayed(const struct admission_lane *lane, int64_t now_ns)
{
    return lane->let_in * exp(-(double)(now_ns - lane->let_in_ns) / (double)TAU_NS);
}

double admission_wait_ms(const struct admission *admission, uint64_t key, uint32_t rank,
                         int64_t now_ns)
{
    const struct admission_lane *lane = find(admission, key);
    const int64_t known_ns = lane != NULL ? now_ns - lane->active_ns : 0;
    if (known_ns < TELLING_NS)
        return 0;
    uint32_t before = 0;
    for (; rank < ADMISSION_RANKS; rank++)
        before += lane->waiting[rank];
    if (before == 0)
        return 0;
    /* As many as a steady rate would have left of itself since the lane opened. */
    const double weight_ns = (double)TAU_NS * (1 - exp(-(double)known_ns / (double)TAU_NS));
    return before / decayed(lane, now_ns) * weight_ns / (double)NS_PER_MS;
}

struct admission_entry *admission_last_below(const struct admission *admission, uint32_t rank)
{
    for (uint32_t low = 0; low < rank; low++) {
        struct admission_entry *last = NULL;
        LIST_EACH (node, &admission->active) {
            const struct list *waiting = &lane_of(node)->ranks[low];
            if (list_empty(waiting))
                continue;
            struct admission_entry *entry = LIST_ENTRY(waiting->prev, struct admission_entry, link);
            if (last == NULL || entry->since_ns > last->since_ns)
                last = entry;
        }
        if (last != NULL)
            return last;
    }
    return NULL;
}

void admission_join(struct admission *admission, struct admission_entry *entry, uint64_t key,
                    uint32_t rank, int64_t now_ns)
{
    CHECK(entry->lane == NULL);
    CHECK_LT(rank, ADMISSION_RANKS);
    struct admission_lane *lane = find(admission, key);
    if (lane == NULL)
        lane = open_lane(admission, key, now_ns);
    entry->lane = lane;
    entry->rank = rank;
    entry->since_ns = now_ns;
    list_append(&lane->ranks[rank], &entry->link);
    lane->waiting[rank]++;
    lane->count++;
    admission->count++;
}

void admission_leave(struct admission *admission, struct admission_entry *entry, bool let_in,
                     int64_t now_ns)
{
    struct admission_lane *lane = entry->lane;
    if (lane == NULL)
        return;
    entry->lane = NULL;
    list_remove(&entry->link);
    lane->waiting[entry->rank]--;
    admission->count--;
    if (let_in) {
        lane->let_in = decayed(lane, now_ns) + 1;
        lane->let_in_ns = now_ns;
    }
    if (--lane->count > 0)
        return;
    list_remove(&lane->link);
    list_append(&admission->spare, &lane->link);
}

struct admission_lane *admission_turn(struct admission *admission)
{
    struct list *node = list_pop(&admission->active);
    if (node == NULL)
        return NULL;
    list_append(&admission->active, node);
    return lane_of(node);
}

uint32_t admission_lanes(const struct admission *admission)
{
    uint32_t count = 0;
    LIST_EACH (node, &admission->active)
        count++;
    return count;
}

struct admission_entry *admission_next(const struct admission_lane *lane)
{
    for (uint32_t rank = ADMISSION_RANKS; rank-- > 0;)
        if (!list_empty(&lane->ranks[rank]))
            return LIST_ENTRY(lane->ranks[rank].next, struct admission_entry, link);
    return NULL;
}

void admission_each(const struct admission *admission,
                    void (*visit)(struct admission_entry *entry, void *arg), void *arg)
{
    LIST_EACH (lane, &admission->active)
        for (uint32_t rank = 0; rank < ADMISSION_RANKS; rank++)
            LIST_EACH (node, &lane_of(lane)->ranks[rank])
                visit(LIST_ENTRY(node, struct admission_entry, link), arg);
}
