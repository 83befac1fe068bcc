#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *expression)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
    abort();
}

_Noreturn void check_op_failed(const char *file, int line, const char *expression, intmax_t left,
                               intmax_t right)
{
    fprintf(stderr, "%s:%d: check failed: %s (%jd and %jd)\n", file, line, expression, left, right);
    abort();
}
