/*
 * The cluster's side of an exchange: decide, connect, send, and on a fault
 * decide again where that is honest.  What may have started is never started
 * twice: only faults of kind UNSTARTED, and refusals that the route allows to
 * be tried elsewhere, come back here.
 */
#include "base/clock.h"
#include "proxy/decide.h"
#include "proxy/exchange.h"
#include "proxy/identity.h"
#include "proxy/rewrite.h"
#include "proxy/tenant_limit.h"

enum { ATTEMPTS_MOST = 3, KEEP_PER_S = 64, KEEP_BURST = 256, SEED_SHARED_MOST = 8 };

static uint64_t next_id(struct proxy *proxy)
{
    const uint64_t id = random_u64(&proxy->random);
    return id != 0 ? id : 1;
}

/* What arrived in one turn draws alike, some requests long: those that may go here or there then go
 * together, on one connection in one write. That they herd is bounded by what each leaves in the
 * ledger, and comes up only at thousands of requests a second. */
static uint64_t turn_seed(struct proxy *proxy)
{
    const int64_t turn_ns = loop_now_ns(proxy->loop);
    if (turn_ns != proxy->seed_turn_ns || proxy->seed_left == 0) {
        proxy->seed_turn_ns = turn_ns;
        proxy->seed_left = SEED_SHARED_MOST;
        proxy->seed = random_u64(&proxy->random);
    }
    proxy->seed_left--;
    return proxy->seed;
}

/* All decisions are kept for /decisions as long as they are few.  Of many, some: keeping one whole
 * costs nearly what making it does, and the ring is to show seconds of them, not a moment. */
static bool may_keep(struct proxy *proxy, int64_t now_ns)
{
    const int64_t earned = (now_ns - proxy->keep_since_ns) / (NS_PER_S / KEEP_PER_S);
    if (earned > 0) {
        proxy->keep_left =
            proxy->keep_left + earned < KEEP_BURST ? proxy->keep_left + earned : KEEP_BURST;
        proxy->keep_since_ns = now_ns;
    }
    if (proxy->keep_left == 0)
        return false;
    proxy->keep_left--;
    return true;
}

/* What other chains would have done with the same request, told to nobody but the operator. */
static void ask_shadows(struct proxy *proxy, const struct proxy_tables *tables, bool keep)
{
    struct decision *room = &proxy->shadow_decision;
    for (uint32_t s = 0; s < tables->shadow_count; s++) {
        policy_time_begin(&proxy->policy_time, proxy->decision.now_ns);
        shadow_ask(tables->shadows[s], proxy->worker, &proxy->decision, room);
        policy_time_end(&proxy->policy_time, room);
        if (keep)
            decision_ring_add(proxy->shadow_ring, room);
    }
}

/* So that it can be made again, elsewhere. */
static void log_decision(struct proxy *proxy, const struct snapshot *snapshot,
                         const struct chain *chain)
{
    if (proxy->decision_log == NULL)
        return;
    proxy->decision.wall_ms = proxy_wall_ms(proxy);
    decision_record(&proxy->recorder, snapshot->generation, chain, &proxy->decision,
                    &proxy->decision_lines.bytes);
    access_log_line_added(proxy->decision_log, &proxy->decision_lines, proxy->decision.now_ns);
}

/* For those who ask later.  What merely waits is not in the log: nothing was done by it. */
static void note_decision(const struct exchange *exchange, const struct snapshot *snapshot,
                          const struct route *route)
{
    struct proxy *proxy = exchange->proxy;
    struct decision *decision = &proxy->decision;
    const bool keep = may_keep(proxy, decision->now_ns) || exchange->want_explain;
    if (keep) {
        decision->wall_ms = proxy_wall_ms(proxy);
        decision_ring_add(proxy->ring, decision);
    }
    if (decision->waits)
        return;
    log_decision(proxy, snapshot, route->chain);
    if (route->shadowed)
        ask_shadows(proxy, proxy_tables(proxy), keep);
}

