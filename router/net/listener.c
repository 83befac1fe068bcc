#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/event_struct.h"

enum { BACKLOG = 4096, ACCEPTS_A_TURN = 64, PAUSE_FIRST_MS = 16, PAUSE_MOST_MS = 1000 };

struct listener {
    struct loop *loop;
    int fd;
    int spare_fd; /* given up for a moment when there are no descriptors left */
    const struct listener_events *events;
    void *owner;
    struct event event;
    struct timer pause;
    int64_t pause_ms; /* 0: the last accept was good */
    bool *destroyed;  /* while accepting: set by a callee that destroys us */
};

/* --- the socket -------------------------------------------------------- */

/* True when the path is free now: nothing there, or a socket nobody answers at. */
static bool clear_stale(const struct address *address, struct error *error)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&address->storage;
    struct stat found;
    if (lstat(un->sun_path, &found) != 0)
        return errno == ENOENT || error_set(error, "%s: %s", un->sun_path, strerror(errno));
    if (!S_ISSOCK(found.st_mode))
        return error_set(error, "%s exists and is not a socket; it is left alone", un->sun_path);
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return error_set(error, "socket: %s", strerror(errno));
    const bool refused =
        connect(probe, (const struct sockaddr *)&address->storage, address->len) != 0 &&
        errno == ECONNREFUSED;
    close(probe);
    if (!refused)
        return error_set(error, "%s is in use: another process listens there", un->sun_path);
    return unlink(un->sun_path) == 0 ||
           error_set(error, "%s: the stale socket can not be removed: %s", un->sun_path,
                     strerror(errno));
}

static bool prepare(int fd, const struct address *address)
{
    const int one = 1;
    const int family = address->storage.ss_family;
    if (family == AF_UNIX)
        return fchmod(fd, 0600) == 0; /* before bind: it becomes the mode of the path */
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0)
        return false;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0;
}

int listener_socket(const struct address *address, struct address *bound, struct error *error)
{
    char text[ADDRESS_TEXT_BYTES];
    const int family = address->storage.ss_family;
    if (family == AF_UNIX && !clear_stale(address, error))
        return -1;
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct address got = {.len = sizeof got.storage};
    if (fd >= 0 && prepare(fd, address) &&
        bind(fd, (const struct sockaddr *)&address->storage, address->len) == 0 &&
        listen(fd, BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&got.storage, &got.len) == 0) {
        if (bound)
            *bound = got;
        return fd;
    }
    error_set(error, "can not listen on %s: %s", address_write(address, text), strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* --- accepting --------------------------------------------------------- */

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Nobody waits for us longer than needed: the first in the queue is told by a close. */
static void shed_one(struct listener *listener)
{
    if (listener->spare_fd < 0)
        return;
    close(listener->spare_fd);
    const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    listener->spare_fd = open_spare();
}

static void start_pause(struct listener *listener, int error)
{
    if (listener->pause_ms == 0)
        log_event(LOG_WARN, "accept_paused", "accepting pauses: %s", strerror(error));
    shed_one(listener);
    listener->pause_ms = listener->pause_ms == 0 ? PAUSE_FIRST_MS : listener->pause_ms * 2;
    if (listener->pause_ms > PAUSE_MOST_MS)
        listener->pause_ms = PAUSE_MOST_MS;
    event_del(&listener->event);
    timer_start(&listener->pause, listener->loop, listener->pause_ms);
}

static void end_pause(struct timer *timer)
{
    struct listener *listener = CONTAINER_OF(timer, struct listener, pause);
    if (listener->spare_fd < 0)
        listener->spare_fd = open_spare();
    event_add(&listener->event, NULL);
}

/* False: nothing more this turn. */
static bool accept_one(struct listener *listener)
{
    struct address peer = {.len = sizeof peer.storage};
    const int fd = accept4(listener->fd, (struct sockaddr *)&peer.storage, &peer.len,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        listener->pause_ms = 0;
        listener->events->on_accept(listener->owner, fd, &peer);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        start_pause(listener, errno);
        return false;
    default: /* this connection's own trouble: accept(2) passes on errors of the network */
        return true;
    }
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct listener *listener = arg;
    bool destroyed = false;
    listener->destroyed = &destroyed;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        const bool more = accept_one(listener);
        if (destroyed)
            return;
        if (!more)
            break;
    }
    listener->destroyed = NULL;
}

struct listener *listener_create(struct loop *loop, int fd, const struct listener_events *events,
                                 void *owner)
{
    const int one = 1;
    struct listener *listener = memory_zalloc(sizeof *listener);
    listener->loop = loop;
    listener->fd = fd;
    listener->spare_fd = open_spare();
    listener->events = events;
    listener->owner = owner;
    timer_init(&listener->pause, end_pause);
    /* For inherited sockets too.  The accepted ones inherit it; a unix socket says no. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    event_assign(&listener->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_acceptable,
                 listener);
    event_add(&listener->event, NULL);
    return listener;
}

void listener_destroy(struct listener **listener_at)
{
    struct listener *listener = *listener_at;
    *listener_at = NULL;
    if (!listener)
        return;
    if (listener->destroyed)
        *listener->destroyed = true;
    timer_stop(&listener->pause);
    event_del(&listener->event);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
    close(listener->fd);
    free(listener);
}

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}
