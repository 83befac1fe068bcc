#include "control/burst.h"

#include "base/clock.h"

bool burst_is_over(struct burst *burst, int64_t bytes, int64_t now_ns)
{
    if (bytes > burst->most_bytes)
        burst->most_bytes = bytes;
    if (burst->most_bytes < BURST_BYTES || bytes >= burst->most_bytes / 4) {
        burst->calm_from_ns = 0;
        return false;
    }
    if (burst->calm_from_ns == 0)
        burst->calm_from_ns = now_ns;
    if (now_ns - burst->calm_from_ns < BURST_CALM_MS * NS_PER_MS)
        return false;
    *burst = (struct burst){.most_bytes = bytes};
    return true;
}
