#include "fleet/ledger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define LATE_FACTOR 1.5 /* overdue: that much longer than predicted ... */
#define LATE_MS 250.0   /* ... and then some */
#define PREDICTION_MOST_MS 1e8

/* The worker's own side of a slot: no other thread looks at it. */
struct queue {
    struct list streams; /* struct flight.unanswered, oldest first */
    struct list plains;
};

struct ledger {
    uint32_t worker;
    struct ledger_slot *slots; /* [FLEET_SLOTS_MAX] */
    struct queue *queues;      /* [FLEET_SLOTS_MAX] */
    _Atomic uint32_t changes[FLEET_SLOTS_MAX];
    struct flight **heap; /* pending flights that do not stream, the first to leave on top */
    uint32_t heap_count, heap_room;
};

/* Single writer: a load and a store do, no locked instruction. */
static void count_add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static void sum_add(_Atomic double *sum, double by)
{
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static void change_note(struct ledger *ledger, uint32_t slot)
{
    _Atomic uint32_t *changes = &ledger->changes[slot];
    atomic_store_explicit(changes, atomic_load_explicit(changes, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

struct ledger *ledger_create(uint32_t worker)
{
    struct ledger *ledger = memory_zalloc(sizeof *ledger);
    const size_t bytes = FLEET_SLOTS_MAX * sizeof *ledger->slots;
    ledger->worker = worker;
    ledger->slots = aligned_alloc(64, bytes);
    CHECK(ledger->slots != NULL);
    memset(ledger->slots, 0, bytes);
    ledger->queues = memory_alloc(FLEET_SLOTS_MAX * sizeof *ledger->queues);
    for (uint32_t i = 0; i < FLEET_SLOTS_MAX; i++) {
        atomic_init(&ledger->slots[i].peak_ms, NAN);
        atomic_init(&ledger->slots[i].stream_overdue_ns, LEDGER_NEVER);
        atomic_init(&ledger->slots[i].plain_overdue_ns, LEDGER_NEVER);
        list_init(&ledger->queues[i].streams);
        list_init(&ledger->queues[i].plains);
    }
    return ledger;
}

void ledger_destroy(struct ledger **ledger)
{
    struct ledger *old = *ledger;
    *ledger = NULL;
    if (old == NULL)
        return;
    free(old->slots);
    free(old->queues);
    free(old->heap);
    free(old);
}

uint32_t ledger_worker(const struct ledger *ledger)
{
    return ledger->worker;
}

const struct ledger_slot *ledger_at(const struct ledger *ledger, uint32_t slot)
{
    CHECK_LT(slot, FLEET_SLOTS_MAX);
    return &ledger->slots[slot];
}

uint32_t ledger_changes(const struct ledger *ledger, uint32_t slot)
{
    CHECK_LT(slot, FLEET_SLOTS_MAX);
    return atomic_load_explicit(&ledger->changes[slot], memory_order_relaxed);
}

/* --- the heap, by leaves_ns ------------------------------------------------------------------ */

static void heap_put(struct ledger *ledger, uint32_t at, struct flight *flight)
{
    ledger->heap[at] = flight;
    flight->heap_index = at + 1;
}

static void heap_up(struct ledger *ledger, uint32_t at, struct flight *flight)
{
    while (at > 0 && ledger->heap[(at - 1) / 2]->leaves_ns > flight->leaves_ns) {
        heap_put(ledger, at, ledger->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(ledger, at, flight);
}

static void heap_down(struct ledger *ledger, uint32_t at, struct flight *flight)
{
    for (uint32_t child; (child = 2 * at + 1) < ledger->heap_count; at = child) {
        if (child + 1 < ledger->heap_count &&
            ledger->heap[child + 1]->leaves_ns < ledger->heap[child]->leaves_ns)
            child++;
        if (ledger->heap[child]->leaves_ns >= flight->leaves_ns)
            break;
        heap_put(ledger, at, ledger->heap[child]);
    }
    heap_put(ledger, at, flight);
}

static void heap_add(struct ledger *ledger, struct flight *flight)
{
    if (ledger->heap_count == ledger->heap_room) {
        ledger->heap_room = ledger->heap_room > 0 ? 2 * ledger->heap_room : 64;
        ledger->heap = memory_realloc(ledger->heap, ledger->heap_room * sizeof(struct flight *));
    }
    heap_up(ledger, ledger->heap_count++, flight);
}

static void heap_remove(struct ledger *ledger, struct flight *flight)
{
    if (flight->heap_index == 0)
        return;
    const uint32_t at = flight->heap_index - 1;
    flight->heap_index = 0;
    struct flight *last = ledger->heap[--ledger->heap_count];
    if (last == flight)
        return;
    if (at > 0 && ledger->heap[(at - 1) / 2]->leaves_ns > last->leaves_ns)
        heap_up(ledger, at, last);
    else
        heap_down(ledger, at, last);
}

/* --- unanswered ------------------------------------------------------------------------------ */

static void oldest_publish(_Atomic int64_t *published, const struct list *unanswered)
{
    const int64_t from =
        list_empty(unanswered)
            ? LEDGER_NEVER
            : LIST_ENTRY(unanswered->next, struct flight, unanswered)->overdue_from_ns;
    atomic_store_explicit(published, from, memory_order_relaxed);
}

static void unanswered_change(struct ledger *ledger, struct flight *flight, bool add)
{
    struct queue *queue = &ledger->queues[flight->slot];
    struct ledger_slot *slot = &ledger->slots[flight->slot];
    struct list *list = flight->stream ? &queue->streams : &queue->plains;
    if (add)
        list_append(list, &flight->unanswered);
    else
        list_remove(&flight->unanswered);
    oldest_publish(flight->stream ? &slot->stream_overdue_ns : &slot->plain_overdue_ns, list);
}

/* --- one flight ------------------------------------------------------------------------------ */

static double prediction_bound(double ms)
{
    return ms > 0 ? fmin(ms, PREDICTION_MOST_MS) : 0;
}

/* What the prediction would be without the correction and without what is overdue: the sums of the
 * correction compare with that, or it would chase itself. */
static double prediction_uncorrected(const struct iso_estimate *estimate)
{
    const double wait = fmax(estimate->wait_prefill_ms, estimate->wait_slot_ms);
    const double factor = estimate->correction > 0 ? estimate->correction : 1;
    return prediction_bound((wait + estimate->service_ms) / factor);
}

static void flight_predict(struct flight *flight, const struct iso_cluster *cluster,
                           const struct iso_estimate *estimate, const struct fleet_query *query,
                           int64_t now_ns)
{
    const double ttft = prediction_bound(estimate->ttft_ms);
    const double uncached = fmax(1, query->prompt_tokens - estimate->cached_tokens);
    flight->sent_ns = now_ns;
    flight->tokens = (uint64_t)llrint(fmin(uncached, 1e9));
    flight->prompt_tokens = query->prompt_tokens;
    flight->predicted_ttft_ms = ttft;
    flight->predicted_ms = prediction_uncorrected(estimate);
    flight->rtt_ms = prediction_bound(ttft - estimate->wait_ms - estimate->service_ms);
    /* Without a first token to see: B holds it for the (corrected) predicted TTFT, and its answer
     * is due when the last token is. */
    flight->leaves_ns = now_ns + ms_to_ns(ttft);
    const double whole =
        flight->stream ? ttft : ttft + prediction_bound(query->output_tokens * cluster->itl_ms);
    flight->overdue_from_ns = now_ns + ms_to_ns(LATE_FACTOR * whole + LATE_MS);
}

void ledger_sent(struct ledger *ledger, struct flight *flight, uint32_t slot_index,
                 const struct iso_cluster *cluster, const struct iso_estimate *estimate,
                 const struct fleet_query *query, int64_t now_ns)
{
    CHECK_LT(slot_index, FLEET_SLOTS_MAX);
    CHECK(flight->phase == FLIGHT_IDLE || flight->phase == FLIGHT_ENDED);
    ledger_turn(ledger, now_ns);
    flight->phase = FLIGHT_PENDING;
    flight->slot = slot_index;
    flight->stream = query->stream;
    flight->heap_index = 0;
    flight_predict(flight, cluster, estimate, query, now_ns);

    struct ledger_slot *slot = &ledger->slots[slot_index];
    change_note(ledger, slot_index);
    count_add(&slot->sent, 1);
    count_add(&slot->sent_tokens, flight->tokens);
    unanswered_change(ledger, flight, true);
    if (!flight->stream)
        heap_add(ledger, flight);
}

/* Out of B. */
static void flight_answered(struct ledger *ledger, struct flight *flight)
{
    CHECK_EQ(flight->phase, FLIGHT_PENDING);
    struct ledger_slot *slot = &ledger->slots[flight->slot];
    heap_remove(ledger, flight);
    flight->phase = FLIGHT_ANSWERED;
    change_note(ledger, flight->slot);
    count_add(&slot->answered, 1);
    count_add(&slot->answered_tokens, flight->tokens);
}

void ledger_turn(struct ledger *ledger, int64_t now_ns)
{
    while (ledger->heap_count > 0 && ledger->heap[0]->leaves_ns <= now_ns)
        flight_answered(ledger, ledger->heap[0]);
}

/* Up at once, down by e in LEDGER_TAU_MS. */
static void peak_observe(struct ledger_slot *slot, double ttft_ms, int64_t now_ns)
{
    const double old = atomic_load_explicit(&slot->peak_ms, memory_order_relaxed);
    const double past_ms =
        ns_to_ms(now_ns - atomic_load_explicit(&slot->peak_ns, memory_order_relaxed));
    const double weight = exp(-fmax(0, past_ms) / LEDGER_TAU_MS);
    const double settled = old * weight + ttft_ms * (1 - weight);
    atomic_store_explicit(&slot->peak_ms, ttft_ms < settled ? settled : ttft_ms,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->peak_ns, now_ns, memory_order_relaxed);
}

static void correction_observe(struct ledger_slot *slot, const struct flight *flight,
                               double ttft_ms)
{
    sum_add(&slot->observed_ms, prediction_bound(ttft_ms - flight->rtt_ms));
    sum_add(&slot->predicted_ms, flight->predicted_ms);
}

static void ttft_observe(struct ledger_slot *slot, double ttft_ms, int64_t now_ns)
{
    sum_add(&slot->ttft_ms, ttft_ms);
    count_add(&slot->ttft_count, 1);
    peak_observe(slot, ttft_ms, now_ns);
}

static void success_count(struct ledger_slot *slot)
{
    count_add(&slot->successes, 1);
    atomic_store_explicit(&slot->failures_in_row, 0, memory_order_relaxed);
}

void ledger_first_token(struct ledger *ledger, struct flight *flight, double ttft_ms,
                        int64_t now_ns)
{
    CHECK(flight->stream);
    struct ledger_slot *slot = &ledger->slots[flight->slot];
    const double ttft = prediction_bound(ttft_ms);
    flight_answered(ledger, flight);
    unanswered_change(ledger, flight, false);
    correction_observe(slot, flight, ttft);
    ttft_observe(slot, ttft, now_ns);
    success_count(slot);
}

/* A failure before the answer counts as a very late answer, so that failing fast does not look
 * fast. */
static void failure_count(struct ledger_slot *slot, const struct flight *flight, bool answered,
                          int64_t now_ns)
{
    count_add(&slot->failures, 1);
    count_add(&slot->failures_in_row, 1);
    if (answered)
        return;
    const double peak = atomic_load_explicit(&slot->peak_ms, memory_order_relaxed);
    const double waited = ns_to_ms(now_ns - flight->sent_ns);
    const double ttft = fmax(LEDGER_ERROR_MS, fmax(isnan(peak) ? 0 : peak, waited));
    correction_observe(slot, flight, ttft);
    ttft_observe(slot, ttft, now_ns);
}

void ledger_done(struct ledger *ledger, struct flight *flight, enum flight_outcome outcome,
                 int64_t now_ns)
{
    CHECK(flight->phase == FLIGHT_PENDING || flight->phase == FLIGHT_ANSWERED);
    struct ledger_slot *slot = &ledger->slots[flight->slot];
    const bool answered = flight->stream && flight->phase == FLIGHT_ANSWERED;
    if (!answered)
        unanswered_change(ledger, flight, false);
    if (flight->phase == FLIGHT_PENDING)
        flight_answered(ledger, flight);
    flight->phase = FLIGHT_ENDED;
    change_note(ledger, flight->slot);
    count_add(&slot->ended, 1);
    count_add(&slot->outcomes[outcome], 1);
    switch (outcome) {
    case FLIGHT_DONE:
        if (!answered)
            success_count(slot);
        break;
    case FLIGHT_REFUSED_BEFORE_START:
    case FLIGHT_ERROR:
    case FLIGHT_TIMEOUT:
    case FLIGHT_CUT:
        failure_count(slot, flight, answered, now_ns);
        break;
    case FLIGHT_REJECTED:
    case FLIGHT_CLIENT_GONE:
    case FLIGHT_WITHDRAWN:
    case FLIGHT_OUTCOMES:
        break;
    }
}

const char *flight_outcome_name(enum flight_outcome outcome)
{
    static const char *const names[] = {
        [FLIGHT_DONE] = "done",
        [FLIGHT_REJECTED] = "rejected",
        [FLIGHT_REFUSED_BEFORE_START] = "refused_before_start",
        [FLIGHT_ERROR] = "error",
        [FLIGHT_TIMEOUT] = "timeout",
        [FLIGHT_CUT] = "cut",
        [FLIGHT_CLIENT_GONE] = "client_gone",
        [FLIGHT_WITHDRAWN] = "withdrawn",
    };
    return outcome < FLIGHT_OUTCOMES ? names[outcome] : "?";
}
