#include "sim/caller.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

/* On the way, each direction, of one connection; beyond it the socket or the codec waits. */
#define IN_MAX (1024 * 1024)
#define OUT_MAX (256 * 1024)
#define SNIFF_MAX 64

static void caller_lose(struct caller *c);
static void pass_in(struct caller *c, int64_t now_ns);
static void pass_out(struct caller *c, int64_t now_ns);

/* close() will send RST. */
static void reset_on_close(struct caller *c)
{
    const struct linger rst = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
}

/* ---- time ---- */

static int64_t half_trip_ns(const struct caller *c)
{
    return c->rtt_ms > 0 ? ms_to_ns(network_draw_ms(c->rtt_ms, c->service->random) / 2) : 0;
}

static int64_t arrival_ns(const struct caller *c, int64_t now_ns)
{
    const int64_t due_ns = now_ns + half_trip_ns(c);
    const int64_t connected_ns = c->accepted_ns + ms_to_ns(1.5 * c->rtt_ms);
    return due_ns > connected_ns ? due_ns : connected_ns;
}

static void reading_update(struct caller *c)
{
    const bool wanted = !c->in.ends && !c->over && delay_line_len(&c->in) < IN_MAX;
    if (wanted == c->reading)
        return;
    c->reading = wanted;
    CHECK_EQ(wanted ? event_add(c->read_event, NULL) : event_del(c->read_event), 0);
}

/* ---- codec ---- */

static void on_request(void *owner, struct stream *stream, const struct request_head *head)
{
    struct caller *c = owner;
    c->service->on_request(c->service, c, stream, head);
}

static void on_dirty(void *owner)
{
    struct caller *c = owner;
    if (!c->gone)
        clockwork_work_later(c->service->clockwork, &c->produce);
}

static const struct codec_events codec_upcalls = {.on_request = on_request, .on_dirty = on_dirty};

static void codec_begin(struct caller *c, bool h2)
{
    struct codec_limits limits = codec_default_limits;
    limits.streams = 1000;
    limits.secure = c->tls != NULL;
    c->codec = h2 ? h2_server_create(&limits, &codec_upcalls, c)
                  : h1_server_create(&limits, &codec_upcalls, c);
}

static void codec_take(struct caller *c, struct slice bytes, int64_t now_ns)
{
    if (!c->over && !codec_feed(c->codec, bytes, now_ns))
        c->over = true;
    clockwork_work_later(c->service->clockwork, &c->produce);
}

/* Cleartext of unknown kind is kept until it is known. */
static void plain_take(struct caller *c, struct slice bytes, int64_t now_ns)
{
    if (c->codec) {
        codec_take(c, bytes, now_ns);
        return;
    }
    buffer_append_slice(&c->first, bytes);
    enum http_sniff sniff = SNIFF_H1;
    if (c->tls)
        sniff = tls_pipe_is_h2(c->tls) ? SNIFF_H2 : SNIFF_H1;
    else if (c->service->protocol != SCENARIO_H1)
        sniff = http_sniff(buffer_slice(&c->first));
    if (sniff == SNIFF_MORE && buffer_len(&c->first) < SNIFF_MAX)
        return;
    codec_begin(c, sniff == SNIFF_H2);
    codec_take(c, buffer_slice(&c->first), now_ns);
    buffer_release(&c->first);
}

static void tls_take(struct caller *c, struct slice bytes, int64_t now_ns)
{
    char plain[16 * 1024];
    ssize_t n;
    tls_pipe_feed(c->tls, bytes);
    while ((n = tls_pipe_read(c->tls, plain, sizeof(plain))) > 0)
        plain_take(c, slice_make(plain, (size_t)n), now_ns);
    if (n < 0)
        c->over = true;
    /* Handshake answers and alerts go out too. */
    clockwork_work_later(c->service->clockwork, &c->produce);
}

/* ---- out ---- */

static void send_bytes(struct caller *c, struct slice bytes, int64_t due_ns)
{
    delay_line_push(&c->out, bytes, due_ns);
}

static void tls_send(struct caller *c, int64_t due_ns)
{
    char cipher[16 * 1024];
    size_t n;
    while ((n = tls_pipe_take(c->tls, cipher, sizeof(cipher))) > 0)
        send_bytes(c, slice_make(cipher, n), due_ns);
}

static void codec_send(struct caller *c, int64_t due_ns)
{
    char *scratch = loop_write_scratch(c->service->clockwork->loop);
    size_t n;
    while (c->codec && delay_line_len(&c->out) < OUT_MAX &&
           (n = codec_produce(c->codec, scratch, LOOP_SCRATCH_BYTES)) > 0) {
        if (c->tls) {
            tls_pipe_write(c->tls, slice_make(scratch, n));
            tls_send(c, due_ns);
        } else {
            send_bytes(c, slice_make(scratch, n), due_ns);
        }
    }
}

static void produce(struct clockwork_work *work, int64_t now_ns)
{
    struct caller *c = CONTAINER_OF(work, struct caller, produce);
    if (c->gone || c->out.ends)
        return;
    const int64_t due_ns = now_ns + half_trip_ns(c);
    if (c->tls)
        tls_send(c, due_ns);
    codec_send(c, due_ns);
    if (c->codec && codec_finished(c->codec)) {
        c->over = true;
        c->cut = codec_aborted(c->codec);
    }
    if (c->over && delay_line_len(&c->out) < OUT_MAX) {
        if (c->tls && !c->cut) {
            tls_pipe_close(c->tls);
            tls_send(c, due_ns);
        }
        delay_line_push_end(&c->out, due_ns);
    }
    reading_update(c);
    pass_out(c, now_ns);
}

