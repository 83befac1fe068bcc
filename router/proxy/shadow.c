#include "proxy/shadow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct shadow *shadow_create(struct chain *chain, uint32_t workers, bool from_file)
{
    struct shadow *shadow = memory_zalloc(sizeof *shadow);
    shadow->holders = 1;
    shadow->from_file = from_file;
    shadow->chain = chain;
    chain_name(chain, shadow->name, sizeof shadow->name);
    shadow->workers = workers;
    shadow->cells = memory_zalloc(workers * sizeof *shadow->cells);
    for (uint32_t w = 0; w < workers; w++) {
        shadow->cells[w] = memory_zalloc(sizeof *shadow->cells[w]);
        distribution_init(&shadow->cells[w]->gain_s, &distribution_ttft_s);
        distribution_init(&shadow->cells[w]->loss_s, &distribution_ttft_s);
    }
    return shadow;
}

struct shadow *shadow_hold(struct shadow *shadow)
{
    shadow->holders++;
    return shadow;
}

void shadow_drop(struct shadow **shadow)
{
    struct shadow *dropped = *shadow;
    *shadow = NULL;
    if (dropped == NULL || --dropped->holders > 0)
        return;
    for (uint32_t w = 0; w < dropped->workers; w++)
        free(dropped->cells[w]);
    free(dropped->cells);
    chain_drop(&dropped->chain);
    free(dropped);
}

/* --- asking it [worker] --- */

/* Everything a chain may look at, as it was before the live chain was asked: the router's own
 * verdicts stand, what the live policies closed is open again. */
static void copy_inputs(struct decision *room, const struct decision *live)
{
    room->id = live->id;
    room->seed = live->seed;
    room->sequence = live->sequence;
    room->now_ns = live->now_ns;
    room->wall_ms = live->wall_ms;
    room->route = live->route;
    room->clock_ns = live->clock_ns;
    room->request = live->request;
    room->clusters = live->clusters;
    room->cluster_stride = live->cluster_stride;
    memcpy(room->estimates, live->estimates, live->count * sizeof *live->estimates);
    for (uint32_t i = 0; i < live->count; i++)
        if (live->verdicts[i].by == 0)
            room->verdicts[i].reason = live->verdicts[i].reason;
}

/* How much dearer `other` is than `own`, in seconds; NAN where a price is missing. */
static double dearer_s(const struct decision *prices, uint32_t other, uint32_t own)
{
    const double ms = prices->total_ms[other] - prices->total_ms[own];
    return isfinite(ms) ? fmax(ms, 0) / 1000 : NAN;
}

static void count(struct shadow_cell *cell, const struct decision *live, const struct decision *own)
{
    if (own->chosen == live->chosen) {
        counter_add(&cell->agreed, 1);
        return;
    }
    counter_add(&cell->differed, 1);
    if (own->chosen == ISO_NONE || live->chosen == ISO_NONE)
        return;
    distribution_add(&cell->gain_s, dearer_s(own, live->chosen, own->chosen));
    distribution_add(&cell->loss_s, dearer_s(live, own->chosen, live->chosen));
}

void shadow_ask(const struct shadow *shadow, uint32_t worker, const struct decision *live,
                struct decision *room)
{
    decision_begin(room, live->count, shadow->chain->part_count);
    copy_inputs(room, live);
    chain_decide(shadow->chain, room);
    room->is_shadow = true;
    room->obeyed = live->chosen;
    count(shadow->cells[worker], live, room);
}

void shadow_sum(const struct shadow *shadow, struct shadow_sum *out)
{
    *out = (struct shadow_sum){0};
    for (uint32_t w = 0; w < shadow->workers; w++) {
        const struct shadow_cell *cell = shadow->cells[w];
        out->agreed += counter_get(&cell->agreed);
        out->differed += counter_get(&cell->differed);
        distribution_sum(&out->gain_s, &cell->gain_s);
        distribution_sum(&out->loss_s, &cell->loss_s);
    }
}
