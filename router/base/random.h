/* xoshiro256**: fast, seedable, not for secrets (request ids come from random_secret). */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);
double random_unit(struct random *random);        /* [0, 1) */
double random_exponential(struct random *random); /* mean 1 */
double random_normal(struct random *random);      /* mean 0, deviation 1 */
/* From the kernel. */
void random_secret(void *out, size_t size);

#endif
