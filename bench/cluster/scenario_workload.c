#include "cluster/scenario_workload.h"

#include "config/yaml.h"

struct scenario_workload scenario_workload_reference(void)
{
    return (struct scenario_workload){
#define REFERENCE(key, otherwise, ...) .key = (otherwise),
        SCENARIO_WORKLOAD_NUMBERS(REFERENCE)
#undef REFERENCE
#define REFERENCE_MS(key, otherwise_ms, ...) .key##_ms = (otherwise_ms),
            SCENARIO_WORKLOAD_DURATIONS(REFERENCE_MS)
#undef REFERENCE_MS
    };
}

void scenario_workload_read(struct yaml_node *map, struct scenario_workload *out)
{
#define READ(key, otherwise, least, most) \
    yaml_get_number(map, #key, &out->key, least, most, otherwise);
    SCENARIO_WORKLOAD_NUMBERS(READ)
#undef READ
#define READ_MS(key, otherwise_ms, otherwise, least, most) \
    yaml_get_duration(map, #key, &out->key##_ms, least, most, otherwise);
    SCENARIO_WORKLOAD_DURATIONS(READ_MS)
#undef READ_MS
    if (out->burst_ms >= out->burst_every_ms)
        yaml_problem(map, "burst has to be shorter than burst_every");
    yaml_finish_map(map);
}
