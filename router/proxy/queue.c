#include "proxy/queue.h"

#include <math.h>
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "proxy/exchange.h"
#include "proxy/identity.h"

enum { LOOKS_A_TURN = 32 }; /* decisions for those that wait, so that the others go on */

const char *queue_outcome_word(enum queue_outcome outcome)
{
    static const char *const words[] = {
#define X(name, word) [QUEUE_##name] = (word),
        QUEUE_OUTCOMES(X)
#undef X
    };
    return words[outcome];
}

/* --- is there room? --- */

/* How much later than its class may wait a request would come there; not above 0: there is room.
 * What cannot be cured by waiting here, the prompt's own work, is no reason to wait; nor are
 * guesses, nor a cluster that merely answers late. */
static double excess_ms(const struct iso_estimate *estimate, const struct class_promise *promise)
{
    const uint64_t slots_known = ISO_KNOWN_SLOTS | ISO_KNOWN_HOLD;
    double wait_ms = estimate->known & ISO_KNOWN_PREFILL ? estimate->wait_prefill_ms : 0;
    if ((estimate->known & slots_known) == slots_known)
        wait_ms = fmax(wait_ms, estimate->wait_slot_ms);
    const double ttft_ms = estimate->ttft_ms - estimate->wait_ms + wait_ms;
    return fmin(ttft_ms - promise->slo_ms, wait_ms) - promise->queue_ms;
}

/* Of the cluster that has the least of it. */
static double least_excess_ms(const struct proxy_tables *tables, const struct decision *decision)
{
    const struct class_promise *promise = &tables->classes[decision->request.service_class];
    double least = INFINITY;
    for (uint32_t i = 0; i < decision->count; i++)
        if (decision_is_kept(decision->verdicts[i]))
            least = fmin(least, excess_ms(&decision->estimates[i], promise));
    return least;
}

bool queue_would_hold(const struct proxy_tables *tables, const struct decision *decision)
{
    return decision->kept > 0 && tables->limits.queue > 0 && least_excess_ms(tables, decision) > 0;
}

/* --- coming and going --- */

static struct exchange *exchange_of(struct admission_entry *entry)
{
    return CONTAINER_OF(entry, struct exchange, waiting);
}

static uint64_t lane_key(const struct decide_outcome *outcome)
{
    const struct slice model = slice_of(outcome->model->name);
    return XXH3_64bits_withSeed(model.ptr, model.len, outcome->route->requirement);
}

static void refuse(struct exchange *exchange, enum queue_outcome outcome, const char *detail)
{
    struct queue *queue = &exchange->proxy->queue;
    counter_add(&queue->outcomes[exchange->service_class][outcome], 1);
    exchange_refuse(exchange, queue->closes_ns != 0 ? FAULT_DRAINING : FAULT_OVERLOAD, detail,
                    NULL);
}

/* Room in the queue itself; somebody of a lower class may have to give way. */
static bool make_room(struct queue *queue, uint32_t rank, uint32_t most)
{
    if (queue->admission.count < most)
        return true;
    struct admission_entry *last = admission_last_below(&queue->admission, rank);
    if (last == NULL)
        return false;
    refuse(exchange_of(last), QUEUE_DISPLACED, "It gave way to a request of a higher class.");
    return true;
}

static void begin(struct exchange *exchange, uint64_t key, uint32_t rank)
{
    struct queue *queue = &exchange->proxy->queue;
    const struct proxy_tables *tables = proxy_tables(exchange->proxy);
    const double most_ms = tables->classes[exchange->service_class].queue_ms;
    const int64_t now_ns = loop_now_ns(queue->loop);
    const double wait_ms = admission_wait_ms(&queue->admission, key, rank, now_ns);
    if (wait_ms > exchange->retry_ms)
        exchange->retry_ms = wait_ms;
    if (most_ms < 1 || wait_ms > most_ms ||
        (queue->closes_ns != 0 && now_ns + ms_to_ns(most_ms) > queue->closes_ns) ||
        !make_room(queue, rank, tables->limits.queue)) {
        refuse(exchange, QUEUE_FULL, "It would wait here for longer than its class may.");
        return;
    }
    admission_join(&queue->admission, &exchange->waiting, key, rank, now_ns);
    level_add(&queue->depth[exchange->service_class], 1);
    exchange_enter(exchange, EXCHANGE_QUEUED, (int64_t)most_ms);
}

