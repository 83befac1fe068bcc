/*
 * One request from its intended start to its sample: waits in its lane for a
 * connection, goes out, watches the answer come, ends in the tallies.
 *
 *     calls_begin -> waiting -> sent -> ... events ... -> ended (on_ended)
 *                       ^________|  refused before it can have started: again, a few times
 *
 * The objects are kept for the next request.  Single thread.
 */
#ifndef LOAD_CALL_H
#define LOAD_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/sse.h"
#include "load/lane.h"
#include "load/options.h"
#include "load/sequence.h"
#include "load/tally.h"

struct calls;

struct call {
    struct list link; /* among the open or the kept ones */
    struct calls *calls;
    struct lane *lane;
    struct lane_waiter waiter;
    struct upstream_connection *connection; /* of the stream */
    struct stream *stream;                  /* NULL: waiting, or over */
    struct timer stall;
    struct sample sample;
    struct prompt prompt;
    uint32_t reusable_tokens; /* of the prompt */
    struct slice told;        /* x-forwarded-for; ptr NULL: none */
    struct sequence sequence; /* --sim */
    struct buffer body;       /* what is kept of an error or of a whole answer's usage */
    bool is_event_stream;
    bool after_done;
    struct sse sse;
};

struct calls_settings {
    struct loop *loop;
    const struct options *options;
    struct tallies *tallies;
    /* The sample is complete; the call object is kept for another. */
    void (*on_ended)(void *owner, const struct call *call);
    void *owner;
};

struct calls {
    struct calls_settings settings;
    struct prompt_source prompts;
    struct slice path;
    int64_t start_ns; /* of the run, monotonic */
    struct list open, kept;
    uint32_t open_count;
    uint64_t begun;
};

void calls_init(struct calls *calls, const struct calls_settings *settings);
void calls_finish(struct calls *calls); /* none may be open */
/* told: an address for x-forwarded-for, ptr NULL none.  intended_ns: monotonic. */
void calls_begin(struct calls *calls, struct lane *lane, const struct ask *ask, struct slice told,
                 int64_t intended_ns);
/* Ends all that are open as OUTCOME_UNFINISHED. */
void calls_abandon(struct calls *calls);

#endif
