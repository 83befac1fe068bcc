/*
 * The answer on its way from cluster to client: bytes pass unsplit and at
 * once, and what goes by is watched, never held back.  Only the JSON of a small
 * error is read whole first: it may not have the shape that clients expect.
 *
 *    upstream stream --on_body--> relay_body --stream_send_body--> client stream
 *         ^                          | first data event -> ledger          |
 *         '--- stream_consumed <-----+-- at once, or when the client -------'
 *                                        drained (relay_drained)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/answer.h"
#include "proxy/exchange.h"
#include "proxy/rewrite.h"
#include "proxy/upstream_error.h"

enum { LOOK_MS = 5000, CUT_MS = 10000 };

static bool starts_type(const struct response_head *head, struct slice type)
{
    const struct slice value = fields_find(&head->fields, SLICE("content-type"));
    return value.len >= type.len && slice_eq_nocase(slice_make(value.ptr, type.len), type);
}

/* Only these end every stream with `data: [DONE]`. */
static bool ends_with_done(const struct exchange *exchange)
{
    return slice_eq(exchange->path, SLICE("/v1/chat/completions")) ||
           slice_eq(exchange->path, SLICE("/v1/completions"));
}

static enum flight_outcome outcome_of_status(int status)
{
    if (status < 400)
        return FLIGHT_DONE;
    if (status == 429 || status == 503)
        return FLIGHT_REFUSED_BEFORE_START;
    return status >= 500 ? FLIGHT_ERROR : FLIGHT_REJECTED;
}

/* A cluster's error that is not an OpenAI object becomes one of ours. */
static void refuse_for_cluster(struct exchange *exchange, int status)
{
    char detail[64];
    snprintf(detail, sizeof detail, "(It answered %d without an error object.)", status);
    enum fault fault = FAULT_BAD_GATEWAY;
    if (status == 429 || status == 503)
        fault = FAULT_UPSTREAM_OVERLOAD;
    else if (status == 404)
        fault = FAULT_NO_PATH;
    else if (status == 413)
        fault = FAULT_BODY_TOO_LARGE;
    else if (status < 500 && status != 401 && status != 403) /* those are about our credential */
        fault = FAULT_BAD_REQUEST;
    attempt_abandon(exchange, outcome_of_status(status));
    exchange_refuse(exchange, fault, detail, NULL);
}

static void count_head(struct exchange *exchange, int status)
{
    struct target_metrics *metrics = proxy_target_metrics(exchange->proxy, exchange->slot);
    counter_add(&metrics->statuses[status / 100 < 6 ? status / 100 : 0], 1);
}

void relay_begin(struct exchange *exchange, const struct response_head *head)
{
    count_head(exchange, head->status);
    const bool json = starts_type(head, SLICE("application/json"));
    if (head->status >= 400 && !json) {
        refuse_for_cluster(exchange, head->status);
        return;
    }
    exchange->status = head->status;
    exchange->streaming = starts_type(head, SLICE("text/event-stream"));
    exchange->keep_json = json && head->status == 200;
    exchange->expected_bytes = head->content_length;
    if (exchange->streaming) {
        exchange->sse = arena_alloc(exchange->arena, sizeof *exchange->sse);
        sse_init(exchange->sse);
    }
    exchange->last_byte_ns = exchange->head_ns;
    struct response_head out;
    rewrite_response(exchange, head, &out);
    exchange_enter(exchange, EXCHANGE_RELAYING, LOOK_MS);
    if (head->status >= 400 && head->content_length <= UPSTREAM_ERROR_BYTES_MOST &&
        !fields_has(&out.fields, SLICE("content-encoding"))) {
        exchange->held = rewrite_kept(exchange, &out);
        return;
    }
    stream_send_response(exchange->client, &out, false);
    if (exchange->streaming)
        exchange_settle(exchange);
}

/* The head that was held, and with it `body`, which is all of it or the beginning. */
static void held_send(struct exchange *exchange, struct slice body)
{
    const struct response_head *head = exchange->held;
    exchange->held = NULL;
    exchange->bytes_out += body.len;
    counter_add(&exchange->proxy->metrics.bytes_out, body.len);
    stream_send_response(exchange->client, head, false);
    if (body.len > 0)
        stream_send_body(exchange->client, body);
}

static void held_body(struct exchange *exchange, struct slice data)
{
    exchange->last_byte_ns = loop_now_ns(exchange->proxy->loop);
    stream_consumed(exchange->upstream, data.len);
    buffer_append_slice(&exchange->json, data);
    if (buffer_len(&exchange->json) > UPSTREAM_ERROR_BYTES_MOST)
        held_send(exchange, buffer_slice(&exchange->json));
}

