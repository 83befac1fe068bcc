/* A whole response in one call, for everything that does not stream. */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H

#include "http/codec.h"

#define REPLY_JSON SLICE("application/json")
#define REPLY_JSON_LINES SLICE("application/x-ndjson")

/* `request_id` is echoed; ptr NULL: none. */
void reply_send(struct stream *stream, int status, struct slice content_type, struct slice body,
                struct slice request_id);
/* An error object as the engines write it. */
void reply_error(struct stream *stream, int status, const char *message, struct slice request_id);
/* The head of an event stream. */
void reply_begin_events(struct stream *stream, struct slice request_id);

#endif
