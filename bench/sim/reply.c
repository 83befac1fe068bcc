#include "sim/reply.h"

#include "sim/openai.h"

static void head_init(struct response_head *head, struct stream *stream, int status,
                      struct slice content_type, struct slice request_id)
{
    struct arena *arena = stream_arena(stream);
    *head = (struct response_head){.status = status, .content_length = -1};
    fields_add(&head->fields, arena, SLICE("content-type"), content_type);
    fields_add(&head->fields, arena, SLICE("server"), SLICE("isosim"));
    if (request_id.ptr)
        fields_add(&head->fields, arena, SLICE("x-request-id"), request_id);
    if (status == 429 || status == 503)
        fields_add(&head->fields, arena, SLICE("retry-after"), SLICE("1"));
}

void reply_send(struct stream *stream, int status, struct slice content_type, struct slice body,
                struct slice request_id)
{
    struct response_head head;
    head_init(&head, stream, status, content_type, request_id);
    head.content_length = (int64_t)body.len;
    stream_send_response(stream, &head, body.len == 0);
    if (body.len > 0) {
        stream_send_body(stream, body);
        stream_send_end(stream, NULL);
    }
}

void reply_error(struct stream *stream, int status, const char *message, struct slice request_id)
{
    struct buffer body = {0};
    openai_write_error(status, message, &body);
    reply_send(stream, status, REPLY_JSON, buffer_slice(&body), request_id);
    buffer_release(&body);
}

void reply_begin_events(struct stream *stream, struct slice request_id)
{
    struct response_head head;
    head_init(&head, stream, 200, SLICE("text/event-stream; charset=utf-8"), request_id);
    fields_add(&head.fields, stream_arena(stream), SLICE("cache-control"), SLICE("no-cache"));
    stream_send_response(stream, &head, false);
}
