#include "load/request_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

enum { FLUSH_BYTES = 64 * 1024 };

bool request_lines_open(struct request_lines *lines, const char *file, struct error *error)
{
    *lines = (struct request_lines){.fd = -1};
    if (file == NULL)
        return true;
    lines->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return lines->fd >= 0 || error_set(error, "--log %s: %s", file, strerror(errno));
}

static void flush(struct request_lines *lines)
{
    while (buffer_len(&lines->pending) > 0 && lines->failure == 0) {
        const struct slice rest = buffer_slice(&lines->pending);
        const ssize_t n = write(lines->fd, rest.ptr, rest.len);
        if (n < 0 && errno != EINTR)
            lines->failure = errno;
        if (n > 0)
            buffer_consume(&lines->pending, (size_t)n);
    }
}

/* From the intended start; null when it did not happen. */
static void add_delay(struct json *json, const char *key, const struct sample *sample,
                      int64_t at_ns)
{
    json_kv_fixed(json, key, at_ns > 0 ? ns_to_ms(at_ns - sample->intended_ns) : NAN, 3);
}

static void add_tokens(struct json *json, const char *key, int64_t tokens)
{
    if (tokens >= 0)
        json_kv_int(json, key, tokens);
}

static void write_line(struct json *json, const struct request_lines *lines,
                       const struct call *call, const char *place, const char *cluster)
{
    const struct sample *sample = &call->sample;
    const struct options *options = call->calls->settings.options;
    const double intended_ms = ns_to_ms(sample->intended_ns);
    json_object_begin(json);
    json_kv_uint(json, "n", sample->number);
    json_kv_string(json, "place", place);
    json_kv_string(json, "cluster", cluster);
    if (sample->traffic_class != CLASS_NONE)
        json_kv_string(json, "class", traffic_class_name(sample->traffic_class));
    if (sample->way == WAY_DIRECT)
        json_kv_bool(json, "direct", true);
    if (options->tenants.count > 0)
        json_kv_string(json, "tenant", options->tenants.list[sample->tenant].name);
    if (sample->promise != PROMISE_NONE)
        json_kv_bool(json, "kept", sample->promise == PROMISE_KEPT);
    if (sample->conversation > 0) {
        json_kv_uint(json, "conversation", sample->conversation);
        json_kv_uint(json, "turn", sample->turn);
    }
    json_kv_string(json, "outcome", outcome_name(sample->outcome));
    json_kv_fixed(json, "intended_ms", intended_ms, 3);
    json_kv_fixed(json, "at_ms", (double)lines->start_wall_ms + intended_ms, 3);
    json_kv_fixed(json, "slip_ms", ns_to_ms(sample->issued_ns - sample->intended_ns), 3);
    add_delay(json, "head_ms", sample, sample->head_ns);
    add_delay(json, "ttft_ms", sample, sample->first_ns);
    add_delay(json, "e2e_ms", sample, sample->end_ns);
    json_kv_uint(json, "events", sample->events);
    json_kv_int(json, "status", sample->status);
    if (sample->request_id[0] != '\0')
        json_kv_string(json, "request_id", sample->request_id);
    if (sample->code[0] != '\0')
        json_kv_string(json, "code", sample->code);
    if (sample->error_event)
        json_kv_bool(json, "error_event", true);
    if (sample->resent > 0)
        json_kv_uint(json, "resent", sample->resent);
    json_kv_uint(json, "asked_prompt_tokens", sample->asked_prompt_tokens);
    json_kv_uint(json, "asked_output_tokens", sample->asked_output_tokens);
    add_tokens(json, "prompt_tokens", sample->prompt_tokens);
    add_tokens(json, "cached_tokens", sample->cached_tokens);
    add_tokens(json, "output_tokens", sample->output_tokens);
    json_object_end(json);
}

void request_lines_add(struct request_lines *lines, const struct call *call, const char *place,
                       const char *cluster)
{
    struct json json;
    if (lines->fd < 0 || lines->failure != 0)
        return;
    json_init(&json, &lines->pending);
    write_line(&json, lines, call, place, cluster);
    buffer_append_byte(&lines->pending, '\n');
    if (buffer_len(&lines->pending) >= FLUSH_BYTES)
        flush(lines);
}

bool request_lines_close(struct request_lines *lines, struct error *error)
{
    if (lines->fd < 0)
        return true;
    flush(lines);
    buffer_release(&lines->pending);
    close(lines->fd);
    lines->fd = -1;
    return lines->failure == 0 || error_set(error, "--log: %s", strerror(lines->failure));
}
