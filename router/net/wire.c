/*
 * The life of a wire: connecting, the handshake, its events and its end.  The
 * bytes below are wire_tls.c's when there is TLS, and the socket's otherwise.
 */
#include "net/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "net/linger.h"
#include "net/wire_tls.h"

/* --- the end ----------------------------------------------------------- */

void wire_end(struct wire *wire, enum wire_end end, const char *format, ...)
{
    if (wire->end != WIRE_OPEN && wire->end != WIRE_EOF)
        return;
    wire->end = end;
    if (wire->reading) {
        event_del(&wire->read_event);
        wire->reading = false;
    }
    if (!format)
        return;
    va_list args;
    va_start(args, format);
    free(wire->error_text);
    if (vasprintf(&wire->error_text, format, args) < 0)
        wire->error_text = NULL;
    va_end(args);
}

static void forget_write_event(struct wire *wire)
{
    if (!wire->write_event)
        return;
    event_free(wire->write_event);
    wire->write_event = NULL;
}

static void stop_writing(struct wire *wire)
{
    buffer_release(&wire->pending);
    wire->held = false;
    forget_write_event(wire);
}

/* What came before the reset may still be read; the reader finds the end behind it. */
static void break_writing(struct wire *wire, int error)
{
    if (wire->write_broken)
        return;
    wire->write_broken = true;
    stop_writing(wire);
    if (!wire->open || wire->end == WIRE_EOF)
        wire_end(wire, WIRE_RESET, "%s", strerror(error));
    wire->end_told = false;
    loop_run_later(wire->loop, &wire->deferred);
}

/* Everything is given back but the socket and what is pending for it; returns the socket. */
static int take_socket(struct wire *wire)
{
    const int fd = wire->fd;
    loop_task_cancel(&wire->deferred);
    free(wire->error_text);
    wire->error_text = NULL;
    if (wire->reading)
        event_del(&wire->read_event);
    wire->reading = false;
    wire->held = false;
    forget_write_event(wire);
    wire_tls_finish(wire);
    wire->fd = -1;
    return fd;
}

static void release(struct wire *wire)
{
    const int fd = take_socket(wire);
    buffer_release(&wire->pending);
    if (fd >= 0)
        close(fd);
}

/* --- writing ----------------------------------------------------------- */

/* What the socket takes now; 0 when it is full or broken. */
static size_t send_some(struct wire *wire, const char *data, size_t len)
{
    size_t sent = 0;
    while (sent < len && !wire->write_broken) {
        const ssize_t n = send(wire->fd, data + sent, len - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR)
            break_writing(wire, errno);
    }
    return sent;
}

static void on_socket_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wire *wire = arg;
    const struct slice rest = buffer_slice(&wire->pending);
    const size_t sent = send_some(wire, rest.ptr, rest.len);
    if (wire->write_broken)
        return;
    buffer_consume(&wire->pending, sent);
    if (buffer_len(&wire->pending) > 0)
        return;
    stop_writing(wire);
    if (wire->open)
        wire->events->on_writable(wire->owner);
}

static void await_room(struct wire *wire)
{
    if (wire->write_event)
        return;
    wire->write_event =
        event_new(loop_base(wire->loop), wire->fd, EV_WRITE | EV_PERSIST, on_socket_writable, wire);
    CHECK(wire->write_event != NULL);
    event_add(wire->write_event, NULL);
}

static void send_held(struct wire *wire)
{
    wire->held = false;
    const struct slice all = buffer_slice(&wire->pending);
    const size_t sent = send_some(wire, all.ptr, all.len);
    if (wire->write_broken)
        return;
    buffer_consume(&wire->pending, sent);
    if (buffer_len(&wire->pending) == 0)
        buffer_release(&wire->pending);
    else
        await_room(wire);
}

void wire_send(struct wire *wire, const char *data, size_t len)
{
    size_t sent = 0;
    if (buffer_len(&wire->pending) == 0)
        sent = send_some(wire, data, len);
    if (sent == len || wire->write_broken)
        return;
    buffer_append(&wire->pending, data + sent, len - sent);
    if (wire->held)
        send_held(wire);
    else
        await_room(wire);
}

void wire_hold(struct wire *wire, const char *data, size_t len)
{
    if (len == 0 || wire->write_broken)
        return;
    wire->held = buffer_len(&wire->pending) == 0;
    buffer_append(&wire->pending, data, len);
}

