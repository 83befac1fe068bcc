#include "proxy/policy_time.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

void policy_time_finish(struct policy_time *time)
{
    for (uint32_t i = 0; i < PLUGINS_MAX; i++)
        free(atomic_load_explicit(&time->policies[i], memory_order_relaxed));
}

const struct policy_metrics *policy_time_of(const struct policy_time *time, uint32_t plugin)
{
    return atomic_load_explicit(&time->policies[plugin], memory_order_acquire);
}

static struct policy_metrics *metrics_of(struct policy_time *time, uint32_t plugin)
{
    struct policy_metrics *metrics =
        atomic_load_explicit(&time->policies[plugin], memory_order_relaxed);
    if (ISO_UNLIKELY(metrics == NULL)) {
        metrics = memory_zalloc(sizeof *metrics);
        distribution_init(&metrics->took_s, &distribution_short_s);
        atomic_store_explicit(&time->policies[plugin], metrics, memory_order_release);
    }
    return metrics;
}

void policy_time_begin(struct policy_time *time, int64_t now_ns)
{
    time->watching = now_ns < time->suspicious_until_ns;
    if (ISO_UNLIKELY(time->watching))
        getrusage(RUSAGE_THREAD, &time->before);
}

static int64_t processor_ns(const struct rusage *usage)
{
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * NS_PER_S +
           (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * INT64_C(1000);
}

/* Work of its own, or sleep of its own: not somebody else's turn on the processor. */
static bool was_its_own(const struct policy_time *time)
{
    struct rusage now;
    if (!time->watching)
        return false;
    getrusage(RUSAGE_THREAD, &now);
    return processor_ns(&now) - processor_ns(&time->before) >= POLICY_HARD_NS ||
           now.ru_nvcsw > time->before.ru_nvcsw;
}

static void overran(struct policy_time *time, struct policy_metrics *metrics, int64_t took_ns,
                    int64_t now_ns)
{
    counter_add(&metrics->overruns, 1);
    if (took_ns <= POLICY_HARD_NS)
        return;
    if (was_its_own(time))
        counter_add(&metrics->strikes, 1);
    time->suspicious_until_ns = now_ns + POLICY_STRIKE_NS;
}

void policy_time_end(struct policy_time *time, const struct decision *decision)
{
    for (uint32_t k = 0; k < decision->policy_count; k++) {
        const struct decision_policy *policy = &decision->policies[k];
        struct policy_metrics *metrics = metrics_of(time, policy->plugin->number);
        distribution_add(&metrics->took_s, (double)policy->took_ns / (double)NS_PER_S);
        if (ISO_UNLIKELY(policy->took_ns > POLICY_SOFT_NS))
            overran(time, metrics, policy->took_ns, decision->now_ns);
    }
}
