#include "proxy/pace.h"

#include <stdbool.h>

enum {
    BUSY_PER_REST = 3,       /* a quarter of the time */
    EVENTS_PER_REQUEST = 32, /* fewer, and the time went to requests */

    TURN_LONG_NS = 3000000,   /* portions are large enough */
    PRESSED_NS = 5000000,     /* a pile is worked off in less, */
    PRESSED_TURN_NS = 500000, /* and is no single turn */
    REST_LEAST_NS = 150000,   /* less is not worth the call */
    REST_MOST_NS = 1000000,   /* a request that comes meanwhile waits so long */
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t pace_rest_ns(struct pace *pace, int64_t began_ns, int64_t now_ns)
{
    const int64_t busy_ns = now_ns - began_ns;
    const int64_t waited_ns = began_ns - pace->looked_ns;
    const bool of_events = pace->events > pace->requests * EVENTS_PER_REQUEST;
    pace->events = pace->requests = 0;
    pace->looked_ns = now_ns;
    counter_add(&pace->busy_ns, (uint64_t)busy_ns);

    pace->pressed_ns += least(busy_ns, PRESSED_TURN_NS);
    pace->owed_ns += busy_ns / BUSY_PER_REST - waited_ns;
    if (pace->owed_ns < 0 || !of_events)
        pace->owed_ns = pace->pressed_ns = 0;
    pace->owed_ns = least(pace->owed_ns, REST_MOST_NS);
    const int64_t rest_ns = least(pace->owed_ns, TURN_LONG_NS - busy_ns);
    if (rest_ns < REST_LEAST_NS || pace->pressed_ns < PRESSED_NS)
        return 0;
    return rest_ns;
}

void pace_rested(struct pace *pace, int64_t now_ns)
{
    counter_add(&pace->rested_ns, (uint64_t)(now_ns - pace->looked_ns));
    pace->owed_ns = 0;
    pace->looked_ns = now_ns;
}
