#include "simulate/series.h"

#include <stdlib.h>

#include "base/memory.h"

struct series *series_create(uint32_t clusters, uint32_t places, int64_t from_ns, int64_t to_ns)
{
    struct series *s = memory_zalloc(sizeof *s);
    const size_t cells = (size_t)SERIES_STEPS * clusters;
    s->clusters = clusters;
    s->places = places;
    s->from_ns = from_ns;
    s->step_ns = (to_ns - from_ns + SERIES_STEPS - 1) / SERIES_STEPS;
    s->steps = memory_zalloc(SERIES_STEPS * sizeof *s->steps);
    s->busy_s = memory_zalloc(cells * sizeof *s->busy_s);
    s->sent = memory_zalloc(cells * sizeof *s->sent);
    s->flows = memory_zalloc((size_t)places * clusters * sizeof *s->flows);
    return s;
}

void series_destroy(struct series **series)
{
    struct series *s = *series;
    if (s == NULL)
        return;
    free(s->steps);
    free(s->busy_s);
    free(s->sent);
    free(s->flows);
    free(s);
    *series = NULL;
}

/* SERIES_STEPS: outside. */
static uint32_t step_of(const struct series *s, int64_t at_ns)
{
    if (at_ns < s->from_ns || at_ns >= s->from_ns + SERIES_STEPS * s->step_ns)
        return SERIES_STEPS;
    return (uint32_t)((at_ns - s->from_ns) / s->step_ns);
}

void series_arrive(struct series *s, int64_t at_ns)
{
    const uint32_t step = s != NULL ? step_of(s, at_ns) : SERIES_STEPS;
    if (step < SERIES_STEPS)
        s->steps[step].requests++;
}

void series_first(struct series *s, int64_t arrived_ns, int64_t ttft_ns)
{
    const uint32_t step = s != NULL ? step_of(s, arrived_ns) : SERIES_STEPS;
    if (step < SERIES_STEPS)
        histogram_add(&s->steps[step].ttft_ns, (uint64_t)ttft_ns);
}

void series_sent(struct series *s, uint32_t place, uint32_t cluster, int64_t at_ns)
{
    const uint32_t step = s != NULL ? step_of(s, at_ns) : SERIES_STEPS;
    if (step == SERIES_STEPS)
        return;
    s->sent[(size_t)step * s->clusters + cluster]++;
    s->flows[(size_t)place * s->clusters + cluster]++;
}

void series_busy(struct series *s, uint32_t cluster, int64_t from_ns, int64_t to_ns)
{
    if (s == NULL || to_ns <= s->from_ns)
        return;
    int64_t at_ns = from_ns > s->from_ns ? from_ns : s->from_ns;
    while (at_ns < to_ns) {
        const uint32_t step = step_of(s, at_ns);
        if (step == SERIES_STEPS)
            return;
        const int64_t ends_ns = s->from_ns + (step + 1) * s->step_ns;
        const int64_t until_ns = ends_ns < to_ns ? ends_ns : to_ns;
        s->busy_s[(size_t)step * s->clusters + cluster] += (double)(until_ns - at_ns) / 1e9;
        at_ns = until_ns;
    }
}
