#include "sim/control.h"

#include <stdlib.h>

#include "base/memory.h"
#include "sim/fault_order.h"
#include "sim/reply.h"

#define BODY_MAX 4096u
#define PREFIX SLICE("/sim")

struct call {
    struct control *control;
    struct stream *stream;
    const struct request_head *head;
    struct buffer body;
    bool answered;
};

static void refuse(struct call *call, int status, const char *why)
{
    call->answered = true;
    reply_error(call->stream, status, why, SLICE_NONE);
}

static void answer(struct call *call, struct slice content_type, struct buffer *body)
{
    call->answered = true;
    reply_send(call->stream, 200, content_type, buffer_slice(body), SLICE_NONE);
    buffer_release(body);
}

static void answer_all(struct call *call)
{
    const struct control *control = call->control;
    struct buffer body = {0};
    struct json json;
    json_init(&json, &body);
    json_object_begin(&json);
    json_kv_string(&json, "scenario", control->scenario->name);
    json_key(&json, "clusters");
    json_array_begin(&json);
    for (uint32_t i = 0; i < control->site_count; i++)
        site_write_state(&control->sites[i], &json);
    json_array_end(&json);
    json_object_end(&json);
    answer(call, REPLY_JSON, &body);
}

static void answer_one(struct call *call, struct site *site)
{
    struct buffer body = {0};
    struct json json;
    json_init(&json, &body);
    site_write_state(site, &json);
    answer(call, REPLY_JSON, &body);
}

static void answer_log(struct call *call, const struct site *site, struct slice query)
{
    uint64_t since = 0;
    struct buffer body = {0};
    const struct slice key = SLICE("since=");
    if (slice_starts(query, key) &&
        !slice_to_u64(slice_make(query.ptr + key.len, query.len - key.len), &since)) {
        refuse(call, 400, "since= takes the seq of a log line");
        return;
    }
    request_log_write(&site->log, since, &body);
    answer(call, REPLY_JSON_LINES, &body);
}

static void answer_fault(struct call *call, struct site *site)
{
    struct error error = {""};
    if (call->head->method != METHOD_POST)
        refuse(call, 405, "a fault is given with POST");
    else if (!fault_order_obey(site, buffer_slice(&call->body), &error))
        refuse(call, 400, error.text);
    else
        answer_one(call, site);
}

static struct site *site_named(const struct control *control, struct slice name)
{
    for (uint32_t i = 0; i < control->site_count; i++)
        if (slice_eq(slice_of(control->sites[i].cluster->point.name), name))
            return &control->sites[i];
    return NULL;
}

static void answer_path(struct call *call)
{
    struct slice query = call->head->path, path = SLICE_NONE, part = SLICE_NONE;
    (void)slice_split(&query, '?', &path);
    if (slice_eq(path, PREFIX)) {
        answer_all(call);
        return;
    }
    (void)slice_split(&path, '/', &part); /* before the first slash */
    (void)slice_split(&path, '/', &part);
    struct slice name = SLICE_NONE;
    struct site *site = NULL;
    if (slice_eq(part, SLICE("sim")) && slice_split(&path, '/', &name))
        site = site_named(call->control, name);
    if (!site)
        refuse(call, 404, "there is /sim, /sim/<cluster>, /sim/<cluster>/log and /fault");
    else if (path.ptr == NULL)
        answer_one(call, site);
    else if (slice_eq(path, SLICE("log")))
        answer_log(call, site, query);
    else if (slice_eq(path, SLICE("fault")))
        answer_fault(call, site);
    else
        refuse(call, 404, "a cluster has log and fault");
}

static void on_body(struct stream *stream, struct slice data)
{
    struct call *call = stream->user;
    stream_consumed(stream, data.len);
    if (call->answered)
        return;
    if (buffer_len(&call->body) + data.len > BODY_MAX)
        refuse(call, 413, "the body is larger than 4096 bytes");
    else
        buffer_append_slice(&call->body, data);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    struct call *call = stream->user;
    (void)trailers;
    if (!call->answered)
        answer_path(call);
}

static void on_drained(struct stream *stream)
{
    (void)stream;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct call *call = stream->user;
    (void)why;
    buffer_release(&call->body);
    free(call);
}

static const struct stream_events stream_upcalls = {
    .on_body = on_body,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void on_request(struct caller_service *service, struct caller *caller, struct stream *stream,
                       const struct request_head *head)
{
    struct call *call = memory_zalloc(sizeof(*call));
    (void)caller;
    call->control = CONTAINER_OF(service, struct control, service);
    call->stream = stream;
    call->head = head;
    stream->events = &stream_upcalls;
    stream->user = call;
}

static void on_accept(void *owner, int fd, const struct address *peer)
{
    struct control *control = owner;
    (void)peer;
    caller_accept(&control->service, fd, 0, 0);
}

static const struct listener_events listening = {.on_accept = on_accept};

bool control_open(struct control *control, const struct site_setup *setup, struct site *sites,
                  uint32_t site_count, struct error *error)
{
    const struct address wanted = site_address(&setup->scenario->control);
    *control =
        (struct control){.scenario = setup->scenario, .sites = sites, .site_count = site_count};
    caller_service_init(&control->service, setup->clockwork, setup->random, SCENARIO_H2C, NULL);
    control->service.on_request = on_request;
    const int fd = listener_socket(&wanted, &control->address, error);
    if (fd < 0)
        return error_prefix(error, "control");
    control->listener = listener_create(setup->loop, fd, &listening, control);
    return true;
}

void control_hang_up(struct control *control)
{
    listener_destroy(&control->listener);
    caller_service_reset_all(&control->service);
}
