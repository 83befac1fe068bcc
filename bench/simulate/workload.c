#include "simulate/workload.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#define CONTEXT_MOST 16000.0
#define ADDED_MEAN 4.3 /* log of the tokens that a turn adds */
#define ADDED_DEVIATION 0.8
#define KNOWN_DEVIATION 0.15
#define PREFILL_FIXED_S 0.010      /* as the cluster model has it */
#define PREFILL_SLOWS_DECODE 0.3   /* ... with every lane busy */
#define MEAN_CONVERSATIONS 20000u  /* sampled for the mean request */
#define MEAN_SEED UINT64_C(0x6d65) /* the capacity is the same for every seed */

/* --- one conversation --- */

static double mean_turns(const struct workload_setup *setup, uint8_t kind)
{
    const struct scenario_workload *shape = &setup->scenario->workload;
    if (setup->independent || kind == KIND_FLEX)
        return 1;
    return kind == KIND_CHAT ? shape->chat_turns : shape->code_turns;
}

static void turn_draw_more(struct conversation *c, const struct workload_setup *setup)
{
    const double turns = mean_turns(setup, c->kind);
    c->more = turns > 1 && random_unit(&c->random) < 1 - 1 / turns;
}

static void conversation_begin(struct conversation *c, const struct workload_setup *setup)
{
    const struct size size = sizes_draw(setup->sizes, c->kind, &c->random);
    c->prompt_tokens = size.prompt_tokens;
    c->output_tokens = size.output_tokens;
    c->known_factor = exp(KNOWN_DEVIATION * random_normal(&c->random));
    turn_draw_more(c, setup);
}

/* Chat keeps its whole context and adds to it; of a program's context a part was changed. */
int64_t conversation_next(struct conversation *c, const struct workload_setup *setup)
{
    const struct scenario_workload *shape = &setup->scenario->workload;
    const double context = (double)c->prompt_tokens + c->output_tokens;
    const double added = exp(ADDED_MEAN + ADDED_DEVIATION * random_normal(&c->random));
    const double reusable = c->kind == KIND_CODE ? shape->code_reusable * context : context;
    c->prompt_tokens = (uint32_t)fmin(context + added, CONTEXT_MOST);
    c->reusable_tokens = (uint32_t)fmin(reusable, c->prompt_tokens - 1);
    c->output_tokens = sizes_draw(setup->sizes, c->kind, &c->random).output_tokens;
    c->turn++;
    turn_draw_more(c, setup);
    return (int64_t)(shape->think_ms * random_exponential(&c->random) * 1e6);
}

/* --- capacity --- */

struct mean_request workload_mean(const struct workload_setup *setup)
{
    const struct scenario_workload *shape = &setup->scenario->workload;
    double requests = 0, uncached = 0, output = 0, flex_uncached = 0, flex_output = 0;
    for (uint32_t i = 0; i < MEAN_CONVERSATIONS; i++) {
        const bool code = (double)i < shape->code_share * MEAN_CONVERSATIONS;
        struct conversation c = {.kind = code ? KIND_CODE : KIND_CHAT};
        random_seed(&c.random, MEAN_SEED + i);
        const struct size flex = sizes_draw(setup->sizes, KIND_FLEX, &c.random);
        flex_uncached += flex.prompt_tokens;
        flex_output += flex.output_tokens;
        conversation_begin(&c, setup);
        for (;;) {
            requests++;
            uncached += c.prompt_tokens - c.reusable_tokens;
            output += c.output_tokens;
            if (!c.more)
                break;
            conversation_next(&c, setup);
        }
    }
    const double own = 1 - shape->flex_share, each = MEAN_CONVERSATIONS;
    return (struct mean_request){
        .uncached_tokens = own * uncached / requests + shape->flex_share * flex_uncached / each,
        .output_tokens = own * output / requests + shape->flex_share * flex_output / each,
        .turns = requests / each,
    };
}

/* Decode at full batches, slowed by as much prefill as goes with it: the rate is its own
 * condition, and a few rounds find it. */
double cluster_capacity(const struct cluster_setup *setup, const struct mean_request *mean)
{
    const struct cluster_type *type = &setup->type;
    const double instances = setup->instances;
    const double prefill =
        instances /
        (PREFILL_FIXED_S + mean->uncached_tokens / (type->prefill_tps_one * setup->efficiency));
    const double itl_s = (type->itl_base_s + type->itl_per_seq_s * type->batch) / setup->efficiency;
    double rate = prefill;
    for (int round = 0; round < 20; round++) {
        const double slowed_s = itl_s * (1 + PREFILL_SLOWS_DECODE * rate / prefill);
        const double decode = instances * type->batch / (mean->output_tokens * slowed_s);
        rate = (rate + fmin(prefill, decode)) / 2;
    }
    return rate * setup->speed;
}

