/*
 * What policies' own code costs: a histogram of every policy's time, and
 * whether it kept to its budget.  A decision that took long by the clock may
 * only have been put off the processor, so a policy is held to account only
 * when its thread did the work, or slept by itself; asking the kernel for that
 * costs more than a decision, so it is asked only for a minute after a first
 * suspicion.
 *
 * One of each worker; the control thread reads the counters.
 */
#ifndef PROXY_POLICY_TIME_H
#define PROXY_POLICY_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/counter.h"
#include "policy/decision.h"

#define POLICY_SOFT_NS INT64_C(50000)   /* counted above */
#define POLICY_HARD_NS INT64_C(5000000) /* POLICY_STRIKES above it within POLICY_STRIKE_NS: out */
#define POLICY_STRIKE_NS (INT64_C(60) * 1000000000)
enum { POLICY_STRIKES = 3 };

/* Of one policy, in one worker; made at its first decision. */
struct policy_metrics {
    struct distribution took_s;
    struct counter overruns; /* of the soft budget */
    struct counter strikes;  /* of the hard one, and confirmed */
};

struct policy_time {
    _Atomic(struct policy_metrics *) policies[PLUGINS_MAX]; /* by the plugin's number */
    int64_t suspicious_until_ns;
    bool watching; /* the decision under way */
    struct rusage before;
};

void policy_time_finish(struct policy_time *time);
/* Before a decision. [worker] */
void policy_time_begin(struct policy_time *time, int64_t now_ns);
/* After it. [worker] */
void policy_time_end(struct policy_time *time, const struct decision *decision);
/* NULL: that policy was never asked here.  Any thread. */
const struct policy_metrics *policy_time_of(const struct policy_time *time, uint32_t plugin);

#endif