static enum fault choose(struct exchange *exchange, const struct snapshot *snapshot,
                         struct decide_outcome *outcome)
{
    struct proxy *proxy = exchange->proxy;
    const int64_t began_ns = clock_monotonic_ns();
    const struct decide_input input = {
        .model = exchange->model,
        .path = exchange->head->path,
        .tenant = exchange->tenant,
        .service_class = exchange->service_class,
        .stream = exchange->wants_stream,
        .attempt = exchange->attempts,
        .place = &exchange->ask->place,
        .prompt_tokens = exchange->prompt_tokens,
        .output_tokens = exchange->ask->output_tokens,
        .session = exchange->session,
        .prefixes = exchange->prefixes,
        .prefix_count = exchange->prefix_count,
        .tried = exchange->tried,
        .id = next_id(proxy),
        .seed = turn_seed(proxy),
        .sequence = proxy->decision_sequence++,
        .now_ns = loop_now_ns(proxy->loop), /* one moment a turn: most estimates stand */
        .clock_ns = clock_monotonic_ns,
    };
    const struct proxy_tables *tables = proxy_tables(proxy);
    struct decision *decision = &proxy->decision;
    policy_time_begin(&proxy->policy_time, began_ns);
    decide(tables, snapshot, proxy->ledger, proxy->affinity, &input, &proxy->room, decision,
           outcome);
    if (outcome->fault == FAULT_NO_MODEL)
        return outcome->fault;
    policy_time_end(&proxy->policy_time, decision);
    for (uint32_t k = 0; k < decision->policy_count; k++)
        for (uint32_t f = 0; f < PLUGIN_FAULTS; f++)
            if (decision->policies[k].faults[f] > 0)
                counter_add(&proxy->metrics.policy_faults, decision->policies[k].faults[f]);
    exchange->decided_ns = decision->decided_ns;
    distribution_add(&proxy->metrics.decision_s,
                     (double)(exchange->decided_ns - began_ns) / (double)NS_PER_S);
    return outcome->fault;
}

/* Keeps of the decision what the exchange needs when the snapshot is gone. */
static void remember(struct exchange *exchange, const struct target *target,
                     const struct decide_outcome *outcome)
{
    struct proxy *proxy = exchange->proxy;
    const struct decision *decision = &proxy->decision;
    exchange->slot = target->slot;
    exchange->cluster = arena_copy(exchange->arena, slice_of(target->config->cluster->name));
    exchange->route_name = arena_copy(exchange->arena, slice_of(outcome->route->name));
    exchange->route_retry_refused = outcome->route->retry_refused;
    exchange->decision_id = decision->id;
    exchange->expected_ttft_ms = decision->estimates[decision->chosen].ttft_ms;
    if (!proxy_tables(proxy)->access_log)
        return;
    buffer_clear(&proxy->scratch);
    decision_write_compact(decision, &proxy->scratch);
    exchange->decision_json = arena_copy(exchange->arena, buffer_slice(&proxy->scratch));
}

static void note_sent(struct exchange *exchange, const struct decide_outcome *outcome,
                      int64_t now_ns)
{
    struct proxy *proxy = exchange->proxy;
    const struct decision *decision = &proxy->decision;
    exchange->expectation =
        affinity_expect(proxy->affinity, exchange->session, exchange->prefixes,
                        exchange->prefix_count, exchange->prompt_tokens, exchange->slot, now_ns);
    affinity_note_request(proxy->affinity, exchange->session, exchange->prompt_tokens,
                          exchange->prefixes, exchange->prefix_count, exchange->slot, now_ns);
    exchange->flight = (struct flight){0};
    ledger_sent(proxy->ledger, &exchange->flight, exchange->slot,
                decision_cluster(decision, decision->chosen),
                &decision->estimates[decision->chosen], &outcome->query, now_ns);
}

/* --- upcalls from the cluster's side --- */

