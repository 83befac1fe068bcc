/* The two clocks.  Decisions use the monotonic one; wall time is for logs only. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

int64_t clock_monotonic_ns(void);
int64_t clock_wall_ms(void);
double clock_process_s(void); /* CPU time of the whole process */

static inline double ns_to_ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static inline int64_t ms_to_ns(double ms)
{
    return (int64_t)(ms * 1e6);
}

#endif
