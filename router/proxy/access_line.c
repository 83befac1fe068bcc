/*
 * The line an exchange leaves behind: who, what, where to and why, how long,
 * how it ended.  Never a prompt, a key or a cookie.
 */
#include <math.h>

#include "base/clock.h"
#include "base/pen.h"
#include "proxy/exchange.h"
#include "proxy/identity.h"

enum {
    TEXT_MOST = 256, /* of what others chose; the rest of a longer one is left out */
    TEXTS = 6,       /* so many of those */
    WORDS_MOST = 2048,
    LINE_MOST = WORDS_MOST + TEXTS * JSON_TEXT_BYTES(TEXT_MOST), /* and the decision's text */
};

static void capped(struct pen *pen, struct slice value)
{
    if (value.len > TEXT_MOST)
        value.len = TEXT_MOST;
    pen_json(pen, value);
}

static void flag(struct pen *pen, bool value)
{
    pen_slice(pen, value ? SLICE("true") : SLICE("false"));
}

static struct slice protocol(enum http_version version)
{
    return version == HTTP_2     ? SLICE("h2")
           : version == HTTP_1_1 ? SLICE("http/1.1")
                                 : SLICE("http/1.0");
}

static void write_request(const struct exchange *exchange, struct pen *pen)
{
    PEN_KEY(pen, "client");
    pen_clean(pen, exchange->client_ip);
    if (exchange->country[0] != '\0') {
        PEN_KEY(pen, "country");
        pen_json(pen, slice_of(exchange->country));
    }
    PEN_KEY(pen, "protocol");
    pen_clean(pen, protocol(exchange->version));
    PEN_KEY(pen, "tls");
    flag(pen, exchange->connection->secure);
    PEN_KEY(pen, "method");
    capped(pen, exchange->method);
    PEN_KEY(pen, "path");
    capped(pen, exchange->path);
    if (exchange->model.ptr != NULL) {
        PEN_KEY(pen, "model");
        capped(pen, exchange->model);
    }
    if (exchange->tenant.len > 0) {
        PEN_KEY(pen, "tenant");
        capped(pen, exchange->tenant);
    }
    PEN_KEY(pen, "class");
    pen_clean(pen, slice_of(class_name(exchange->service_class)));
    PEN_KEY(pen, "stream");
    flag(pen, exchange->wants_stream);
    PEN_KEY(pen, "bytes_in");
    pen_u64(pen, exchange->body.len);
    PEN_KEY(pen, "prompt_tokens");
    pen_fixed(pen, exchange->prompt_tokens, 0);
}

static void write_usage(const struct usage_facts *usage, struct pen *pen)
{
    if (usage->prompt_tokens >= 0) {
        PEN_KEY(pen, "usage_prompt_tokens");
        pen_i64(pen, usage->prompt_tokens);
    }
    if (usage->completion_tokens >= 0) {
        PEN_KEY(pen, "usage_completion_tokens");
        pen_i64(pen, usage->completion_tokens);
    }
    if (usage->cached_tokens >= 0) {
        PEN_KEY(pen, "usage_cached_tokens");
        pen_i64(pen, usage->cached_tokens);
    }
}

static void write_answer(const struct exchange *exchange, struct pen *pen)
{
    PEN_KEY(pen, "status");
    pen_i64(pen, exchange->status);
    PEN_KEY(pen, "fault");
    pen_clean(pen, slice_of(fault_row(exchange->fault)->word));
    PEN_KEY(pen, "bytes_out");
    pen_u64(pen, exchange->bytes_out);
    if (exchange->sse != NULL) {
        PEN_KEY(pen, "events");
        pen_u64(pen, exchange->sse->data_events);
        PEN_KEY(pen, "done");
        flag(pen, exchange->sse->done);
    }
    write_usage(&exchange->usage, pen);
}

static void write_decision(const struct exchange *exchange, struct pen *pen)
{
    if (exchange->attempts == 0)
        return;
    PEN_KEY(pen, "cluster");
    pen_clean(pen, exchange->cluster);
    PEN_KEY(pen, "endpoint");
    capped(pen, exchange->endpoint_url);
    PEN_KEY(pen, "attempts");
    pen_u64(pen, exchange->attempts);
    PEN_KEY(pen, "route");
    capped(pen, exchange->route_name);
    if (exchange->decision_json.len > 0) {
        PEN_KEY(pen, "decision");
        pen_slice(pen, exchange->decision_json);
    }
}

static void span(struct pen *pen, struct slice key, int64_t from_ns, int64_t to_ns)
{
    if (from_ns <= 0 || to_ns <= 0)
        return;
    pen_slice(pen, key);
    pen_fixed(pen, ns_to_ms(to_ns - from_ns), 3);
}

static void write_times(const struct exchange *exchange, struct pen *pen, int64_t now_ns)
{
    PEN_WORD(pen, ",\"ms\":{\"total\":");
    pen_fixed(pen, ns_to_ms(now_ns - exchange->begun_ns), 3);
    span(pen, SLICE(",\"read\":"), exchange->begun_ns, exchange->read_ns);
    span(pen, SLICE(",\"route\":"), exchange->read_ns + exchange->waited_ns, exchange->decided_ns);
    span(pen, SLICE(",\"queue\":"), exchange->waiting.since_ns,
         exchange->waiting.since_ns + exchange->waited_ns);
    span(pen, SLICE(",\"connect\":"), exchange->decided_ns, exchange->started_ns);
    span(pen, SLICE(",\"head\":"), exchange->started_ns, exchange->head_ns);
    span(pen, SLICE(",\"ttft\":"), exchange->begun_ns, exchange->first_event_ns);
    PEN_WORD(pen, "}");
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
    struct buffer *lines = &proxy->log_lines.bytes;
    char *room = buffer_reserve(lines, LINE_MOST + exchange->decision_json.len);
    struct pen pen = {room};
    PEN_WORD(&pen, "{\"ts_ms\":");
    pen_i64(&pen, proxy_wall_ms(proxy));
    PEN_KEY(&pen, "request_id");
    pen_clean(&pen, exchange->request_id);
    PEN_KEY(&pen, "trace_id");
    pen_clean(&pen, slice_make(exchange->trace_parent.ptr + 3, 32));
    write_request(exchange, &pen);
    write_answer(exchange, &pen);
    write_decision(exchange, &pen);
    write_times(exchange, &pen, now_ns);
    PEN_WORD(&pen, "}\n");
    buffer_commit(lines, pen_written(&pen, room));
    access_log_line_added(proxy->log, &proxy->log_lines, now_ns);
}
