#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

static _Atomic int least_level = LOG_INFO;
static const char *_Atomic program = "isochrone";

void log_set_level(enum log_level level)
{
    atomic_store(&least_level, level);
}

void log_set_program(const char *name)
{
    atomic_store(&program, name);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const words[] = {"debug", "info", "warn", "error"};
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    struct buffer line = {0};
    struct json json;
    json_init(&json, &line);
    json_object_begin(&json);
    json_kv_int(&json, "ts_ms", clock_wall_ms());
    json_kv_string(&json, "level", words[level]);
    json_kv_string(&json, "program", atomic_load(&program));
    json_kv_string(&json, "event", event);
    json_kv_string(&json, "message", text);
    json_object_end(&json);
    buffer_append_byte(&line, '\n');
    const ssize_t written = write(STDERR_FILENO, buffer_slice(&line).ptr, buffer_len(&line));
    (void)written; /* nowhere left to say it */
    buffer_release(&line);
}
