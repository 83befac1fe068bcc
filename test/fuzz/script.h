/* A script of one byte an action, and what a fuzz target reads of it. */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include <stdint.h>

#include "base/slice.h"

/* 0 when it is over. */
static inline uint8_t script_next(struct slice *script)
{
    if (script->len == 0)
        return 0;
    const uint8_t byte = (uint8_t)*script->ptr;
    *script = slice_make(script->ptr + 1, script->len - 1);
    return byte;
}

#endif
