#include "control/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/listener.h"

enum {
    FAREWELL_MS = 1000
}; /* between the two steps of an HTTP/2 shutdown: more than a round trip */

struct front {
    struct list link;
    struct worker *worker;
    struct listener *listener;
    struct tls_server *tls;
    bool behind_tls;
};

struct worker {
    struct worker_settings settings;
    struct loop *loop;
    struct proxy *proxy;
    struct list fronts;
    struct timer farewell;
    struct timer deadline;
    bool draining;
    bool started;
    _Atomic bool ended;
    pthread_t thread;
};

/* --- in the worker's thread --- */

/* The one place where a worker stands still, for a millisecond at most: pace.h. */
static void rest(struct worker *worker)
{
    struct proxy *proxy = worker->proxy;
    const int64_t began_ns = loop_now_ns(worker->loop);
    const int64_t rest_ns = pace_rest_ns(&proxy->pace, began_ns, clock_monotonic_ns());
    if (rest_ns == 0)
        return;
    nanosleep(&(struct timespec){.tv_nsec = rest_ns}, NULL);
    pace_rested(&proxy->pace, clock_monotonic_ns());
}

static void on_turn(void *arg)
{
    struct worker *worker = arg;
    epoch_mark(worker->settings.epoch, worker->settings.number);
    proxy_turn(worker->proxy);
    rest(worker);
}

static void on_accept(void *owner, int fd, const struct address *peer)
{
    struct front *front = owner;
    struct connection *connection =
        connection_accept(&front->worker->proxy->host, fd, peer, front->tls);
    if (connection != NULL)
        connection->behind_tls = front->behind_tls;
}

static const struct listener_events listener_upcalls = {.on_accept = on_accept};

static void drop_fronts(struct worker *worker)
{
    struct list *node;
    while ((node = list_pop(&worker->fronts)) != NULL) {
        struct front *front = LIST_ENTRY(node, struct front, link);
        listener_destroy(&front->listener);
        tls_server_drop(&front->tls);
        free(front);
    }
}

struct listeners_message {
    struct loop_message message;
    struct worker *worker;
    size_t count;
    struct worker_listen listens[];
};

static void take_listeners(struct loop_message *message)
{
    struct listeners_message *news = CONTAINER_OF(message, struct listeners_message, message);
    struct worker *worker = news->worker;
    drop_fronts(worker);
    for (size_t i = 0; i < news->count; i++) {
        struct front *front = memory_zalloc(sizeof *front);
        front->worker = worker;
        front->tls = news->listens[i].tls;
        front->behind_tls = news->listens[i].behind_tls;
        front->listener =
            listener_create(worker->loop, news->listens[i].fd, &listener_upcalls, front);
        list_append(&worker->fronts, &front->link);
    }
    free(news);
}

struct settings_message {
    struct loop_message message;
    struct worker *worker;
    struct connection_settings settings;
};

static void take_settings(struct loop_message *message)
{
    struct settings_message *news = CONTAINER_OF(message, struct settings_message, message);
    news->worker->proxy->host.settings = news->settings;
    free(news);
}

static void end_loop(struct worker *worker)
{
    timer_stop(&worker->farewell);
    timer_stop(&worker->deadline);
    loop_stop(worker->loop);
}

static void on_drained(void *owner)
{
    struct proxy *proxy = owner;
    loop_stop(proxy->loop);
}

static void second_farewell(struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, farewell);
    connection_host_drain(&worker->proxy->host);
}

static void out_of_patience(struct timer *timer)
{
    end_loop(CONTAINER_OF(timer, struct worker, deadline));
}

struct drain_message {
    struct loop_message message;
    struct worker *worker;
    int64_t most_ms;
};

static void begin_drain(struct loop_message *message)
{
    struct drain_message *news = CONTAINER_OF(message, struct drain_message, message);
    struct worker *worker = news->worker;
    const int64_t most_ms = news->most_ms;
    free(news);
    if (worker->draining)
        return;
    worker->draining = true;
    drop_fronts(worker);
    worker->proxy->host.on_drained = on_drained;
    timer_start(&worker->farewell, worker->loop, FAREWELL_MS);
    timer_start(&worker->deadline, worker->loop, most_ms);
    connection_host_drain(&worker->proxy->host);
    queue_drain(worker->proxy, most_ms);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    loop_run(worker->loop);
    drop_fronts(worker);
    connection_host_finish(&worker->proxy->host);
    timer_stop(&worker->farewell);
    timer_stop(&worker->deadline);
    loop_turn(worker->loop); /* what asked to be destroyed */
    proxy_hand_over_logs(worker->proxy, true);
    /* It holds nothing any more: nobody waits for its epoch. */
    epoch_leave(worker->settings.epoch, worker->settings.number);
    atomic_store(&worker->ended, true);
    return NULL;
}

/* --- in the control thread --- */

struct worker *worker_create(const struct worker_settings *settings)
{
    struct worker *worker = memory_zalloc(sizeof *worker);
    worker->settings = *settings;
    worker->loop = loop_create();
    list_init(&worker->fronts);
    timer_init(&worker->farewell, second_farewell);
    timer_init(&worker->deadline, out_of_patience);
    worker->proxy = proxy_create(worker->loop, settings->number, &settings->proxy,
                                 settings->affinity, settings->log);
    loop_set_turn_hook(worker->loop, on_turn, worker);
    return worker;
}

struct proxy *worker_proxy(struct worker *worker)
{
    return worker->proxy;
}

void worker_start(struct worker *worker)
{
    sigset_t all, old; /* signals are the control thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    CHECK_EQ(pthread_create(&worker->thread, NULL, run, worker), 0);
    pthread_setname_np(worker->thread, "worker"); /* in top, perf and bench/peers */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    worker->started = true;
}

void worker_set_connections(struct worker *worker, const struct connection_settings *settings)
{
    struct settings_message *news = memory_zalloc(sizeof *news);
    news->message.run = take_settings;
    news->worker = worker;
    news->settings = *settings;
    loop_post(worker->loop, &news->message);
}

void worker_set_listeners(struct worker *worker, const struct worker_listen *listens, size_t count)
{
    struct listeners_message *news = memory_zalloc(sizeof *news + count * sizeof news->listens[0]);
    news->message.run = take_listeners;
    news->worker = worker;
    news->count = count;
    for (size_t i = 0; i < count; i++) {
        news->listens[i] = listens[i];
        if (listens[i].tls != NULL)
            tls_server_hold(listens[i].tls);
    }
    loop_post(worker->loop, &news->message);
}

void worker_wake(struct worker *worker)
{
    loop_wake(worker->loop);
}

void worker_drain(struct worker *worker, int64_t most_ms)
{
    struct drain_message *news = memory_zalloc(sizeof *news);
    news->message.run = begin_drain;
    news->worker = worker;
    news->most_ms = most_ms;
    loop_post(worker->loop, &news->message);
}

bool worker_ended(const struct worker *worker)
{
    return atomic_load(&worker->ended);
}

void worker_destroy(struct worker **worker)
{
    if (*worker == NULL)
        return;
    struct worker *gone = *worker;
    if (gone->started) {
        loop_stop(gone->loop);
        pthread_join(gone->thread, NULL);
    }
    drop_fronts(gone);
    proxy_destroy(&gone->proxy);
    loop_destroy(&gone->loop);
    free(gone);
    *worker = NULL;
}
