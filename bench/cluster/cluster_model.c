#include "cluster/cluster_model.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cluster/kv_cache.h"
#include "cluster/work_heap.h"

#define PREFILL_FIXED_S 0.010
#define PREFILL_SLOWS_DECODE 0.3
/* The prefix cache outlives the batch: host memory and disk behind the accelerators' own. */
#define PREFIX_CACHE_FACTOR 10u
#define NONE UINT32_MAX

enum request_state { REQUEST_FREE, REQUEST_WAITING, REQUEST_PREFILL, REQUEST_DECODE };

struct request {
    struct cluster_request ask;
    enum request_state state;
    uint32_t generation; /* makes old handles of this place invalid */
    uint32_t next;       /* waiting queue; free list */
    uint32_t previous;
    uint32_t cached_tokens;
    int64_t arrived_ns;
    int64_t started_ns;
    int64_t first_ns;
    double first_clock; /* the token clock at the first token */
};

struct event_queue {
    struct cluster_event *items; /* ring; size is a power of two */
    uint32_t size;
    uint32_t head;
    uint32_t count;
};

struct cluster_model {
    struct cluster_setup setup;
    uint32_t slots;
    int64_t now_ns;

    /* Faults, and what they and the setup come to. */
    double slow;
    double lie;
    bool stalled;
    double rate;      /* work seconds per second: 0 while stalled */
    double token_s;   /* work seconds per token of one request, now */
    double work_now;  /* the prefill clock, in work seconds */
    double token_now; /* the token clock */

    struct request *requests;
    uint32_t *places; /* of each in its heap */
    uint32_t requests_size;
    uint32_t free_head;
    uint32_t waiting_head;
    uint32_t waiting_tail;
    uint32_t waiting;
    uint64_t waiting_tokens;
    uint64_t waiting_uncached; /* of these, as it looked when they came */
    struct work_heap prefills;
    struct work_heap decodes;
    uint64_t running_prompt_tokens;
    double decode_first_clocks; /* sum of first_clock over decodes, for the KV gauge */

    struct kv_cache *prefixes;
    struct engine_metrics metrics;
    struct event_queue events;
};

/* ---- events ---- */

static void event_push(struct cluster_model *m, enum cluster_event_kind kind,
                       const struct request *r)
{
    struct event_queue *q = &m->events;
    if (q->count == q->size) {
        const uint32_t size = q->size ? q->size * 2 : 64;
        struct cluster_event *items = memory_alloc(size * sizeof(*items));
        for (uint32_t i = 0; i < q->count; i++)
            items[i] = q->items[(q->head + i) & (q->size - 1)];
        free(q->items);
        q->items = items;
        q->size = size;
        q->head = 0;
    }
    q->items[(q->head + q->count++) & (q->size - 1)] = (struct cluster_event){
        .kind = kind, .id = r->ask.id, .at_ns = m->now_ns, .cached_tokens = r->cached_tokens};
}

bool cluster_model_take_event(struct cluster_model *m, struct cluster_event *out)
{
    struct event_queue *q = &m->events;
    if (!q->count)
        return false;
    *out = q->items[q->head];
    q->head = (q->head + 1) & (q->size - 1);
    q->count--;
    return true;
}

/* ---- clocks ---- */

static void rates_update(struct cluster_model *m)
{
    const struct cluster_type *type = &m->setup.type;
    const double instances = m->setup.instances;
    const double busy = (double)m->prefills.count / instances;
    m->token_s = (type->itl_base_s + type->itl_per_seq_s * m->decodes.count / instances) /
                 m->setup.efficiency * (1 + PREFILL_SLOWS_DECODE * busy);
    m->rate = m->stalled ? 0 : m->setup.speed / m->slow;
}

/* Both clocks run on to `to_ns` at the present rates. */
static void settle(struct cluster_model *m, int64_t to_ns)
{
    if (to_ns <= m->now_ns)
        return;
    const double elapsed_s = (double)(to_ns - m->now_ns) / 1e9;
    m->now_ns = to_ns;
    m->work_now += elapsed_s * m->rate;
    const double tokens = elapsed_s * m->rate / m->token_s;
    if (m->decodes.count && tokens > 0) {
        const double all = tokens * m->decodes.count;
        m->token_now += tokens;
        m->metrics.generation_tokens += all;
        engine_histogram_observe(&m->metrics.itl, m->token_s / m->rate / m->lie, all);
    }
}

