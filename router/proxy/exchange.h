/*
 * One request from its head to its log line: the only mediator between the
 * client's side and the cluster's.
 *
 *                      +--- fault that may be retried: attempt + 1 ---+
 *                      v                                              |
 *   READING -> DECIDING -> CONNECTING -> WAITING -> RELAYING -> OVER  |
 *      |        ^ | |          +------------+----------+--------------+
 *      |    QUEUED' |          |            |          |
 *      |       |    |          |            |          |
 *      +-------+----+----------+------------+-> ANSWERING (our own answer) -> OVER
 *
 * Client's side: struct stream *client, whose arena holds everything small.
 * Cluster's side: one attempt at a time (pool_request, then struct stream
 * *upstream, and a flight in the ledger).
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "fleet/geo.h"
#include "http/facts.h"
#include "http/sse.h"
#include "proxy/proxy.h"

enum exchange_state {
    EXCHANGE_READING,    /* the body comes in */
    EXCHANGE_DECIDING,   /* within one callback */
    EXCHANGE_QUEUED,     /* waits until the fleet has room: queue.h */
    EXCHANGE_CONNECTING, /* waits for a connection */
    EXCHANGE_WAITING,    /* sent; no head yet */
    EXCHANGE_RELAYING,   /* the head went to the client, or is held */
    EXCHANGE_ANSWERING,  /* our own answer is on its way out */
    EXCHANGE_OVER,
};

enum { PASSED_OVER_MOST = 4, REQUEST_ID_BYTES = 36, TRACE_PARENT_BYTES = 55 };

struct body {
    char *bytes; /* FACTS_PADDING readable behind the end; NULL: none, or let go */
    size_t len;  /* of what came */
    size_t room;
    bool on_heap;
};

/* What is asked of a cluster, until one answers: in the exchange's arena. */
struct exchange_ask {
    struct request_facts facts;
    struct geo_point place;
    double output_tokens;
    uint32_t passed_over[PASSED_OVER_MOST]; /* slots among the tried: no connection was free */
    struct pool_request request;
    struct request_head head;
    struct slice body_parts[3];
};

struct exchange {
    /* What each event of a stream touches; what it was asked follows below. */
    enum exchange_state state;
    uint32_t slot; /* of the target */
    struct proxy *proxy;
    struct stream *client;
    struct stream *upstream;
    struct sse *sse;            /* NULL: not a stream of events */
    struct response_head *held; /* a cluster's error, until its body is known; NULL: none */
    size_t owed_bytes;          /* came from the cluster, not yet given back to its window */
    uint64_t bytes_out;
    int64_t last_byte_ns; /* from the cluster */
    int64_t first_event_ns, last_event_ns;

    struct list link; /* idle_exchanges */
    struct connection *connection;
    const struct request_head *head; /* this and `ask` are NULL once it is settled: settle.c */
    struct exchange_ask *ask;
    struct arena *arena;
    struct body body;

    /* What it is. */
    struct slice method;
    struct slice path;      /* without its query: some put their key there */
    struct slice client_ip; /* after x-forwarded-for of the trusted */
    struct slice request_id;
    struct slice trace_parent;
    struct slice tenant;
    uint32_t service_class;
    struct slice model; /* ptr NULL: not named, or not read yet */
    double prompt_tokens;
    uint64_t session;
    struct affinity_prefix *prefixes;
    uint32_t prefix_count;
    uint32_t most_class;     /* the key's, when there are keys */
    struct slice key_digest; /* of a key that has limits; else empty */
    size_t key_index;        /* where it was among the keys */
    bool wants_stream;
    bool want_explain;
    bool takes_trailers;
    char country[4]; /* "": not known */
    enum http_version version;

    /* Its wait for the fleet. */
    struct admission_entry waiting;
    int64_t waited_ns; /* once it waits no more; 0: it never did */
    double retry_ms;   /* how long a refused client might wait; 0 or less: not known */

    /* The attempt under way. */
    uint32_t attempts;
    struct slot_set *tried; /* NULL: none */
    uint32_t passed_over_count;
    bool takes_any; /* all that might do are so: waits for a connection */
    bool retried_refusal;
    enum fault last_fault; /* of the attempt before */
    struct slice cluster;  /* "" before the first decision */
    struct slice endpoint_url;
    struct slice route_name;
    bool route_retry_refused;
    uint64_t decision_id;
    struct slice decision_json;
    double expected_ttft_ms;
    struct affinity_expectation expectation;
    double cache_age_ms; /* of the target, as reported; NAN unknown */
    struct flight flight;
    struct upstream_endpoint *endpoint;
    bool requesting; /* it waits in a pool */

    /* The answer. */
    const char *allow; /* with FAULT_BAD_METHOD: what is; NULL: POST */
    int status;
    enum fault fault;
    bool streaming;         /* text/event-stream */
    struct buffer json;     /* end of a JSON answer, for its usage; all of one that is held */
    bool keep_json;         /* `json` keeps the answer's end */
    int64_t expected_bytes; /* of the answer's body; -1 not said */
    uint64_t taken_mark;    /* what the client had taken at the last look that saw it move */
    int64_t taken_ns;       /* when that was; 0: nothing was waiting for it */
    struct usage_facts usage;

    int64_t begun_ns, read_ns, decided_ns, started_ns, head_ns;
    struct timer timer;
    struct loop_task destroy;
};

/* [worker] */
void exchange_begin(struct proxy *proxy, struct connection *connection, struct stream *stream,
                    const struct request_head *head);

/* For the files that share its work; nobody else calls these. */
void exchange_enter(struct exchange *exchange, enum exchange_state state, int64_t timeout_ms);
/* Our own answer instead of a cluster's; `detail` and `param` may be NULL. */
void exchange_refuse(struct exchange *exchange, enum fault fault, const char *detail,
                     const char *param);
void exchange_answer_json(struct exchange *exchange, int status, struct slice json);
void exchange_finish(struct exchange *exchange);
/* Its bytes are gone; how many there were stays known. */
void exchange_release_body(struct exchange *exchange);
/* Targets that were tried are not tried again. */
void exchange_note_tried(struct exchange *exchange, uint32_t slot);

/* attempt.c */
void attempt_begin(struct exchange *exchange);
/* No connection within the time for it. */
void attempt_timed_out(struct exchange *exchange);
/* Takes back what the attempt holds at the cluster's side. */
void attempt_abandon(struct exchange *exchange, enum flight_outcome outcome);
/* The attempt came to nothing: tries elsewhere where that is honest, else tells the client. */
void attempt_failed(struct exchange *exchange, enum fault fault, const char *detail);

/* relay.c */
void relay_begin(struct exchange *exchange, const struct response_head *head);
void relay_body(struct exchange *exchange, struct slice data);
void relay_end(struct exchange *exchange, const struct fields *trailers);
void relay_cut(struct exchange *exchange, enum fault fault);
void relay_drained(struct exchange *exchange);
void relay_stalled(struct exchange *exchange);
void relay_finish(struct exchange *exchange); /* memory only */

/* settle.c: lets go of what nobody asks for any more, once its answer streams. */
void exchange_settle(struct exchange *exchange);

/* access_line.c */
void access_line_write(struct exchange *exchange);

#endif