static void held_end(struct exchange *exchange)
{
    struct buffer ours = {0};
    struct slice body = buffer_slice(&exchange->json);
    if (upstream_error_write(exchange->status, body, &ours))
        body = buffer_slice(&ours);
    exchange->held->content_length = (int64_t)body.len;
    held_send(exchange, body);
    buffer_release(&ours);
}

/* Events that were completed by the bytes that just came. */
static void note_events(struct exchange *exchange, unsigned events)
{
    struct proxy *proxy = exchange->proxy;
    const int64_t now_ns = loop_now_ns(proxy->loop);
    struct target_metrics *metrics = proxy_target_metrics(proxy, exchange->slot);
    counter_add(&metrics->events, events);
    proxy->pace.events += events;
    if (exchange->first_event_ns == 0) {
        exchange->first_event_ns = now_ns;
        const double ttft_ms = ns_to_ms(now_ns - exchange->flight.sent_ns);
        if (exchange->wants_stream && exchange->flight.phase == FLIGHT_PENDING)
            ledger_first_token(proxy->ledger, &exchange->flight, ttft_ms, now_ns);
        queue_poke(&proxy->queue); /* its prompt is no longer in anybody's way */
        distribution_add(&metrics->ttft_s, ns_to_ms(now_ns - exchange->begun_ns) / 1000);
    } else {
        const double gap_s = (double)(now_ns - exchange->last_event_ns) / (double)NS_PER_S / events;
        for (unsigned i = 0; i < events; i++)
            distribution_add(&metrics->event_gap_s, gap_s);
    }
    exchange->last_event_ns = now_ns;
}

/* Of a JSON answer the end is kept: there engines say its usage. */
static void keep_tail(struct exchange *exchange, struct slice data)
{
    if (exchange->expected_bytes == (int64_t)data.len) { /* all of it */
        usage_parse_tail(data, &exchange->usage);
        exchange->keep_json = false;
        return;
    }
    if (data.len > USAGE_TAIL_BYTES)
        data = slice_make(data.ptr + data.len - USAGE_TAIL_BYTES, USAGE_TAIL_BYTES);
    const size_t len = buffer_len(&exchange->json) + data.len;
    if (len > USAGE_TAIL_BYTES)
        buffer_consume(&exchange->json, len - USAGE_TAIL_BYTES);
    buffer_append_slice(&exchange->json, data);
}

static void watch(struct exchange *exchange, struct slice data)
{
    if (exchange->sse != NULL) {
        const unsigned events = sse_feed(exchange->sse, data);
        if (events > 0)
            note_events(exchange, events);
    } else if (exchange->keep_json) {
        keep_tail(exchange, data);
    }
}

void relay_body(struct exchange *exchange, struct slice data)
{
    if (exchange->state != EXCHANGE_RELAYING) {
        stream_consumed(exchange->upstream, data.len);
        return;
    }
    if (exchange->held != NULL) {
        held_body(exchange, data);
        return;
    }
    exchange->last_byte_ns = loop_now_ns(exchange->proxy->loop);
    exchange->bytes_out += data.len;
    counter_add(&exchange->proxy->metrics.bytes_out, data.len);
    watch(exchange, data);
    stream_send_body(exchange->client, data);
    if (exchange->owed_bytes > 0 || stream_queued(exchange->client) > STREAM_HIGH_BYTES)
        exchange->owed_bytes += data.len;
    else
        stream_consumed(exchange->upstream, data.len);
}

void relay_drained(struct exchange *exchange)
{
    const size_t owed = exchange->owed_bytes;
    exchange->owed_bytes = 0;
    if (owed > 0 && exchange->upstream != NULL)
        stream_consumed(exchange->upstream, owed);
}

static void learn_usage(struct exchange *exchange)
{
    if (exchange->sse != NULL)
        exchange->usage = exchange->sse->usage;
    else if (exchange->keep_json)
        usage_parse_tail(buffer_slice(&exchange->json), &exchange->usage);
    if (exchange->usage.cached_tokens >= 0)
        affinity_learn(exchange->proxy->affinity, exchange->slot, exchange->expectation,
                       (double)exchange->usage.cached_tokens, exchange->cache_age_ms);
}

