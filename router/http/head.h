/*
 * The head of a request or a response, the same for HTTP/1.1 and HTTP/2.
 * head_accept_request is the one place where a client's head is judged; both
 * codecs call it before anybody above sees the request.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "http/fault.h"
#include "http/fields.h"

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER,
};

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11, HTTP_2 = 20 };

struct request_head {
    enum http_method method;
    enum http_version version;
    struct slice method_text;
    struct slice scheme;    /* "http" or "https" */
    struct slice authority; /* host[:port] */
    struct slice path;      /* raw, with query; begins with '/' */
    struct fields
        fields; /* without pseudo headers, host and framing headers (connection, te, ...) */
    int64_t content_length; /* -1: not given */
    bool body;              /* a body follows, maybe empty */
    bool expect_continue;
    bool takes_trailers; /* it said `te: trailers` */
    bool stays;          /* to codec_open: all of it outlives the stream, so nothing is copied */
};

struct response_head {
    int status;
    struct fields fields;   /* without framing headers; content-length is its own member */
    int64_t content_length; /* -1: not given */
};

/* Rows 27-64 of the hardening list that concern a head.  `secure`: it came over TLS.
 * FAULT_NONE, or the reason to refuse. */
enum fault head_accept_request(const struct request_head *head, bool secure);
/* What a cluster may answer.  FAULT_NONE or FAULT_BAD_GATEWAY. */
enum fault head_accept_response(const struct response_head *head);

enum http_method method_of(struct slice text);
const char *status_text(int status);
/* True for field names that frame or manage one hop and are never carried over. */
bool field_is_hop_by_hop(struct slice name);
/* The few that may follow a body: x-*, grpc-*, server-timing. */
bool field_is_trailer(struct slice name);
/* HEAD, 1xx, 204 and 304 have no body whatever their head says. */
bool response_is_bodiless(enum http_method method, int status);

#endif