/* False: the socket takes no more now, or it is lost. */
static bool write_due(struct caller *c, int64_t now_ns)
{
    for (;;) {
        const struct slice due = delay_line_due(&c->out, now_ns);
        if (due.len == 0)
            return true;
        const ssize_t n = send(c->fd, due.ptr, due.len, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR)
                CHECK_EQ(event_add(c->write_event, NULL), 0);
            else
                caller_lose(c);
            return false;
        }
        delay_line_take(&c->out, (size_t)n);
    }
}

static void pass_out(struct caller *c, int64_t now_ns)
{
    if (c->gone || c->service->frozen)
        return;
    const bool was_full = delay_line_len(&c->out) >= OUT_MAX;
    if (!write_due(c, now_ns))
        return;
    if (was_full)
        clockwork_work_later(c->service->clockwork, &c->produce);
    if (delay_line_ended(&c->out, now_ns)) {
        if (c->cut)
            reset_on_close(c);
        caller_lose(c);
        return;
    }
    clockwork_entry_at(c->service->clockwork, &c->out_due, delay_line_next_ns(&c->out));
}

/* ---- in ---- */

static void pass_in(struct caller *c, int64_t now_ns)
{
    struct slice due;
    if (c->gone || c->service->frozen)
        return;
    while (!c->gone && (due = delay_line_due(&c->in, now_ns)).len > 0) {
        if (c->tls)
            tls_take(c, due, now_ns);
        else
            plain_take(c, due, now_ns);
        delay_line_take(&c->in, due.len);
    }
    if (delay_line_ended(&c->in, now_ns)) {
        /* As the engines' servers do: who closes, even one way, has left. */
        caller_lose(c);
        return;
    }
    reading_update(c);
    clockwork_entry_at(c->service->clockwork, &c->in_due, delay_line_next_ns(&c->in));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct caller *c = arg;
    char *scratch = loop_read_scratch(c->service->clockwork->loop);
    const int64_t now_ns = clock_monotonic_ns();
    (void)what;
    const ssize_t n = read(fd, scratch, LOOP_SCRATCH_BYTES);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    const int64_t due_ns = arrival_ns(c, now_ns);
    if (n > 0)
        delay_line_push(&c->in, slice_make(scratch, (size_t)n), due_ns);
    else
        delay_line_push_end(&c->in, due_ns);
    pass_in(c, now_ns);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    pass_out(arg, clock_monotonic_ns());
}

static void on_in_due(struct clockwork_entry *entry, int64_t now_ns)
{
    pass_in(CONTAINER_OF(entry, struct caller, in_due), now_ns);
}

static void on_out_due(struct clockwork_entry *entry, int64_t now_ns)
{
    pass_out(CONTAINER_OF(entry, struct caller, out_due), now_ns);
}

/* ---- life ---- */

static void destroy(struct loop_task *task)
{
    struct caller *c = CONTAINER_OF(task, struct caller, destroy);
    tls_pipe_destroy(&c->tls);
    delay_line_finish(&c->in);
    delay_line_finish(&c->out);
    buffer_release(&c->first);
    free(c);
}

/* The connection is over, whatever was on its way. */
static void caller_lose(struct caller *c)
{
    if (c->gone)
        return;
    c->gone = true;
    event_free(c->read_event);
    event_free(c->write_event);
    close(c->fd);
    clockwork_entry_at(c->service->clockwork, &c->in_due, INT64_MAX);
    clockwork_entry_at(c->service->clockwork, &c->out_due, INT64_MAX);
    list_remove(&c->link);
    c->service->caller_count--;
    if (c->codec)
        codec_destroy(&c->codec); /* open streams hear of it */
    clockwork_work_cancel(&c->produce);
    loop_destroy_later(c->service->clockwork->loop, &c->destroy);
}

void caller_accept(struct caller_service *service, int fd, uint32_t place, double rtt_ms)
{
    struct caller *c = memory_zalloc(sizeof(*c));
    struct event_base *base = loop_base(service->clockwork->loop);
    c->service = service;
    c->place = place;
    c->rtt_ms = rtt_ms;
    c->accepted_ns = clock_monotonic_ns();
    c->fd = fd;
    c->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
    c->write_event = event_new(base, fd, EV_WRITE, on_writable, c);
    CHECK(c->read_event && c->write_event);
    clockwork_entry_init(&c->in_due, on_in_due);
    clockwork_entry_init(&c->out_due, on_out_due);
    clockwork_work_init(&c->produce, produce);
    loop_task_init(&c->destroy, destroy);
    if (service->protocol == SCENARIO_H2)
        c->tls = tls_pipe_create(service->tls);
    list_append(&service->callers, &c->link);
    service->caller_count++;
    reading_update(c);
}

void caller_service_init(struct caller_service *service, struct clockwork *clockwork,
                         struct random *random, enum scenario_protocol protocol,
                         struct tls_pipe_context *tls)
{
    service->clockwork = clockwork;
    service->random = random;
    service->protocol = protocol;
    service->tls = tls;
    service->frozen = false;
    service->caller_count = 0;
    list_init(&service->callers);
}

void caller_service_reset_all(struct caller_service *service)
{
    LIST_EACH_SAFE (link, &service->callers) {
        struct caller *c = LIST_ENTRY(link, struct caller, link);
        reset_on_close(c);
        caller_lose(c);
    }
}

void caller_service_thaw(struct caller_service *service)
{
    const int64_t now_ns = clock_monotonic_ns();
    service->frozen = false;
    LIST_EACH_SAFE (link, &service->callers) {
        struct caller *c = LIST_ENTRY(link, struct caller, link);
        pass_in(c, now_ns);
        pass_out(c, now_ns);
    }
}
