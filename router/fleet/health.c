#include "fleet/health.h"

#include <math.h>

#include "base/check.h"
#include "base/clock.h"

#define FLAPS_MOST 4 /* 1 << 4 probes */
#define PROBE_FALL 3
#define PROBE_RISE 2

void health_init(struct health *health, int64_t now_ns)
{
    *health = (struct health){.state = HEALTH_HEALTHY, .since_ns = now_ns, .stepped_ns = now_ns};
}

static bool fit(enum health_state state)
{
    return state == HEALTH_HEALTHY || state == HEALTH_SLOW_START;
}

/* from -> to; the row says what may follow. */
static const bool edges[4][4] = {
    [HEALTH_HEALTHY] = {[HEALTH_EJECTED] = true, [HEALTH_SLOW_START] = true},
    [HEALTH_EJECTED] = {[HEALTH_HALF_OPEN] = true},
    [HEALTH_HALF_OPEN] = {[HEALTH_EJECTED] = true, [HEALTH_SLOW_START] = true},
    [HEALTH_SLOW_START] =
        {[HEALTH_EJECTED] = true, [HEALTH_HEALTHY] = true, [HEALTH_SLOW_START] = true},
};

static void change(struct health *health, enum health_state to, int64_t now_ns)
{
    CHECK(edges[health->state][to]);
    health->changes += fit(health->state) != fit(to);
    health->state = to;
    health->since_ns = now_ns;
    health->streak = 0;
    health->probe_sent_ns = 0;
}

static void eject(struct health *health, struct random *random, int64_t now_ns)
{
    const double jitter = 0.9 + 0.2 * random_unit(random);
    const double ms = fmin(1000.0 * (double)(1u << health->level), HEALTH_EJECT_MOST_MS);
    health->flaps += health->state == HEALTH_SLOW_START && health->flaps < FLAPS_MOST;
    health->level += health->level < 5;
    health->ejections++;
    health->until_ns = now_ns + ms_to_ns(ms * jitter);
    change(health, HEALTH_EJECTED, now_ns);
}

static void half_open(struct health *health, const struct health_events *events, int64_t now_ns)
{
    change(health, HEALTH_HALF_OPEN, now_ns);
    health->probes_left = 1u << health->flaps;
    health->probe_mark = events->sent;
    health->failures = health->successes = 0;
}

static void probing(struct health *health, const struct health_events *events,
                    struct random *random, int64_t now_ns)
{
    if (health->probe_sent_ns == 0 && events->sent > health->probe_mark)
        health->probe_sent_ns = now_ns;
    const bool lost = health->probe_sent_ns != 0 &&
                      ns_to_ms(now_ns - health->probe_sent_ns) > HEALTH_PROBE_PATIENCE_MS;
    if (events->failures > 0) {
        eject(health, random, now_ns);
    } else if (events->successes >= health->probes_left) {
        change(health, HEALTH_SLOW_START, now_ns);
    } else if (events->successes > 0 || lost) {
        health->probes_left -= (uint32_t)events->successes;
        health->probe_mark = events->sent;
        health->probe_sent_ns = 0;
    }
}

static void serving(struct health *health, const struct health_events *events, bool may_eject,
                    struct random *random, int64_t now_ns)
{
    const double here_ms = ns_to_ms(now_ns - health->since_ns);
    if (events->successes > 0)
        health->streak = 0;
    else
        health->streak += events->failures;
    if (events->failures > 0 && may_eject && health_erring(health))
        eject(health, random, now_ns);
    else if (health->state == HEALTH_SLOW_START && here_ms >= HEALTH_SLOW_START_MS)
        change(health, HEALTH_HEALTHY, now_ns);
    else if (health->state == HEALTH_HEALTHY && here_ms >= HEALTH_FORGIVE_MS)
        health->level = health->flaps = 0;
}

void health_step(struct health *health, const struct health_events *events, bool may_eject,
                 struct random *random, int64_t now_ns)
{
    const double past_ms = fmax(0, ns_to_ms(now_ns - health->stepped_ns));
    const double keep = exp(-past_ms / HEALTH_TAU_MS);
    health->stepped_ns = now_ns;
    health->failures = health->failures * keep + (double)events->failures;
    health->successes = health->successes * keep + (double)events->successes;
    switch (health->state) {
    case HEALTH_EJECTED: /* what was sent before says nothing new */
        if (now_ns >= health->until_ns)
            half_open(health, events, now_ns);
        break;
    case HEALTH_HALF_OPEN:
        probing(health, events, random, now_ns);
        break;
    case HEALTH_HEALTHY:
    case HEALTH_SLOW_START:
        serving(health, events, may_eject, random, now_ns);
        break;
    }
}

void health_restart(struct health *health, int64_t now_ns)
{
    if (fit(health->state))
        change(health, HEALTH_SLOW_START, now_ns);
}

bool health_probe_free(const struct health *health)
{
    return health->state == HEALTH_HALF_OPEN && health->probe_sent_ns == 0;
}

bool health_erring(const struct health *health)
{
    return health->streak >= HEALTH_STREAK ||
           (health->failures >= HEALTH_RATE_LEAST &&
            health->failures >= HEALTH_RATE * (health->failures + health->successes));
}

double health_ramp(const struct health *health, int64_t now_ns)
{
    if (health->state != HEALTH_SLOW_START)
        return 1;
    return fmin(1, fmax(0, ns_to_ms(now_ns - health->since_ns) / HEALTH_SLOW_START_MS));
}

const char *health_state_name(enum health_state state)
{
    static const char *const names[] = {
        [HEALTH_HEALTHY] = "healthy",
        [HEALTH_EJECTED] = "ejected",
        [HEALTH_HALF_OPEN] = "half_open",
        [HEALTH_SLOW_START] = "slow_start",
    };
    return state <= HEALTH_SLOW_START ? names[state] : "?";
}

bool probe_health_observe(struct probe_health *health, bool ok)
{
    if (ok != health->down) {
        health->streak = 0;
        return false;
    }
    if (++health->streak < (health->down ? PROBE_RISE : PROBE_FALL))
        return false;
    health->down = !health->down;
    health->streak = 0;
    return true;
}
