#include "conform/finding.h"

#include <stdarg.h>
#include <stdio.h>

void finding_add(struct findings *findings, enum finding_kind kind, const char *format, ...)
{
    struct finding *finding = &findings->found[kind];
    va_list args;
    if (finding->count++ > 0)
        return;
    finding->seed = findings->seed;
    va_start(args, format);
    vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
}

bool findings_any(const struct findings *findings)
{
    for (int kind = 0; kind < FINDING_KINDS; kind++)
        if (findings->found[kind].count > 0)
            return true;
    return false;
}
