#include "control/admin_server.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "control/control.h"
#include "control/pages.h"
#include "net/listener.h"
#include "proxy/connection.h"

enum { BODY_MOST = 64 * 1024 };

struct admin_front {
    struct admin_server *server;
    struct listener *listener; /* NULL: none */
    struct connection_host host;
    bool read_only; /* the metrics address: /metrics and /healthz only */
};

struct admin_server {
    struct control *control;
    struct admin_front admin;
    struct admin_front metrics;
};

/* A request until its body is complete.  Lives in the stream's arena. */
struct admin_request {
    struct admin_front *front;
    const struct request_head *head;
    struct buffer body;
};

/* --- who may ask --- */

/* host[:port] of a URL authority, without the port. */
static struct slice host_of(struct slice authority)
{
    if (authority.len > 0 && authority.ptr[0] == '[') {
        const ptrdiff_t end = slice_find(authority, ']');
        return end > 0 ? slice_make(authority.ptr + 1, (size_t)end - 1) : SLICE("");
    }
    const ptrdiff_t colon = slice_find(authority, ':');
    if (colon >= 0)
        authority.len = (size_t)colon;
    return authority;
}

static bool is_local_name(struct slice authority)
{
    const struct slice host = host_of(authority);
    struct address address;
    if (slice_eq_nocase(host, SLICE("localhost")))
        return true;
    return address_parse_ip(host, &address) && address_is_loopback(&address);
}

/* A name that rebinds to loopback, or a page of another origin, gets nothing. */
static bool may_ask(const struct admin_front *front, const struct request_head *head)
{
    if (front->read_only)
        return true; /* anyone may read it; it changes nothing */
    const struct slice origin = fields_find(&head->fields, SLICE("origin"));
    if (origin.ptr != NULL) {
        const struct slice scheme = SLICE("http://");
        if (!slice_starts(origin, scheme) ||
            !slice_eq(slice_make(origin.ptr + scheme.len, origin.len - scheme.len),
                      head->authority))
            return false;
    }
    return is_local_name(head->authority);
}

/* --- answering --- */

static void respond(struct stream *stream, bool head_only, const struct page *page)
{
    struct fields fields = {0};
    struct arena *arena = stream_arena(stream);
    fields_add(&fields, arena, SLICE("content-type"), slice_of(page->type));
    fields_add(&fields, arena, SLICE("cache-control"), SLICE("no-store"));
    fields_add(&fields, arena, SLICE("x-content-type-options"), SLICE("nosniff"));
    if (page->allow != NULL)
        fields_add(&fields, arena, SLICE("allow"), slice_of(page->allow));
    const struct response_head head = {.status = page->status,
                                       .fields = fields,
                                       .content_length = (int64_t)buffer_len(&page->body)};
    stream_send_response(stream, &head, head_only);
    if (head_only)
        return;
    stream_send_body(stream, buffer_slice(&page->body));
    stream_send_end(stream, NULL);
}

static struct page_request page_request_of(const struct admin_request *admin)
{
    const struct admin_front *front = admin->front;
    const struct request_head *head = admin->head;
    struct page_request request = {.method = head->method,
                                   .path = head->path,
                                   .body = buffer_slice(&admin->body),
                                   .read_only = front->read_only};
    const ptrdiff_t query = slice_find(head->path, '?');
    if (query >= 0) {
        request.query = slice_make(head->path.ptr + query + 1, head->path.len - (size_t)query - 1);
        request.path.len = (size_t)query;
    }
    request.accept = fields_find(&head->fields, SLICE("accept"));
    return request;
}

static void answer(struct stream *stream, struct admin_request *admin)
{
    struct page page = {.status = 200, .type = "application/json"};
    if (!may_ask(admin->front, admin->head)) {
        page_error(&page, 403, "This interface answers local callers by a loopback name only.");
    } else {
        const struct page_request request = page_request_of(admin);
        page_make(admin->front->server->control, &request, &page);
    }
    respond(stream, admin->head->method == METHOD_HEAD, &page);
    buffer_release(&page.body);
}

static void on_body(struct stream *stream, struct slice data)
{
    struct admin_request *admin = stream->user;
    stream_consumed(stream, data.len);
    buffer_append_slice(&admin->body, data);
    if (buffer_len(&admin->body) <= BODY_MOST)
        return;
    buffer_release(&admin->body);
    stream_reset(stream, H2_REFUSED_STREAM);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    (void)trailers;
    answer(stream, stream->user);
}

static void on_drained(struct stream *stream)
{
    (void)stream;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    struct admin_request *admin = stream->user;
    (void)why;
    buffer_release(&admin->body);
}

static const struct stream_events stream_upcalls = {
    .on_body = on_body,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void on_request(void *owner, struct connection *connection, struct stream *stream,
                       const struct request_head *head)
{
    (void)connection;
    struct admin_request *admin = arena_zalloc(stream_arena(stream), sizeof *admin);
    admin->front = owner;
    admin->head = head;
    stream->events = &stream_upcalls;
    stream->user = admin;
}

static const struct connection_handler handler = {.on_request = on_request};

/* --- listening --- */

static void on_accept(void *owner, int fd, const struct address *peer)
{
    struct admin_front *front = owner;
    connection_accept(&front->host, fd, peer, NULL);
}

static const struct listener_events listener_upcalls = {.on_accept = on_accept};

static bool open_front(struct admin_server *server, struct admin_front *front,
                       const struct yaml_address *address, const char *place, const char *event,
                       struct config_problems *problems)
{
    front->server = server;
    connection_host_init(&front->host, server->control->loop, &handler, front);
    if (address->text == NULL)
        return true;
    struct address bound;
    struct error error;
    const int fd = listener_socket(&address->address, &bound, &error);
    if (fd < 0) {
        config_problems_add(problems, "%s: %s", place, error.text);
        return false;
    }
    front->listener = listener_create(server->control->loop, fd, &listener_upcalls, front);
    char text[ADDRESS_TEXT_BYTES];
    log_event(LOG_INFO, event, "%s", address_write(&bound, text));
    return true;
}

struct admin_server *admin_server_create(struct control *control, const struct config *config,
                                         struct config_problems *problems)
{
    struct admin_server *server = memory_zalloc(sizeof *server);
    server->control = control;
    server->metrics.read_only = true;
    bool fine = open_front(server, &server->admin, &config->admin, config->admin_place,
                           "listening_admin", problems);
    fine = open_front(server, &server->metrics, &config->metrics, config->metrics_place,
                      "listening_metrics", problems) &&
           fine;
    if (!fine)
        admin_server_destroy(&server);
    return server;
}

static void close_front(struct admin_front *front)
{
    listener_destroy(&front->listener);
    connection_host_finish(&front->host);
}

void admin_server_destroy(struct admin_server **server)
{
    if (*server == NULL)
        return;
    close_front(&(*server)->admin);
    close_front(&(*server)->metrics);
    loop_turn((*server)->control->loop); /* connections free themselves at the end of a turn */
    free(*server);
    *server = NULL;
}
