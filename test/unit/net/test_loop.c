/* loop: messages from threads, timers that stop and restart each other, order of a turn. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "net_kit.h"

/* --- messages ---------------------------------------------------------- */

enum { SENDERS = 4, MESSAGES = 5000 };

struct sender {
    struct loop *loop;
    int last; /* of the receiver */
    bool in_order;
    struct parcel {
        struct loop_message message;
        struct sender *from;
        int number;
    } parcels[MESSAGES];
};

static void receive(struct loop_message *message)
{
    struct parcel *parcel = CONTAINER_OF(message, struct parcel, message);
    if (parcel->number != parcel->from->last + 1)
        parcel->from->in_order = false;
    parcel->from->last = parcel->number;
}

static void *send_all(void *arg)
{
    struct sender *sender = arg;
    for (int i = 0; i < MESSAGES; i++) {
        sender->parcels[i] =
            (struct parcel){.message.run = receive, .from = sender, .number = i + 1};
        loop_post(sender->loop, &sender->parcels[i].message);
    }
    return NULL;
}

static bool all_received(void *arg)
{
    const struct sender *senders = arg;
    for (int i = 0; i < SENDERS; i++)
        if (senders[i].last != MESSAGES)
            return false;
    return true;
}

static void takes_messages_of_threads_in_order(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct sender *senders = calloc(SENDERS, sizeof *senders);
    pthread_t threads[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i].loop = loop;
        senders[i].in_order = true;
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    kit_run_until(loop, all_received, senders);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(senders[i].in_order);
    }
    loop_destroy(&loop);
    assert_null(loop);
    free(senders);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void count_hook(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void is_woken_and_stopped_by_others(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    atomic_int turns = 0;
    pthread_t thread;
    loop_set_turn_hook(loop, count_hook, &turns);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    while (atomic_load(&turns) < 50)
        loop_wake(loop);
    loop_stop(loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_destroy(&loop);
}

static void a_stop_before_the_run_counts(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    loop_stop(loop);
    loop_run(loop);
    loop_destroy(&loop);
}

static void runs_messages_left_at_the_end(void **state)
{
    (void)state;
    struct sender *sender = calloc(1, sizeof *sender);
    sender->loop = loop_create();
    sender->in_order = true;
    send_all(sender);
    loop_destroy(&sender->loop);
    assert_int_equal(sender->last, MESSAGES);
    assert_true(sender->in_order);
    free(sender);
}

/* --- tasks ------------------------------------------------------------- */

static char trace[64];

struct note {
    struct loop_task task;
    struct loop *loop;
    char letter;
    struct note *asks_flush;
    struct note *asks_destroy;
};

static void run_note(struct loop_task *task)
{
    struct note *note = CONTAINER_OF(task, struct note, task);
    const size_t len = strlen(trace);
    trace[len] = note->letter;
    trace[len + 1] = '\0';
    if (note->asks_flush)
        loop_flush_later(note->loop, &note->asks_flush->task);
    if (note->asks_destroy)
        loop_destroy_later(note->loop, &note->asks_destroy->task);
}

static void flushes_then_destroys(void **state)
{
    (void)state;
    trace[0] = '\0';
    struct loop *loop = loop_create();
    struct note d = {.loop = loop, .letter = 'd'}, c = {.loop = loop, .letter = 'c'};
    struct note b = {.loop = loop, .letter = 'b', .asks_flush = &c, .asks_destroy = &d};
    struct note a = {.loop = loop, .letter = 'a', .asks_flush = &b};
    struct note x = {.loop = loop, .letter = 'x'}, l = {.loop = loop, .letter = 'l'};
    struct note e = {.loop = loop, .letter = 'e', .asks_flush = &x};
    struct note *all[] = {&a, &b, &c, &d, &e, &x, &l};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        loop_task_init(&all[i]->task, run_note);
    loop_destroy_later(loop, &e.task);
    loop_flush_later(loop, &a.task);
    loop_flush_later(loop, &a.task);
    loop_run_later(loop, &l.task);
    loop_turn(loop);
    assert_string_equal(trace, "labcedx");
    loop_flush_later(loop, &a.task);
    loop_task_cancel(&a.task);
    loop_turn(loop);
    assert_string_equal(trace, "labcedx");
    loop_destroy(&loop);
}

struct last {
    struct loop_task task;
    struct loop *loop;
};

static void run_last(struct loop_task *task)
{
    loop_stop(CONTAINER_OF(task, struct last, task)->loop);
}

/* A run that waits first never ends. */
static void flushes_what_was_asked_before_the_run(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct last last = {.loop = loop};
    loop_task_init(&last.task, run_last);
    loop_flush_later(loop, &last.task);
    loop_run(loop);
    loop_destroy(&loop);
}

/* --- timers ------------------------------------------------------------ */

struct alarm {
    struct timer timer;
    struct loop *loop;
    int fired;
    int64_t fired_ns;
    struct alarm *stops;
    struct alarm *starts;
    int64_t start_ms;
    bool *stop_all;
};

static int alarm_order[16], alarm_count;

static void ring(struct timer *timer)
{
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
    alarm->fired++;
    alarm->fired_ns = clock_monotonic_ns();
    assert_false(timer_running(timer));
    if (alarm_count < 16)
        alarm_order[alarm_count++] = (int)alarm->start_ms;
    if (alarm->stops)
        timer_stop(&alarm->stops->timer);
    if (alarm->starts)
        timer_start(&alarm->starts->timer, alarm->loop, alarm->starts->start_ms);
}

static bool rang(void *arg)
{
    return ((struct alarm *)arg)->fired > 0;
}

static void start(struct alarm *alarm, struct loop *loop, int64_t ms)
{
    timer_init(&alarm->timer, ring);
    alarm->loop = loop;
    alarm->start_ms = ms;
    timer_start(&alarm->timer, loop, ms);
}

static void timers_ring_in_order_and_not_early(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct alarm alarms[4] = {{.fired = 0}};
    static const int64_t delays[4] = {90, 0, 50, 20};
    const int64_t begun_ns = clock_monotonic_ns();
    alarm_count = 0;
    for (int i = 0; i < 4; i++)
        start(&alarms[i], loop, delays[i]);
    kit_run_until(loop, rang, &alarms[0]);
    const int expected[] = {0, 20, 50, 90};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(alarms[i].fired, 1);
        assert_int_equal(alarm_order[i], expected[i]);
        assert_true(alarms[i].fired_ns - begun_ns >= delays[i] * NS_PER_MS);
    }
    loop_destroy(&loop);
}

static void timers_restart_and_stop(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct alarm later = {.fired = 0}, sooner = {.fired = 0}, never = {.fired = 0};
    const int64_t begun_ns = clock_monotonic_ns();
    start(&later, loop, 10);
    start(&sooner, loop, 1000 * 1000);
    start(&never, loop, 10);
    timer_start(&later.timer, loop, 120);
    timer_start(&sooner.timer, loop, 30);
    timer_stop(&never.timer);
    timer_stop(&never.timer);
    assert_false(timer_running(&never.timer));
    kit_run_until(loop, rang, &later);
    assert_true(later.fired_ns - begun_ns >= 120 * NS_PER_MS);
    assert_int_equal(sooner.fired, 1);
    assert_int_equal(never.fired, 0);
    loop_destroy(&loop);
}

static void timers_stop_and_start_each_other(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct alarm a = {.fired = 0}, b = {.fired = 0}, c = {.fired = 0}, last = {.fired = 0};
    a.stops = &b; /* of the same slot: whoever rings first silences the other */
    b.stops = &a;
    a.starts = b.starts = &c;
    c.starts = &last;
    start(&a, loop, 20);
    start(&b, loop, 20);
    start(&c, loop, 5000);
    start(&last, loop, 60 * 1000);
    timer_stop(&last.timer);
    last.start_ms = 0;
    c.start_ms = 8;
    kit_run_until(loop, rang, &last);
    assert_int_equal(a.fired + b.fired, 1);
    assert_int_equal(c.fired, 1);
    loop_destroy(&loop);
}

static void ring_every_time(struct timer *timer)
{
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
    alarm->fired++;
    timer_start(timer, alarm->loop, 0);
}

static bool rang_five_times(void *arg)
{
    return ((struct alarm *)arg)->fired >= 5;
}

static void a_timer_of_no_delay_does_not_hold_the_turn(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct alarm alarm = {.loop = loop};
    timer_init(&alarm.timer, ring_every_time);
    timer_start(&alarm.timer, loop, 0);
    kit_run_until(loop, rang_five_times, &alarm);
    timer_stop(&alarm.timer);
    loop_destroy(&loop);
}

enum { MANY = 20000 };

static bool all_rang(void *arg)
{
    const struct alarm *alarms = arg;
    for (int i = 0; i < MANY; i++)
        if (i % 3 == 0 && alarms[i].fired == 0)
            return false;
    return true;
}

static void thousands_of_timers(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct alarm *alarms = calloc(MANY, sizeof *alarms);
    for (int i = 0; i < MANY; i++)
        start(&alarms[i], loop, i % 300);
    for (int i = 0; i < MANY; i++) {
        if (i % 3 == 1)
            timer_stop(&alarms[i].timer);
        else if (i % 3 == 2)
            timer_start(&alarms[i].timer, loop, 10 * 1000 * 1000);
    }
    kit_run_until(loop, all_rang, alarms);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(alarms[i].fired, i % 3 == 0);
        timer_stop(&alarms[i].timer);
    }
    loop_destroy(&loop);
    free(alarms);
}

UNIT_MAIN(takes_messages_of_threads_in_order, is_woken_and_stopped_by_others,
          a_stop_before_the_run_counts, runs_messages_left_at_the_end, flushes_then_destroys,
          flushes_what_was_asked_before_the_run, timers_ring_in_order_and_not_early,
          timers_restart_and_stop, timers_stop_and_start_each_other,
          a_timer_of_no_delay_does_not_hold_the_turn, thousands_of_timers)
