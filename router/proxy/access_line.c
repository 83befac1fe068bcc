/*
 * The line an exchange leaves behind: who, what, where to and why, how long,
 * how it ended.  Never a prompt, a key or a cookie.
 */
#include <math.h>

#include "base/clock.h"
#include "proxy/exchange.h"
#include "proxy/identity.h"

enum { FIELD_MOST = 256 };

static void span(struct json *json, const char *key, int64_t from_ns, int64_t to_ns)
{
    if (from_ns > 0 && to_ns > 0)
        json_kv_fixed(json, key, ns_to_ms(to_ns - from_ns), 3);
}

static void capped(struct json *json, const char *key, struct slice value)
{
    json_key(json, key);
    json_slice_capped(json, value, FIELD_MOST);
}

static void write_request(const struct exchange *exchange, struct json *json)
{
    const struct request_head *head = exchange->head;
    json_kv_slice(json, "client", exchange->client_ip);
    if (exchange->place.country[0] != '\0')
        json_kv_string(json, "country", exchange->place.country);
    json_kv_string(json, "protocol",
                   head->version == HTTP_2     ? "h2"
                   : head->version == HTTP_1_1 ? "http/1.1"
                                               : "http/1.0");
    json_kv_bool(json, "tls", exchange->connection->secure);
    capped(json, "method", head->method_text);
    struct slice path = head->path;
    const ptrdiff_t query = slice_find(path, '?');
    if (query >= 0)
        path.len = (size_t)query; /* some put their key behind it */
    capped(json, "path", path);
    if (exchange->facts.model.ptr != NULL)
        capped(json, "model", exchange->facts.model);
    if (exchange->tenant.len > 0)
        capped(json, "tenant", exchange->tenant);
    json_kv_string(json, "class", class_name(exchange->service_class));
    json_kv_bool(json, "stream", exchange->facts.stream);
    json_kv_uint(json, "bytes_in", exchange->body.len);
    json_kv_fixed(json, "prompt_tokens", exchange->prompt_tokens, 0);
}

static void write_answer(const struct exchange *exchange, struct json *json)
{
    json_kv_int(json, "status", exchange->status);
    json_kv_string(json, "fault", fault_row(exchange->fault)->word);
    json_kv_uint(json, "bytes_out", exchange->bytes_out);
    if (exchange->sse != NULL) {
        json_kv_uint(json, "events", exchange->sse->data_events);
        json_kv_bool(json, "done", exchange->sse->done);
    }
    if (exchange->usage.prompt_tokens >= 0)
        json_kv_int(json, "usage_prompt_tokens", exchange->usage.prompt_tokens);
    if (exchange->usage.completion_tokens >= 0)
        json_kv_int(json, "usage_completion_tokens", exchange->usage.completion_tokens);
    if (exchange->usage.cached_tokens >= 0)
        json_kv_int(json, "usage_cached_tokens", exchange->usage.cached_tokens);
}

static void write_decision(const struct exchange *exchange, struct json *json)
{
    if (exchange->attempts == 0)
        return;
    json_kv_slice(json, "cluster", exchange->cluster);
    json_kv_slice(json, "endpoint", exchange->endpoint_url);
    json_kv_uint(json, "attempts", exchange->attempts);
    json_kv_string(json, "route", exchange->route_name);
    if (exchange->decision_json.len > 0) {
        json_key(json, "decision");
        json_raw(json, exchange->decision_json);
    }
}

static void write_times(const struct exchange *exchange, struct json *json, int64_t now_ns)
{
    json_key(json, "ms");
    json_object_begin(json);
    span(json, "read", exchange->begun_ns, exchange->read_ns);
    span(json, "route", exchange->read_ns, exchange->decided_ns);
    span(json, "connect", exchange->decided_ns, exchange->started_ns);
    span(json, "head", exchange->started_ns, exchange->head_ns);
    span(json, "ttft", exchange->begun_ns, exchange->first_event_ns);
    span(json, "total", exchange->begun_ns, now_ns);
    json_object_end(json);
}

static void count(struct exchange *exchange, int64_t now_ns)
{
    struct proxy_metrics *metrics = &exchange->proxy->metrics;
    counter_add(&metrics->requests[exchange->service_class], 1);
    counter_add(&metrics->faults[exchange->fault], 1);
    if (exchange->attempts == 0)
        return;
    struct target_metrics *target = proxy_target_metrics(exchange->proxy, exchange->slot);
    if (exchange->fault == FAULT_NONE || exchange->fault == FAULT_CLIENT_GONE)
        counter_add(&target->faults[exchange->fault], 1);
    counter_add(&target->bytes_out, exchange->bytes_out);
    distribution_add(&target->duration_s, ns_to_ms(now_ns - exchange->begun_ns) / 1000);
}

void access_line_write(struct exchange *exchange)
{
    struct proxy *proxy = exchange->proxy;
    const int64_t now_ns = loop_now_ns(proxy->loop);
    count(exchange, now_ns);
    if (proxy->log == NULL || !proxy_tables(proxy)->access_log)
        return;
    struct json json;
    json_init(&json, &proxy->log_lines.bytes);
    json_object_begin(&json);
    json_kv_int(&json, "ts_ms", clock_wall_ms());
    json_kv_slice(&json, "request_id", exchange->request_id);
    json_kv_slice(&json, "trace_id", slice_make(exchange->trace_parent.ptr + 3, 32));
    write_request(exchange, &json);
    write_answer(exchange, &json);
    write_decision(exchange, &json);
    write_times(exchange, &json, now_ns);
    json_object_end(&json);
    buffer_append_byte(&proxy->log_lines.bytes, '\n');
    access_log_line_added(proxy->log, &proxy->log_lines, now_ns);
}
