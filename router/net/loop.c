#include "net/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "net/event_struct.h"

/*
 * The timer wheel: slot `tick % WHEEL_SLOTS` holds the timers due at that tick
 * or whole revolutions later.  A timer that is moved to a later time stays
 * where it is and is moved on when its old slot comes up, so a restart is one
 * store; `wheel_used` has a bit for each slot that may hold something.
 */
enum { WHEEL_SLOTS = 1024, WHEEL_WORDS = WHEEL_SLOTS / 64 };
#define TICK_NS (8 * NS_PER_MS)
#define TICK_NEVER INT64_MAX

struct loop {
    struct event_base *base;
    struct event wake_event;
    struct event tick_event;
    int wake_fd;
    bool now_known;
    int64_t now_ns;
    struct list later; /* run in the next turn */
    struct list flush;
    struct list destroy;
    struct list at_end;
    void (*hook)(void *arg);
    void *hook_arg;
    int64_t wheel_tick;  /* the last one handled */
    int64_t wheel_armed; /* the tick the libevent timer is set to, or TICK_NEVER */
    uint64_t wheel_used[WHEEL_WORDS];
    struct list wheel[WHEEL_SLOTS];
    struct buffer records;
    char read_scratch[LOOP_SCRATCH_BYTES];
    char write_scratch[LOOP_SCRATCH_BYTES];
    _Alignas(64) _Atomic(struct loop_message *) posted; /* newest first */
    atomic_bool awake;                                  /* the eventfd has been written */
    atomic_bool stopping;
};

static int64_t tick_at_or_after(int64_t ns)
{
    return (ns + TICK_NS - 1) / TICK_NS;
}

/* --- messages ---------------------------------------------------------- */

void loop_wake(struct loop *loop)
{
    if (atomic_exchange_explicit(&loop->awake, true, memory_order_acq_rel))
        return;
    const uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->stopping, true, memory_order_release);
    loop_wake(loop);
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    struct loop_message *head = atomic_load_explicit(&loop->posted, memory_order_relaxed);
    do {
        message->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->posted, &head, message,
                                                    memory_order_release, memory_order_relaxed));
    if (head == NULL)
        loop_wake(loop);
}

static void run_posted(struct loop *loop)
{
    struct loop_message *newest =
        atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
    struct loop_message *oldest = NULL;
    while (newest) {
        struct loop_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct loop_message *next = oldest->next;
        oldest->run(oldest);
        oldest = next;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *loop = arg;
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    /* Before the list is taken: who posts from here on wakes again. */
    atomic_exchange_explicit(&loop->awake, false, memory_order_acq_rel);
    run_posted(loop);
}

/* --- timers ------------------------------------------------------------ */

/* The first tick after the last handled one whose slot may hold something. */
static int64_t next_used_tick(const struct loop *loop)
{
    const unsigned first = (unsigned)((loop->wheel_tick + 1) % WHEEL_SLOTS);
    unsigned word = first / 64;
    uint64_t bits = loop->wheel_used[word] & (UINT64_MAX << (first % 64));
    for (unsigned seen = 0; seen <= WHEEL_WORDS; seen++) {
        if (bits) {
            const unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);
            return loop->wheel_tick + 1 + (slot - first + WHEEL_SLOTS) % WHEEL_SLOTS;
        }
        word = (word + 1) % WHEEL_WORDS;
        bits = loop->wheel_used[word];
    }
    return TICK_NEVER;
}

static void arm(struct loop *loop, int64_t tick)
{
    const int64_t wait_ns = tick * TICK_NS - loop_now_ns(loop);
    const int64_t wait_us = wait_ns > 0 ? (wait_ns + 999) / 1000 : 0;
    const struct timeval tv = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
    event_add(&loop->tick_event, &tv);
    loop->wheel_armed = tick;
}

static void wheel_put(struct loop *loop, struct timer *timer)
{
    if (loop->wheel_armed == TICK_NEVER) /* it is empty, and may have stood for hours */
        loop->wheel_tick = loop_now_ns(loop) / TICK_NS;
    int64_t tick = tick_at_or_after(timer->due_ns);
    if (tick <= loop->wheel_tick)
        tick = loop->wheel_tick + 1;
    const unsigned slot = (unsigned)(tick % WHEEL_SLOTS);
    list_append(&loop->wheel[slot], &timer->link);
    loop->wheel_used[slot / 64] |= UINT64_C(1) << (slot % 64);
    if (tick < loop->wheel_armed)
        arm(loop, tick);
}

