#include "net/linger.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/event_struct.h"

enum { LINGER_MS = 2000, LINGER_BYTES = 16 * 1024 * 1024 };

struct linger_socket {
    struct loop *loop;
    int fd;
    struct buffer pending;
    size_t discarded;
    bool peer_ended;
    struct event read_event;
    struct event write_event;
    struct timer timer;
    struct loop_task at_end;
};

static void finish(struct linger_socket *linger)
{
    event_del(&linger->read_event);
    event_del(&linger->write_event);
    timer_stop(&linger->timer);
    loop_task_cancel(&linger->at_end);
    buffer_release(&linger->pending);
    close(linger->fd);
    free(linger);
}

static bool try_again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* False: the socket takes nothing any more. */
static bool send_pending(struct linger_socket *linger)
{
    const struct slice rest = buffer_slice(&linger->pending);
    const ssize_t n = rest.len ? send(linger->fd, rest.ptr, rest.len, MSG_NOSIGNAL) : 0;
    if (n < 0)
        return try_again();
    buffer_consume(&linger->pending, (size_t)n);
    if (buffer_len(&linger->pending) > 0)
        return true;
    event_del(&linger->write_event);
    return shutdown(linger->fd, SHUT_WR) == 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct linger_socket *linger = arg;
    if (!send_pending(linger) || (linger->peer_ended && buffer_len(&linger->pending) == 0))
        finish(linger);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct linger_socket *linger = arg;
    const ssize_t n = recv(fd, loop_read_scratch(linger->loop), LOOP_SCRATCH_BYTES, 0);
    if (n > 0)
        linger->discarded += (size_t)n;
    if (n < 0 && try_again())
        return;
    if (n == 0 && buffer_len(&linger->pending) > 0) { /* it still wants our bytes */
        linger->peer_ended = true;
        event_del(&linger->read_event);
    } else if (n <= 0 || linger->discarded > LINGER_BYTES) {
        finish(linger);
    }
}

static void on_timer(struct timer *timer)
{
    finish(CONTAINER_OF(timer, struct linger_socket, timer));
}

static void on_loop_end(struct loop_task *task)
{
    finish(CONTAINER_OF(task, struct linger_socket, at_end));
}

void linger_begin(struct loop *loop, int fd, struct buffer *pending)
{
    struct linger_socket *linger = memory_zalloc(sizeof *linger);
    struct event_base *base = loop_base(loop);
    linger->loop = loop;
    linger->fd = fd;
    linger->pending = *pending;
    *pending = (struct buffer){0};
    timer_init(&linger->timer, on_timer);
    loop_task_init(&linger->at_end, on_loop_end);
    event_assign(&linger->read_event, base, fd, EV_READ | EV_PERSIST, on_readable, linger);
    event_assign(&linger->write_event, base, fd, EV_WRITE | EV_PERSIST, on_writable, linger);
    if (!send_pending(linger)) {
        finish(linger);
        return;
    }
    event_add(&linger->read_event, NULL);
    if (buffer_len(&linger->pending) > 0)
        event_add(&linger->write_event, NULL);
    timer_start(&linger->timer, loop, LINGER_MS);
    loop_at_end(loop, &linger->at_end);
}
