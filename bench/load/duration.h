/* Durations on the command line: "500ms", "30s", "1.5m", "2h"; 0 needs no unit. */
#ifndef LOAD_DURATION_H
#define LOAD_DURATION_H

#include <stdbool.h>

#include "base/slice.h"

bool duration_parse(struct slice text, double *out_ms);

#endif
