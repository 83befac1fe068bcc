/*
 * One regional GPU cluster, without sockets and without a clock: `instances`
 * engines with continuous batching behind one first-come-first-served queue.
 * Every call says what time it is; what happened up to then waits in the event
 * queue.  isosim turns it into HTTP in real time, the simulator into figures
 * in virtual time.
 *
 *   submit -> waiting -> prefill -> decode -> finished
 *                        holds a lane
 *                        holds a slot ------>
 *
 * slots = instances x batch, lanes = instances.  A prefill takes
 *     10 ms + uncached tokens / (prefill_tps_one x efficiency)
 * and all that decode share one inter-token latency,
 *     (itl_base_s + itl_per_seq_s x decoding/instances) / efficiency x (1 + 0.3 x busy lanes/lanes)
 *
 * Decoding is a fluid: a token clock, common to all, counts tokens per request
 * and runs at 1 / inter-token latency; a request is done when the clock has
 * passed the value it had at its first token plus what is left.  So an event
 * costs O(log n), and a token costs nothing.  No allocation once the tables
 * have grown to the most requests there were.  One thread.
 */
#ifndef CLUSTER_CLUSTER_MODEL_H
#define CLUSTER_CLUSTER_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "cluster/engine_metrics.h"

struct cluster_model;

/* What one engine of a kind does.  Every figure > 0. */
struct cluster_type {
    double prefill_tps_one; /* prompt tokens/s of one instance */
    double itl_base_s;      /* inter-token latency of an empty batch */
    double itl_per_seq_s;   /* more for every sequence in it */
    uint32_t batch;         /* sequences one instance decodes at once */
    uint64_t cache_tokens;  /* KV memory of one instance */
};

struct cluster_setup {
    struct cluster_type type;
    uint32_t instances; /* >= 1 */
    double efficiency;  /* what bad interconnect or scheduling leaves of it: 0..1 */
    double speed;       /* time scale: 10 does everything in a tenth of the time; 1 as it is */
};

struct cluster_request {
    uint64_t id;              /* the caller's; comes back in the events */
    uint64_t conversation;    /* whose prefix it may reuse and leaves behind; 0: none */
    uint32_t prompt_tokens;   /* >= 1 */
    uint32_t reusable_tokens; /* of the prompt, what the conversation may have left in the cache */
    uint32_t output_tokens;   /* 0: ends with its prefill (embeddings) */
};

enum cluster_event_kind {
    CLUSTER_STARTED,     /* prefill began */
    CLUSTER_FIRST_TOKEN, /* not when output_tokens is 0 */
    CLUSTER_FINISHED,    /* the last token is out; the handle is no more */
};

struct cluster_event {
    enum cluster_event_kind kind;
    uint64_t id;
    int64_t at_ns;
    uint32_t cached_tokens; /* of the prompt */
};

/* What is there now. */
struct cluster_state {
    uint32_t waiting;
    uint64_t waiting_tokens; /* prompt tokens of these */
    uint32_t prefilling;     /* busy lanes */
    uint32_t decoding;
    uint32_t slots;
    uint32_t lanes;
    double kv_used;      /* 0..1: tokens of running requests / cache_tokens of all instances */
    double itl_s;        /* now; of an empty batch when nothing decodes */
    uint64_t cached_now; /* tokens in the prefix cache */
};

/* What a request submitted now would meet if nothing came after it: for those who may look. */
struct cluster_forecast {
    double wait_prefill_s; /* until a lane is free */
    double wait_slot_s;    /* until a slot is free, at the present pace of decoding */
    double service_s;      /* its own prefill */
    uint32_t cached_tokens;
    double backlog_tokens; /* uncached prompt tokens waiting or being prefilled */
};

struct cluster_model *cluster_model_create(const struct cluster_setup *setup,
                                           int64_t now_ns) ISO_MUST_USE;
void cluster_model_destroy(struct cluster_model **model);

/*
 * Every call with `now_ns` first brings the model up to it; time does not go
 * back (an earlier now_ns is taken as the latest known).
 */
/* The handle; never 0. */
uint64_t cluster_model_submit(struct cluster_model *model, const struct cluster_request *request,
                              int64_t now_ns);
/* The request leaves wherever it is, without an event.  False: it had finished. */
bool cluster_model_abort(struct cluster_model *model, uint64_t handle, int64_t now_ns);
void cluster_model_advance(struct cluster_model *model, int64_t now_ns);
/* When the next event is due; INT64_MAX: never without another call. */
int64_t cluster_model_next_ns(const struct cluster_model *model);
/* The oldest event not yet taken; false when there is none.  In order of time. */
bool cluster_model_take_event(struct cluster_model *model, struct cluster_event *out);
/* Tokens of a request out as of the last `now`: 0 before the first; 0 for a finished one. */
uint32_t cluster_model_tokens(const struct cluster_model *model, uint64_t handle);

/* Faults.  `slow`: everything takes so many times longer (1: cured). */
void cluster_model_slow(struct cluster_model *model, double factor, int64_t now_ns);
/* Nothing moves, requests are still taken. */
void cluster_model_stall(struct cluster_model *model, bool stalled, int64_t now_ns);
/* The metrics flatter: load gauges and observed times are so many times smaller (1: cured). */
void cluster_model_lie(struct cluster_model *model, double factor);
/* The engines' memory is lost, as after a restart; abort the requests yourself. */
void cluster_model_forget_prefixes(struct cluster_model *model);

/* As of the last `now`; `flying_tokens` uncached ones of `flying` requests stand before it though
 * they were not submitted yet. */
void cluster_model_forecast(const struct cluster_model *model,
                            const struct cluster_request *request, uint32_t flying,
                            double flying_tokens, struct cluster_forecast *out);

void cluster_model_state(const struct cluster_model *model, struct cluster_state *out);
const struct engine_metrics *cluster_model_metrics(const struct cluster_model *model);
/* As published, lies included. */
void cluster_model_gauges(const struct cluster_model *model, struct engine_gauges *out);

#endif
