/*
 * How fast an engine reads prompts, out of what its counters say of many
 * requests: tokens by seconds.  But a prefill takes a floor of some 10 ms,
 * whatever its length, and of short prompts that quotient says little else: a
 * quick engine would be called slow, and longer prompts kept from it for ever.
 * So where prompts are short on average, floor and time per token are told apart
 * by a line through the steps between samples, which begins with what engines
 * are commonly like; and where it still says nothing, nothing is said.
 * derive.c fills the sums.
 */
#ifndef AGENT_PREFILL_H
#define AGENT_PREFILL_H

#include <stdbool.h>

#define PREFILL_SHORT_TOKENS 200.0 /* from that mean length on, tokens by seconds will do */

/* Of requests that were prefilled; forgotten together. */
struct prefill_sums {
    double requests, tokens, seconds;      /* uncached prompt tokens */
    double tokens_squared, tokens_seconds; /* by requests: of the means of the steps */
    double loose_requests;                 /* of steps that do not count towards the two above */
};

/* What so many requests took.  `loose`: tokens and seconds are counted at different moments of
 * a request, so that those of one step are not of the same requests. */
void prefill_sums_add(struct prefill_sums *sums, double requests, double tokens, double seconds,
                      bool loose);
/* What came before counts for so much from now on. */
void prefill_sums_fade(struct prefill_sums *sums, double keep);
/* *into = *into + *sums */
void prefill_sums_merge(struct prefill_sums *into, const struct prefill_sums *sums);

/* Tokens a second of one request alone, for prompts of the mean length but no
 * less than PREFILL_SHORT_TOKENS; NAN when the sums do not tell. */
double prefill_tokens_per_s(const struct prefill_sums *sums);

#endif
