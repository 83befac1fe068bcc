#include "engine.h"

#include "../net/net_kit.h"
#include "unit.h"

#include "base/memory.h"

static char *fields_text(const struct fields *fields)
{
    struct buffer text = {0};
    for (uint32_t i = 0; fields != NULL && i < fields->count; i++) {
        buffer_append_slice(&text, fields->items[i].name);
        buffer_append_byte(&text, '=');
        buffer_append_slice(&text, fields->items[i].value);
        buffer_append_byte(&text, '\n');
    }
    char *copy = memory_printf("%.*s", SLICE_ARG(buffer_slice(&text)));
    buffer_release(&text);
    return copy;
}

const char *field_of(const char *fields, const char *name)
{
    static char values[8][4096];
    static unsigned turn;
    const size_t len = strlen(name);
    for (const char *line = fields; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        if (strncmp(line, name, len) == 0 && line[len] == '=') {
            char *value = values[turn++ % 8];
            snprintf(value, sizeof values[0], "%.*s", (int)(end - line - (ptrdiff_t)len - 1),
                     line + len + 1);
            return value;
        }
        line = end + 1;
    }
    return NULL;
}

size_t field_count(const char *fields, const char *name)
{
    size_t count = 0;
    const size_t len = strlen(name);
    for (const char *line = fields; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1)
        count += strncmp(line, name, len) == 0 && line[len] == '=';
    return count;
}

/* --- the engine -------------------------------------------------------- */

static void engine_body(struct stream *stream, struct slice data)
{
    struct engine_request *request = stream->user;
    buffer_append_slice(&request->body, data);
    stream_consumed(stream, data.len);
}

static void engine_complete(struct stream *stream, const struct fields *trailers)
{
    (void)trailers;
    struct engine_request *request = stream->user;
    request->complete = true;
    request->engine->completes++;
    if (request->engine->on_complete != NULL)
        request->engine->on_complete(request);
    else
        engine_answer(request, 200, "application/json", "{\"ok\":true}");
}

static void engine_drained(struct stream *stream)
{
    (void)stream;
}

static void engine_stream_closed(struct stream *stream, enum stream_close why)
{
    struct engine_request *request = stream->user;
    request->stream = NULL;
    request->closed = true;
    request->why = why;
    request->engine->closes++;
}

static const struct stream_events engine_upcalls = {
    .on_body = engine_body,
    .on_end = engine_complete,
    .on_drained = engine_drained,
    .on_closed = engine_stream_closed,
};

static void engine_request_came(void *owner, struct connection *connection, struct stream *stream,
                                const struct request_head *head)
{
    (void)connection;
    struct engine *engine = owner;
    struct engine_request *request = memory_zalloc(sizeof *request);
    request->engine = engine;
    request->stream = stream;
    snprintf(request->method, sizeof request->method, "%.*s", SLICE_ARG(head->method_text));
    snprintf(request->path, sizeof request->path, "%.*s", SLICE_ARG(head->path));
    char *fields = fields_text(&head->fields);
    request->fields = memory_printf("%s:authority=%.*s\ncontent-length=%lld\n", fields,
                                    SLICE_ARG(head->authority), (long long)head->content_length);
    free(fields);
    list_append(&engine->requests, &request->link);
    engine->heads++;
    stream->events = &engine_upcalls;
    stream->user = request;
    if (engine->refuses) {
        request->stream = NULL;
        stream_reset(stream, H2_REFUSED_STREAM);
    }
}

static const struct connection_handler engine_handler = {.on_request = engine_request_came};

static void engine_accept(void *owner, int fd, const struct address *peer)
{
    struct engine *engine = owner;
    connection_accept(&engine->host, fd, peer, engine->tls);
}

static const struct listener_events engine_listener = {.on_accept = engine_accept};

void engine_open_tls(struct engine *engine, struct loop *loop, struct tls_server *tls)
{
    *engine = (struct engine){.loop = loop, .tls = tls};
    list_init(&engine->requests);
    connection_host_init(&engine->host, loop, &engine_handler, engine);
    const int fd = kit_listen(&engine->bound);
    engine->listener = listener_create(loop, fd, &engine_listener, engine);
    snprintf(engine->url, sizeof engine->url, "%s://127.0.0.1:%u", tls != NULL ? "https" : "http",
             address_port(&engine->bound));
}

void engine_open(struct engine *engine, struct loop *loop)
{
    engine_open_tls(engine, loop, NULL);
}

void engine_stop_listening(struct engine *engine)
{
    listener_destroy(&engine->listener);
}

void engine_close(struct engine *engine)
{
    listener_destroy(&engine->listener);
    connection_host_finish(&engine->host);
    loop_turn(engine->loop);
    struct list *node;
    while ((node = list_pop(&engine->requests)) != NULL) {
        struct engine_request *request = LIST_ENTRY(node, struct engine_request, link);
        buffer_release(&request->body);
        free(request->fields);
        free(request);
    }
    tls_server_drop(&engine->tls);
}

void engine_begin(struct engine_request *request, int status, const char *type)
{
    struct fields fields = {0};
    struct arena *arena = stream_arena(request->stream);
    if (type != NULL)
        fields_add(&fields, arena, SLICE("content-type"), slice_of(type));
    fields_add(&fields, arena, SLICE("x-isochrone-secret"), SLICE("1"));
    fields_add(&fields, arena, SLICE("x-engine"), SLICE("test"));
    const struct response_head head = {.status = status, .fields = fields, .content_length = -1};
    stream_send_response(request->stream, &head, false);
}

