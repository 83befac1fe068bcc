#include "simulate/scenarios.h"

#include <stdio.h>
#include <string.h>

extern const char scenario_text_china[];
extern const char scenario_text_global[];

static const char *built_in(const char *name)
{
    if (strcmp(name, "global") == 0)
        return scenario_text_global;
    if (strcmp(name, "china") == 0)
        return scenario_text_china;
    return NULL;
}

bool scenarios_load(const char *which, struct arena *arena, struct scenario *out)
{
    struct config_problems problems;
    config_problems_init(&problems);
    const char *text = built_in(which);
    bool loaded;
    if (text != NULL) {
        loaded = scenario_load_text(which, slice_of(text), which, arena, &problems, out);
    } else {
        const char *colon = strrchr(which, ':');
        const char *name = colon != NULL ? colon + 1 : NULL;
        const struct slice path =
            colon != NULL ? slice_make(which, (size_t)(colon - which)) : slice_of(which);
        loaded = scenario_load(arena_printf(arena, "%.*s", SLICE_ARG(path)).ptr, name, arena,
                               &problems, out);
    }
    config_problems_sort(&problems);
    config_problems_print(&problems, stderr);
    config_problems_finish(&problems);
    return loaded;
}
