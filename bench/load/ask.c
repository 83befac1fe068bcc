#include "load/ask.h"

static const char *const names[CLASS_COUNT] = {
    [CLASS_NONE] = "-",    [CLASS_PRIORITY] = "priority", [CLASS_INTERACTIVE] = "interactive",
    [CLASS_FLEX] = "flex", [CLASS_BATCH] = "batch",
};

const char *traffic_class_name(enum traffic_class traffic_class)
{
    return names[traffic_class];
}

enum traffic_class traffic_class_find(struct slice name)
{
    for (int i = CLASS_PRIORITY; i < CLASS_COUNT; i++)
        if (slice_eq(slice_of(names[i]), name))
            return (enum traffic_class)i;
    return CLASS_COUNT;
}
