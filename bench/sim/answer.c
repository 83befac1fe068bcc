#include "sim/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/facts.h"
#include "sim/openai.h"
#include "sim/reply.h"

/* Streams are written in such steps: fine against an inter-token latency, coarse enough to share a
 * wake-up. */
#define TOKENS_TICK_NS (4 * NS_PER_MS)
/* Of one stream in one step. */
#define TOKENS_STEP_MAX 256u
#define BODY_MAX (64u * 1024 * 1024)

struct answer {
    struct list link; /* in site->streaming */
    struct site *site;
    struct stream *stream;
    const struct request_head *head;
    uint32_t place;
    struct buffer body;
    struct openai_ask ask;
    struct openai_text text;
    char request_id[REQUEST_ID_BYTES];
    bool submitted;
    bool ended;    /* nothing more will be written */
    bool finished; /* by the model: all tokens are out */
    uint64_t seat;
    uint64_t handle;
    uint32_t cached_tokens;
    uint32_t sent; /* tokens */
};

/* ---- the end ---- */

static void log_add(struct answer *a, enum request_event event, int status)
{
    struct request_record record = {
        .event = event,
        .place = a->place,
        .prompt_tokens = a->ask.prompt_tokens,
        .cached_tokens = a->cached_tokens,
        .tokens = a->sent,
        .status = status,
    };
    memcpy(record.id, a->request_id, sizeof(record.id));
    request_log_add(&a->site->log, &record);
}

/* Whatever the model still does for it is over; no byte follows but what is queued. */
static void answer_end(struct answer *a, enum request_event event)
{
    a->ended = true;
    list_remove(&a->link);
    if (a->submitted && !a->finished)
        cluster_model_abort(a->site->model, a->handle, clock_monotonic_ns());
    log_add(a, event, 0);
    clockwork_wake(a->site->service.clockwork);
}

static void answer_free(struct answer *a)
{
    if (a->submitted)
        site_seat_leave(a->site, a->seat);
    buffer_release(&a->body);
    free(a);
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct answer *a = stream->user;
    (void)why;
    if (a->submitted && !a->ended)
        answer_end(a, REQUEST_ABORTED);
    answer_free(a);
}

static struct slice request_id_of(const struct answer *a)
{
    return slice_of(a->request_id);
}

static void refuse(struct answer *a, int status, const char *message)
{
    a->ended = true;
    log_add(a, REQUEST_REFUSED, status);
    reply_error(a->stream, status, message, request_id_of(a));
}

/* ---- tokens out ---- */

static struct openai_usage usage_of(const struct answer *a)
{
    return (struct openai_usage){.prompt_tokens = a->ask.prompt_tokens,
                                 .cached_tokens = a->cached_tokens,
                                 .completion_tokens = a->ask.output_tokens};
}

static bool cut_reached(const struct answer *a, uint32_t tokens)
{
    const int64_t limit = a->site->faults.cut_after_tokens;
    return limit >= 0 && (int64_t)tokens >= limit;
}

static void cut(struct answer *a)
{
    answer_end(a, REQUEST_ABORTED);
    stream_send_cut(a->stream, H2_INTERNAL_ERROR);
}

/* How many tokens should be out now. */
static uint32_t tokens_wanted(const struct answer *a)
{
    uint32_t tokens =
        a->finished ? a->ask.output_tokens : cluster_model_tokens(a->site->model, a->handle);
    if (cut_reached(a, tokens))
        tokens = (uint32_t)a->site->faults.cut_after_tokens;
    if (tokens > a->sent + TOKENS_STEP_MAX)
        tokens = a->sent + TOKENS_STEP_MAX;
    return tokens;
}

static void stream_on(struct answer *a)
{
    if (stream_queued(a->stream) > STREAM_HIGH_BYTES)
        return; /* the caller reads slowly; the next step tries again */
    struct buffer out = {0};
    const uint32_t wanted = tokens_wanted(a);
    if (wanted > a->sent) {
        if (a->sent == 0)
            openai_stream_begin(&a->text, &out);
        openai_stream_tokens(&a->text, a->sent, wanted, &out);
        a->sent = wanted;
    }
    const bool cut_now = cut_reached(a, a->sent);
    const bool last = !cut_now && a->finished && a->sent == a->ask.output_tokens;
    if (last) {
        const struct openai_usage usage = usage_of(a);
        openai_stream_end(&a->text, &usage, &out);
    }
    if (buffer_len(&out) > 0)
        stream_send_body(a->stream, buffer_slice(&out));
    buffer_release(&out);
    if (cut_now) {
        cut(a);
    } else if (last) {
        answer_end(a, REQUEST_FINISHED);
        stream_send_end(a->stream, NULL);
    }
}

