/*
 * Where requests wait while every cluster that might take them has more work
 * before it than their class may wait for.  It is here that they wait and not
 * there because here the order can still change: the highest class goes first,
 * and who goes away costs nobody anything.
 *
 *     attempt_begin -> queue_holds -- no --> the attempt goes on
 *                          | yes
 *                          v
 *                     EXCHANGE_QUEUED --(completion, snapshot, deadline)--> attempt_begin
 */
#ifndef PROXY_QUEUE_H
#define PROXY_QUEUE_H

#include "base/counter.h"
#include "net/loop.h"
#include "proxy/admission.h"
#include "proxy/decide.h"

struct exchange;
struct proxy;

/* name, label, what it tells */
#define QUEUE_OUTCOMES(X)     \
    X(LET_IN, "let_in")       \
    X(EXPIRED, "expired")     \
    X(FULL, "full")           \
    X(DISPLACED, "displaced") \
    X(GONE, "gone")

enum queue_outcome {
#define X(name, word) QUEUE_##name,
    QUEUE_OUTCOMES(X)
#undef X
        QUEUE_OUTCOME_COUNT
};

const char *queue_outcome_word(enum queue_outcome outcome);

struct queue {
    struct loop *loop;
    struct admission admission;
    struct loop_task look;
    uint64_t snapshot_seen; /* generation */
    int64_t closes_ns; /* nobody may wait longer than this; 0 while the worker is not draining */
    struct level depth[CLASS_COUNT];
    struct counter outcomes[CLASS_COUNT][QUEUE_OUTCOME_COUNT];
    struct distribution wait_s[CLASS_COUNT]; /* of all that waited, however it ended */
};

void queue_init(struct queue *queue, struct loop *loop);
void queue_finish(struct queue *queue);

/* Has every cluster that `decision` kept more to do first than the class may wait for?  Only work
 * that was measured counts: a guess makes nobody wait. */
bool queue_would_hold(const struct proxy_tables *tables, const struct decision *decision);
/* After the exchange's decision, kept in its proxy.  True: it waits, or was refused. */
bool queue_holds(struct exchange *exchange, const struct decide_outcome *outcome);
/* Its deadline is here: decided a last time. */
void queue_expired(struct exchange *exchange);
/* exchange_enter's: it waits no more, and is now `let_in` or at its end. */
void queue_left(struct exchange *exchange, bool let_in, bool gone);
/* Work has ended somewhere: whoever waits is decided again at the end of this turn. */
static inline void queue_poke(struct queue *queue)
{
    if (queue->admission.count > 0)
        loop_flush_later(queue->loop, &queue->look);
}
/* Once per turn. */
void queue_turn(struct proxy *proxy);
/* The worker ends within `most_ms`: who might wait for more than half of that is told at once. */
void queue_drain(struct proxy *proxy, int64_t most_ms);

#endif
