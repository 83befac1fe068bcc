/*
 * The cluster behind every proxy that bench/peers compares.  It must cost less
 * than any of them, so it does nothing else; backend.h has its parts.
 *
 *   backend ADDRESS                   answers each request with a kilobyte of JSON
 *   backend ADDRESS PERIOD_US         answers with events, one a stream and period
 *
 * It prints the address it got, and ends with SIGTERM.
 */
#include "backend.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "h2_frame.h"
#include "net/listener.h"

enum { READ_BYTES = 65536, READY_MOST = 256, IDLE_MS = 100 };

static char answer_text[ANSWER_BYTES + 1];
const char *const answer_body = answer_text;

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void write_answer(void)
{
    static const char head[] =
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
        "\"qwen3-32b\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"";
    static const char tail[] = "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,"
                               "\"completion_tokens\":64,\"total_tokens\":264}}";
    memset(answer_text, 'a', ANSWER_BYTES);
    memcpy(answer_text, head, sizeof(head) - 1);
    memcpy(answer_text + ANSWER_BYTES - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
}

void back_connection_mark(struct back_connection *connection)
{
    if (list_empty(&connection->dirty))
        list_append(&connection->backend->dirty, &connection->dirty);
}

static void watch(struct back_connection *connection, int operation, bool also_room)
{
    struct epoll_event event = {.events = EPOLLIN | (also_room ? EPOLLOUT : 0),
                                .data.ptr = connection};
    CHECK(epoll_ctl(connection->backend->epoll, operation, connection->fd, &event) == 0);
    connection->waits_for_room = also_room;
}

static void destroy(struct back_connection *connection)
{
    LIST_EACH_SAFE (node, &connection->streams) {
        struct event_stream *stream = LIST_ENTRY(node, struct event_stream, link);
        events_remove(connection->backend->events, &stream);
    }
    list_remove(&connection->dirty);
    close(connection->fd);
    buffer_release(&connection->in);
    buffer_release(&connection->out);
    free(connection->by_number);
    free(connection->owed);
    free(connection);
}

static void accept_all(struct backend *backend, int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct back_connection *connection = memory_zalloc(sizeof *connection);
        connection->backend = backend;
        connection->fd = fd;
        list_init(&connection->streams);
        list_init(&connection->dirty);
        watch(connection, EPOLL_CTL_ADD, false);
    }
}

/* Which protocol it speaks; false: too few bytes to say. */
static bool know(struct back_connection *connection)
{
    const struct slice bytes = buffer_slice(&connection->in);
    const size_t len = bytes.len < H2_PREFACE_BYTES ? bytes.len : H2_PREFACE_BYTES;
    connection->is_h2 = memcmp(bytes.ptr, h2_preface, len) == 0;
    if (connection->is_h2 && len < H2_PREFACE_BYTES)
        return false;
    connection->is_known = true;
    if (connection->is_h2) {
        buffer_consume(&connection->in, H2_PREFACE_BYTES);
        h2_begin(connection);
    }
    return true;
}

/* False: it is over. */
static bool read_some(struct back_connection *connection)
{
    char *at = buffer_reserve(&connection->in, READ_BYTES);
    const ssize_t n = read(connection->fd, at, READ_BYTES);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    buffer_commit(&connection->in, (size_t)n);
    if (!connection->is_known && !know(connection))
        return true;
    return connection->is_h2 ? h2_read(connection) : h1_read(connection);
}

static bool write_some(struct back_connection *connection)
{
    const struct slice bytes = buffer_slice(&connection->out);
    const ssize_t n = write(connection->fd, bytes.ptr, bytes.len);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    if (n > 0)
        buffer_consume(&connection->out, (size_t)n);
    const bool wants_room = buffer_len(&connection->out) > 0;
    if (wants_room != connection->waits_for_room)
        watch(connection, EPOLL_CTL_MOD, wants_room);
    return true;
}

static void write_dirty(struct backend *backend)
{
    struct list *node;
    while ((node = list_pop(&backend->dirty))) {
        struct back_connection *connection = LIST_ENTRY(node, struct back_connection, dirty);
        if (!connection->waits_for_room && buffer_len(&connection->out) && !write_some(connection))
            destroy(connection);
    }
}

static void on_ready(struct backend *backend, const struct epoll_event *event, int listener)
{
    struct back_connection *connection = event->data.ptr;
    if (!connection) {
        accept_all(backend, listener);
        return;
    }
    const bool good = (!(event->events & EPOLLOUT) || write_some(connection)) &&
                      (!(event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || read_some(connection));
    if (!good)
        destroy(connection);
}

static void serve(struct backend *backend, int listener)
{
    struct epoll_event first = {.events = EPOLLIN, .data.ptr = NULL};
    struct epoll_event ready[READY_MOST];
    CHECK(epoll_ctl(backend->epoll, EPOLL_CTL_ADD, listener, &first) == 0);
    while (!stopped) {
        int64_t wait_ns = IDLE_MS * NS_PER_MS;
        if (backend->events)
            wait_ns = events_send(backend->events);
        write_dirty(backend);
        const struct timespec wait = {.tv_nsec = wait_ns > 0 ? wait_ns : 0};
        const int count = epoll_pwait2(backend->epoll, ready, READY_MOST, &wait, NULL);
        for (int i = 0; i < count; i++)
            on_ready(backend, &ready[i], listener);
        write_dirty(backend);
    }
}

int main(int argc, char **argv)
{
    struct error error;
    struct address address, bound;
    char name[ADDRESS_TEXT_BYTES];
    uint64_t period_us = 0;
    log_set_program("backend");
    if (argc < 2 || argc > 3 || (argc == 3 && !slice_to_u64(slice_of(argv[2]), &period_us))) {
        fputs("usage: backend ADDRESS [PERIOD_US]\n", stderr);
        return 2;
    }
    const int listener = address_parse(slice_of(argv[1]), &address, &error)
                             ? listener_socket(&address, &bound, &error)
                             : -1;
    if (listener < 0) {
        fprintf(stderr, "backend: %s\n", error.text);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    write_answer();
    struct backend backend = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    CHECK(backend.epoll >= 0);
    list_init(&backend.dirty);
    if (period_us)
        backend.events = events_create((int64_t)period_us * 1000);
    printf("{\"address\":\"%s\"}\n", address_write(&bound, name));
    fflush(stdout);
    serve(&backend, listener);
    events_destroy(&backend.events);
    return 0;
}