static void on_started(struct pool_request *request, struct stream *stream)
{
    struct exchange *exchange = request->user;
    exchange->requesting = false;
    exchange->upstream = stream;
    /* The loop's clock stands still within a turn: it may be behind the decision's. */
    exchange->started_ns = loop_now_ns(exchange->proxy->loop);
    if (exchange->started_ns < exchange->decided_ns)
        exchange->started_ns = exchange->decided_ns;
    exchange_enter(exchange, EXCHANGE_WAITING,
                   proxy_tables(exchange->proxy)->limits.first_byte_timeout_ms);
}

static void on_failed(struct pool_request *request, const char *why)
{
    struct exchange *exchange = request->user;
    exchange->requesting = false;
    upstream_failed(exchange->endpoint, request->pool);
    attempt_failed(exchange, FAULT_UPSTREAM_CONNECT, why);
}

static bool is_refusal(int status)
{
    return status == 429 || status == 503;
}

static bool refusal_may_go_elsewhere(struct exchange *exchange)
{
    if (!exchange->route_retry_refused || exchange->retried_refusal ||
        exchange->attempts >= ATTEMPTS_MOST)
        return false;
    if (retry_budget_take(&exchange->proxy->budget))
        return true;
    counter_add(&exchange->proxy->metrics.no_retry_budget, 1);
    return false;
}

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct exchange *exchange = stream->user;
    exchange->head_ns = loop_now_ns(exchange->proxy->loop);
    if (is_refusal(head->status) && refusal_may_go_elsewhere(exchange)) {
        exchange->retried_refusal = true;
        exchange->last_fault = FAULT_UPSTREAM_OVERLOAD; /* what is told when nobody else can */
        counter_add(
            &proxy_target_metrics(exchange->proxy, exchange->slot)->faults[FAULT_UPSTREAM_OVERLOAD],
            1);
        counter_add(&exchange->proxy->metrics.retries[1], 1);
        attempt_abandon(exchange, FLIGHT_REFUSED_BEFORE_START);
        exchange_note_tried(exchange, exchange->slot);
        exchange_enter(exchange, EXCHANGE_DECIDING, 0);
        attempt_begin(exchange);
        return;
    }
    relay_begin(exchange, head);
}

static void on_body(struct stream *stream, struct slice data)
{
    relay_body(stream->user, data);
}

static void on_body_ahead(struct stream *stream)
{
    const struct exchange *exchange = stream->user;
    if (exchange->state != EXCHANGE_RELAYING || exchange->sse == NULL)
        return;
    memory_fetch(exchange->client, 2 * CACHE_LINE_BYTES);
    memory_fetch(exchange->sse, 2 * CACHE_LINE_BYTES);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    relay_end(stream->user, trailers);
}

static enum fault fault_of(enum stream_close why, bool relaying)
{
    if (why == STREAM_REFUSED)
        return FAULT_UPSTREAM_REFUSED;
    if (relaying)
        return FAULT_UPSTREAM_CUT;
    return why == STREAM_PROTOCOL ? FAULT_BAD_GATEWAY : FAULT_UPSTREAM_LOST;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct exchange *exchange = stream->user;
    exchange->upstream = NULL;
    if (why == STREAM_DONE || exchange->flight.phase == FLIGHT_ENDED)
        return;
    const enum fault fault = fault_of(why, exchange->state == EXCHANGE_RELAYING);
    if (exchange->state == EXCHANGE_RELAYING)
        relay_cut(exchange, fault);
    else
        attempt_failed(exchange, fault, NULL);
}

static const struct stream_events upstream_upcalls = {
    .on_response = on_response,
    .on_body = on_body,
    .on_body_ahead = on_body_ahead,
    .on_end = on_end,
    .on_closed = on_closed,
};

/* --- the attempt --- */