static int64_t due_ns(const struct cluster_model *m, double work_s)
{
    if (m->rate == 0)
        return INT64_MAX;
    const double wait_ns = ceil(fmax(0, work_s) / m->rate * 1e9);
    return wait_ns < 1e18 ? m->now_ns + (int64_t)wait_ns : INT64_MAX;
}

static int64_t prefill_due_ns(const struct cluster_model *m)
{
    return m->prefills.count ? due_ns(m, m->prefills.items[0].due - m->work_now) : INT64_MAX;
}

static int64_t decode_due_ns(const struct cluster_model *m)
{
    return m->decodes.count ? due_ns(m, (m->decodes.items[0].due - m->token_now) * m->token_s)
                            : INT64_MAX;
}

int64_t cluster_model_next_ns(const struct cluster_model *m)
{
    if (m->events.count)
        return m->now_ns;
    const int64_t prefill = prefill_due_ns(m);
    const int64_t decode = decode_due_ns(m);
    return prefill < decode ? prefill : decode;
}

/* ---- a request's way ---- */

static void requests_grow(struct cluster_model *m)
{
    const uint32_t size = m->requests_size ? m->requests_size * 2 : 256;
    m->requests = memory_realloc(m->requests, size * sizeof(*m->requests));
    m->places = memory_realloc(m->places, size * sizeof(*m->places));
    for (uint32_t i = size; i-- > m->requests_size;) {
        m->requests[i] = (struct request){.generation = 1, .next = m->free_head};
        m->free_head = i;
    }
    m->requests_size = size;
}

static void request_release(struct cluster_model *m, uint32_t at)
{
    struct request *r = &m->requests[at];
    r->state = REQUEST_FREE;
    r->generation++;
    r->next = m->free_head;
    m->free_head = at;
}

static void waiting_append(struct cluster_model *m, uint32_t at)
{
    struct request *r = &m->requests[at];
    r->state = REQUEST_WAITING;
    r->next = NONE;
    r->previous = m->waiting_tail;
    if (m->waiting_tail == NONE)
        m->waiting_head = at;
    else
        m->requests[m->waiting_tail].next = at;
    m->waiting_tail = at;
    m->waiting++;
    m->waiting_tokens += r->ask.prompt_tokens;
    m->waiting_uncached += r->ask.prompt_tokens - r->cached_tokens;
}

static void waiting_remove(struct cluster_model *m, uint32_t at)
{
    const struct request *r = &m->requests[at];
    if (r->previous == NONE)
        m->waiting_head = r->next;
    else
        m->requests[r->previous].next = r->next;
    if (r->next == NONE)
        m->waiting_tail = r->previous;
    else
        m->requests[r->next].previous = r->previous;
    m->waiting--;
    m->waiting_tokens -= r->ask.prompt_tokens;
    m->waiting_uncached -= r->ask.prompt_tokens - r->cached_tokens;
}

/* Of the prompt; the last token is always computed, for its output. */
static uint32_t cached_share(const struct cluster_request *ask, uint32_t held)
{
    const uint32_t cached = held > ask->reusable_tokens ? ask->reusable_tokens : held;
    return cached < ask->prompt_tokens ? cached : ask->prompt_tokens - 1;
}

static uint32_t cached_tokens_of(struct cluster_model *m, const struct cluster_request *ask)
{
    return ask->conversation
               ? cached_share(ask, kv_cache_find(m->prefixes, ask->conversation, m->now_ns))
               : 0;
}

static uint32_t cached_tokens_peek(const struct cluster_model *m, const struct cluster_request *ask)
{
    return ask->conversation ? cached_share(ask, kv_cache_peek(m->prefixes, ask->conversation)) : 0;
}

/* Of `requests` that have so many uncached tokens between them. */
static double prefill_work_s(const struct cluster_model *m, double tokens, double requests)
{
    return PREFILL_FIXED_S * requests +
           tokens / (m->setup.type.prefill_tps_one * m->setup.efficiency);
}

