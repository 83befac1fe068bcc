#include "base/suggest.h"

#include <string.h>

#define LONGEST 63

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned suggest_distance(const char *a, const char *b)
{
    const size_t a_len = strnlen(a, LONGEST), b_len = strnlen(b, LONGEST);
    unsigned rows[3][LONGEST + 1] = {{0}}; /* row i is rows[i % 3] */
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        const unsigned *before = rows[(i + 1) % 3], *last = rows[(i + 2) % 3];
        unsigned *row = rows[i % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            const unsigned replaced = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = smaller(replaced, smaller(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

unsigned suggest_limit(const char *word)
{
    return 1 + (unsigned)strnlen(word, LONGEST) / 4;
}

const char *suggest_word(const char *word, const char *const *known, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = suggest_limit(word) + 1;
    for (size_t i = 0; i < count; i++) {
        const unsigned distance = suggest_distance(word, known[i]);
        if (distance < best_distance) {
            best = known[i];
            best_distance = distance;
        }
    }
    return best;
}
