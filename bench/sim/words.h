/* What isosim's answers are made of, in this order, so that who reads them can tell what is
 * missing.
 */
#ifndef SIM_WORDS_H
#define SIM_WORDS_H

#include <stdint.h>

enum { SIM_WORDS = 16 };

/* The text of a token, by its number in the answer. */
static inline const char *sim_word(uint32_t token)
{
    static const char *const words[SIM_WORDS] = {
        " time",  " line", " equal", " point", " near",  " far",  " route", " token",
        " fleet", " edge", " wait",  " queue", " first", " last", " light", " road",
    };
    return words[token % SIM_WORDS];
}

#endif