static void prefill_start(struct cluster_model *m, uint32_t at)
{
    struct request *r = &m->requests[at];
    waiting_remove(m, at);
    r->state = REQUEST_PREFILL;
    r->started_ns = m->now_ns;
    r->cached_tokens = cached_tokens_of(m, &r->ask);
    m->metrics.prefix_queries += r->ask.prompt_tokens;
    m->metrics.prefix_hits += r->cached_tokens;
    m->running_prompt_tokens += r->ask.prompt_tokens;
    const double work_s = prefill_work_s(m, r->ask.prompt_tokens - r->cached_tokens, 1);
    work_heap_push(&m->prefills, m->work_now + work_s, at, m->places);
    event_push(m, CLUSTER_STARTED, r);
}

static void start_waiting(struct cluster_model *m)
{
    while (m->waiting && m->prefills.count < m->setup.instances &&
           m->prefills.count + m->decodes.count < m->slots)
        prefill_start(m, m->waiting_head);
    rates_update(m);
}

static double lied_seconds(const struct cluster_model *m, int64_t from_ns, int64_t to_ns)
{
    return (double)(to_ns - from_ns) / 1e9 / m->lie;
}

static void finish_observe(struct cluster_model *m, const struct request *r)
{
    struct engine_metrics *x = &m->metrics;
    x->finished++;
    engine_histogram_observe(&x->e2e, lied_seconds(m, r->arrived_ns, m->now_ns), 1);
    engine_histogram_observe(&x->queue, lied_seconds(m, r->arrived_ns, r->started_ns), 1);
    engine_histogram_observe(&x->prefill, lied_seconds(m, r->started_ns, r->first_ns), 1);
    engine_histogram_observe(&x->decode, lied_seconds(m, r->first_ns, m->now_ns), 1);
    engine_histogram_observe(&x->inference, lied_seconds(m, r->started_ns, m->now_ns), 1);
    engine_histogram_observe(&x->request_prompt, r->ask.prompt_tokens, 1);
    engine_histogram_observe(&x->request_computed, r->ask.prompt_tokens - r->cached_tokens, 1);
    engine_histogram_observe(&x->request_generation, r->ask.output_tokens, 1);
}

/* It holds neither lane nor slot any more. */
static void request_finish(struct cluster_model *m, uint32_t at)
{
    struct request *r = &m->requests[at];
    m->running_prompt_tokens -= r->ask.prompt_tokens;
    if (r->ask.conversation)
        kv_cache_store(m->prefixes, r->ask.conversation,
                       r->ask.prompt_tokens + r->ask.output_tokens, m->now_ns);
    finish_observe(m, r);
    event_push(m, CLUSTER_FINISHED, r);
    request_release(m, at);
}

static void prefill_end(struct cluster_model *m, uint32_t at)
{
    struct request *r = &m->requests[at];
    r->first_ns = m->now_ns;
    m->metrics.prompt_tokens += r->ask.prompt_tokens;
    m->metrics.cached_tokens += r->cached_tokens;
    if (r->ask.conversation)
        kv_cache_store(m->prefixes, r->ask.conversation, r->ask.prompt_tokens, m->now_ns);
    if (r->ask.output_tokens) {
        m->metrics.generation_tokens += 1;
        engine_histogram_observe(&m->metrics.ttft, lied_seconds(m, r->arrived_ns, m->now_ns), 1);
        event_push(m, CLUSTER_FIRST_TOKEN, r);
    }
    if (r->ask.output_tokens <= 1) {
        request_finish(m, at);
        return;
    }
    r->state = REQUEST_DECODE;
    r->first_clock = m->token_now;
    m->decode_first_clocks += r->first_clock;
    work_heap_push(&m->decodes, m->token_now + r->ask.output_tokens - 1, at, m->places);
}

static void decode_leave(struct cluster_model *m, uint32_t at)
{
    work_heap_remove(&m->decodes, m->places[at], m->places);
    m->decode_first_clocks -= m->requests[at].first_clock;
    if (!m->decodes.count) {
        /* Nobody needs the clock: begin again, so that it never loses precision. */
        m->token_now = 0;
        m->decode_first_clocks = 0;
    }
}

static void step_prefill(struct cluster_model *m)
{
    const uint32_t at = m->prefills.items[0].request;
    work_heap_remove(&m->prefills, 0, m->places);
    if (!m->prefills.count)
        m->work_now = 0; /* as with the token clock */
    prefill_end(m, at);
    start_waiting(m);
}

static void step_decode(struct cluster_model *m)
{
    const uint32_t at = m->decodes.items[0].request;
    decode_leave(m, at);
    request_finish(m, at);
    start_waiting(m);
}

