#include "proxy/meter.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define COUNT_BITS 40
#define COUNT_MASK (METER_COUNT_MOST - 1)
#define STEP_MASK ((UINT64_C(1) << (64 - COUNT_BITS)) - 1)
#define STEP_NS (METER_STEP_S * NS_PER_S)

struct meter *meter_create(uint32_t workers)
{
    struct meter *meter = memory_zalloc(sizeof *meter + workers * sizeof meter->shares[0]);
    meter->holders = 1;
    meter->workers = workers;
    return meter;
}

struct meter *meter_hold(struct meter *meter)
{
    meter->holders++;
    return meter;
}

void meter_drop(struct meter **meter)
{
    struct meter *dropped = *meter;
    *meter = NULL;
    if (dropped == NULL || --dropped->holders > 0)
        return;
    for (uint32_t w = 0; w < dropped->workers; w++)
        free(atomic_load_explicit(&dropped->shares[w], memory_order_relaxed));
    free(dropped);
}

static struct meter_share *share_of(struct meter *meter, uint32_t worker)
{
    CHECK_LT(worker, meter->workers);
    struct meter_share *share = atomic_load_explicit(&meter->shares[worker], memory_order_relaxed);
    if (share != NULL)
        return share;
    share = aligned_alloc(64, sizeof *share);
    CHECK(share != NULL);
    memset(share, 0, sizeof *share);
    atomic_store_explicit(&meter->shares[worker], share, memory_order_release);
    return share;
}

/* From 1 on, so that zeroed memory is a step long past. */
static uint64_t step_at(int64_t now_ns)
{
    return ((uint64_t)(now_ns / STEP_NS) + METER_STEPS) & STEP_MASK;
}

void meter_add(struct meter *meter, uint32_t worker, enum meter_kind kind, uint64_t count,
               int64_t now_ns)
{
    const uint64_t step = step_at(now_ns);
    _Atomic uint64_t *word = &share_of(meter, worker)->steps[kind][step % METER_STEPS];
    const uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t sum = (old >> COUNT_BITS) == step ? old & COUNT_MASK : 0;
    sum = count < COUNT_MASK - sum ? sum + count : COUNT_MASK;
    atomic_store_explicit(word, step << COUNT_BITS | sum, memory_order_relaxed);
}

/* What all workers used in that step. */
static uint64_t used_in(const struct meter *meter, enum meter_kind kind, uint64_t step)
{
    uint64_t sum = 0;
    for (uint32_t w = 0; w < meter->workers; w++) {
        const struct meter_share *share =
            atomic_load_explicit(&meter->shares[w], memory_order_acquire);
        if (share == NULL)
            continue;
        const uint64_t word =
            atomic_load_explicit(&share->steps[kind][step % METER_STEPS], memory_order_relaxed);
        if (word >> COUNT_BITS == step)
            sum += word & COUNT_MASK;
    }
    return sum;
}

double meter_wait_ms(const struct meter *meter, enum meter_kind kind, uint64_t most, int64_t now_ns)
{
    const uint64_t now = step_at(now_ns);
    uint64_t sum = 0, last = 0; /* the latest of the steps that would have to be forgotten */
    for (uint64_t back = 0; back < METER_STEPS && sum < most; back++) {
        sum += used_in(meter, kind, (now - back) & STEP_MASK);
        last = back;
    }
    if (sum < most)
        return 0;
    return ns_to_ms((int64_t)(METER_STEPS - last) * STEP_NS - now_ns % STEP_NS);
}