/* The conversation has grown by its answer. */
static void note_end(struct exchange *exchange, int64_t now_ns)
{
    double tokens = exchange->prompt_tokens;
    if (exchange->usage.completion_tokens > 0)
        tokens += (double)exchange->usage.completion_tokens;
    affinity_note_request(exchange->proxy->affinity, exchange->session, tokens, exchange->prefixes,
                          exchange->prefix_count, exchange->slot, now_ns);
}

static void send_end(struct exchange *exchange)
{
    struct fields trailers = {0};
    if (exchange->takes_trailers && exchange->first_event_ns != 0)
        fields_add(&trailers, exchange->arena, SLICE("server-timing"),
                   arena_printf(exchange->arena, "ttft;dur=%.2f",
                                ns_to_ms(exchange->first_event_ns - exchange->begun_ns)));
    stream_send_end(exchange->client, trailers.count > 0 ? &trailers : NULL);
}

void relay_end(struct exchange *exchange, const struct fields *trailers)
{
    (void)trailers; /* engines send none; ours say what we measured */
    if (exchange->state != EXCHANGE_RELAYING)
        return;
    if (exchange->sse != NULL && exchange->status == 200 && !exchange->sse->done &&
        ends_with_done(exchange)) {
        relay_cut(exchange, FAULT_UPSTREAM_CUT); /* a clean end without [DONE] is none */
        return;
    }
    if (exchange->held != NULL)
        held_end(exchange);
    const int64_t now_ns = loop_now_ns(exchange->proxy->loop);
    learn_usage(exchange);
    note_end(exchange, now_ns);
    ledger_done(exchange->proxy->ledger, &exchange->flight, outcome_of_status(exchange->status),
                now_ns);
    send_end(exchange);
}

void relay_cut(struct exchange *exchange, enum fault fault)
{
    exchange->fault = fault;
    counter_add(&proxy_target_metrics(exchange->proxy, exchange->slot)->faults[fault], 1);
    attempt_abandon(exchange, fault == FAULT_UPSTREAM_STALL ? FLIGHT_TIMEOUT : FLIGHT_CUT);
    if (exchange->held != NULL) { /* the client has heard nothing yet */
        exchange_refuse(exchange, fault, NULL, NULL);
        return;
    }
    if (exchange->sse != NULL) {
        struct buffer event = {0};
        /* Between events, or the event would hide in the torn one before it. */
        buffer_append_slice(&event,
                            exchange->sse->at_boundary ? SLICE("data: ") : SLICE("\n\ndata: "));
        fault_body_write(fault, NULL, SLICE_NONE, &event);
        buffer_append_slice(&event, SLICE("\n\n"));
        stream_send_body(exchange->client, buffer_slice(&event));
        buffer_release(&event);
    }
    timer_start(&exchange->timer, exchange->proxy->loop, CUT_MS);
    stream_send_cut(exchange->client, fault_row(fault)->h2_error);
}

/* Every few seconds while relaying: does anything still move? */
void relay_stalled(struct exchange *exchange)
{
    const struct proxy_limits *limits = &proxy_tables(exchange->proxy)->limits;
    const int64_t now_ns = loop_now_ns(exchange->proxy->loop);
    const size_t queued = stream_queued(exchange->client);
    const uint64_t taken = exchange->bytes_out - queued;
    /* What was queued a moment ago has not stood still since the last look. */
    if (queued == 0) {
        exchange->taken_ns = 0;
    } else if (exchange->taken_ns == 0 || taken != exchange->taken_mark) {
        exchange->taken_mark = taken;
        exchange->taken_ns = now_ns;
    }
    exchange_settle(exchange); /* if it was too soon until now */
    const bool cut = exchange->fault != FAULT_NONE;
    if (queued > 0 && now_ns - exchange->taken_ns >= limits->client_stall_ms * NS_PER_MS) {
        exchange->fault = FAULT_CLIENT_STALL;
        exchange_finish(exchange);
        return;
    }
    if (!cut &&
        now_ns - exchange->begun_ns - exchange->waited_ns >= limits->stream_most_ms * NS_PER_MS) {
        relay_cut(exchange, FAULT_UPSTREAM_TIMEOUT);
        return;
    }
    if (!cut && queued == 0 && exchange->upstream != NULL &&
        now_ns - exchange->last_byte_ns >= limits->stall_timeout_ms * NS_PER_MS) {
        relay_cut(exchange, FAULT_UPSTREAM_STALL);
        return;
    }
    timer_start(&exchange->timer, exchange->proxy->loop, LOOK_MS);
}

void relay_finish(struct exchange *exchange)
{
    if (exchange->sse != NULL)
        sse_finish(exchange->sse);
    buffer_release(&exchange->json);
}
