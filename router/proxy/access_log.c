#include "proxy/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

enum {
    BATCH_BYTES = 128 * 1024,
    LINE_BYTES = 16 * 1024, /* the room that is asked for before one is written */
    BATCH_AGE_MS = 50,
    BATCHES_MOST = 64, /* waiting for the disk: about 8 MiB */
};

struct batch {
    struct batch *next;
    struct buffer bytes;
    uint64_t count;
};

struct access_log {
    char *path; /* NULL: standard output */
    int fd;
    _Atomic(struct batch *) newest; /* a stack; the writer turns it round */
    _Atomic uint32_t waiting;
    _Atomic uint64_t dropped;
    _Atomic bool reopen;
    _Atomic bool stop;
    int wake[2];
    pthread_t thread;
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void write_all(struct access_log *log, const struct batch *batch)
{
    struct slice left = buffer_slice(&batch->bytes);
    while (left.len > 0) {
        const ssize_t n = write(log->fd, left.ptr, left.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            atomic_fetch_add(&log->dropped, batch->count);
            return;
        }
        left = slice_make(left.ptr + n, left.len - (size_t)n);
    }
}

static void reopen_if_asked(struct access_log *log)
{
    if (!atomic_exchange(&log->reopen, false) || log->path == NULL)
        return;
    const int fd = open_file(log->path);
    if (fd < 0) {
        log_event(LOG_ERROR, "access_log_reopen", "%s: %s; going on with the old file", log->path,
                  strerror(errno));
        return;
    }
    close(log->fd);
    log->fd = fd;
}

static void write_waiting(struct access_log *log)
{
    struct batch *stack = atomic_exchange_explicit(&log->newest, NULL, memory_order_acquire);
    struct batch *queue = NULL;
    while (stack != NULL) {
        struct batch *batch = stack;
        stack = batch->next;
        batch->next = queue;
        queue = batch;
    }
    while (queue != NULL) {
        struct batch *batch = queue;
        queue = batch->next;
        write_all(log, batch);
        atomic_fetch_sub(&log->waiting, 1);
        buffer_release(&batch->bytes);
        free(batch);
    }
}

static void *run(void *arg)
{
    struct access_log *log = arg;
    for (;;) {
        char bytes[64];
        const ssize_t n = read(log->wake[0], bytes, sizeof bytes);
        if (n < 0 && errno != EINTR)
            break;
        const bool stop = atomic_load(&log->stop);
        reopen_if_asked(log);
        write_waiting(log);
        if (stop)
            break;
    }
    return NULL;
}

/* The pipe is non-blocking on our side: when it is full the writer is awake anyway. */
static void wake(struct access_log *log)
{
    const ssize_t n = write(log->wake[1], "", 1);
    (void)n;
}

struct access_log *access_log_open(const char *path, struct error *error)
{
    const bool standard_output = strcmp(path, "stdout") == 0;
    const int fd = standard_output ? dup(STDOUT_FILENO) : open_file(path);
    if (fd < 0) {
        error_set(error, "log %s: %s", path, strerror(errno));
        return NULL;
    }
    struct access_log *log = memory_zalloc(sizeof *log);
    log->path = standard_output ? NULL : memory_strdup(path);
    log->fd = fd;
    CHECK_EQ(pipe2(log->wake, O_CLOEXEC), 0);
    CHECK_EQ(fcntl(log->wake[1], F_SETFL, O_NONBLOCK), 0);
    CHECK_EQ(pthread_create(&log->thread, NULL, run, log), 0);
    pthread_setname_np(log->thread, "log");
    return log;
}

void access_log_close(struct access_log **log)
{
    if (*log == NULL)
        return;
    atomic_store(&(*log)->stop, true);
    wake(*log);
    pthread_join((*log)->thread, NULL);
    close((*log)->wake[0]);
    close((*log)->wake[1]);
    close((*log)->fd);
    free((*log)->path);
    free(*log);
    *log = NULL;
}

void access_log_reopen(struct access_log *log)
{
    atomic_store(&log->reopen, true);
    wake(log);
}

uint64_t access_log_dropped(const struct access_log *log)
{
    return atomic_load(&log->dropped);
}

static void hand_over(struct access_log *log, struct access_log_lines *lines)
{
    if (atomic_load_explicit(&log->waiting, memory_order_relaxed) >= BATCHES_MOST) {
        atomic_fetch_add(&log->dropped, lines->count);
        buffer_clear(&lines->bytes);
        lines->count = 0;
        return;
    }
    struct batch *batch = memory_alloc(sizeof *batch);
    *batch = (struct batch){.bytes = lines->bytes, .count = lines->count};
    *lines = (struct access_log_lines){0};
    char *room = buffer_reserve(&lines->bytes, BATCH_BYTES + LINE_BYTES);
    (void)room; /* asked for once, instead of by doubling */
    atomic_fetch_add(&log->waiting, 1);
    batch->next = atomic_load_explicit(&log->newest, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&log->newest, &batch->next, batch,
                                                  memory_order_release, memory_order_relaxed))
        continue;
    wake(log);
}

void access_log_line_added(struct access_log *log, struct access_log_lines *lines, int64_t now_ns)
{
    if (lines->count++ == 0)
        lines->oldest_ns = now_ns;
    if (buffer_len(&lines->bytes) >= BATCH_BYTES)
        hand_over(log, lines);
}

void access_log_hand_over(struct access_log *log, struct access_log_lines *lines, int64_t now_ns,
                          bool all)
{
    if (lines->count > 0 && (all || now_ns - lines->oldest_ns >= BATCH_AGE_MS * NS_PER_MS))
        hand_over(log, lines);
}
