#include "proxy/exchange.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proxy/answer.h"
#include "proxy/decide.h"
#include "proxy/identity.h"
#include "proxy/local.h"
#include "proxy/tenant_limit.h"

enum {
    IDLE_EXCHANGES_MOST = 1024,
    SMALL_BODY_BYTES = 2048,
    BELIEVED_BYTES = 64 * 1024,
    STALL_LOOK_MS = 5000
};

/* Legal edges: from a state (row) to the states whose bits are set. */
#define TO(state) (1u << EXCHANGE_##state)
static const unsigned edges[] = {
    [EXCHANGE_READING] = TO(DECIDING) | TO(ANSWERING) | TO(OVER),
    [EXCHANGE_DECIDING] = TO(QUEUED) | TO(CONNECTING) | TO(ANSWERING) | TO(OVER),
    [EXCHANGE_QUEUED] = TO(DECIDING) | TO(ANSWERING) | TO(OVER),
    [EXCHANGE_CONNECTING] = TO(DECIDING) | TO(WAITING) | TO(ANSWERING) | TO(OVER),
    [EXCHANGE_WAITING] = TO(DECIDING) | TO(RELAYING) | TO(ANSWERING) | TO(OVER),
    [EXCHANGE_RELAYING] = TO(ANSWERING) | TO(OVER), /* an answer of ours while the head is held */
    [EXCHANGE_ANSWERING] = TO(OVER),
    [EXCHANGE_OVER] = 0,
};
#undef TO

void exchange_enter(struct exchange *exchange, enum exchange_state state, int64_t timeout_ms)
{
    CHECK(edges[exchange->state] & (1u << state));
    if (ISO_UNLIKELY(exchange->state == EXCHANGE_QUEUED))
        queue_left(exchange, state == EXCHANGE_DECIDING, state == EXCHANGE_OVER);
    exchange->state = state;
    if (timeout_ms > 0)
        timer_start(&exchange->timer, exchange->proxy->loop, timeout_ms);
    else
        timer_stop(&exchange->timer);
}

static void timed_out(struct timer *timer)
{
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, timer);
    switch (exchange->state) {
    case EXCHANGE_READING:
        exchange_refuse(exchange, FAULT_REQUEST_TIMEOUT, NULL, NULL);
        break;
    case EXCHANGE_QUEUED:
        queue_expired(exchange);
        break;
    case EXCHANGE_CONNECTING:
        attempt_timed_out(exchange);
        break;
    case EXCHANGE_WAITING:
        attempt_failed(exchange, FAULT_UPSTREAM_TIMEOUT, NULL);
        break;
    case EXCHANGE_RELAYING:
        relay_stalled(exchange);
        break;
    case EXCHANGE_ANSWERING:
        exchange->fault = FAULT_CLIENT_STALL;
        exchange_finish(exchange);
        break;
    case EXCHANGE_DECIDING:
    case EXCHANGE_OVER:
        break;
    }
}

static void destroy(struct loop_task *task)
{
    struct exchange *exchange = CONTAINER_OF(task, struct exchange, destroy);
    struct proxy *proxy = exchange->proxy;
    if (proxy->idle_count >= IDLE_EXCHANGES_MOST) {
        free(exchange);
        return;
    }
    proxy->idle_count++;
    list_prepend(&proxy->idle_exchanges, &exchange->link);
}

static struct exchange *create(struct proxy *proxy)
{
    struct list *idle = list_pop(&proxy->idle_exchanges);
    struct exchange *exchange;
    if (idle != NULL) {
        exchange = LIST_ENTRY(idle, struct exchange, link);
        proxy->idle_count--;
        *exchange = (struct exchange){0};
    } else {
        exchange = memory_zalloc_aligned(sizeof *exchange, CACHE_LINE_BYTES);
    }
    exchange->proxy = proxy;
    list_init(&exchange->link);
    timer_init(&exchange->timer, timed_out);
    loop_task_init(&exchange->destroy, destroy);
    return exchange;
}

void exchange_note_tried(struct exchange *exchange, uint32_t slot)
{
    if (exchange->tried == NULL)
        exchange->tried = arena_zalloc(exchange->arena, sizeof *exchange->tried);
    slot_set_add(exchange->tried, slot);
}

/* --- the body --- */

void exchange_release_body(struct exchange *exchange)
{
    struct body *body = &exchange->body;
    level_add(&exchange->proxy->metrics.body_bytes, -(int64_t)body->room);
    if (body->on_heap)
        free(body->bytes);
    *body = (struct body){.len = body->len};
}