static void answer_whole(struct answer *a)
{
    struct buffer out = {0};
    const struct openai_usage usage = usage_of(a);
    if (a->site->faults.cut_after_tokens >= 0 && cut_reached(a, a->ask.output_tokens)) {
        cut(a);
        return;
    }
    a->sent = a->ask.output_tokens;
    if (a->ask.kind == OPENAI_EMBEDDINGS)
        openai_write_embeddings(&a->ask, &usage, &out);
    else
        openai_write_whole(&a->text, &usage, &out);
    answer_end(a, REQUEST_FINISHED);
    reply_send(a->stream, 200, REPLY_JSON, buffer_slice(&out), request_id_of(a));
    buffer_release(&out);
}

static void take_event(struct site *site, const struct cluster_event *event)
{
    struct answer *a = site_seat_find(site, event->id);
    if (!a || a->ended)
        return;
    switch (event->kind) {
    case CLUSTER_STARTED:
        a->cached_tokens = event->cached_tokens;
        break;
    case CLUSTER_FIRST_TOKEN:
        if (a->ask.stream) {
            list_append(&site->streaming, &a->link);
            stream_on(a);
        }
        break;
    case CLUSTER_FINISHED:
        a->finished = true;
        if (a->ask.stream)
            stream_on(a);
        else
            answer_whole(a);
        break;
    }
}

int64_t answer_pump(struct site *site, int64_t now_ns)
{
    struct cluster_event event;
    cluster_model_advance(site->model, now_ns);
    while (cluster_model_take_event(site->model, &event))
        take_event(site, &event);
    if (now_ns >= site->tokens_due_ns) {
        LIST_EACH_SAFE (link, &site->streaming)
            stream_on(LIST_ENTRY(link, struct answer, link));
        site->tokens_due_ns = now_ns + TOKENS_TICK_NS;
    }
    const int64_t next_ns = cluster_model_next_ns(site->model);
    if (!list_empty(&site->streaming) && site->tokens_due_ns < next_ns)
        return site->tokens_due_ns;
    return next_ns;
}

/* ---- the request ---- */

static bool model_known(const struct site *site, struct slice model)
{
    for (uint32_t i = 0; i < site->cluster->model_count; i++)
        if (strcmp(site->cluster->models[i], "*") == 0 ||
            slice_eq(slice_of(site->cluster->models[i]), model))
            return true;
    return false;
}

static bool read_ask(struct answer *a, enum openai_kind kind)
{
    const char *param = NULL;
    memset(buffer_reserve(&a->body, FACTS_PADDING), 0, FACTS_PADDING);
    const enum fault fault = openai_read(kind, &a->head->fields, buffer_slice(&a->body),
                                         stream_arena(a->stream), &a->ask, &param);
    if (fault != FAULT_NONE) {
        refuse(a, 400, fault_row(fault)->text);
        return false;
    }
    if (!model_known(a->site, a->ask.model)) {
        const struct slice text =
            arena_printf(stream_arena(a->stream), "The model `%.*s` does not exist.",
                         SLICE_ARG(a->ask.model));
        refuse(a, 404, text.ptr);
        return false;
    }
    return true;
}

static void submit(struct answer *a, enum openai_kind kind)
{
    struct site *site = a->site;
    if (site->faults.status) {
        refuse(a, site->faults.status, "The cluster was told to answer so.");
        return;
    }
    if (!read_ask(a, kind))
        return;
    buffer_release(&a->body);
    openai_text_init(&a->text, &a->ask, request_id_of(a), clock_wall_ms() / 1000,
                     stream_arena(a->stream));
    a->submitted = true;
    a->seat = site_seat_take(site, a);
    log_add(a, REQUEST_STARTED, 0);
    const struct cluster_request request = {
        .id = a->seat,
        .conversation = a->ask.conversation,
        .prompt_tokens = a->ask.prompt_tokens,
        .reusable_tokens = a->ask.reusable_tokens,
        .output_tokens = a->ask.output_tokens,
    };
    a->handle = cluster_model_submit(site->model, &request, clock_monotonic_ns());
    clockwork_wake(site->service.clockwork);
    if (a->ask.stream)
        reply_begin_events(a->stream, request_id_of(a));
}