void cluster_model_advance(struct cluster_model *m, int64_t now_ns)
{
    for (;;) {
        const int64_t prefill = prefill_due_ns(m);
        const int64_t decode = decode_due_ns(m);
        const int64_t next = prefill < decode ? prefill : decode;
        if (next > now_ns || next == INT64_MAX)
            break;
        settle(m, next);
        if (prefill <= decode)
            step_prefill(m);
        else
            step_decode(m);
    }
    settle(m, now_ns);
}

/* ---- the calls ---- */

struct cluster_model *cluster_model_create(const struct cluster_setup *setup, int64_t now_ns)
{
    CHECK(setup->instances >= 1 && setup->type.batch >= 1);
    CHECK(setup->efficiency > 0 && setup->speed > 0 && setup->type.prefill_tps_one > 0);
    struct cluster_model *m = memory_zalloc(sizeof(*m));
    m->setup = *setup;
    m->slots = setup->instances * setup->type.batch;
    m->now_ns = now_ns;
    m->slow = m->lie = 1;
    m->free_head = m->waiting_head = m->waiting_tail = NONE;
    m->prefixes =
        kv_cache_create(setup->type.cache_tokens * setup->instances * PREFIX_CACHE_FACTOR);
    engine_metrics_init(&m->metrics);
    rates_update(m);
    return m;
}

void cluster_model_destroy(struct cluster_model **model)
{
    struct cluster_model *m = *model;
    if (!m)
        return;
    kv_cache_destroy(&m->prefixes);
    work_heap_finish(&m->prefills);
    work_heap_finish(&m->decodes);
    free(m->events.items);
    free(m->requests);
    free(m->places);
    free(m);
    *model = NULL;
}

uint64_t cluster_model_submit(struct cluster_model *m, const struct cluster_request *request,
                              int64_t now_ns)
{
    cluster_model_advance(m, now_ns);
    if (m->free_head == NONE)
        requests_grow(m);
    const uint32_t at = m->free_head;
    struct request *r = &m->requests[at];
    m->free_head = r->next;
    r->ask = *request;
    if (r->ask.prompt_tokens == 0)
        r->ask.prompt_tokens = 1;
    r->arrived_ns = m->now_ns;
    r->cached_tokens = cached_tokens_peek(m, &r->ask);
    const uint64_t handle = (uint64_t)r->generation << 32 | at;
    waiting_append(m, at);
    start_waiting(m);
    return handle;
}

/* NONE when it is no more. */
static uint32_t request_of(const struct cluster_model *m, uint64_t handle)
{
    const uint32_t at = (uint32_t)handle;
    if (at >= m->requests_size || m->requests[at].state == REQUEST_FREE ||
        m->requests[at].generation != handle >> 32)
        return NONE;
    return at;
}

bool cluster_model_abort(struct cluster_model *m, uint64_t handle, int64_t now_ns)
{
    cluster_model_advance(m, now_ns);
    const uint32_t at = request_of(m, handle);
    if (at == NONE)
        return false;
    const struct request *r = &m->requests[at];
    if (r->state == REQUEST_WAITING) {
        waiting_remove(m, at);
    } else {
        m->running_prompt_tokens -= r->ask.prompt_tokens;
        if (r->state == REQUEST_PREFILL)
            work_heap_remove(&m->prefills, m->places[at], m->places);
        else
            decode_leave(m, at);
    }
    m->metrics.aborted++;
    request_release(m, at);
    start_waiting(m);
    return true;
}

uint32_t cluster_model_tokens(const struct cluster_model *m, uint64_t handle)
{
    const uint32_t at = request_of(m, handle);
    if (at == NONE || m->requests[at].state != REQUEST_DECODE)
        return 0;
    const struct request *r = &m->requests[at];
    const double after_first = floor(m->token_now - r->first_clock + 1e-6);
    const double most = r->ask.output_tokens - 1;
    return 1 + (uint32_t)fmin(fmax(after_first, 0), most);
}

void cluster_model_slow(struct cluster_model *m, double factor, int64_t now_ns)
{
    CHECK(factor > 0);
    cluster_model_advance(m, now_ns);
    m->slow = factor;
    rates_update(m);
}

void cluster_model_stall(struct cluster_model *m, bool stalled, int64_t now_ns)
{
    cluster_model_advance(m, now_ns);
    m->stalled = stalled;
    rates_update(m);
}