static void send_request(struct exchange *exchange, const struct target *target,
                         const struct decide_outcome *outcome)
{
    struct proxy *proxy = exchange->proxy;
    struct exchange_ask *ask = exchange->ask;
    const struct proxy_tables *tables = proxy_tables(proxy);
    const uint32_t index = proxy->decision.chosen;
    const struct endpoint *endpoint = target->endpoints[exchange->endpoint->index].config;
    rewrite_request(exchange, target->config->cluster, endpoint, tables->keys != NULL, &ask->head);
    struct slice theirs = model_theirs(outcome->model, index, exchange->model);
    if (!slice_eq(theirs, exchange->model))
        theirs = arena_copy(exchange->arena, theirs);
    const size_t parts = rewrite_body(exchange, theirs, ask->body_parts);
    size_t len = 0;
    for (size_t i = 0; i < parts; i++)
        len += ask->body_parts[i].len;
    ask->head.content_length = (int64_t)len;
    ask->request = (struct pool_request){
        .head = &ask->head,
        .body_parts = ask->body_parts,
        .body_part_count = parts,
        .events = &upstream_upcalls,
        .user = exchange,
        .on_started = on_started,
        .on_failed = on_failed,
    };
    exchange->requesting = true;
    exchange_enter(exchange, EXCHANGE_CONNECTING, tables->limits.connect_timeout_ms);
    connection_pool_start(exchange->endpoint->pool, &ask->request);
}

/* Nearly always: nobody waits, and what was chosen answers in time. */
static bool goes_at_once(const struct proxy *proxy)
{
    const struct decision *decision = &proxy->decision;
    const uint32_t class = decision->request.service_class;
    return proxy->queue.admission.count == 0 &&
           decision->estimates[decision->chosen].ttft_ms <=
               decision->request.slo_ms + proxy_tables(proxy)->classes[class].queue_ms;
}

/* Another cluster may have a connection free. */
static bool passes_over(struct exchange *exchange, const struct upstream_endpoint *endpoint,
                        uint32_t slot)
{
    if (endpoint == NULL || !connection_pool_is_full(endpoint->pool) || exchange->takes_any ||
        exchange->passed_over_count == PASSED_OVER_MOST)
        return false;
    exchange->ask->passed_over[exchange->passed_over_count++] = slot;
    exchange_note_tried(exchange, slot);
    return true;
}

/* None has: those passed over are as good as any. */
static void take_any(struct exchange *exchange)
{
    exchange->takes_any = true;
    while (exchange->passed_over_count > 0)
        slot_set_remove(exchange->tried, exchange->ask->passed_over[--exchange->passed_over_count]);
}

/* Besides those passed over there is nobody, or nobody fit, or nobody with room. */
static bool nobody_else(const struct exchange *exchange, enum fault fault)
{
    const struct proxy *proxy = exchange->proxy;
    return exchange->passed_over_count > 0 &&
           (fault != FAULT_NONE || proxy->room.reasons[proxy->decision.chosen] != FLEET_USABLE ||
            queue_would_hold(proxy_tables(proxy), &proxy->decision));
}

static void send_to(struct exchange *exchange, struct upstream_endpoint *endpoint,
                    const struct target *target, const struct decide_outcome *outcome)
{
    if (exchange->state == EXCHANGE_QUEUED)
        exchange_enter(exchange, EXCHANGE_DECIDING, 0);
    remember(exchange, target, outcome);
    if (exchange->attempts++ == 0 && exchange->key_digest.len > 0)
        tenant_limit_sent(exchange);
    note_sent(exchange, outcome, loop_now_ns(exchange->proxy->loop));
    exchange->endpoint = endpoint;
    if (endpoint == NULL) {
        attempt_failed(exchange, FAULT_UPSTREAM_CONNECT, "its name has no address yet");
        return;
    }
    exchange->endpoint_url = arena_copy(exchange->arena, endpoint->url);
    endpoint->inflight++;
    send_request(exchange, target, outcome);
}

