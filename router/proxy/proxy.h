/*
 * The proxy of one worker: what its exchanges share.  The control thread
 * creates one per worker and publishes tables and snapshots into it; all else
 * is the worker's own.
 */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <stdatomic.h>

#include "base/counter.h"
#include "base/random.h"
#include "fleet/affinity.h"
#include "fleet/ledger.h"
#include "fleet/snapshot.h"
#include "policy/decision.h"
#include "policy/decision_record.h"
#include "policy/decision_ring.h"
#include "proxy/access_log.h"
#include "proxy/connection.h"
#include "proxy/decide.h"
#include "proxy/pace.h"
#include "proxy/policy_time.h"
#include "proxy/queue.h"
#include "proxy/tables.h"
#include "upstream/retry_budget.h"
#include "upstream/upstream.h"

/* Of one target, in one worker; made at its first request. */
struct target_metrics {
    struct counter faults[FAULT_COUNT]; /* FAULT_NONE: answered in full */
    struct counter statuses[6];         /* by hundreds; [0] none */
    struct counter bytes_out;
    struct counter events;
    struct distribution ttft_s;
    struct distribution event_gap_s; /* between data events of a stream: inter-token latency */
    struct distribution duration_s;
};

struct proxy_metrics {
    struct counter requests[CLASS_COUNT];
    struct counter faults[FAULT_COUNT]; /* as the client saw it, whoever's */
    struct counter retries[2];          /* unstarted, refusal */
    struct counter no_retry_budget;
    struct counter bytes_in, bytes_out;
    struct counter policy_faults;
    struct level active;
    struct level body_bytes;
    struct distribution decision_s;
    _Atomic(struct target_metrics *) targets[FLEET_SLOTS_MAX]; /* read by the control thread */
};

struct proxy_settings {
    struct connection_pool_settings pool;
    struct address source;
    uint32_t decisions_kept;         /* of this worker, for /decisions */
    struct access_log *decision_log; /* shared, outlives it; NULL: off */
};

struct proxy {
    struct loop *loop;
    uint32_t worker;
    _Atomic(const struct proxy_tables *) tables;
    _Atomic(const struct snapshot *) snapshot;
    struct ledger *ledger;
    struct affinity *affinity; /* shared by all workers */
    struct access_log *log;    /* shared */
    struct access_log_lines log_lines;
    struct access_log *decision_log; /* shared */
    struct access_log_lines decision_lines;
    struct decision_recorder recorder;
    struct upstream *upstream;
    uint64_t upstream_generation; /* of the tables that upstream was swept for */
    struct retry_budget budget;
    struct queue queue;
    struct decision decision; /* workspace */
    struct decision shadow_decision;
    struct decision_ring *ring;
    struct decision_ring *shadow_ring;
    struct policy_time policy_time;
    int64_t keep_since_ns; /* of the allowance to keep decisions in it */
    int64_t keep_left;
    uint64_t decision_sequence;
    uint64_t seed; /* of the decisions of this turn */
    int64_t seed_turn_ns;
    uint32_t seed_left; /* decisions it may still be given to */
    struct random random;
    struct connection_host host;
    struct proxy_metrics metrics;
    struct pace pace;
    struct list idle_exchanges; /* kept for the next request */
    uint32_t idle_count;
    struct decide_room room;
    char refused_id[33]; /* of the last head that a codec refused */
    struct buffer scratch;
    int64_t wall_ms, wall_of_ns; /* proxy_wall_ms's, and the turn that it is of */
};

/* `log` and `affinity` are shared and outlive it. [control], before the worker runs */
struct proxy *proxy_create(struct loop *loop, uint32_t worker,
                           const struct proxy_settings *settings, struct affinity *affinity,
                           struct access_log *log);
/* After the loop ended. */
void proxy_destroy(struct proxy **proxy);

static inline const struct proxy_tables *proxy_tables(const struct proxy *proxy)
{
    return atomic_load_explicit(&proxy->tables, memory_order_acquire);
}

static inline const struct snapshot *proxy_snapshot(const struct proxy *proxy)
{
    return atomic_load_explicit(&proxy->snapshot, memory_order_acquire);
}

/* Unix time for the logs, looked at once a turn.  [worker] */
int64_t proxy_wall_ms(struct proxy *proxy);
/* The metrics of a target; made when missing.  [worker] */
struct target_metrics *proxy_target_metrics(struct proxy *proxy, uint32_t slot);
/* Once per turn: prompts that count as prefilled, log lines to hand over, pools to let go. [worker]
 */
void proxy_turn(struct proxy *proxy);
/* What the logs have gathered and is old enough, or `all` of it.  [worker] */
void proxy_hand_over_logs(struct proxy *proxy, bool all);

#endif
