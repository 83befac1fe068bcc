/*
 * Numbers as text, without printf: an access log line has thirty of them, and
 * printf was a third of what a request cost.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { NUMBER_HEX_BYTES = 16 };
enum { NUMBER_TEXT_BYTES = 40 }; /* room for any of them; no NUL is written */

/* Each writes at most NUMBER_TEXT_BYTES and returns how many. */
size_t number_write_u64(char *out, uint64_t value);
size_t number_write_i64(char *out, int64_t value);
/* Always NUMBER_HEX_BYTES, in lower case. */
void number_write_hex(char *out, uint64_t value);
/* Rounded to `decimals` (0..9), as "%.*f" does but for ties; finite values only. */
size_t number_write_fixed(char *out, double value, unsigned decimals);

/* As number_write_u64; the text, which is in `room`. */
static inline struct slice number_text(char room[static NUMBER_TEXT_BYTES], uint64_t value)
{
    return slice_make(room, number_write_u64(room, value));
}

#endif