void attempt_begin(struct exchange *exchange)
{
    struct proxy *proxy = exchange->proxy;
    const struct snapshot *snapshot = proxy_snapshot(proxy);
    const bool waits_already = exchange->state == EXCHANGE_QUEUED;
    struct decide_outcome outcome;
    enum fault fault = choose(exchange, snapshot, &outcome);
    if (ISO_UNLIKELY(nobody_else(exchange, fault))) {
        take_any(exchange);
        fault = choose(exchange, snapshot, &outcome);
    }
    const bool held =
        fault == FAULT_NONE && !goes_at_once(proxy) && queue_holds(exchange, &outcome);
    const bool goes = fault == FAULT_NONE && !held;
    const struct target *target = goes ? &snapshot->targets[proxy->decision.chosen] : NULL;
    struct upstream_endpoint *endpoint =
        goes ? upstream_choose(proxy->upstream, target, proxy_tables(proxy)->tls) : NULL;
    if (goes && passes_over(exchange, endpoint, target->slot)) {
        attempt_begin(exchange);
        return;
    }
    if (fault != FAULT_NO_MODEL && !(held && waits_already))
        note_decision(exchange, snapshot, outcome.route);
    if (goes)
        send_to(exchange, endpoint, target, &outcome);
    else if (!held)
        exchange_refuse(exchange, exchange->attempts > 0 ? exchange->last_fault : fault, NULL,
                        fault == FAULT_NO_MODEL ? "model" : NULL);
}

void attempt_abandon(struct exchange *exchange, enum flight_outcome outcome)
{
    if (exchange->requesting) {
        connection_pool_cancel(&exchange->ask->request);
        exchange->requesting = false;
    }
    if (exchange->upstream != NULL) {
        stream_reset(exchange->upstream, H2_CANCEL);
        exchange->upstream = NULL;
    }
    if (exchange->endpoint != NULL) {
        exchange->endpoint->inflight--;
        exchange->endpoint = NULL;
    }
    if (exchange->flight.phase == FLIGHT_PENDING || exchange->flight.phase == FLIGHT_ANSWERED)
        ledger_done(exchange->proxy->ledger, &exchange->flight, outcome,
                    loop_now_ns(exchange->proxy->loop));
}

static enum flight_outcome outcome_of(enum fault fault)
{
    switch (fault) {
    case FAULT_UPSTREAM_CONNECT:
    case FAULT_UPSTREAM_REFUSED:
    case FAULT_UPSTREAM_OVERLOAD:
        return FLIGHT_REFUSED_BEFORE_START;
    case FAULT_UPSTREAM_BUSY:
        return FLIGHT_WITHDRAWN;
    case FAULT_UPSTREAM_TIMEOUT:
        return FLIGHT_TIMEOUT;
    default:
        return FLIGHT_ERROR;
    }
}

void attempt_failed(struct exchange *exchange, enum fault fault, const char *detail)
{
    struct proxy *proxy = exchange->proxy;
    attempt_abandon(exchange, outcome_of(fault));
    counter_add(&proxy_target_metrics(proxy, exchange->slot)->faults[fault], 1);
    exchange->last_fault = fault;
    if (fault_row(fault)->retry == FAULT_RETRY_UNSTARTED && exchange->attempts < ATTEMPTS_MOST) {
        counter_add(&proxy->metrics.retries[0], 1);
        exchange_note_tried(exchange, exchange->slot);
        if (exchange->state != EXCHANGE_DECIDING)
            exchange_enter(exchange, EXCHANGE_DECIDING, 0);
        attempt_begin(exchange);
        return;
    }
    exchange_refuse(exchange, fault, detail, NULL);
}

void attempt_timed_out(struct exchange *exchange)
{
    if (connection_pool_is_full(exchange->ask->request.pool))
        attempt_failed(exchange, FAULT_UPSTREAM_BUSY, NULL);
    else
        attempt_failed(exchange, FAULT_UPSTREAM_CONNECT, "no connection in time");
}
