/*
 * A policy that does one thing it must not, chosen by -DWRONG: the conformance
 * kit has to find each.  meson.build lists them.
 */
#include <isochrone/policy.h>
#include <math.h>
#include <stdlib.h>

enum {
    NOTHING,
    OPENS,
    MEANINGLESS,
    INFINITE,
    PICKS_CLOSED,
    PICKS_NOBODY,
    COUNTS,
    REMEMBERS,
    ALLOCATES,
    WRITES,
    READS_ON,
    WRITES_ON,
    CRASHES,
};

static const char *const reasons[] = {NULL, "too far"};
static const char *const parts[] = {"one", "two"};

static uint32_t calls;
static uint64_t last_seed;
static void *volatile memory;

static void filter(const struct iso_call *call, uint8_t *verdict)
{
    if (WRONG == OPENS)
        for (uint32_t i = 0; i < call->count; i++)
            verdict[i] = ISO_KEEP;
    if (WRONG == MEANINGLESS && verdict[0] == ISO_KEEP)
        verdict[0] = 2 | ISO_AVOID;
    if (WRONG == CRASHES)
        abort();
}

static void disturb(const struct iso_call *call, double *ms)
{
    if (WRONG == COUNTS)
        ms[0] += ++calls;
    if (WRONG == REMEMBERS) { /* right twice in a row, but not later */
        calls += call->seed != last_seed;
        last_seed = call->seed;
        ms[0] += calls;
    }
    if (WRONG == ALLOCATES) {
        memory = malloc(8);
        free(memory);
    }
    if (WRONG == WRITES)
        ((struct iso_cluster *)(uintptr_t)call->clusters)->rtt_ms = 1;
    if (WRONG == READS_ON)
        ms[0] += iso_cluster(call, call->count)->rtt_ms;
    if (WRONG == WRITES_ON)
        ms[2 * call->count] = 1;
}

static void cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (verdict[i] == ISO_KEEP)
            ms[2 * i] = WRONG == INFINITE ? INFINITY : iso_cluster(call, i)->rtt_ms;
    disturb(call, ms);
}

static uint32_t pick(const struct iso_call *call, const uint8_t *verdict, const double *total_ms)
{
    (void)total_ms;
    if (WRONG == PICKS_NOBODY)
        return call->count;
    for (uint32_t i = 0; i < call->count; i++)
        if ((verdict[i] == ISO_KEEP) == (WRONG != PICKS_CLOSED))
            return i;
    return ISO_NONE;
}

const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,      .name = "wrong",    .version = "1.0",  .summary = "For the kit's tests",
    .kind = ISO_COMPLETE, .reasons = reasons, .reason_count = 2, .parts = parts,
    .part_count = 2,      .filter = filter,   .cost = cost,      .pick = pick,
};