bool queue_holds(struct exchange *exchange, const struct decide_outcome *outcome)
{
    struct proxy *proxy = exchange->proxy;
    struct admission *admission = &proxy->queue.admission;
    const struct proxy_tables *tables = proxy_tables(proxy);
    const struct decision *decision = &proxy->decision;
    const bool begun = exchange->attempts > 0 || exchange->passed_over_count > 0 ||
                       exchange->takes_any; /* it was let in once */
    if (tables->limits.queue == 0 || begun)
        return false;
    const double excess = least_excess_ms(tables, decision);
    exchange->retry_ms = excess;
    if (exchange->state == EXCHANGE_QUEUED) /* not even at its deadline does it overtake */
        return excess > 0 || admission_next(exchange->waiting.lane) != &exchange->waiting;
    const uint64_t key = lane_key(outcome);
    const uint32_t rank = class_rank(exchange->service_class);
    if (excess <= 0 && !admission_is_behind(admission, key, rank))
        return false;
    proxy->decision.waits = true;
    begin(exchange, key, rank);
    return true;
}

void queue_left(struct exchange *exchange, bool let_in, bool gone)
{
    struct queue *queue = &exchange->proxy->queue;
    const int64_t now_ns = loop_now_ns(queue->loop);
    const uint32_t class = exchange->service_class;
    exchange->waited_ns = now_ns - exchange->waiting.since_ns;
    if (exchange->decided_ns < now_ns)
        exchange->decided_ns = now_ns; /* that it waits no longer */
    admission_leave(&queue->admission, &exchange->waiting, let_in, now_ns);
    level_add(&queue->depth[class], -1);
    distribution_add(&queue->wait_s[class], ns_to_ms(exchange->waited_ns) / 1000);
    if (let_in)
        counter_add(&queue->outcomes[class][QUEUE_LET_IN], 1);
    else if (gone)
        counter_add(&queue->outcomes[class][QUEUE_GONE], 1);
}

void queue_expired(struct exchange *exchange)
{
    attempt_begin(exchange);
    if (exchange->state == EXCHANGE_QUEUED)
        refuse(exchange, QUEUE_EXPIRED, "No cluster had room while its class may wait.");
}

/* --- looking again --- */

static uint32_t serve(struct admission_lane *lane, uint32_t looks)
{
    struct admission_entry *entry;
    while (looks > 0 && (entry = admission_next(lane)) != NULL) {
        struct exchange *exchange = exchange_of(entry);
        looks--;
        attempt_begin(exchange);
        if (exchange->state == EXCHANGE_QUEUED)
            break; /* those behind it in the lane wait for the same */
    }
    return looks;
}

static void look(struct loop_task *task)
{
    struct queue *queue = CONTAINER_OF(task, struct queue, look);
    uint32_t looks = LOOKS_A_TURN;
    for (uint32_t lanes = admission_lanes(&queue->admission); lanes > 0 && looks > 0; lanes--) {
        struct admission_lane *lane = admission_turn(&queue->admission);
        if (lane != NULL)
            looks = serve(lane, looks);
    }
    if (looks == 0 && queue->admission.count > 0)
        loop_run_later(queue->loop, &queue->look);
}

void queue_turn(struct proxy *proxy)
{
    struct queue *queue = &proxy->queue;
    const struct snapshot *snapshot = proxy_snapshot(proxy);
    if (queue->admission.count == 0 || snapshot->generation == queue->snapshot_seen)
        return;
    queue->snapshot_seen = snapshot->generation;
    queue_poke(queue);
}

static void bring_forward(struct admission_entry *entry, void *arg)
{
    const int64_t *closes_ns = arg;
    struct exchange *exchange = exchange_of(entry);
    if (exchange->timer.due_ns > *closes_ns)
        timer_start(&exchange->timer, exchange->proxy->loop, 0);
}

void queue_drain(struct proxy *proxy, int64_t most_ms)
{
    struct queue *queue = &proxy->queue;
    queue->closes_ns = loop_now_ns(proxy->loop) + most_ms / 2 * NS_PER_MS;
    admission_each(&queue->admission, bring_forward, &queue->closes_ns);
}

void queue_init(struct queue *queue, struct loop *loop)
{
    queue->loop = loop;
    admission_init(&queue->admission);
    loop_task_init(&queue->look, look);
    for (uint32_t c = 0; c < CLASS_COUNT; c++)
        distribution_init(&queue->wait_s[c], &distribution_duration_s);
}

void queue_finish(struct queue *queue)
{
    loop_task_cancel(&queue->look);
}
