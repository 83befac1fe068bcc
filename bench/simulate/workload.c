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
    if (setup->arrivals != NULL)
        return (struct mean_request){setup->arrivals->uncached_tokens,
                                     setup->arrivals->output_tokens, 1};
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

double scenario_capacity(const struct scenario *scenario, const struct mean_request *mean)
{
    double capacity = 0;
    for (uint32_t i = 0; i < scenario->cluster_count; i++)
        capacity += cluster_capacity(&scenario->clusters[i].setup, mean);
    return capacity;
}

/* --- when they begin --- */

/* The conversations of one region: a Poisson process thinned to the day's shape. */
struct beginner {
    const struct scenario_region *region;
    double candidates_per_s;
    struct random random;
    double burst_from_s, burst_to_s; /* the present or next one of this region */
    double at_s;                     /* the next conversation; INFINITY: none */
    bool flex, code;                 /* ... what it is */
    uint64_t seed;                   /* ... and what it is drawn from */
};

enum { NO_PLACE = UINT32_MAX };

struct workload {
    const struct workload_setup *setup;
    struct beginner *beginners; /* [regions] */
    size_t arrival;             /* of setup->arrivals, the next */
    double stretch;             /* ... of their times */
    int64_t next_ns;
    uint32_t next_region;
    uint64_t begun;
    double requests_per_s, flex_share; /* flex_share: of conversations */
    struct conversation *list;
    uint32_t *free_next; /* [room] the free places as a list */
    uint32_t room, free_head;
};

static double intensity(const struct workload_setup *setup, struct beginner *b, double at_s)
{
    const struct scenario_workload *shape = &setup->scenario->workload;
    const double day_s = shape->day_ms / 1000, burst_s = shape->burst_ms / 1000;
    const double every_s = shape->burst_every_ms / 1000;
    while (at_s >= b->burst_to_s) {
        b->burst_from_s = b->burst_to_s + (every_s - burst_s) * random_exponential(&b->random);
        b->burst_to_s = b->burst_from_s + burst_s;
    }
    const double turn = (at_s - setup->warm_s) / day_s + b->region->tz_hours / 24;
    const double day = 1 + shape->day_swing * sin(2 * M_PI * turn);
    const double mean_burst = 1 + (shape->burst_factor - 1) * burst_s / every_s;
    return day * (at_s >= b->burst_from_s ? shape->burst_factor : 1) / mean_burst;
}

static double intensity_most(const struct workload_setup *setup)
{
    const struct scenario_workload *shape = &setup->scenario->workload;
    return (1 + shape->day_swing) * shape->burst_factor;
}

static void beginner_next(const struct workload *w, struct beginner *b)
{
    const struct workload_setup *setup = w->setup;
    const double most = intensity_most(setup);
    do {
        b->at_s += random_exponential(&b->random) / b->candidates_per_s;
        if (b->at_s >= setup->warm_s + setup->measured_s) {
            b->at_s = INFINITY;
            return;
        }
    } while (random_unit(&b->random) * most >= intensity(setup, b, b->at_s));
    b->flex = random_unit(&b->random) < w->flex_share;
    b->code = random_unit(&b->random) < setup->scenario->workload.code_share;
    b->seed = random_u64(&b->random);
}

static void beginner_init(const struct workload *w, struct beginner *b, uint32_t region,
                          double conversations_per_s)
{
    const struct workload_setup *setup = w->setup;
    *b = (struct beginner){.region = &setup->scenario->regions[region]};
    b->candidates_per_s = conversations_per_s * intensity_most(setup);
    random_seed(&b->random, setup->seed * UINT64_C(0x9e3779b97f4a7c15) + region);
    b->burst_from_s = b->burst_to_s =
        -setup->scenario->workload.burst_every_ms / 1000 * random_unit(&b->random);
    beginner_next(w, b);
}

/* Of two at once the first region's. */
static void next_find(struct workload *w)
{
    const struct arrivals *arrivals = w->setup->arrivals;
    w->next_ns = INT64_MAX;
    if (arrivals != NULL) {
        if (w->arrival < arrivals->count)
            w->next_ns = (int64_t)((double)arrivals->list[w->arrival].at_ns * w->stretch);
        if (w->next_ns >= (int64_t)((w->setup->warm_s + w->setup->measured_s) * 1e9))
            w->next_ns = INT64_MAX;
        return;
    }
    for (uint32_t i = 0; i < w->setup->scenario->region_count; i++) {
        const double at_s = w->beginners[i].at_s;
        if (isfinite(at_s) && (int64_t)(at_s * 1e9) < w->next_ns) {
            w->next_ns = (int64_t)(at_s * 1e9);
            w->next_region = i;
        }
    }
}

