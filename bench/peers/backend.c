/*
 * The cluster behind every proxy that bench/peers compares: answers each
 * request with the same kilobyte of JSON as soon as its body has come.  One
 * thread, HTTP/2 with prior knowledge and HTTP/1.1 on one port.  It must cost
 * less than any proxy, so it does nothing else.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "net/listener.h"
#include "proxy/connection.h"

enum { ANSWER_BYTES = 1024, STREAMS_MOST = 1024 };

static char answer[ANSWER_BYTES + 1];

static void write_answer(void)
{
    static const char head[] =
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
        "\"qwen3-32b\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"";
    static const char tail[] = "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,"
                               "\"completion_tokens\":64,\"total_tokens\":264}}";
    memset(answer, 'a', ANSWER_BYTES);
    memcpy(answer, head, sizeof(head) - 1);
    memcpy(answer + ANSWER_BYTES - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
}

static void on_body(struct stream *stream, struct slice data)
{
    stream_consumed(stream, data.len);
}

static void on_end(struct stream *stream, const struct fields *trailers)
{
    (void)trailers;
    struct response_head head = {.status = 200, .content_length = ANSWER_BYTES};
    fields_add(&head.fields, stream_arena(stream), SLICE("content-type"),
               SLICE("application/json"));
    stream_send_response(stream, &head, false);
    stream_send_body(stream, slice_make(answer, ANSWER_BYTES));
    stream_send_end(stream, NULL);
}

static void on_drained(struct stream *stream)
{
    (void)stream;
}

static void on_closed(struct stream *stream, enum stream_close why)
{
    (void)stream;
    (void)why;
}

static void on_request(void *owner, struct connection *connection, struct stream *stream,
                       const struct request_head *head)
{
    static const struct stream_events events = {.on_body = on_body,
                                                .on_end = on_end,
                                                .on_drained = on_drained,
                                                .on_closed = on_closed};
    (void)owner;
    (void)connection;
    (void)head;
    stream->events = &events;
}

static void on_accept(void *owner, int fd, const struct address *peer)
{
    connection_accept(owner, fd, peer, NULL);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    loop_stop(arg);
}

static bool serve(struct loop *loop, const char *text, struct error *error)
{
    static const struct connection_handler handler = {.on_request = on_request};
    static const struct listener_events events = {.on_accept = on_accept};
    struct connection_host host;
    struct address address, bound;
    char name[ADDRESS_TEXT_BYTES];
    if (!address_parse(slice_of(text), &address, error))
        return false;
    const int fd = listener_socket(&address, &bound, error);
    if (fd < 0)
        return false;
    connection_host_init(&host, loop, &handler, NULL);
    host.settings.limits.streams = STREAMS_MOST;
    host.settings.limits.believes_scheme = true;
    host.settings.requests_most = 0;
    host.settings.idle_timeout_ms = 3600 * 1000;
    struct listener *listener = listener_create(loop, fd, &events, &host);
    struct event *term = evsignal_new(loop_base(loop), SIGTERM, on_signal, loop);
    struct event *interrupt = evsignal_new(loop_base(loop), SIGINT, on_signal, loop);
    CHECK(event_add(term, NULL) == 0 && event_add(interrupt, NULL) == 0);
    printf("{\"address\":\"%s\"}\n", address_write(&bound, name));
    fflush(stdout);
    loop_run(loop);
    listener_destroy(&listener);
    connection_host_finish(&host);
    event_free(term);
    event_free(interrupt);
    return true;
}

int main(int argc, char **argv)
{
    struct error error;
    log_set_program("backend");
    if (argc != 2) {
        fputs("usage: backend ADDRESS\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    write_answer();
    struct loop *loop = loop_create();
    const bool good = serve(loop, argv[1], &error);
    loop_destroy(&loop);
    if (!good)
        fprintf(stderr, "backend: %s\n", error.text);
    return good ? 0 : 1;
}
