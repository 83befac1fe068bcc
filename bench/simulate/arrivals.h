/*
 * Recorded requests to be run in place of drawn ones: a trace that isobench
 * load reads too (load/trace.h), fitted to a scenario.
 */
#ifndef SIMULATE_ARRIVALS_H
#define SIMULATE_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "cluster/scenario.h"

struct arrival {
    int64_t at_ns;
    uint64_t conversation; /* > 0 */
    uint32_t turn;
    uint32_t prompt_tokens, reusable_tokens, output_tokens;
    uint8_t region; /* of the scenario */
    bool flex;
};

struct arrivals {
    struct arrival *list; /* by at_ns */
    size_t count;
    /* Means. */
    double requests_per_s, uncached_tokens, output_tokens;
};

/*
 * The requests of a file.  Where it says no place, conversations are dealt to
 * the regions by their weights.
 */
struct arrivals *arrivals_read(const char *file, const struct scenario *scenario,
                               double output_scale, struct error *error) ISO_MUST_USE;
void arrivals_destroy(struct arrivals **arrivals);
/* From the beginning to the last. */
double arrivals_last_s(const struct arrivals *arrivals);

#endif
