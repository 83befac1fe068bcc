/*
 * --promise: what a request's answer should keep to, "ttft=1s,itl=100ms", for
 * all classes or for one, "flex:ttft=30s".  How many do is the goodput.  Pure.
 */
#ifndef LOAD_PROMISE_H
#define LOAD_PROMISE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "load/tally.h"

struct promise {
    enum traffic_class traffic_class;       /* CLASS_NONE: all that have none of their own */
    double ttft_ms, itl_request_ms, e2e_ms; /* INFINITY: not promised */
};

bool promise_parse(struct slice text, struct promise *out, struct error *error) ISO_MUST_USE;
/* What became of it for a request that has ended. */
enum promise_state promise_judge(const struct promise *promises, uint32_t count,
                                 const struct sample *sample);

#endif
