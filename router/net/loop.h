/*
 * One event loop, owned by one thread, on libevent.  A turn is: everything
 * that is ready or due is handled; then the flush tasks run, once each, so a
 * connection is written once however many streams it served; then the destroy
 * tasks, so no object dies inside one of its own callbacks.
 *
 * Everything here is for the loop's own thread, but loop_post, loop_stop and
 * loop_wake; so the event base needs no locks.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct buffer;
struct event_base;
struct loop;

enum { LOOP_SCRATCH_BYTES = 64 * 1024 };

struct loop *loop_create(void);
/* Runs what was posted and is pending still. */
void loop_destroy(struct loop **loop);
/* Until loop_stop.  Destroy tasks still pending are run before it returns. */
void loop_run(struct loop *loop);
/* One turn that does not wait; for tests and for draining at the end. */
void loop_turn(struct loop *loop);
void loop_stop(struct loop *loop); /* any thread */
void loop_wake(struct loop *loop); /* any thread; cheap when already awake */
struct event_base *loop_base(struct loop *loop);
/* Monotonic, read once a turn: at the first question after the wait. */
int64_t loop_now_ns(struct loop *loop);
/* Called at the top of every turn, e.g. to mark an epoch. */
void loop_set_turn_hook(struct loop *loop, void (*hook)(void *arg), void *arg);

/* Thread-wide scratch of LOOP_SCRATCH_BYTES: nothing in it survives the callback that uses it. */
char *loop_read_scratch(struct loop *loop);
char *loop_write_scratch(struct loop *loop);
/* For the wire alone: TLS records on their way to the socket.  Empty between two calls. */
struct buffer *loop_record_scratch(struct loop *loop);

struct loop_task {
    struct list link; /* list_init by loop_task_init */
    void (*run)(struct loop_task *task);
};

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task));
/* In the next turn, which then does not wait. */
void loop_run_later(struct loop *loop, struct loop_task *task);
/* At the end of this turn; asking twice is once.  A flush task may ask for others. */
void loop_flush_later(struct loop *loop, struct loop_task *task);
/* After all flush tasks of this turn. */
void loop_destroy_later(struct loop *loop, struct loop_task *task);
/* When the loop is destroyed, unless it is cancelled before. */
void loop_at_end(struct loop *loop, struct loop_task *task);
void loop_task_cancel(struct loop_task *task);

struct loop_message {
    struct loop_message *next;
    void (*run)(struct loop_message *message); /* in the loop's thread; frees itself if it must */
};

/* Hands a message to the loop's thread, in order per sender; never blocks.  Any thread. */
void loop_post(struct loop *loop, struct loop_message *message);

/* Timers: coarse (up to 8 ms late), O(1) to start, stop and restart; thousands of them cost
 * nothing. */
struct timer {
    struct list link;
    struct loop *loop; /* NULL: not running */
    int64_t due_ns;
    void (*run)(struct timer *timer);
};

void timer_init(struct timer *timer, void (*run)(struct timer *timer));
void timer_start(struct timer *timer, struct loop *loop,
                 int64_t delay_ms); /* restarts a running one */
void timer_stop(struct timer *timer);
static inline bool timer_running(const struct timer *timer)
{
    return timer->loop != NULL;
}

#endif