void engine_say(struct engine_request *request, const char *text)
{
    stream_send_body(request->stream, slice_of(text));
}

void engine_end(struct engine_request *request)
{
    stream_send_end(request->stream, NULL);
}

void engine_cut(struct engine_request *request)
{
    stream_send_cut(request->stream, H2_INTERNAL_ERROR);
}

void engine_answer(struct engine_request *request, int status, const char *type, const char *text)
{
    engine_begin(request, status, type);
    engine_say(request, text);
    engine_end(request);
}

struct engine_request *engine_last(struct engine *engine)
{
    assert_false(list_empty(&engine->requests));
    return LIST_ENTRY(engine->requests.prev, struct engine_request, link);
}

/* --- the caller -------------------------------------------------------- */

static void caller_opened(void *owner, struct upstream_connection *connection)
{
    (void)connection;
    ((struct caller *)owner)->open = true;
}

static void caller_capacity(void *owner, struct upstream_connection *connection)
{
    (void)owner;
    (void)connection;
}

static void caller_ended(void *owner, struct upstream_connection *connection, const char *why)
{
    (void)connection;
    (void)why;
    ((struct caller *)owner)->connection = NULL;
}

static const struct upstream_connection_events caller_events = {
    .on_open = caller_opened,
    .on_capacity = caller_capacity,
    .on_ended = caller_ended,
};

static bool is_open(void *arg)
{
    const struct caller *caller = arg;
    return caller->open || caller->connection == NULL;
}

void caller_open(struct caller *caller, struct loop *loop, const struct address *address, bool h2)
{
    *caller = (struct caller){.loop = loop};
    const struct upstream_dial dial = {.address = *address,
                                       .protocol = h2 ? UPSTREAM_H2 : UPSTREAM_H1,
                                       .connect_timeout_ms = 5000};
    caller->connection = upstream_connection_dial(loop, &dial, &caller_events, caller);
    kit_run_until(loop, is_open, caller);
    assert_true(caller->open);
}

void caller_close(struct caller *caller)
{
    if (caller->connection == NULL)
        return;
    struct upstream_connection *connection = caller->connection;
    caller->connection = NULL;
    upstream_connection_close(connection);
    loop_turn(caller->loop);
}

static void call_response(struct stream *stream, const struct response_head *head)
{
    struct call *call = stream->user;
    call->status = head->status;
    free(call->fields);
    call->fields = fields_text(&head->fields);
}

static void call_body(struct stream *stream, struct slice data)
{
    struct call *call = stream->user;
    buffer_append_slice(&call->body, data);
    if (call->hold)
        call->held += data.len;
    else
        stream_consumed(stream, data.len);
}

static void call_end(struct stream *stream, const struct fields *trailers)
{
    struct call *call = stream->user;
    call->ended = true;
    call->trailers = fields_text(trailers);
}

static void call_closed(struct stream *stream, enum stream_close why)
{
    struct call *call = stream->user;
    call->stream = NULL;
    call->closed = true;
    call->why = why;
}

static const struct stream_events call_upcalls = {
    .on_response = call_response,
    .on_body = call_body,
    .on_end = call_end,
    .on_closed = call_closed,
};

void call_begin(struct call *call, struct caller *caller, const char *method, const char *path,
                const char *const *fields, const char *body)
{
    *call = (struct call){.caller = caller};
    call->fields = memory_strdup("");
    arena_init(&call->arena);
    call->part = slice_of(body != NULL ? body : "");
    call->head = (struct request_head){.method = method_of(slice_of(method)),
                                       .version = HTTP_1_1,
                                       .method_text = slice_of(method),
                                       .scheme = SLICE("http"),
                                       .authority = SLICE("edge.test"),
                                       .path = slice_of(path),
                                       .content_length = -1,
                                       .body = body != NULL};
    for (; fields != NULL && fields[0] != NULL; fields += 2)
        fields_add(&call->head.fields, &call->arena, slice_of(fields[0]), slice_of(fields[1]));
    assert_non_null(caller->connection);
    assert_true(upstream_connection_capacity(caller->connection) > 0);
    call->stream =
        codec_open(caller->connection->codec, &call->head, &call->part, 1, &call_upcalls, call);
    assert_non_null(call->stream);
}

static bool is_closed(void *arg)
{
    return ((struct call *)arg)->closed;
}

static bool has_head(void *arg)
{
    const struct call *call = arg;
    return call->status != 0 || call->closed;
}

void call_wait(struct call *call)
{
    kit_run_until(call->caller->loop, is_closed, call);
}

void call_wait_head(struct call *call)
{
    kit_run_until(call->caller->loop, has_head, call);
}

struct awaited {
    struct call *call;
    const char *text;
};

static bool has_text(void *arg)
{
    const struct awaited *awaited = arg;
    return awaited->call->closed || strstr(call_text(awaited->call), awaited->text) != NULL;
}

void call_wait_text(struct call *call, const char *text)
{
    struct awaited awaited = {call, text};
    kit_run_until(call->caller->loop, has_text, &awaited);
}

void call_finish(struct call *call)
{
    if (call->caller == NULL)
        return;
    if (call->stream != NULL)
        stream_reset(call->stream, H2_CANCEL);
    buffer_release(&call->body);
    free(call->fields);
    free(call->trailers);
    arena_finish(&call->arena);
    *call = (struct call){0};
}

const char *call_field(const struct call *call, const char *name)
{
    return field_of(call->fields, name);
}

const char *call_text(struct call *call)
{
    *buffer_reserve(&call->body, 1) = '\0';
    return buffer_slice(&call->body).ptr;
}