/* --- when they begin --- */

struct beginner {
    const struct workload_setup *setup;
    struct workload *workload;
    size_t room;
    struct random random;
    double burst_from_s, burst_to_s; /* the present or next one of this region */
};

static double intensity(struct beginner *b, const struct scenario_region *region, double at_s)
{
    const struct scenario_workload *shape = &b->setup->scenario->workload;
    const double day_s = shape->day_ms / 1000, burst_s = shape->burst_ms / 1000;
    const double every_s = shape->burst_every_ms / 1000;
    while (at_s >= b->burst_to_s) {
        b->burst_from_s = b->burst_to_s + (every_s - burst_s) * random_exponential(&b->random);
        b->burst_to_s = b->burst_from_s + burst_s;
    }
    const double day =
        1 + shape->day_swing *
                sin(2 * M_PI * ((at_s - b->setup->warm_s) / day_s + region->tz_hours / 24));
    const double mean_burst = 1 + (shape->burst_factor - 1) * burst_s / every_s;
    return day * (at_s >= b->burst_from_s ? shape->burst_factor : 1) / mean_burst;
}

static void begin_add(struct beginner *b, uint8_t region, bool flex, double at_s)
{
    struct workload *w = b->workload;
    if (w->count == b->room) {
        b->room = b->room > 0 ? 2 * b->room : 4096;
        w->list = memory_realloc(w->list, b->room * sizeof *w->list);
    }
    const bool code = random_unit(&b->random) < b->setup->scenario->workload.code_share;
    struct conversation *c = &w->list[w->count++];
    *c = (struct conversation){.begins_ns = (int64_t)(at_s * 1e9),
                               .region = region,
                               .kind = flex   ? KIND_FLEX
                                       : code ? KIND_CODE
                                              : KIND_CHAT};
    random_seed(&c->random, random_u64(&b->random));
    conversation_begin(c, b->setup);
}

/* A Poisson process thinned to the day's shape. */
static void region_fill(struct beginner *b, uint8_t at, double conversations_per_s,
                        double flex_share)
{
    const struct scenario_region *region = &b->setup->scenario->regions[at];
    const double end_s = b->setup->warm_s + b->setup->measured_s;
    const struct scenario_workload *shape = &b->setup->scenario->workload;
    const double most = (1 + shape->day_swing) * shape->burst_factor;
    random_seed(&b->random, b->setup->seed * UINT64_C(0x9e3779b97f4a7c15) + at);
    b->burst_from_s = b->burst_to_s = -shape->burst_every_ms / 1000 * random_unit(&b->random);
    for (double at_s = 0;;) {
        at_s += random_exponential(&b->random) / (conversations_per_s * most);
        if (at_s >= end_s)
            break;
        if (random_unit(&b->random) * most < intensity(b, region, at_s))
            begin_add(b, at, random_unit(&b->random) < flex_share, at_s);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct conversation *x = a, *y = b;
    return x->begins_ns != y->begins_ns
               ? (x->begins_ns > y->begins_ns) - (x->begins_ns < y->begins_ns)
               : (x->region > y->region) - (x->region < y->region);
}

struct workload *workload_create(const struct workload_setup *setup)
{
    const struct scenario *s = setup->scenario;
    struct workload *w = memory_zalloc(sizeof *w);
    struct beginner b = {.setup = setup, .workload = w};
    const struct mean_request mean = workload_mean(setup);
    double capacity = 0, weights = 0;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        capacity += cluster_capacity(&s->clusters[i].setup, &mean);
    for (uint32_t i = 0; i < s->region_count; i++)
        weights += s->regions[i].weight;
    w->requests_per_s = setup->load * capacity;
    const double own = w->requests_per_s * (1 - s->workload.flex_share) / mean.turns;
    const double flex = w->requests_per_s * s->workload.flex_share;
    for (uint32_t i = 0; i < s->region_count; i++)
        region_fill(&b, (uint8_t)i, (own + flex) * s->regions[i].weight / weights,
                    flex / (own + flex));
    if (w->count > 0)
        qsort(w->list, w->count, sizeof *w->list, by_time);
    for (size_t i = 0; i < w->count; i++)
        w->list[i].id = i + 1;
    return w;
}

void workload_destroy(struct workload **workload)
{
    if (*workload == NULL)
        return;
    free((*workload)->list);
    free(*workload);
    *workload = NULL;
}
