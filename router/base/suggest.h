/* The known word an operator most likely meant by an unknown one. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* Fewest single-byte insertions, deletions, replacements and swaps of
 * neighbours; only the first 63 bytes of either count. */
unsigned suggest_distance(const char *a, const char *b);

/* Near enough to be a typo of `word`, for collecting the nearest by hand. */
unsigned suggest_limit(const char *word);

/* The nearest of `known`, or NULL when none is near enough. */
const char *suggest_word(const char *word, const char *const *known, size_t count);

#endif
