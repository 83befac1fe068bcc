/* What a run came to, for people and for programs.  README.md describes both. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stdio.h>

#include "base/buffer.h"
#include "load/run.h"

void report_table(const struct run_result *result, FILE *out);
/* One object. */
void report_json(const struct run_result *result, struct buffer *out);

#endif
