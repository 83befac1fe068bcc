#include "simulate/scenarios.h"

#include <stddef.h>
#include <string.h>

extern const char scenario_text_china[];
extern const char scenario_text_global[];

const char *scenarios_find(const char *name)
{
    if (strcmp(name, "global") == 0)
        return scenario_text_global;
    if (strcmp(name, "china") == 0)
        return scenario_text_china;
    return NULL;
}
