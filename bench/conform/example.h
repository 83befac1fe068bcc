/*
 * A made-up decision: clusters, what is expected of them, a request, verdicts.
 * Every value is one the ABI permits, unknown and extreme ones included; the
 * same seed makes the same example.  It lies in pages that a policy cannot
 * write to, with strides as a newer router might have them.
 */
#ifndef CONFORM_EXAMPLE_H
#define CONFORM_EXAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "conform/pages.h"
#include "isochrone/policy.h"

#define EXAMPLE_CLUSTERS_MAX 64

/* What a policy can reach, each in pages of its own. */
enum example_area {
    EXAMPLE_CALL,
    EXAMPLE_CLUSTERS,
    EXAMPLE_ESTIMATES,
    EXAMPLE_REQUEST,
    EXAMPLE_TEXTS,
    EXAMPLE_SETTINGS,
    EXAMPLE_VERDICTS, /* as cost and pick are shown them */
    EXAMPLE_TOTALS,   /* as pick is shown them */
    EXAMPLE_SAID,     /* filter's verdicts: it writes here */
    EXAMPLE_MS,       /* cost's milliseconds: it writes here */
    EXAMPLE_AREAS
};

extern const char *const example_area_names[EXAMPLE_AREAS];

struct example {
    struct pages areas[EXAMPLE_AREAS];
    const struct iso_call *call; /* as shown */
    uint32_t count;
    bool closed[EXAMPLE_CLUSTERS_MAX];   /* by the router */
    double others[EXAMPLE_CLUSTERS_MAX]; /* what the rest of the chain charges */
};

/* `settings`: copied. */
void example_init(struct example *example, const void *settings, uint32_t settings_bytes);
void example_finish(struct example *example);
void example_make(struct example *example, uint64_t seed);

#endif
