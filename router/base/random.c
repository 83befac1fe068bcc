#include "base/random.h"

#include <math.h>
#include <sys/random.h>

#include "base/check.h"

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

void random_seed(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        random->state[i] = splitmix(&seed);
}

uint64_t random_u64(struct random *random)
{
    uint64_t *s = random->state;
    const uint64_t result = rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double random_unit(struct random *random)
{
    return (double)(random_u64(random) >> 11) * 0x1.0p-53;
}

double random_exponential(struct random *random)
{
    return -log1p(-random_unit(random));
}

double random_normal(struct random *random)
{
    const double radius = sqrt(2 * random_exponential(random));
    return radius * cos(2 * 3.14159265358979323846 * random_unit(random));
}

void random_secret(void *out, size_t size)
{
    char *at = out;
    while (size > 0) {
        const ssize_t n = getrandom(at, size, 0);
        CHECK(n > 0);
        at += n;
        size -= (size_t)n;
    }
}
