#include "sim/request_log.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"

static const char *const event_names[REQUEST_EVENTS] = {
    [REQUEST_STARTED] = "started",
    [REQUEST_FINISHED] = "finished",
    [REQUEST_ABORTED] = "aborted",
    [REQUEST_REFUSED] = "refused",
};

static void record_write(const struct request_log *log, const struct request_record *r,
                         struct buffer *out)
{
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_kv_uint(&json, "seq", r->sequence);
    json_kv_int(&json, "ts_ms", r->ts_ms);
    json_kv_string(&json, "cluster", log->cluster);
    json_kv_string(&json, "event", event_names[r->event]);
    json_kv_string(&json, "request_id", r->id);
    json_kv_uint(&json, "place", r->place);
    json_kv_uint(&json, "prompt_tokens", r->prompt_tokens);
    json_kv_uint(&json, "cached_tokens", r->cached_tokens);
    json_kv_uint(&json, "tokens", r->tokens);
    if (r->event == REQUEST_REFUSED)
        json_kv_int(&json, "status", r->status);
    json_object_end(&json);
    buffer_append_byte(out, '\n');
}

static void records_grow(struct request_log *log)
{
    const uint32_t size = log->size ? log->size * 2 : 256;
    log->records = memory_realloc(log->records, size * sizeof(*log->records));
    log->size = size;
}

void request_log_init(struct request_log *log, const char *cluster, bool print)
{
    *log = (struct request_log){.cluster = cluster, .print = print, .next = 1};
}

void request_log_finish(struct request_log *log)
{
    free(log->records);
    log->records = NULL;
}

void request_log_add(struct request_log *log, const struct request_record *record)
{
    /* Sequences start at 1, so until the ring is full they are places in it. */
    if (log->next > log->size && log->size < REQUEST_LOG_KEPT)
        records_grow(log);
    struct request_record *r = &log->records[(log->next - 1) % log->size];
    *r = *record;
    r->sequence = log->next++;
    r->ts_ms = clock_wall_ms();
    log->counts[r->event]++;
    if (!log->print)
        return;
    struct buffer line = {0};
    record_write(log, r, &line);
    fwrite(buffer_slice(&line).ptr, 1, buffer_len(&line), stdout);
    buffer_release(&line);
}

void request_log_write(const struct request_log *log, uint64_t since, struct buffer *out)
{
    uint64_t first = since + 1;
    if (log->next > log->size && first < log->next - log->size)
        first = log->next - log->size;
    for (uint64_t sequence = first; sequence < log->next; sequence++)
        record_write(log, &log->records[(sequence - 1) % log->size], out);
}
