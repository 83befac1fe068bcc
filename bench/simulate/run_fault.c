/* What goes wrong, at its time. */
#include "base/clock.h"
#include "simulate/run_state.h"

#define SETTLED_S 5.0 /* into a fault, from when its traffic is counted */

static void station_lose_all(struct run *run, uint32_t at)
{
    const uint32_t size = trip_pool_size(&run->trips);
    for (uint32_t number = 0; number < size; number++) {
        struct trip *trip = trip_at(&run->trips, number);
        if (trip->state != TRIP_THERE || trip->station != at)
            continue;
        cluster_model_abort(run->stations[at].model, trip->handle, run->now_ns);
        trip->state = TRIP_LEAVING;
        agenda_add(&run->agenda, run->now_ns + trip->half_ns, EVENT_LOST, number, 0);
    }
    /* What is already on its way back arrives before the break; nothing else is left to happen. */
    cluster_model_forget_prefixes(run->stations[at].model);
}

static void station_fault(struct run *run, const struct fault *fault, bool on)
{
    struct station *station = &run->stations[fault->cluster];
    run_station_turn(run, station);
    switch (fault->kind) {
    case FAULT_FAILURE:
        station->down = on;
        if (on)
            station_lose_all(run, fault->cluster);
        break;
    case FAULT_BROWN_OUT:
        cluster_model_slow(station->model, on ? 1 / fault->factor : 1, run->now_ns);
        break;
    case FAULT_PAPER:
        station->declared = on ? fault->factor : 1;
        break;
    case FAULT_LIE:
        cluster_model_lie(station->model, on ? fault->factor : 1);
        break;
    case FAULT_DEAD_AGENT:
        station->mute = on;
        break;
    case FAULT_ERROR:
        station->erring = on;
        break;
    case FAULT_REDIS:
    case FAULT_KIND_COUNT:
        break;
    }
    run_station_turn(run, station);
}

void run_fault_turn(struct run *run, uint32_t at, bool on)
{
    const struct fault *fault = &run->setup->faults[at];
    if (fault->kind == FAULT_REDIS) {
        run->redis_down = on;
        return;
    }
    run->counted = on ? fault : NULL;
    run->counted_from_ns = run->now_ns + run_seconds_ns(SETTLED_S);
    station_fault(run, fault, on);
}
