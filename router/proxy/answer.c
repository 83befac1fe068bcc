#include "proxy/answer.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "proxy/date.h"

static void add(const struct exchange *exchange, struct fields *fields, struct slice name,
                struct slice value)
{
    fields_add(fields, exchange->arena, name, value);
}

/* "name;dur=12.34" */
static size_t timing(char *out, struct slice name, int64_t from_ns, int64_t to_ns)
{
    memcpy(out, name.ptr, name.len);
    const double ms = from_ns == 0 || to_ns == 0 || to_ns < from_ns ? 0 : ns_to_ms(to_ns - from_ns);
    return name.len + number_write_fixed(out + name.len, ms, 2);
}

static void add_timing(const struct exchange *exchange, struct fields *fields)
{
    if (exchange->decided_ns == 0)
        return;
    char *text = arena_alloc(exchange->arena, 3 * (NUMBER_TEXT_BYTES + sizeof ", queue;dur="));
    const int64_t waited_ns = exchange->waited_ns; /* for the fleet, before the last decision */
    const int64_t out_ns =
        exchange->started_ns == 0 && waited_ns > 0 ? exchange->decided_ns : exchange->started_ns;
    size_t len =
        timing(text, SLICE("route;dur="), exchange->read_ns + waited_ns, exchange->decided_ns);
    len += timing(text + len, SLICE(", queue;dur="), exchange->decided_ns - waited_ns, out_ns);
    len += timing(text + len, SLICE(", head;dur="), exchange->started_ns, exchange->head_ns);
    add(exchange, fields, SLICE("server-timing"), slice_make(text, len));
}

void answer_common_fields(const struct exchange *exchange, struct fields *fields)
{
    add(exchange, fields, SLICE("x-request-id"), exchange->request_id);
    if (exchange->attempts > 0) {
        add(exchange, fields, SLICE("x-isochrone-cluster"), exchange->cluster);
        add(exchange, fields, SLICE("x-isochrone-attempts"),
            exchange->attempts == 1 ? SLICE("1")
                                    : arena_printf(exchange->arena, "%u", exchange->attempts));
    }
    add_timing(exchange, fields);
    if (exchange->want_explain && exchange->decision_id != 0) {
        char id[DECISION_ID_SIZE];
        decision_id_text(exchange->decision_id, id);
        add(exchange, fields, SLICE("x-isochrone-decision"),
            arena_copy(exchange->arena, slice_of(id)));
    }
}

uint32_t answer_retry_after_ms(const struct exchange *exchange)
{
    /* What the fleet needs to work off what is too much, or half of what the best cluster would
     * have taken; within what SDKs obey gladly. */
    double ms = exchange->retry_ms > 0 ? exchange->retry_ms : exchange->expected_ttft_ms / 2;
    if (!(ms >= 1000))
        ms = 1000;
    return (uint32_t)fmin(ms, 5000);
}

static void send_answer(struct exchange *exchange, int status, struct fields *fields,
                        struct slice body)
{
    add(exchange, fields, SLICE("content-type"), SLICE("application/json"));
    add(exchange, fields, SLICE("date"), date_now());
    answer_common_fields(exchange, fields);
    const struct response_head head = {.status = status,
                                       .fields = *fields,
                                       .content_length = (int64_t)body.len};
    const bool bodiless = exchange->head->method == METHOD_HEAD;
    exchange->bytes_out = bodiless ? 0 : body.len;
    stream_send_response(exchange->client, &head, bodiless);
    if (bodiless)
        return;
    stream_send_body(exchange->client, body);
    stream_send_end(exchange->client, NULL);
}

void answer_json(struct exchange *exchange, int status, struct slice json)
{
    struct fields fields = {0};
    send_answer(exchange, status, &fields, json);
}

void answer_fault(struct exchange *exchange, enum fault fault, const char *detail,
                  const char *param)
{
    const struct fault_row *row = fault_row(fault);
    struct fields fields = {0};
    if (row->status == 503 || row->status == 429) {
        const uint32_t ms = answer_retry_after_ms(exchange);
        add(exchange, &fields, SLICE("retry-after"),
            arena_printf(exchange->arena, "%u", (ms + 999) / 1000));
        add(exchange, &fields, SLICE("retry-after-ms"), arena_printf(exchange->arena, "%u", ms));
    }
    if (!row->client_may_retry)
        add(exchange, &fields, SLICE("x-should-retry"), SLICE("false"));
    if (fault == FAULT_BAD_METHOD)
        add(exchange, &fields, SLICE("allow"),
            exchange->allow != NULL ? slice_of(exchange->allow) : SLICE("POST"));
    if (fault == FAULT_UNAUTHORIZED)
        add(exchange, &fields, SLICE("www-authenticate"), SLICE("Bearer"));
    struct buffer body = {0};
    fault_body_write(fault, param, slice_of(detail), &body);
    send_answer(exchange, row->status, &fields, buffer_slice(&body));
    buffer_release(&body);
}
