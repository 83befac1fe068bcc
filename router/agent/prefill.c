#include "agent/prefill.h"

#include <math.h>

/* What is known before anything was seen. */
#define FLOOR_S 0.010
#define FLOOR_DEVIATION_S 0.010
#define TOKEN_S 0.0002
#define TOKEN_DEVIATION_S 0.0005

#define REQUEST_DEVIATION 0.25        /* of one request, by its mean time */
#define UNSURE_SHARE 0.3              /* of what a token takes: more is no knowledge ... */
#define UNSURE_LEAST_TOKEN_S 0.000075 /* ... unless it is quick anyway: a floor for 200 of them */

void prefill_sums_add(struct prefill_sums *sums, double requests, double tokens, double seconds,
                      bool loose)
{
    sums->requests += requests;
    sums->tokens += tokens;
    sums->seconds += seconds;
    if (loose || requests <= 0) {
        sums->loose_requests += requests;
        return;
    }
    sums->tokens_squared += tokens * tokens / requests;
    sums->tokens_seconds += tokens * seconds / requests;
}

void prefill_sums_fade(struct prefill_sums *sums, double keep)
{
    sums->requests *= keep;
    sums->tokens *= keep;
    sums->seconds *= keep;
    sums->tokens_squared *= keep;
    sums->tokens_seconds *= keep;
    sums->loose_requests *= keep;
}

void prefill_sums_merge(struct prefill_sums *into, const struct prefill_sums *sums)
{
    into->requests += sums->requests;
    into->tokens += sums->tokens;
    into->seconds += sums->seconds;
    into->tokens_squared += sums->tokens_squared;
    into->tokens_seconds += sums->tokens_seconds;
    into->loose_requests += sums->loose_requests;
}

/* What one token takes beyond the floor, and the floor. */
struct line {
    double floor_s, token_s, token_deviation_s;
};

/*
 * Bayes' line through them, normal deviations all over; n requests of x tokens in y seconds, v
 * the variance of one:
 *
 *     | n/v + 1/F^2   x/v          |   | floor |   | y/v  + floor0/F^2 |
 *     | x/v           xx/v + 1/T^2 | * | token | = | xy/v + token0/T^2 |
 */
static struct line line_fit(const struct prefill_sums *sums)
{
    const double n = sums->requests, x = sums->tokens, y = sums->seconds;
    const bool loose = sums->loose_requests > 0; /* then all of it is one step */
    const double xx = loose ? x * x / n : sums->tokens_squared;
    const double xy = loose ? x * y / n : sums->tokens_seconds;
    const double v = pow(REQUEST_DEVIATION * y / n, 2);
    const double floor_weight = 1 / pow(FLOOR_DEVIATION_S, 2);
    const double token_weight = 1 / pow(TOKEN_DEVIATION_S, 2);
    const double a = n / v + floor_weight, b = x / v, c = xx / v + token_weight;
    const double p = y / v + floor_weight * FLOOR_S, q = xy / v + token_weight * TOKEN_S;
    const double determinant = a * c - b * b;
    return (struct line){.floor_s = (c * p - b * q) / determinant,
                         .token_s = (a * q - b * p) / determinant,
                         .token_deviation_s = sqrt(a / determinant)};
}

double prefill_tokens_per_s(const struct prefill_sums *sums)
{
    const double n = sums->requests, x = sums->tokens, y = sums->seconds;
    if (!(x > 0 && y > 0))
        return NAN;
    if (!(n > 0) || x / n >= PREFILL_SHORT_TOKENS)
        return x / y;
    const struct line line = line_fit(sums);
    if (!(line.token_deviation_s <= fmax(UNSURE_SHARE * line.token_s, UNSURE_LEAST_TOKEN_S)))
        return NAN;
    /* No quicker than can be told from at once; and longer prompts are not read more slowly. */
    const double token_s = fmax(line.token_s, line.token_deviation_s);
    const double whole_s = fmax(0, line.floor_s) + token_s * PREFILL_SHORT_TOKENS;
    return fmax(PREFILL_SHORT_TOKENS / whole_s, x / y);
}
