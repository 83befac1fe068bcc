/*
 * Counts what is asked of malloc while somebody watches: a decision must ask
 * for nothing.  Linking this replaces malloc and its kin in the whole program
 * by the same with a counter in front; under a sanitizer, which has its own,
 * its hooks are used.
 */
#ifndef CONFORM_ALLOCATION_H
#define CONFORM_ALLOCATION_H

#include <stdint.h>

/* Of this thread, from now on. */
void allocation_watch_begin(void);
/* How often memory was asked for, given back or resized since. */
uint64_t allocation_watch_end(void);

#endif
