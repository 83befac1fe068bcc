/* Heads and chunks of HTTP/1.1 as bytes.  Framing fields come from the arguments, never from the
 * head's fields; a field that could break the framing is left out. */
#ifndef HTTP_H1_WRITE_H
#define HTTP_H1_WRITE_H

#include "base/buffer.h"
#include "http/head.h"

/* content_length -1: no such field. */
void h1_write_request(struct buffer *out, const struct request_head *head, int64_t content_length);

struct h1_framing {
    int64_t content_length; /* -1: no such field */
    bool chunked;
    bool close;
};
void h1_write_response(struct buffer *out, const struct response_head *head,
                       const struct h1_framing *framing);
void h1_write_chunk(struct buffer *out, struct slice data);
void h1_write_last_chunk(struct buffer *out, const struct fields *trailers);

#endif