/* A promised length is believed up to a point: memory that others are refused must have been paid
 * for with bytes. */
static size_t body_room(const struct exchange *exchange, size_t len)
{
    const int64_t promised = exchange->head->content_length;
    size_t room =
        exchange->body.room < SMALL_BODY_BYTES ? SMALL_BODY_BYTES : 4 * exchange->body.room;
    if (room < len)
        room = len;
    return promised >= (int64_t)len && promised < (int64_t)room ? (size_t)promised : room;
}

static enum fault body_reserve(struct exchange *exchange, size_t len)
{
    struct body *body = &exchange->body;
    struct proxy_metrics *metrics = &exchange->proxy->metrics;
    const struct proxy_limits *limits = &proxy_tables(exchange->proxy)->limits;
    if (len > limits->body_bytes)
        return FAULT_BODY_TOO_LARGE;
    if (len <= body->room)
        return FAULT_NONE;
    const size_t room = body_room(exchange, len);
    if ((uint64_t)level_get(&metrics->body_bytes) + room - body->room > limits->body_memory_bytes)
        return FAULT_BODY_MEMORY;
    char *bytes = body->on_heap ? body->bytes : NULL;
    if (room <= SMALL_BODY_BYTES && !body->on_heap) {
        bytes = arena_alloc(exchange->arena, room + FACTS_PADDING);
    } else {
        bytes = memory_realloc(bytes, room + FACTS_PADDING);
        if (!body->on_heap && body->len > 0)
            memcpy(bytes, body->bytes, body->len);
        body->on_heap = true;
    }
    level_add(&metrics->body_bytes, (int64_t)(room - body->room));
    body->bytes = bytes;
    body->room = room;
    return FAULT_NONE;
}

/* More time for more bytes: never `body_timeout_ms` without one, and over all at least 1 KiB/s. */
static void await_body(struct exchange *exchange)
{
    const struct proxy *proxy = exchange->proxy;
    const int64_t most_ms = proxy_tables(proxy)->limits.body_timeout_ms;
    const int64_t spent_ms = (loop_now_ns(proxy->loop) - exchange->begun_ns) / NS_PER_MS;
    const int64_t left_ms = most_ms + (int64_t)exchange->body.len - spent_ms;
    timer_start(&exchange->timer, proxy->loop, left_ms < most_ms ? left_ms : most_ms);
}

static void on_client_body(struct stream *stream, struct slice data)
{
    struct exchange *exchange = stream->user;
    stream_consumed(stream, data.len); /* bounded by limits.body, not by the window */
    counter_add(&exchange->proxy->metrics.bytes_in, data.len);
    if (exchange->state != EXCHANGE_READING)
        return;
    struct body *body = &exchange->body;
    const enum fault fault = body_reserve(exchange, body->len + data.len);
    if (fault != FAULT_NONE) {
        exchange_refuse(exchange, fault, NULL, NULL);
        return;
    }
    memcpy(body->bytes + body->len, data.ptr, data.len);
    body->len += data.len;
    await_body(exchange);
}

/* --- the client's stream --- */

static void on_client_end(struct stream *stream, const struct fields *trailers)
{
    (void)trailers; /* none is carried over: the body is what is routed */
    struct exchange *exchange = stream->user;
    if (exchange->state != EXCHANGE_READING)
        return;
    exchange->read_ns = loop_now_ns(exchange->proxy->loop);
    const char *param = NULL;
    const enum fault fault = identity_read_body(exchange, &param);
    if (fault != FAULT_NONE) {
        exchange_refuse(exchange, fault, NULL, param);
        return;
    }
    exchange_enter(exchange, EXCHANGE_DECIDING, 0);
    attempt_begin(exchange);
}

static void on_client_drained(struct stream *stream)
{
    relay_drained(stream->user);
}

static void on_client_closed(struct stream *stream, enum stream_close why)
{
    struct exchange *exchange = stream->user;
    if (why != STREAM_DONE && exchange->fault == FAULT_NONE)
        exchange->fault = FAULT_CLIENT_GONE;
    exchange->client = NULL;
    exchange_finish(exchange); /* now: its head and arena go when this returns */
}

static const struct stream_events client_upcalls = {
    .on_body = on_client_body,
    .on_end = on_client_end,
    .on_drained = on_client_drained,
    .on_closed = on_client_closed,
};