size_t wire_write(struct wire *wire, const char *data, size_t len)
{
    if (wire->fd < 0 || wire->write_broken || len == 0)
        return wire_pending(wire);
    CHECK(wire->open);
    wire->bytes_out += len;
    if (wire->ssl)
        wire_tls_write(wire, data, len);
    else
        wire_send(wire, data, len);
    return wire_pending(wire);
}

size_t wire_pending(const struct wire *wire)
{
    return wire->held ? 0 : buffer_len(&wire->pending);
}

/* --- reading ----------------------------------------------------------- */

ssize_t wire_receive(struct wire *wire, char *out, size_t size)
{
    ssize_t n;
    if (wire->socket_dry)
        return 0;
    do
        n = recv(wire->fd, out, size, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        wire->socket_dry =
            (size_t)n < size; /* level-triggered: a FIN behind it comes as an event */
        return n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !wire->write_broken) {
        wire->socket_dry = true;
        return 0;
    }
    wire->socket_ended = true;
    wire->socket_failed = n < 0 || wire->write_broken;
    return -1;
}

static ssize_t read_plain(struct wire *wire, char *out, size_t size)
{
    const ssize_t n = wire_receive(wire, out, size);
    if (n < 0 && wire->socket_failed)
        wire_end(wire, WIRE_RESET, NULL);
    else if (n < 0)
        wire_end(wire, WIRE_EOF, NULL);
    return n;
}

ssize_t wire_read(struct wire *wire, char *out, size_t size)
{
    if (wire->fd < 0 || wire->end != WIRE_OPEN) {
        wire->end_told = true;
        return -1;
    }
    if (wire->read_dry || size == 0)
        return 0;
    const ssize_t n = wire->ssl ? wire_tls_read(wire, out, size) : read_plain(wire, out, size);
    if (n > 0)
        wire->bytes_in += (uint64_t)n;
    wire->end_told = n < 0;
    wire->read_dry = n == 0 || (wire->socket_dry && !wire_tls_has_data(wire));
    return n;
}

/* What is left inside OpenSSL, and an end that was found behind data, come with no event. */
static bool has_left(const struct wire *wire)
{
    if (wire->fd < 0 || !wire->read_wanted)
        return false;
    return wire->end == WIRE_OPEN ? !wire->read_dry && wire_tls_has_data(wire) : !wire->end_told;
}

static void call_again_if_left(struct wire *wire)
{
    if (has_left(wire))
        loop_run_later(wire->loop, &wire->deferred);
}

static void deliver(struct wire *wire)
{
    wire->events->on_readable(wire->owner);
    call_again_if_left(wire);
}

static void register_reading(struct wire *wire)
{
    if (wire->reading || wire->end != WIRE_OPEN)
        return;
    wire->reading = true;
    event_add(&wire->read_event, NULL);
}

void wire_want_read(struct wire *wire, bool wanted)
{
    wire->read_wanted = wanted;
    if (wire->fd < 0 || !wire->open)
        return;
    if (wanted) {
        register_reading(wire); /* when off, the event stays until it fires for nothing */
        call_again_if_left(wire);
    } else if (wire->write_broken && !wire->end_told) {
        loop_run_later(wire->loop, &wire->deferred);
    }
}

/* --- opening ----------------------------------------------------------- */

/* What came with the end of the handshake is read at once, and what the handshake has left to say
 * waits for what is written now: all of it in one packet. */
static void opened(struct wire *wire)
{
    register_reading(wire);
    wire->open = true;
    wire->events->on_open(wire->owner);
    if (has_left(wire))
        deliver(wire);
    if (wire->held)
        loop_flush_later(wire->loop, &wire->deferred); /* behind the flush of who wrote */
}

/* One step of the handshake; tells the owner how it came out. */
static void shake_hands(struct wire *wire)
{
    if (wire_tls_handshake(wire))
        opened(wire);
    else if (wire->end != WIRE_OPEN)
        wire->events->on_readable(wire->owner);
}

static void on_socket_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct wire *wire = arg;
    wire->socket_dry = false;
    wire->read_dry = false;
    if (!wire->open) {
        shake_hands(wire);
    } else if (wire->read_wanted) {
        deliver(wire);
    } else {
        event_del(&wire->read_event);
        wire->reading = false;
    }
}

static void run_deferred(struct loop_task *task)
{
    struct wire *wire = CONTAINER_OF(task, struct wire, deferred);
    if (wire->held)
        send_held(wire);
    if (wire->write_broken) {
        wire->read_dry = wire->socket_dry = false;
        if (!wire->read_wanted)
            wire_end(wire, WIRE_RESET, NULL);
    }
    if (wire->end != WIRE_OPEN)
        wire->events->on_readable(wire->owner);
    else if (!wire->open)
        opened(wire);
    else if (wire->write_broken ? wire->read_wanted : has_left(wire))
        deliver(wire);
}

