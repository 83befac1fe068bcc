/*
 * What one worker has sent where and what came back: monotonic counters and
 * sums per slot, written by that worker alone and read by all (relaxed
 * atomics).  The control thread adds the ledgers up each tick; the worker
 * itself reads its own live.  The ledger learns, it decides nothing.
 *
 * The proxy embeds a `struct flight` in each attempt:
 *
 *     ledger_sent -> [ledger_first_token] -> ledger_done
 */
#ifndef FLEET_LEDGER_H
#define FLEET_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/list.h"
#include "fleet/cluster.h"
#include "fleet/query.h"
#include "isochrone/policy.h"

#define LEDGER_ERROR_MS 10000.0 /* what an error counts as in TTFT, at least */
#define LEDGER_TAU_MS 10000.0   /* smoothing of observed TTFT */
#define LEDGER_NEVER INT64_MAX

enum flight_outcome {
    FLIGHT_DONE,                 /* answered in full */
    FLIGHT_REJECTED,             /* 4xx: the request's own fault; says nothing of the cluster */
    FLIGHT_REFUSED_BEFORE_START, /* connect or TLS failure, REFUSED_STREAM, GOAWAY, 429/503 */
    FLIGHT_ERROR,                /* 5xx, protocol error, closed before the head */
    FLIGHT_TIMEOUT,
    FLIGHT_CUT,         /* died after the first byte */
    FLIGHT_CLIENT_GONE, /* cancelled by the client; says nothing of the cluster */
    FLIGHT_WITHDRAWN,   /* no connection of ours was free for it; neither does that */
    FLIGHT_OUTCOMES
};

enum flight_phase {
    FLIGHT_IDLE,     /* zeroed memory */
    FLIGHT_PENDING,  /* its prompt waits or is being prefilled */
    FLIGHT_ANSWERED, /* first token seen, or (not streaming) prefill taken as over */
    FLIGHT_ENDED,
};

/* One attempt under way.  Zero it before the first use; may be used again after ledger_done. */
struct flight {
    struct list unanswered; /* FIFO of its slot: streams and others apart */
    enum flight_phase phase;
    bool stream;
    uint32_t slot;
    uint32_t heap_index; /* 1 + place in the ledger's heap of those that leave by time; 0 none */
    int64_t sent_ns;
    int64_t leaves_ns;        /* not streaming: when its prompt counts as prefilled */
    int64_t overdue_from_ns;  /* unanswered until then is later than predicted */
    uint64_t tokens;          /* uncached prompt tokens, as predicted */
    double prompt_tokens;     /* all of them */
    double rtt_ms;            /* at the decision */
    double predicted_ms;      /* wait + service, uncorrected */
    double predicted_ttft_ms; /* what the client was predicted */
};

/* One slot of one worker.  Writer: the worker.  All monotonic but those of "now".  What every
 * estimate reads comes first: one cache line. */
struct ledger_slot {
    _Atomic uint64_t sent;             /* requests */
    _Atomic uint64_t sent_tokens;      /* ... their uncached prompt tokens */
    _Atomic uint64_t answered;         /* no longer in B */
    _Atomic uint64_t answered_tokens;  /* ... their uncached prompt tokens */
    _Atomic uint64_t ended;            /* no longer in flight */
    _Atomic int64_t stream_overdue_ns; /* now: overdue_from_ns of the oldest unanswered;
                                          LEDGER_NEVER */
    _Atomic int64_t plain_overdue_ns;  /* now: ... of those that do not stream */
    _Atomic int64_t peak_ns;           /* now: when peak_ms was */

    _Atomic double peak_ms;     /* now: TTFT: jumps up, decays */
    _Atomic uint64_t successes; /* first token of a stream, end of the others */
    _Atomic uint64_t failures;  /* refused, error, timeout, cut */
    _Atomic uint64_t outcomes[FLIGHT_OUTCOMES];
    _Atomic double observed_ms;  /* sum of (TTFT - RTT) of what `predicted_ms` sums */
    _Atomic double predicted_ms; /* sum of uncorrected predictions */
    _Atomic double ttft_ms;      /* sum of observed TTFT */
    _Atomic uint64_t ttft_count;
    _Atomic uint64_t failures_in_row; /* now: since the last success */
} __attribute__((aligned(64)));

struct ledger;

/* `worker`: 0 .. workers-1, each once.  [control] */
struct ledger *ledger_create(uint32_t worker) ISO_MUST_USE;
void ledger_destroy(struct ledger **ledger);
uint32_t ledger_worker(const struct ledger *ledger);
/* Any thread may read it, with relaxed loads. */
const struct ledger_slot *ledger_at(const struct ledger *ledger, uint32_t slot);
/* Another number after each change to that slot's counters. */
uint32_t ledger_changes(const struct ledger *ledger, uint32_t slot);

/* The attempt leaves for `slot`, predicted by `estimate` of `cluster` (both of the snapshot decided
 * on). [worker] */
void ledger_sent(struct ledger *ledger, struct flight *flight, uint32_t slot,
                 const struct iso_cluster *cluster, const struct iso_estimate *estimate,
                 const struct fleet_query *query, int64_t now_ns);
/* First `data:` event, ttft_ms after the attempt was sent.  Streams only; once.  [worker] */
void ledger_first_token(struct ledger *ledger, struct flight *flight, double ttft_ms,
                        int64_t now_ns);
/* Ends it in any phase but idle and ended.  [worker] */
void ledger_done(struct ledger *ledger, struct flight *flight, enum flight_outcome outcome,
                 int64_t now_ns);
/* Takes prompts out of B that must be prefilled by now though nobody can see it (not streaming).
 * Call at the top of each loop turn; ledger_sent does too.  [worker] */
void ledger_turn(struct ledger *ledger, int64_t now_ns);

const char *flight_outcome_name(enum flight_outcome outcome);

#endif
