/*
 * A number of tokens: always the same, or lognormal.  "512",
 * "lognormal:6.2,0.8" (mean and deviation of the logarithm).  Pure.
 */
#ifndef LOAD_SIZE_H
#define LOAD_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "base/slice.h"

enum { SIZE_TOKENS_MOST = 131072 };

struct size {
    bool lognormal;
    uint32_t tokens; /* constant */
    double mu, sigma;
};

bool size_parse(struct slice text, struct size *out, struct error *error) ISO_MUST_USE;
/* 1 to SIZE_TOKENS_MOST; a constant 0 stays 0. */
uint32_t size_draw(const struct size *size, struct random *random);

#endif
