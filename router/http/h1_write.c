#include "http/h1_write.h"

#include "base/number.h"
#include "http/codec_core.h"

#define APPEND(out, literal) buffer_append(out, literal, sizeof literal - 1)

static void write_field(struct buffer *out, struct slice name, struct slice value)
{
    char *at = buffer_reserve(out, name.len + value.len + 4);
    memcpy(at, name.ptr, name.len);
    at += name.len;
    *at++ = ':';
    *at++ = ' ';
    if (value.len > 0)
        memcpy(at, value.ptr, value.len);
    at += value.len;
    *at++ = '\r';
    *at++ = '\n';
    buffer_commit(out, name.len + value.len + 4);
}

/* Checked again where it would do harm. */
static void write_fields(struct buffer *out, const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->items[i];
        if (field_name_valid(field->name) && field_value_valid(field->value) &&
            !field_is_hop_by_hop(field->name))
            write_field(out, field->name, field->value);
    }
}

static void write_content_length(struct buffer *out, int64_t length)
{
    char digits[NUMBER_TEXT_BYTES];
    if (length >= 0)
        write_field(out, SLICE("content-length"), number_text(digits, (uint64_t)length));
}

void h1_write_request(struct buffer *out, const struct request_head *head, int64_t content_length)
{
    buffer_append_slice(out, head->method_text);
    buffer_append_byte(out, ' ');
    buffer_append_slice(out, head->path);
    APPEND(out, " HTTP/1.1\r\n");
    write_field(out, SLICE("host"), head->authority);
    write_fields(out, &head->fields);
    write_content_length(out, content_length);
    APPEND(out, "\r\n");
}

void h1_write_response(struct buffer *out, const struct response_head *head,
                       const struct h1_framing *framing)
{
    char digits[NUMBER_TEXT_BYTES];
    APPEND(out, "HTTP/1.1 ");
    buffer_append_slice(out, number_text(digits, (uint64_t)head->status));
    buffer_append_byte(out, ' ');
    buffer_append_slice(out, slice_of(status_text(head->status)));
    APPEND(out, "\r\n");
    write_fields(out, &head->fields);
    write_content_length(out, framing->content_length);
    if (framing->chunked)
        APPEND(out, "transfer-encoding: chunked\r\n");
    if (framing->close)
        APPEND(out, "connection: close\r\n");
    APPEND(out, "\r\n");
}

void h1_write_chunk(struct buffer *out, struct slice data)
{
    char text[20], *at = text + sizeof text;
    *--at = '\n';
    *--at = '\r';
    for (size_t len = data.len; len > 0; len >>= 4)
        *--at = "0123456789abcdef"[len & 15];
    buffer_append(out, at, (size_t)(text + sizeof text - at));
    buffer_append_slice(out, data);
    APPEND(out, "\r\n");
}

void h1_write_last_chunk(struct buffer *out, const struct fields *trailers)
{
    APPEND(out, "0\r\n");
    if (trailers != NULL)
        write_fields(out, trailers);
    APPEND(out, "\r\n");
}