void exchange_finish(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_OVER)
        return;
    struct proxy *proxy = exchange->proxy;
    attempt_abandon(exchange,
                    exchange->fault == FAULT_CLIENT_GONE ? FLIGHT_CLIENT_GONE : FLIGHT_DONE);
    exchange_enter(exchange, EXCHANGE_OVER, 0);
    access_line_write(exchange);
    if (exchange->key_digest.len > 0)
        tenant_limit_end(exchange);
    relay_finish(exchange);
    exchange_release_body(exchange);
    if (exchange->retried_refusal)
        retry_budget_give(&proxy->budget);
    proxy->budget.active--;
    level_add(&proxy->metrics.active, -1);
    if (exchange->attempts > 0)
        queue_poke(&proxy->queue);
    if (exchange->client != NULL)
        stream_reset(exchange->client, fault_row(exchange->fault)->h2_error);
    loop_destroy_later(proxy->loop, &exchange->destroy);
}

/* --- beginnings --- */

static bool is_json(struct slice type)
{
    const ptrdiff_t semicolon = slice_find(type, ';');
    if (semicolon >= 0)
        type.len = (size_t)semicolon;
    type = slice_trim(type);
    return slice_eq_nocase(type, SLICE("application/json")) ||
           (type.len > 5 &&
            slice_eq_nocase(slice_make(type.ptr + type.len - 5, 5), SLICE("+json")));
}

/* What can be refused before the body is read. */
static enum fault check_head(const struct exchange *exchange)
{
    const struct request_head *head = exchange->head;
    if (!slice_starts(head->path, SLICE("/v1/")))
        return FAULT_NO_PATH;
    if (head->method != METHOD_POST)
        return FAULT_BAD_METHOD;
    const struct slice type = fields_find(&head->fields, SLICE("content-type"));
    if ((type.ptr != NULL && !is_json(type)) ||
        fields_has(&head->fields, SLICE("content-encoding")))
        return FAULT_NOT_JSON;
    if (head->content_length > (int64_t)proxy_tables(exchange->proxy)->limits.body_bytes)
        return FAULT_BODY_TOO_LARGE;
    return FAULT_NONE;
}

static void take_head(struct exchange *exchange, const struct request_head *head)
{
    exchange->head = head;
    exchange->method = head->method_text;
    exchange->path = head->path;
    exchange->version = head->version;
    exchange->takes_trailers = head->takes_trailers;
    const ptrdiff_t query = slice_find(head->path, '?');
    if (query >= 0)
        exchange->path.len = (size_t)query;
}

void exchange_begin(struct proxy *proxy, struct connection *connection, struct stream *stream,
                    const struct request_head *head)
{
    struct exchange *exchange = create(proxy);
    exchange->connection = connection;
    exchange->client = stream;
    exchange->arena = stream_arena(stream);
    exchange->ask = arena_alloc(exchange->arena, sizeof *exchange->ask);
    take_head(exchange, head);
    exchange->begun_ns = loop_now_ns(proxy->loop);
    stream->events = &client_upcalls;
    stream->user = exchange;
    proxy->budget.active++;
    proxy->pace.requests++;
    level_add(&proxy->metrics.active, 1);
    exchange->usage = (struct usage_facts){-1, -1, -1};
    exchange->decision_json = SLICE_NONE;
    identity_read_head(exchange);

    enum fault fault = identity_check_host(exchange);
    if (fault == FAULT_NONE && !local_is_open(exchange))
        fault = identity_authorise(exchange);
    if (fault == FAULT_NONE && local_answer(exchange))
        return;
    if (fault == FAULT_NONE)
        fault = check_head(exchange);
    if (fault == FAULT_NONE && exchange->key_digest.len > 0)
        fault = tenant_limit_begin(exchange);
    if (fault == FAULT_NONE && head->content_length > 0)
        fault = body_reserve(exchange, head->content_length < BELIEVED_BYTES
                                           ? (size_t)head->content_length
                                           : BELIEVED_BYTES);
    if (fault != FAULT_NONE) {
        exchange_refuse(exchange, fault, NULL, NULL);
        return;
    }
    await_body(exchange);
}

/* --- our own answers --- */

void exchange_refuse(struct exchange *exchange, enum fault fault, const char *detail,
                     const char *param)
{
    exchange->fault = fault;
    exchange->status = fault_row(fault)->status;
    exchange_enter(exchange, EXCHANGE_ANSWERING, STALL_LOOK_MS * 6);
    answer_fault(exchange, fault, detail, param);
}

void exchange_answer_json(struct exchange *exchange, int status, struct slice json)
{
    exchange->status = status;
    exchange_enter(exchange, EXCHANGE_ANSWERING, STALL_LOOK_MS * 6);
    answer_json(exchange, status, json);
}