/* `due` is the slot's content, taken out, so that what a callback starts does not run at once. */
static void run_due(struct loop *loop, struct list *due)
{
    struct list *link;
    while ((link = list_pop(due)) != NULL) {
        struct timer *timer = LIST_ENTRY(link, struct timer, link);
        if (timer->due_ns > loop_now_ns(loop)) {
            wheel_put(loop, timer);
            continue;
        }
        timer->loop = NULL;
        timer->run(timer);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop *loop = arg;
    const int64_t now_tick = loop_now_ns(loop) / TICK_NS;
    struct list due;
    list_init(&due);
    loop->wheel_armed = 0; /* nothing below arms; once at the end */
    for (int64_t tick = next_used_tick(loop); tick <= now_tick; tick = next_used_tick(loop)) {
        const unsigned slot = (unsigned)(tick % WHEEL_SLOTS);
        loop->wheel_used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
        list_move_all(&due, &loop->wheel[slot]);
        loop->wheel_tick = tick;
        run_due(loop, &due);
    }
    if (loop->wheel_tick < now_tick)
        loop->wheel_tick = now_tick;
    loop->wheel_armed = TICK_NEVER;
    const int64_t next = next_used_tick(loop);
    if (next != TICK_NEVER)
        arm(loop, next);
}

void timer_init(struct timer *timer, void (*run)(struct timer *timer))
{
    list_init(&timer->link);
    timer->loop = NULL;
    timer->due_ns = 0;
    timer->run = run;
}

void timer_start(struct timer *timer, struct loop *loop, int64_t delay_ms)
{
    const int64_t due_ns = loop_now_ns(loop) + delay_ms * NS_PER_MS;
    const bool stays = timer->loop != NULL && due_ns >= timer->due_ns;
    timer->due_ns = due_ns;
    if (stays)
        return;
    timer->loop = loop;
    list_remove(&timer->link);
    wheel_put(loop, timer);
}

void timer_stop(struct timer *timer)
{
    timer->loop = NULL;
    list_remove(&timer->link);
}

/* --- tasks ------------------------------------------------------------- */

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task))
{
    list_init(&task->link);
    task->run = run;
}

static void task_put(struct list *list, struct loop_task *task)
{
    if (list_empty(&task->link))
        list_append(list, &task->link);
}

void loop_run_later(struct loop *loop, struct loop_task *task)
{
    task_put(&loop->later, task);
}

void loop_flush_later(struct loop *loop, struct loop_task *task)
{
    task_put(&loop->flush, task);
}

void loop_destroy_later(struct loop *loop, struct loop_task *task)
{
    task_put(&loop->destroy, task);
}

void loop_at_end(struct loop *loop, struct loop_task *task)
{
    task_put(&loop->at_end, task);
}

void loop_task_cancel(struct loop_task *task)
{
    list_remove(&task->link);
}

static void run_tasks(struct list *tasks)
{
    struct list *link;
    while ((link = list_pop(tasks)) != NULL) {
        struct loop_task *task = LIST_ENTRY(link, struct loop_task, link);
        task->run(task);
    }
}

static void end_turn(struct loop *loop)
{
    do {
        run_tasks(&loop->flush);
        run_tasks(&loop->destroy);
    } while (!list_empty(&loop->flush));
}

/* --- the loop ---------------------------------------------------------- */

static void turn(struct loop *loop, bool wait)
{
    if (loop->hook)
        loop->hook(loop->hook_arg);
    struct list now;
    list_init(&now);
    list_move_all(&now, &loop->later);
    /* Before the first turn there was no end of a turn to flush at. */
    if (!list_empty(&now) || !list_empty(&loop->flush) ||
        atomic_load_explicit(&loop->stopping, memory_order_acquire))
        wait = false;
    loop->now_known = false;
    event_base_loop(loop->base, wait ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
    run_tasks(&now);
    end_turn(loop);
}

void loop_turn(struct loop *loop)
{
    turn(loop, false);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->stopping, memory_order_acquire))
        turn(loop, true);
    atomic_store_explicit(&loop->stopping, false, memory_order_relaxed);
    end_turn(loop);
}

struct loop *loop_create(void)
{
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct loop *loop = aligned_alloc(64, sizeof *loop);
    CHECK(loop != NULL);
    memset(loop, 0, offsetof(struct loop, read_scratch));
    atomic_init(&loop->posted, NULL);
    atomic_init(&loop->awake, false);
    atomic_init(&loop->stopping, false);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    CHECK(loop->base != NULL);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(loop->wake_fd >= 0);
    list_init(&loop->later);
    list_init(&loop->flush);
    list_init(&loop->destroy);
    list_init(&loop->at_end);
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        list_init(&loop->wheel[i]);
    loop->wheel_tick = loop_now_ns(loop) / TICK_NS;
    loop->wheel_armed = TICK_NEVER;
    event_assign(&loop->wake_event, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    event_assign(&loop->tick_event, loop->base, -1, 0, on_tick, loop);
    event_add(&loop->wake_event, NULL);
    return loop;
}

void loop_destroy(struct loop **loop_at)
{
    struct loop *loop = *loop_at;
    if (!loop)
        return;
    *loop_at = NULL;
    run_posted(loop);
    end_turn(loop);
    run_tasks(&loop->at_end);
    event_del(&loop->wake_event);
    event_del(&loop->tick_event);
    event_base_free(loop->base);
    close(loop->wake_fd);
    buffer_release(&loop->records);
    free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

int64_t loop_now_ns(struct loop *loop)
{
    if (!loop->now_known) {
        loop->now_ns = clock_monotonic_ns();
        loop->now_known = true;
    }
    return loop->now_ns;
}

void loop_set_turn_hook(struct loop *loop, void (*hook)(void *arg), void *arg)
{
    loop->hook = hook;
    loop->hook_arg = arg;
}

char *loop_read_scratch(struct loop *loop)
{
    return loop->read_scratch;
}

char *loop_write_scratch(struct loop *loop)
{
    return loop->write_scratch;
}

struct buffer *loop_record_scratch(struct loop *loop)
{
    return &loop->records;
}
