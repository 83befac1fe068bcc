#include "sim/clockwork.h"

#include <event2/event.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "sim/delay_line.h"

static int64_t tick_of(int64_t ns)
{
    return (ns + DELAY_TICK_NS / 2) / DELAY_TICK_NS;
}

static struct list *slot_of(struct clockwork *c, int64_t tick)
{
    return &c->wheel[tick & (CLOCKWORK_SLOTS - 1)];
}

/* Inside a turn the wheel and the dirty list are looked at anyway. */
static void turn_wanted(struct clockwork *c)
{
    if (!c->in_turn)
        loop_flush_later(c->loop, &c->turn);
}

/* ---- the wheel ---- */

static void entry_unlink(struct clockwork *c, struct clockwork_entry *entry)
{
    if (entry->tick < 0)
        return;
    list_remove(&entry->link);
    entry->tick = -1;
    c->in_wheel--;
}

void clockwork_entry_init(struct clockwork_entry *entry,
                          void (*run)(struct clockwork_entry *entry, int64_t now_ns))
{
    list_init(&entry->link);
    entry->tick = -1;
    entry->run = run;
}

void clockwork_entry_at(struct clockwork *c, struct clockwork_entry *entry, int64_t due_ns)
{
    if (due_ns == INT64_MAX) {
        entry_unlink(c, entry);
        return;
    }
    int64_t tick = tick_of(due_ns);
    if (tick < c->wheel_tick)
        tick = c->wheel_tick;
    if (tick >= c->wheel_tick + CLOCKWORK_SLOTS)
        tick = c->wheel_tick + CLOCKWORK_SLOTS - 1;
    if (entry->tick == tick)
        return;
    entry_unlink(c, entry);
    entry->tick = tick;
    list_append(slot_of(c, tick), &entry->link);
    c->in_wheel++;
    turn_wanted(c);
}

static void wheel_run(struct clockwork *c, int64_t now_ns)
{
    const int64_t now_tick = now_ns / DELAY_TICK_NS;
    if (!c->in_wheel && c->wheel_tick <= now_tick) {
        c->wheel_tick = now_tick + 1;
        return;
    }
    while (c->wheel_tick <= now_tick) {
        struct list due;
        list_init(&due);
        list_move_all(&due, slot_of(c, c->wheel_tick));
        c->wheel_tick++;
        while (!list_empty(&due)) {
            struct clockwork_entry *entry = LIST_ENTRY(due.next, struct clockwork_entry, link);
            entry_unlink(c, entry);
            entry->run(entry, now_ns);
        }
    }
}

static int64_t wheel_next_ns(struct clockwork *c)
{
    if (!c->in_wheel)
        return INT64_MAX;
    int64_t tick = c->wheel_tick;
    while (list_empty(slot_of(c, tick)))
        tick++;
    return tick * DELAY_TICK_NS;
}

/* ---- dirty work ---- */

void clockwork_work_init(struct clockwork_work *work,
                         void (*run)(struct clockwork_work *work, int64_t now_ns))
{
    list_init(&work->link);
    work->run = run;
}

void clockwork_work_later(struct clockwork *c, struct clockwork_work *work)
{
    if (!list_empty(&work->link))
        return;
    list_append(&c->dirty, &work->link);
    turn_wanted(c);
}

void clockwork_work_cancel(struct clockwork_work *work)
{
    list_remove(&work->link);
}

/* ---- the turn ---- */

static void timer_arm(struct clockwork *c, int64_t due_ns)
{
    if (due_ns == c->armed_ns)
        return;
    c->armed_ns = due_ns;
    struct itimerspec spec = {0};
    if (due_ns != INT64_MAX) {
        const int64_t at_ns = due_ns > 0 ? due_ns : 1;
        spec.it_value.tv_sec = at_ns / NS_PER_S;
        spec.it_value.tv_nsec = at_ns % NS_PER_S;
    }
    CHECK_EQ(timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL), 0);
}

static void dirty_run(struct clockwork *c, int64_t now_ns)
{
    struct list *link;
    while ((link = list_pop(&c->dirty))) {
        struct clockwork_work *work = LIST_ENTRY(link, struct clockwork_work, link);
        work->run(work, now_ns);
    }
}

static void turn_end(struct loop_task *task)
{
    struct clockwork *c = CONTAINER_OF(task, struct clockwork, turn);
    const int64_t now_ns = clock_monotonic_ns();
    int64_t pump_ns;
    c->in_turn = true;
    wheel_run(c, now_ns);
    do {
        c->again = false;
        pump_ns = c->pump(c->owner, now_ns);
        dirty_run(c, now_ns);
    } while (c->again);
    c->in_turn = false;
    const int64_t wheel_ns = wheel_next_ns(c);
    timer_arm(c, pump_ns < wheel_ns ? pump_ns : wheel_ns);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct clockwork *c = arg;
    uint64_t expirations;
    (void)what;
    if (read(fd, &expirations, sizeof(expirations)) < 0)
        return; /* re-armed meanwhile */
    c->armed_ns = INT64_MAX;
    clockwork_wake(c);
}

void clockwork_wake(struct clockwork *c)
{
    if (c->in_turn)
        c->again = true;
    else
        loop_flush_later(c->loop, &c->turn);
}

void clockwork_init(struct clockwork *c, struct loop *loop,
                    int64_t (*pump)(void *owner, int64_t now_ns), void *owner)
{
    *c = (struct clockwork){.loop = loop, .pump = pump, .owner = owner, .armed_ns = INT64_MAX};
    for (int i = 0; i < CLOCKWORK_SLOTS; i++)
        list_init(&c->wheel[i]);
    list_init(&c->dirty);
    c->wheel_tick = clock_monotonic_ns() / DELAY_TICK_NS;
    c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK(c->timer_fd >= 0);
    c->event = event_new(loop_base(loop), c->timer_fd, EV_READ | EV_PERSIST, on_timer, c);
    CHECK(c->event && event_add(c->event, NULL) == 0);
    loop_task_init(&c->turn, turn_end);
}

void clockwork_finish(struct clockwork *c)
{
    loop_task_cancel(&c->turn);
    event_free(c->event);
    close(c->timer_fd);
}
