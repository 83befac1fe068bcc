#include "conform/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "conform/allocation.h"

enum {
    AGAIN_AFTER = 16, /* examples, until the first of them comes again */
    PATIENCE_S = 10,  /* for one example; a decision takes microseconds */
};

#define MS_MOST 1e9

/* --- asking --- */

static int64_t ask_begin(struct findings *findings, const char *what)
{
    findings->asked = what;
    allocation_watch_begin();
    return clock_monotonic_ns();
}

static void ask_end(struct findings *findings, struct answer *answer, int64_t began_ns)
{
    answer->took_ns += clock_monotonic_ns() - began_ns;
    answer->allocations += allocation_watch_end();
    findings->asked = NULL;
}

static void filter_ask(const struct iso_policy *policy, struct example *example,
                       struct findings *findings, struct answer *answer)
{
    const uint32_t count = example->count;
    uint8_t *ours = (uint8_t *)pages_ours(&example->areas[EXAMPLE_SAID], count);
    uint8_t *shown = (uint8_t *)pages_shown(&example->areas[EXAMPLE_SAID], count);
    for (uint32_t i = 0; i < count; i++)
        ours[i] = example->closed[i] ? ISO_CLOSED : ISO_KEEP;
    if (policy->filter != NULL) {
        const int64_t began_ns = ask_begin(findings, "filter");
        policy->filter(example->call, shown);
        ask_end(findings, answer, began_ns);
    }
    memcpy(answer->said, ours, count);
}

/* What is kept: what filter left, or what it only avoids if that is nothing. */
static void kept_find(const struct example *example, struct answer *answer)
{
    answer->kept_count = 0;
    for (uint32_t i = 0; i < example->count; i++) {
        answer->kept[i] = !example->closed[i] && answer->said[i] == ISO_KEEP;
        answer->kept_count += answer->kept[i];
    }
    if (answer->kept_count > 0)
        return;
    for (uint32_t i = 0; i < example->count; i++) {
        answer->kept[i] = !example->closed[i] && (answer->said[i] & ISO_AVOID);
        answer->kept_count += answer->kept[i];
    }
}

static const uint8_t *verdicts_show(struct example *example, const struct answer *answer)
{
    uint8_t *ours = (uint8_t *)pages_ours(&example->areas[EXAMPLE_VERDICTS], example->count);
    for (uint32_t i = 0; i < example->count; i++)
        ours[i] = answer->kept[i] ? ISO_KEEP : ISO_CLOSED;
    return (const uint8_t *)pages_shown(&example->areas[EXAMPLE_VERDICTS], example->count);
}

static void cost_ask(const struct iso_policy *policy, struct example *example,
                     struct findings *findings, struct answer *answer)
{
    const size_t bytes = sizeof(double) * example->count * policy->part_count;
    const uint8_t *verdicts = verdicts_show(example, answer);
    char *ours = pages_ours(&example->areas[EXAMPLE_MS], bytes);
    memset(ours, 0, bytes);
    if (policy->cost != NULL) {
        const int64_t began_ns = ask_begin(findings, "cost");
        policy->cost(example->call, verdicts,
                     (double *)(void *)pages_shown(&example->areas[EXAMPLE_MS], bytes));
        ask_end(findings, answer, began_ns);
    }
    memcpy(answer->ms, ours, bytes);
}

/* As the chain adds it up, faults mended. */
static double total(const struct iso_policy *policy, const struct example *example,
                    const struct answer *answer, uint32_t i)
{
    double sum = example->others[i];
    for (uint32_t p = 0; p < policy->part_count; p++) {
        const double ms = answer->ms[i * policy->part_count + p];
        sum += fabs(ms) <= MS_MOST ? ms : MS_MOST;
    }
    return sum;
}

static void pick_ask(const struct iso_policy *policy, struct example *example,
                     struct findings *findings, struct answer *answer)
{
    const size_t bytes = sizeof(double) * example->count;
    answer->picked = ISO_NONE;
    if (policy->pick == NULL || answer->kept_count == 0)
        return;
    double *totals = (double *)(void *)pages_ours(&example->areas[EXAMPLE_TOTALS], bytes);
    for (uint32_t i = 0; i < example->count; i++)
        totals[i] = answer->kept[i] ? total(policy, example, answer, i) : INFINITY;
    const uint8_t *verdicts = verdicts_show(example, answer);
    const int64_t began_ns = ask_begin(findings, "pick");
    answer->picked =
        policy->pick(example->call, verdicts,
                     (const double *)(const void *)pages_shown(&example->areas[EXAMPLE_TOTALS],
                                                               bytes));
    ask_end(findings, answer, began_ns);
}

/* --- judging --- */

