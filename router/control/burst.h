/*
 * Tells when a burst of request bodies is over.  malloc alone keeps what such
 * a burst took: something small that lasts lies above it, and it can only cut
 * off its end.
 */
#ifndef CONTROL_BURST_H
#define CONTROL_BURST_H

#include <stdbool.h>
#include <stdint.h>

enum { BURST_BYTES = 64 * 1024 * 1024, BURST_CALM_MS = 10000 };

/* Zeroed at first. */
struct burst {
    int64_t most_bytes;   /* since the last one was told */
    int64_t calm_from_ns; /* little is held since then; 0: much is */
};

/* `bytes` are held now.  True once for each time that BURST_BYTES or more were held, and then, for
 * BURST_CALM_MS, less than a quarter of the most.  [control] */
bool burst_is_over(struct burst *burst, int64_t bytes, int64_t now_ns);

#endif
