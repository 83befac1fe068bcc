/*
 * The access log: JSON lines, one an exchange, appended to a file or standard
 * output by a thread of its own.  Workers gather lines and hand over a batch
 * at a time; when the disk is slower than the traffic, batches are dropped and
 * counted, and no request waits.
 */
#ifndef PROXY_ACCESS_LOG_H
#define PROXY_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct access_log;

/* `path`: a file, or "stdout".  NULL with a sentence when it cannot be opened. [control] */
struct access_log *access_log_open(const char *path, struct error *error) ISO_MUST_USE;
/* Writes what is left and ends the thread. [control] */
void access_log_close(struct access_log **log);
/* Opens the file again, after it was renamed.  Any thread. */
void access_log_reopen(struct access_log *log);
uint64_t access_log_dropped(const struct access_log *log); /* lines */

/* One worker's unsent lines. */
struct access_log_lines {
    struct buffer bytes;
    uint64_t count;
    int64_t oldest_ns; /* when the first of them was written */
};

/* After a line was appended to lines->bytes.  [worker] */
void access_log_line_added(struct access_log *log, struct access_log_lines *lines, int64_t now_ns);
/* Hands over what is old enough; `all`: everything.  Once a turn.  [worker] */
void access_log_hand_over(struct access_log *log, struct access_log_lines *lines, int64_t now_ns,
                          bool all);

#endif
