/*
 * One sentence about what went wrong on the cold path: place, thing, what was
 * found and what would be right.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#include "base/check.h"

struct error {
    char text[768];
};

/* Always false, so that `return error_set(...)` reads well. */
bool error_set(struct error *error, const char *format, ...) ISO_PRINTF(2, 3);
/* Puts "prefix: " in front of what is there.  Always false. */
bool error_prefix(struct error *error, const char *format, ...) ISO_PRINTF(2, 3);

#endif
