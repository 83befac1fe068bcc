/* What every fuzz target has: the function that libFuzzer calls, and a fact that must hold. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(fact) ((fact) ? (void)0 : must_fail(#fact, __FILE__, __LINE__))

_Noreturn static inline void must_fail(const char *fact, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, fact);
    abort();
}

#endif
