#include "load/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/facts.h"

enum {
    RESEND_MOST = 3,
    HEADERS_MOST = OPTIONS_HEADERS_MOST + 9,
    ERROR_BYTES_MOST = 1024,
    ANSWER_BYTES_MOST = 64 * 1024,
};

static const struct stream_events stream_upcalls;

/* ---- the end ---- */

/* Time since the start of the run. */
static int64_t since_start(const struct calls *calls, int64_t now_ns)
{
    return now_ns - calls->start_ns;
}

static void end(struct call *call, enum outcome outcome)
{
    struct calls *calls = call->calls;
    timer_stop(&call->stall);
    lane_leave(call->lane, &call->waiter);
    const struct options *options = calls->settings.options;
    call->sample.outcome = outcome;
    call->sample.end_ns = since_start(calls, clock_monotonic_ns());
    call->sample.promise = promise_judge(options->promises, options->promise_count, &call->sample);
    tallies_add(calls->settings.tallies, &call->sample);
    list_remove(&call->link);
    list_prepend(&calls->kept, &call->link);
    calls->open_count--;
    calls->settings.on_ended(calls->settings.owner, call);
}

/* Ends it without waiting for the other side. */
static void give_up(struct call *call, enum outcome outcome)
{
    struct stream *stream = call->stream;
    call->stream = NULL;
    if (stream != NULL) {
        stream_reset(stream, H2_CANCEL);
        lane_release(call->lane, call->connection);
    }
    end(call, outcome);
}

static void on_stall(struct timer *timer)
{
    give_up(CONTAINER_OF(timer, struct call, stall), OUTCOME_STALL);
}

/* Something came: the patience begins anew. */
static void heard(struct call *call)
{
    const double stall_ms = call->calls->settings.options->stall_ms;
    if (stall_ms > 0)
        timer_start(&call->stall, call->calls->settings.loop, (int64_t)stall_ms);
}

/* ---- out ---- */

static void add_field(struct fields *fields, struct slice name, struct slice value)
{
    CHECK_LT(fields->count, HEADERS_MOST);
    fields->items[fields->count++] = (struct field){name, value};
}

static struct slice decimal(char *text, size_t size, uint32_t value)
{
    return slice_make(text, (size_t)snprintf(text, size, "%u", value));
}

static void send_request(struct call *call, struct upstream_connection *connection)
{
    const struct options *options = call->calls->settings.options;
    const struct target *target = call->lane->settings.target;
    char path[512], sizes[3][16];
    struct field items[HEADERS_MOST];
    struct request_head head = {
        .method = METHOD_POST,
        .method_text = SLICE("POST"),
        .scheme = target->scheme,
        .authority = target->authority,
        .path = call->calls->path,
        .fields = {.items = items, .capacity = HEADERS_MOST},
        .content_length = -1,
        .body = true,
    };
    if (target->prefix.len > 0)
        head.path = slice_make(path, (size_t)snprintf(path, sizeof(path), "%.*s%.*s",
                                                      SLICE_ARG(target->prefix),
                                                      SLICE_ARG(call->calls->path)));
    add_field(&head.fields, SLICE("content-type"), SLICE("application/json"));
    add_field(&head.fields, SLICE("user-agent"), SLICE("isobench"));
    if (call->sample.traffic_class == CLASS_BATCH)
        add_field(&head.fields, SLICE("x-isochrone-class"), SLICE("batch"));
    if (options->sim) {
        add_field(&head.fields, SLICE("x-sim-prompt-tokens"),
                  decimal(sizes[0], sizeof(sizes[0]), call->sample.asked_prompt_tokens));
        add_field(&head.fields, SLICE("x-sim-output-tokens"),
                  decimal(sizes[1], sizeof(sizes[1]), call->sample.asked_output_tokens));
        add_field(&head.fields, SLICE("x-sim-prefix-tokens"),
                  decimal(sizes[2], sizeof(sizes[2]), call->reusable_tokens));
    }
    if (call->told.ptr != NULL && options->identify == IDENTIFY_FORWARDED)
        add_field(&head.fields, SLICE("x-forwarded-for"), call->told);
    if (options->tenants.count > 0)
        add_field(&head.fields, SLICE("authorization"),
                  options->tenants.list[call->sample.tenant].authorization);
    for (uint32_t i = 0; i < options->header_count; i++)
        add_field(&head.fields, options->headers[i].name, options->headers[i].value);
    call->connection = connection;
    call->stream = codec_open(connection->codec, &head, call->prompt.parts, call->prompt.part_count,
                              &stream_upcalls, call);
    CHECK(call->stream != NULL); /* the lane asked for room */
}

static void on_connection(struct lane_waiter *waiter, struct upstream_connection *connection)
{
    send_request(CONTAINER_OF(waiter, struct call, waiter), connection);
}