static void prepare(struct wire *wire, struct loop *loop, int fd, const struct wire_events *events,
                    void *owner)
{
    *wire = (struct wire){
        .events = events, .owner = owner, .loop = loop, .fd = fd, .read_wanted = true};
    loop_task_init(&wire->deferred, run_deferred);
    if (fd >= 0)
        event_assign(&wire->read_event, loop_base(loop), fd, EV_READ | EV_PERSIST,
                     on_socket_readable, wire);
}

void wire_accept(struct wire *wire, struct loop *loop, int fd, struct tls_server *tls,
                 const struct wire_events *events, void *owner)
{
    CHECK(fd >= 0);
    prepare(wire, loop, fd, events, owner);
    if (!tls) {
        loop_run_later(loop, &wire->deferred);
        return;
    }
    wire_tls_accept(wire, tls);
    register_reading(wire);
}

/* --- connecting -------------------------------------------------------- */

static void refuse(struct wire *wire, int error)
{
    wire_end(wire, WIRE_REFUSED, "%s", strerror(error));
}

/* The socket is connected: what follows is as for an accepted one, but that we speak first. */
static void connected(struct wire *wire)
{
    stop_writing(wire);
    wire_send(wire, wire->preface.ptr, wire->preface.len);
    register_reading(wire);
    if (wire->ssl)
        shake_hands(wire);
    else
        opened(wire);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct wire *wire = arg;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error == 0) {
        connected(wire);
        return;
    }
    stop_writing(wire);
    refuse(wire, error);
    wire->events->on_readable(wire->owner);
}

/* The connecting socket, or -1 with errno. */
static int dial(const struct wire_target *target)
{
    const int family = target->address->storage.ss_family;
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const int one = 1;
    bool good = true;
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (target->source && family != AF_UNIX) {
        /* The port is chosen at connect: one source port may then serve many targets. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        good =
            bind(fd, (const struct sockaddr *)&target->source->storage, target->source->len) == 0;
    }
    if (good)
        good = connect(fd, (const struct sockaddr *)&target->address->storage,
                       target->address->len) == 0 ||
               errno == EINPROGRESS;
    if (good)
        return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

void wire_connect(struct wire *wire, struct loop *loop, const struct wire_target *target,
                  const struct wire_events *events, void *owner)
{
    const int fd = dial(target);
    const int error = errno;
    prepare(wire, loop, fd, events, owner);
    wire->is_client = true;
    wire->preface = target->preface;
    if (fd < 0) {
        refuse(wire, error);
        loop_run_later(loop, &wire->deferred);
        return;
    }
    char host[ADDRESS_TEXT_BYTES];
    if (target->tls)
        wire_tls_connect(wire, target->tls,
                         target->server_name ? target->server_name
                                             : address_write_ip(target->address, host));
    /* An immediate success (unix sockets) is told by the same event. */
    wire->write_event = event_new(loop_base(loop), fd, EV_WRITE, on_connected, wire);
    CHECK(wire->write_event != NULL);
    event_add(wire->write_event, NULL);
}

/* --- closing ----------------------------------------------------------- */

void wire_close(struct wire *wire)
{
    if (wire->fd >= 0 && wire->open && !wire->write_broken) {
        if (wire->ssl)
            wire_tls_goodbye(wire);
        if (!wire->is_client && (wire->end == WIRE_OPEN || wire_pending(wire) > 0)) {
            linger_begin(wire->loop, take_socket(wire), &wire->pending);
            return;
        }
        const struct slice rest = buffer_slice(&wire->pending);
        send_some(wire, rest.ptr, rest.len);
    }
    if (wire->loop)
        release(wire);
}

void wire_abort(struct wire *wire)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (wire->fd >= 0)
        setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    if (wire->loop)
        release(wire);
}

const char *wire_end_text(const struct wire *wire)
{
    static const char *const texts[] = {
        [WIRE_OPEN] = "open",
        [WIRE_EOF] = "closed by the peer",
        [WIRE_TRUNCATED] = "closed by the peer without TLS close_notify",
        [WIRE_RESET] = "connection reset",
        [WIRE_REFUSED] = "connection failed",
        [WIRE_TLS_FAILED] = "TLS failed",
    };
    return wire->error_text ? wire->error_text : texts[wire->end];
}