static void verdicts_judge(const struct iso_policy *policy, const struct example *example,
                           const struct answer *answer, struct findings *findings)
{
    for (uint32_t i = 0; i < example->count; i++) {
        const uint8_t said = answer->said[i], reason = said & ISO_CLOSED;
        if (example->closed[i] && (said == ISO_KEEP || (said & ISO_AVOID)))
            finding_add(findings, FINDING_OPENED,
                        "filter opens cluster %u of %u, which was closed before it was asked", i,
                        example->count);
        if (!example->closed[i] && said != ISO_KEEP &&
            (reason == 0 || reason >= policy->reason_count))
            finding_add(findings, FINDING_VERDICT,
                        "filter says 0x%02x of cluster %u; it may be ISO_KEEP, or %s", said, i,
                        policy->reason_count > 1 ? "the index of a reason, with or without "
                                                   "ISO_AVOID"
                                                 : "nothing else, for there are no reasons");
    }
}

static void costs_judge(const struct iso_policy *policy, const struct example *example,
                        const struct answer *answer, struct findings *findings)
{
    for (uint32_t i = 0; i < example->count; i++)
        for (uint32_t p = 0; answer->kept[i] && p < policy->part_count; p++) {
            const double ms = answer->ms[i * policy->part_count + p];
            if (!(fabs(ms) < MS_MOST))
                finding_add(findings, FINDING_COST,
                            "cost says %g ms for the part \"%s\" of cluster %u; it must be finite "
                            "and below 1e9 either way",
                            ms, policy->parts[p], i);
        }
}

static void pick_judge(const struct example *example, const struct answer *answer,
                       struct findings *findings)
{
    if (answer->picked == ISO_NONE)
        return;
    if (answer->picked >= example->count)
        finding_add(findings, FINDING_PICK, "pick says %u; there are %u clusters", answer->picked,
                    example->count);
    else if (!answer->kept[answer->picked])
        finding_add(findings, FINDING_PICK,
                    "pick takes cluster %u of %u, which is not among those kept", answer->picked,
                    example->count);
}

void trial_ask(const struct iso_policy *policy, struct example *example, struct findings *findings,
               struct answer *answer)
{
    memset(answer, 0, sizeof *answer);
    filter_ask(policy, example, findings, answer);
    verdicts_judge(policy, example, answer, findings);
    kept_find(example, answer);
    cost_ask(policy, example, findings, answer);
    costs_judge(policy, example, answer, findings);
    pick_ask(policy, example, findings, answer);
    pick_judge(example, answer, findings);
    if (answer->allocations > 0)
        finding_add(findings, FINDING_ALLOCATED,
                    "a decision asks for memory %llu times; it must not, whatever for",
                    (unsigned long long)answer->allocations);
}

/* --- the same again --- */

/* NULL when they are the same; rows of clusters that are not kept do not count. */
static const char *difference(const struct iso_policy *policy, const struct example *example,
                              const struct answer *a, const struct answer *b)
{
    const size_t row = sizeof(double) * policy->part_count;
    for (uint32_t i = 0; i < example->count; i++)
        if (!example->closed[i] && a->said[i] != b->said[i])
            return "filter";
    for (uint32_t i = 0; i < example->count; i++)
        if (a->kept[i] && memcmp((const char *)a->ms + i * row, (const char *)b->ms + i * row, row))
            return "cost";
    return a->picked != b->picked ? "pick" : NULL;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void times_sum(struct findings *findings, double *took_ns, uint64_t count)
{
    qsort(took_ns, count, sizeof *took_ns, by_size);
    findings->p50_ns = took_ns[count / 2];
    findings->p90_ns = took_ns[count * 9 / 10];
    findings->p99_ns = took_ns[count * 99 / 100];
}

void trial_run(const struct iso_policy *policy, struct example *example, uint64_t seed,
               uint64_t fleets, struct findings *findings)
{
    struct answer first, again, earlier;
    double *took_ns = memory_alloc(fleets * sizeof *took_ns);
    const char *what;
    for (uint64_t n = 0; n < fleets; n++) {
        findings->seed = seed + n;
        alarm(PATIENCE_S);
        example_make(example, seed + n);
        trial_ask(policy, example, findings, &first);
        trial_ask(policy, example, findings, &again);
        what = difference(policy, example, &first, &again);
        if (what != NULL)
            finding_add(findings, FINDING_TWICE, "%s answers the same call differently", what);
        took_ns[n] = (double)(first.took_ns < again.took_ns ? first.took_ns : again.took_ns);
        if (n % AGAIN_AFTER == 0)
            earlier = first;
        if (n % AGAIN_AFTER != AGAIN_AFTER - 1)
            continue;
        findings->seed = seed + n - n % AGAIN_AFTER;
        example_make(example, findings->seed);
        trial_ask(policy, example, findings, &again);
        what = difference(policy, example, &earlier, &again);
        if (what != NULL)
            finding_add(findings, FINDING_STATE,
                        "%s answers the same call differently after others: it keeps something",
                        what);
    }
    alarm(0);
    findings->decisions = fleets;
    times_sum(findings, took_ns, fleets);
    findings->finished = true;
    free(took_ns);
}