static void on_failed(struct lane_waiter *waiter, const char *why)
{
    (void)why; /* the lane keeps it */
    end(CONTAINER_OF(waiter, struct call, waiter), OUTCOME_CONNECT);
}

/* ---- in ---- */

static void keep_text(char *out, size_t size, struct slice text)
{
    const size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

/* The value of "code" in an error object: a string, or a number as vLLM has it. */
static void keep_code(struct sample *sample, struct slice json)
{
    static const char key[] = "\"code\":";
    if (json.len == 0)
        return;
    const char *at = memmem(json.ptr, json.len, key, sizeof(key) - 1);
    if (at == NULL)
        return;
    const char *const stop = json.ptr + json.len;
    for (at += sizeof(key) - 1; at < stop && (*at == ' ' || *at == '"');)
        at++;
    const char *last = at;
    while (last < stop && *last != '"' && *last != ',' && *last != '}')
        last++;
    keep_text(sample->code, sizeof(sample->code), slice_make(at, (size_t)(last - at)));
}

/* {"error": ... */
static bool is_error(struct slice json)
{
    json = slice_trim(json);
    if (json.len == 0 || json.ptr[0] != '{')
        return false;
    json = slice_trim(slice_make(json.ptr + 1, json.len - 1));
    return slice_starts(json, SLICE("\"error\""));
}

static void on_event(void *user, struct slice data)
{
    struct call *call = user;
    struct sample *sample = &call->sample;
    const int64_t now_ns = since_start(call->calls, clock_monotonic_ns());
    call->after_done |= call->sse.done;
    if (slice_eq(slice_trim(data), SLICE("[DONE]")))
        return;
    if (is_error(data)) {
        sample->error_event = true;
        keep_code(sample, data);
        return;
    }
    if (call->calls->settings.options->sim)
        sequence_feed(&call->sequence, data);
    if (sample->events++ == 0)
        sample->first_ns = now_ns;
    else
        tallies_gap(call->calls->settings.tallies, sample, now_ns - sample->last_ns);
    sample->last_ns = now_ns;
}

static void on_response(struct stream *stream, const struct response_head *head)
{
    struct call *call = stream->user;
    struct calls *calls = call->calls;
    struct sample *sample = &call->sample;
    sample->head_ns = since_start(calls, clock_monotonic_ns());
    sample->status = head->status;
    sample->cluster = tallies_cluster(calls->settings.tallies,
                                      fields_find(&head->fields, SLICE("x-isochrone-cluster")));
    keep_text(sample->request_id, sizeof(sample->request_id),
              fields_find(&head->fields, SLICE("x-request-id")));
    const struct slice timing = fields_find(&head->fields, SLICE("server-timing"));
    if (timing.len > 0)
        tallies_timing(calls->settings.tallies, sample, timing);
    call->is_event_stream =
        slice_starts(fields_find(&head->fields, SLICE("content-type")), SLICE("text/event-stream"));
    heard(call);
}

static bool is_good(const struct sample *sample)
{
    return sample->status >= 200 && sample->status < 300;
}

static void keep_body(struct call *call, struct slice data)
{
    const size_t most = is_good(&call->sample) ? ANSWER_BYTES_MOST : ERROR_BYTES_MOST;
    const size_t room = most - buffer_len(&call->body);
    buffer_append(&call->body, data.ptr, data.len < room ? data.len : room);
}

static void on_body(struct stream *stream, struct slice data)
{
    struct call *call = stream->user;
    heard(call);
    if (call->is_event_stream)
        sse_feed(&call->sse, data);
    else if (!is_good(&call->sample) || call->calls->settings.options->prompt.usage)
        keep_body(call, data);
    stream_consumed(stream, data.len);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    (void)stream;
    (void)trailers;
}

static void read_usage(struct call *call)
{
    struct usage_facts usage = {-1, -1, -1};
    if (call->is_event_stream) {
        usage = call->sse.usage;
    } else if (is_good(&call->sample) && buffer_len(&call->body) > 0) {
        const size_t len = buffer_len(&call->body);
        memset(buffer_reserve(&call->body, FACTS_PADDING), 0, FACTS_PADDING);
        usage_parse(buffer_slice(&call->body).ptr, len, &usage);
    }
    call->sample.prompt_tokens = usage.prompt_tokens;
    call->sample.cached_tokens = usage.cached_tokens;
    call->sample.output_tokens = usage.completion_tokens;
}

/* A last [DONE] counts without the blank line behind it. */
static void read_last_line(struct call *call)
{
    if (!call->is_event_stream || call->sse.done || call->sse.at_boundary)
        return;
    call->sse.on_event = NULL; /* half an event is none, whatever else it is */
    sse_feed(&call->sse, SLICE("\n\n"));
}

/* Of an answer that came to its end. */
static enum outcome judge(const struct call *call)
{
    if (!is_good(&call->sample))
        return OUTCOME_STATUS;
    if (!call->calls->settings.options->prompt.stream)
        return OUTCOME_ANSWERED;
    if (!call->is_event_stream)
        return OUTCOME_PROTOCOL;
    if (call->sample.error_event)
        return OUTCOME_ERROR_EVENT;
    if (!call->sse.done)
        return OUTCOME_MISSING_DONE;
    if (call->after_done)
        return OUTCOME_AFTER_DONE;
    if (!call->calls->settings.options->sim)
        return OUTCOME_ANSWERED;
    return sequence_judge(&call->sequence, call->sample.asked_output_tokens);
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct call *call = stream->user;
    call->stream = NULL;
    lane_release(call->lane, call->connection);
    switch (why) {
    case STREAM_DONE:
        read_last_line(call);
        read_usage(call);
        if (!is_good(&call->sample))
            keep_code(&call->sample, buffer_slice(&call->body));
        end(call, judge(call));
        return;
    case STREAM_REFUSED:
        if (call->sample.resent == RESEND_MOST) {
            end(call, OUTCOME_CONNECT);
            return;
        }
        call->sample.resent++;
        lane_wait(call->lane, &call->waiter, true);
        return;
    case STREAM_RESET:
    case STREAM_LOST:
        end(call, OUTCOME_CUT);
        return;
    case STREAM_PROTOCOL:
        break;
    }
    end(call, OUTCOME_PROTOCOL);
}

static const struct stream_events stream_upcalls = {
    .on_response = on_response,
    .on_body = on_body,
    .on_end = on_end,
    .on_closed = on_closed,
};

/* ---- all of them ---- */

void calls_init(struct calls *calls, const struct calls_settings *settings)
{
    *calls = (struct calls){.settings = *settings};
    list_init(&calls->open);
    list_init(&calls->kept);
    calls->path = prompt_path(settings->options->prompt.kind);
    prompt_source_init(&calls->prompts, &settings->options->prompt, settings->options->seed);
}

void calls_finish(struct calls *calls)
{
    struct list *link;
    CHECK(list_empty(&calls->open));
    while ((link = list_pop(&calls->kept)) != NULL) {
        struct call *call = LIST_ENTRY(link, struct call, link);
        buffer_release(&call->body);
        sse_finish(&call->sse);
        prompt_finish(&call->prompt);
        free(call);
    }
    prompt_source_finish(&calls->prompts);
}

static struct call *take(struct calls *calls)
{
    struct list *link = list_pop(&calls->kept);
    if (link != NULL)
        return LIST_ENTRY(link, struct call, link);
    struct call *call = memory_zalloc(sizeof *call);
    list_init(&call->link);
    call->calls = calls;
    timer_init(&call->stall, on_stall);
    list_init(&call->waiter.link);
    call->waiter.on_connection = on_connection;
    call->waiter.on_failed = on_failed;
    return call;
}

void calls_begin(struct calls *calls, struct lane *lane, const struct ask *ask, struct slice told,
                 int64_t intended_ns)
{
    struct call *call = take(calls);
    const int64_t now_ns = clock_monotonic_ns();
    call->lane = lane;
    call->stream = NULL;
    call->is_event_stream = call->after_done = false;
    buffer_clear(&call->body);
    sse_finish(&call->sse);
    sse_init(&call->sse);
    call->sse.on_event = on_event;
    call->sse.user = call;
    prompt_write(&call->prompt, &calls->prompts, ask);
    call->reusable_tokens = ask->reusable_tokens;
    call->told = told;
    call->sequence = (struct sequence){0};
    call->sample = (struct sample){.number = ++calls->begun,
                                   .place = ask->place,
                                   .traffic_class = ask->traffic_class,
                                   .way = ask->way,
                                   .tenant = ask->tenant,
                                   .conversation = ask->conversation,
                                   .turn = ask->turn,
                                   .intended_ns = since_start(calls, intended_ns),
                                   .issued_ns = since_start(calls, now_ns),
                                   .asked_prompt_tokens = ask->prompt_tokens,
                                   .asked_output_tokens = ask->output_tokens,
                                   .prompt_tokens = -1,
                                   .cached_tokens = -1,
                                   .output_tokens = -1};
    tallies_slip(calls->settings.tallies, now_ns - intended_ns);
    list_append(&calls->open, &call->link);
    calls->open_count++;
    if (calls->open_count > calls->settings.options->open_most) {
        end(call, OUTCOME_NOT_SENT);
        return;
    }
    heard(call);
    lane_wait(lane, &call->waiter, false);
}

void calls_abandon(struct calls *calls)
{
    while (!list_empty(&calls->open))
        give_up(LIST_ENTRY(calls->open.next, struct call, link), OUTCOME_UNFINISHED);
}
