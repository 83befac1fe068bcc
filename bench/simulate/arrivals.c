#include "simulate/arrivals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "load/trace.h"

static bool region_find(const struct scenario *scenario, const char *name, uint8_t *out)
{
    for (uint32_t i = 0; i < scenario->region_count; i++) {
        if (strcmp(scenario->regions[i].point.name, name) == 0) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* The same for all turns of a conversation. */
static uint8_t region_deal(const struct scenario *scenario, uint64_t conversation)
{
    struct random random;
    double weights = 0;
    random_seed(&random, conversation);
    for (uint32_t i = 0; i < scenario->region_count; i++)
        weights += scenario->regions[i].weight;
    double left = random_unit(&random) * weights;
    for (uint32_t i = 0; i + 1 < scenario->region_count; i++) {
        left -= scenario->regions[i].weight;
        if (left < 0)
            return (uint8_t)i;
    }
    return (uint8_t)(scenario->region_count - 1);
}

static bool places_match(const struct trace *trace, const struct scenario *scenario, uint8_t *out,
                         struct error *error)
{
    for (uint32_t i = 0; i < trace->place_count; i++)
        if (!region_find(scenario, trace->places[i], &out[i]))
            return error_set(error, "there is no region \"%s\" in scenario %s", trace->places[i],
                             scenario->name);
    return true;
}

static void means_take(struct arrivals *arrivals)
{
    const double last_s = arrivals_last_s(arrivals), count = (double)arrivals->count;
    arrivals->requests_per_s = count / fmax(1e-3, last_s);
    for (size_t i = 0; i < arrivals->count; i++) {
        const struct arrival *a = &arrivals->list[i];
        arrivals->uncached_tokens += (a->prompt_tokens - a->reusable_tokens) / count;
        arrivals->output_tokens += a->output_tokens / count;
    }
}

static void rows_take(const struct trace *trace, const struct scenario *scenario,
                      const uint8_t *regions, double output_scale, struct arrivals *out)
{
    out->list = memory_alloc((trace->count + 1) * sizeof *out->list);
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_row *row = &trace->rows[i];
        const bool flex = row->traffic_class == CLASS_FLEX || row->traffic_class == CLASS_BATCH;
        /* Requests without a conversation have numbers beyond all that have one. */
        const uint64_t conversation =
            row->conversation > 0 ? row->conversation : UINT64_C(1) << 60 | i;
        out->list[out->count++] = (struct arrival){
            .at_ns = row->at_ns,
            .conversation = conversation,
            .turn = row->turn,
            .prompt_tokens = row->prompt_tokens,
            .reusable_tokens = row->reusable_tokens,
            .output_tokens = (uint32_t)fmax(1, round(row->output_tokens * output_scale)),
            .region = row->place == TRACE_NO_PLACE ? region_deal(scenario, conversation)
                                                   : regions[row->place],
            .flex = flex,
        };
    }
}

struct arrivals *arrivals_read(const char *file, const struct scenario *scenario,
                               double output_scale, struct error *error)
{
    uint8_t regions[TRACE_PLACES_MOST];
    struct arrivals *arrivals = NULL;
    struct trace *trace = trace_read(file, 1, error);
    if (trace == NULL)
        return NULL;
    if (places_match(trace, scenario, regions, error)) {
        arrivals = memory_zalloc(sizeof *arrivals);
        rows_take(trace, scenario, regions, output_scale, arrivals);
        means_take(arrivals);
    } else {
        error_prefix(error, "%s", file);
    }
    trace_destroy(&trace);
    return arrivals;
}

void arrivals_destroy(struct arrivals **arrivals)
{
    if (*arrivals == NULL)
        return;
    free((*arrivals)->list);
    free(*arrivals);
    *arrivals = NULL;
}

double arrivals_last_s(const struct arrivals *arrivals)
{
    return (double)arrivals->list[arrivals->count - 1].at_ns / 1e9;
}