static void beginners_init(struct workload *w, double turns)
{
    const struct scenario *s = w->setup->scenario;
    double weights = 0;
    for (uint32_t i = 0; i < s->region_count; i++)
        weights += s->regions[i].weight;
    const double own = w->requests_per_s * (1 - s->workload.flex_share) / turns;
    const double flex = w->requests_per_s * s->workload.flex_share;
    w->flex_share = flex / (own + flex);
    w->beginners = memory_zalloc(s->region_count * sizeof *w->beginners);
    for (uint32_t i = 0; i < s->region_count; i++)
        beginner_init(w, &w->beginners[i], i, (own + flex) * s->regions[i].weight / weights);
}

struct workload *workload_create(const struct workload_setup *setup)
{
    struct workload *w = memory_zalloc(sizeof *w);
    w->setup = setup;
    w->free_head = NO_PLACE;
    const struct mean_request mean = workload_mean(setup);
    w->requests_per_s = setup->load * scenario_capacity(setup->scenario, &mean);
    if (setup->arrivals == NULL)
        beginners_init(w, mean.turns);
    else
        w->stretch = setup->arrivals->requests_per_s / w->requests_per_s;
    next_find(w);
    return w;
}

void workload_destroy(struct workload **workload)
{
    struct workload *w = *workload;
    if (w == NULL)
        return;
    free(w->beginners);
    free(w->list);
    free(w->free_next);
    free(w);
    *workload = NULL;
}

double workload_requests_per_s(const struct workload *w)
{
    return w->requests_per_s;
}

int64_t workload_next_ns(const struct workload *w)
{
    return w->next_ns;
}

struct conversation *workload_at(const struct workload *w, uint32_t place)
{
    CHECK_LT(place, w->room);
    return &w->list[place];
}

static uint32_t place_take(struct workload *w)
{
    if (w->free_head == NO_PLACE) {
        const uint32_t room = w->room > 0 ? 2 * w->room : 1024;
        w->list = memory_realloc(w->list, room * sizeof *w->list);
        w->free_next = memory_realloc(w->free_next, room * sizeof *w->free_next);
        for (uint32_t i = room; i-- > w->room;) {
            w->free_next[i] = w->free_head;
            w->free_head = i;
        }
        w->room = room;
    }
    const uint32_t place = w->free_head;
    w->free_head = w->free_next[place];
    return place;
}

void workload_end(struct workload *w, uint32_t place)
{
    w->free_next[place] = w->free_head;
    w->free_head = place;
}

static struct conversation conversation_draw(struct workload *w)
{
    struct beginner *b = &w->beginners[w->next_region];
    struct conversation c = {.region = (uint8_t)w->next_region,
                             .kind = b->flex   ? KIND_FLEX
                                     : b->code ? KIND_CODE
                                               : KIND_CHAT,
                             .id = ++w->begun};
    random_seed(&c.random, b->seed);
    conversation_begin(&c, w->setup);
    beginner_next(w, b);
    return c;
}

/* What a router takes the prompt for is wrong by as much in every turn. */
static struct conversation conversation_recorded(struct workload *w)
{
    const struct arrival *a = &w->setup->arrivals->list[w->arrival++];
    struct conversation c = {.region = a->region,
                             .kind = a->flex ? KIND_FLEX : KIND_CHAT,
                             .id = w->setup->independent ? w->arrival : a->conversation,
                             .turn = a->turn,
                             .prompt_tokens = a->prompt_tokens,
                             .reusable_tokens = w->setup->independent ? 0 : a->reusable_tokens,
                             .output_tokens = a->output_tokens};
    random_seed(&c.random, c.id);
    c.known_factor = exp(KNOWN_DEVIATION * random_normal(&c.random));
    return c;
}

uint32_t workload_begin(struct workload *w)
{
    const uint32_t place = place_take(w);
    w->list[place] = w->setup->arrivals != NULL ? conversation_recorded(w) : conversation_draw(w);
    next_find(w);
    return place;
}