static void answer_metrics(struct answer *a)
{
    struct site *site = a->site;
    struct buffer page = {0};
    struct engine_gauges gauges;
    cluster_model_advance(site->model, clock_monotonic_ns());
    cluster_model_gauges(site->model, &gauges);
    engine_metrics_write(cluster_model_metrics(site->model), &gauges, site->cluster->models[0],
                         &page);
    reply_send(a->stream, 200, SLICE("text/plain; version=0.0.4; charset=utf-8"),
               buffer_slice(&page), SLICE_NONE);
    buffer_release(&page);
}

static void answer_models(struct answer *a)
{
    struct buffer body = {0};
    openai_write_models(a->site->cluster->models, a->site->cluster->model_count,
                        clock_wall_ms() / 1000, &body);
    reply_send(a->stream, 200, REPLY_JSON, buffer_slice(&body), request_id_of(a));
    buffer_release(&body);
}

static void answer_health(struct answer *a)
{
    reply_send(a->stream, 200, SLICE("text/plain"), SLICE_NONE, SLICE_NONE);
}

static void answer_chat(struct answer *a)
{
    submit(a, OPENAI_CHAT);
}

static void answer_completion(struct answer *a)
{
    submit(a, OPENAI_COMPLETION);
}

static void answer_embeddings(struct answer *a)
{
    submit(a, OPENAI_EMBEDDINGS);
}

static const struct {
    const char *path;
    enum http_method method;
    void (*answer)(struct answer *a);
} paths[] = {
    {"/v1/chat/completions", METHOD_POST, answer_chat},
    {"/v1/completions", METHOD_POST, answer_completion},
    {"/v1/embeddings", METHOD_POST, answer_embeddings},
    {"/v1/models", METHOD_GET, answer_models},
    {"/metrics", METHOD_GET, answer_metrics},
    {"/health", METHOD_GET, answer_health},
};

static void answer_path(struct answer *a)
{
    struct slice rest = a->head->path, path = SLICE_NONE;
    (void)slice_split(&rest, '?', &path);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (!slice_eq(slice_of(paths[i].path), path))
            continue;
        if (a->head->method == paths[i].method)
            paths[i].answer(a);
        else
            refuse(a, 405, "Method Not Allowed");
        return;
    }
    refuse(a, 404, "Not Found");
}

static void on_body(struct stream *stream, struct slice data)
{
    struct answer *a = stream->user;
    stream_consumed(stream, data.len);
    if (a->ended)
        return;
    if (buffer_len(&a->body) + data.len > BODY_MAX) {
        refuse(a, 413, "The body is larger than 64 MiB.");
        buffer_release(&a->body);
        return;
    }
    buffer_append_slice(&a->body, data);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    struct answer *a = stream->user;
    (void)trailers;
    if (!a->ended)
        answer_path(a);
}

static void on_drained(struct stream *stream)
{
    clockwork_wake(((struct answer *)stream->user)->site->service.clockwork);
}

static const struct stream_events stream_upcalls = {
    .on_body = on_body,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void name_request(struct answer *a)
{
    const struct slice id = fields_find(&a->head->fields, SLICE("x-request-id"));
    if (id.len > 0 && id.len < sizeof(a->request_id))
        memcpy(a->request_id, id.ptr, id.len);
    else
        snprintf(a->request_id, sizeof(a->request_id), "sim-%s-%" PRIu64,
                 a->site->cluster->point.name, a->site->log.next);
}

void answer_begin(struct caller_service *service, struct caller *caller, struct stream *stream,
                  const struct request_head *head)
{
    struct answer *a = memory_zalloc(sizeof(*a));
    list_init(&a->link);
    a->site = CONTAINER_OF(service, struct site, service);
    a->stream = stream;
    a->head = head;
    a->place = caller->place;
    name_request(a);
    stream->events = &stream_upcalls;
    stream->user = a;
}