void cluster_model_lie(struct cluster_model *m, double factor)
{
    CHECK(factor > 0);
    m->lie = factor;
}

void cluster_model_forget_prefixes(struct cluster_model *m)
{
    kv_cache_clear(m->prefixes);
}

static double kv_used(const struct cluster_model *m)
{
    const double decoded = m->decodes.count * (m->token_now + 1) - m->decode_first_clocks;
    const double room = (double)m->setup.type.cache_tokens * m->setup.instances;
    return fmin(1, ((double)m->running_prompt_tokens + fmax(0, decoded)) / room);
}

/* The k-th smallest remainder is found by counting: k is small unless all is lost anyway. */
static double slot_wait_s(const struct cluster_model *m, uint32_t flying)
{
    const uint32_t taken = m->waiting + flying + m->prefills.count + m->decodes.count + 1;
    if (taken <= m->slots || m->decodes.count == 0)
        return 0;
    const double mean = (double)m->decodes.count / 2;
    const double first = m->decodes.items[0].due - m->token_now;
    double sum = 0;
    for (uint32_t i = 0; i < m->decodes.count; i++)
        sum += m->decodes.items[i].due - m->token_now;
    /* Remainders taken for evenly spread from the first to twice their mean. */
    const double step = fmax(0, sum / m->decodes.count - first) / fmax(1, mean);
    return (first + step * (taken - m->slots - 1)) * m->token_s / m->rate;
}

/* List scheduling: each of those before it takes the lane that is free first. */
static double lane_wait_s(const struct cluster_model *m, uint32_t flying, double flying_tokens)
{
    const uint32_t lanes = m->setup.instances;
    const double before = m->waiting + flying;
    if (m->prefills.count + before < lanes)
        return 0;
    double left = 0;
    for (uint32_t i = 0; i < m->prefills.count; i++)
        left += m->prefills.items[i].due - m->work_now;
    if (before == 0)
        return fmax(0, m->prefills.items[0].due - m->work_now) / m->rate;
    return (left + prefill_work_s(m, (double)m->waiting_uncached + flying_tokens, before)) / lanes /
           m->rate;
}

void cluster_model_forecast(const struct cluster_model *m, const struct cluster_request *request,
                            uint32_t flying, double flying_tokens, struct cluster_forecast *out)
{
    const uint32_t cached = cached_tokens_peek(m, request);
    double prefilling = 0;
    for (uint32_t i = 0; i < m->prefills.count; i++)
        prefilling += m->prefills.items[i].due - m->work_now;
    *out = (struct cluster_forecast){
        .wait_prefill_s = lane_wait_s(m, flying, flying_tokens),
        .wait_slot_s = slot_wait_s(m, flying),
        .service_s = prefill_work_s(m, request->prompt_tokens - cached, 1) / m->rate,
        .cached_tokens = cached,
        .backlog_tokens = (double)m->waiting_uncached + flying_tokens +
                          fmax(0, prefilling - PREFILL_FIXED_S * m->prefills.count) *
                              m->setup.type.prefill_tps_one * m->setup.efficiency,
    };
}

void cluster_model_state(const struct cluster_model *m, struct cluster_state *out)
{
    *out = (struct cluster_state){
        .waiting = m->waiting,
        .waiting_tokens = m->waiting_tokens,
        .prefilling = m->prefills.count,
        .decoding = m->decodes.count,
        .slots = m->slots,
        .lanes = m->setup.instances,
        .kv_used = kv_used(m),
        .itl_s = m->rate > 0 ? m->token_s / m->rate : INFINITY,
        .cached_now = kv_cache_used_tokens(m->prefixes),
    };
}

const struct engine_metrics *cluster_model_metrics(const struct cluster_model *m)
{
    return &m->metrics;
}

void cluster_model_gauges(const struct cluster_model *m, struct engine_gauges *out)
{
    const int64_t idle_ns = kv_cache_evicted_idle_ns(m->prefixes);
    *out = (struct engine_gauges){
        .running = (m->prefills.count + m->decodes.count) / m->lie,
        .waiting = m->waiting / m->lie,
        .kv_used = kv_used(m) / m->lie,
        .kv_blocks = m->setup.type.cache_tokens * m->setup.instances / KV_BLOCK_TOKENS,
        .instances = m->setup.instances,
        .evicted_idle = idle_ns < 0 ? (double)NAN : (double)idle_ns / 1e9,
    };
}
