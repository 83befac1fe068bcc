/*
 * The program's own log: JSON lines on standard error, one event a line.
 * Thread-safe (one write a line).  Never prompts, keys or cookies.  The access
 * log is another thing: proxy/access_log.h.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/check.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);
void log_set_program(const char *name); /* kept, not copied */
/* `event`: a stable word to search for, lower_snake_case; the text is for people. */
void log_event(enum log_level level, const char *event, const char *format, ...) ISO_PRINTF(3, 4);

#endif
