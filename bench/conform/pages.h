/*
 * Memory with two views: one of our own to write to, and the one a policy is
 * shown, which may be read-only and ends at a page that may not be touched.
 * What a policy must not write cannot be written, and what lies behind the end
 * of an array cannot be read.
 */
#ifndef CONFORM_PAGES_H
#define CONFORM_PAGES_H

#include <stdbool.h>
#include <stddef.h>

struct pages {
    char *ours;  /* [bytes], writable */
    char *shown; /* [bytes], the same memory; a page without access before and behind */
    size_t bytes;
};

/* At least `bytes`; ends the program when the system has none. */
void pages_init(struct pages *pages, size_t bytes, bool writable);
void pages_finish(struct pages *pages);

/* Where the last `bytes` begin, in either view. */
char *pages_ours(const struct pages *pages, size_t bytes);
char *pages_shown(const struct pages *pages, size_t bytes);

/* Is the address in what is shown, or in the page before or behind it?  Both are safe in a signal
 * handler. */
bool pages_hold(const struct pages *pages, const void *address);
bool pages_border(const struct pages *pages, const void *address);

#endif
