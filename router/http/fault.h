/*
 * The one table of what can go wrong with a request: status, OpenAI error type
 * and code, whether it may be retried elsewhere, HTTP/2 error code when a
 * stream must be reset, the word in the log and in metrics, the sentence for
 * the client.  A new fault is a new row; the manual's table is checked against it.
 */
#ifndef HTTP_FAULT_H
#define HTTP_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/* RFC 9113 section 7 */
enum h2_error {
    H2_NO_ERROR = 0,
    H2_PROTOCOL_ERROR = 1,
    H2_INTERNAL_ERROR = 2,
    H2_FLOW_CONTROL_ERROR = 3,
    H2_STREAM_CLOSED = 5,
    H2_FRAME_SIZE_ERROR = 6,
    H2_REFUSED_STREAM = 7,
    H2_CANCEL = 8,
    H2_COMPRESSION_ERROR = 9,
    H2_ENHANCE_YOUR_CALM = 11,
};

enum { FAULT_RETRY_NEVER = 0, FAULT_RETRY_UNSTARTED = 1, FAULT_RETRY_REFUSAL = 2 };

/*  name, status, type, code, retry elsewhere, client may retry, h2 error, log word, sentence  */
#define FAULT_TABLE(X)                                                                             \
    X(NONE, 200, "", "", NEVER, false, NO_ERROR, "ok", "")                                         \
    X(BAD_REQUEST, 400, "invalid_request_error", "bad_request", NEVER, false, PROTOCOL_ERROR,      \
      "bad_request", "The request is malformed.")                                                  \
    X(BAD_HEAD, 400, "invalid_request_error", "bad_header", NEVER, false, PROTOCOL_ERROR,          \
      "bad_head", "A header field of the request is not allowed.")                                 \
    X(BAD_PATH, 400, "invalid_request_error", "bad_path", NEVER, false, PROTOCOL_ERROR,            \
      "bad_path", "The path of the request is malformed.")                                         \
    X(BAD_AUTHORITY, 400, "invalid_request_error", "bad_authority", NEVER, false, PROTOCOL_ERROR,  \
      "bad_authority", "The host of the request is malformed or given twice differently.")         \
    X(BAD_JSON, 400, "invalid_request_error", "invalid_json", NEVER, false, NO_ERROR, "bad_json",  \
      "The body is not one JSON object.")                                                          \
    X(DUPLICATE_KEY, 400, "invalid_request_error", "duplicate_key", NEVER, false, NO_ERROR,        \
      "duplicate_key", "A key that routing depends on is given twice in the body.")                \
    X(BAD_FIELD, 400, "invalid_request_error", "invalid_value", NEVER, false, NO_ERROR,            \
      "bad_field", "A field of the body has the wrong type or an impossible value.")               \
    X(MODEL_MISSING, 400, "invalid_request_error", "model_required", NEVER, false, NO_ERROR,       \
      "model_missing", "The body must name a model.")                                              \
    X(UNAUTHORIZED, 401, "invalid_request_error", "invalid_api_key", NEVER, false, NO_ERROR,       \
      "unauthorized", "The API key is missing or not known here.")                                 \
    X(NO_PATH, 404, "invalid_request_error", "not_found", NEVER, false, NO_ERROR, "no_path",       \
      "There is nothing at this path; the API is under /v1/.")                                     \
    X(NO_MODEL, 404, "invalid_request_error", "model_not_found", NEVER, false, NO_ERROR,           \
      "no_model", "The model does not exist or no cluster serves it.")                             \
    X(BAD_METHOD, 405, "invalid_request_error", "method_not_allowed", NEVER, false, NO_ERROR,      \
      "bad_method", "This method is not allowed here.")                                            \
    X(REQUEST_TIMEOUT, 408, "timeout_error", "request_timeout", NEVER, true, NO_ERROR,             \
      "request_timeout", "The request did not arrive in time.")                                    \
    X(LENGTH, 400, "invalid_request_error", "bad_length", NEVER, false, PROTOCOL_ERROR,            \
      "bad_length", "The body is not as long as content-length says.")                             \
    X(BODY_TOO_LARGE, 413, "invalid_request_error", "request_too_large", NEVER, false, NO_ERROR,   \
      "body_too_large", "The body is larger than this router takes.")                              \
    X(NOT_JSON, 415, "invalid_request_error", "unsupported_media_type", NEVER, false, NO_ERROR,    \
      "not_json", "The body must be JSON (content-type: application/json, no content-encoding).")  \
    X(EXPECTATION, 417, "invalid_request_error", "expectation_failed", NEVER, false, NO_ERROR,     \
      "expectation", "Only 'expect: 100-continue' is understood.")                                 \
    X(MISDIRECTED, 421, "invalid_request_error", "misdirected_request", NEVER, false, NO_ERROR,    \
      "misdirected", "This connection was made for another host name.")                            \
    X(TENANT_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded", NEVER, true, NO_ERROR,         \
      "tenant_limit", "This key has used up its limit for now.")                                   \
    X(HEAD_TOO_LARGE, 431, "invalid_request_error", "header_too_large", NEVER, false, NO_ERROR,    \
      "head_too_large", "The header fields are too large or too many.")                            \
    X(INTERNAL, 500, "server_error", "internal_error", NEVER, true, INTERNAL_ERROR, "internal",    \
      "The router failed.")                                                                        \
    X(NOT_IMPLEMENTED, 501, "invalid_request_error", "not_implemented", NEVER, false, NO_ERROR,    \
      "not_implemented", "This transfer coding is not understood.")                                \
    X(UPSTREAM_CONNECT, 502, "server_error", "upstream_unreachable", UNSTARTED, true, NO_ERROR,    \
      "upstream_connect", "No connection to a cluster could be made.")                             \
    X(UPSTREAM_BUSY, 503, "server_error", "upstream_busy", NEVER, true, NO_ERROR, "upstream_busy", \
      "Every connection that may be made to the cluster is in use.")                               \
    X(UPSTREAM_REFUSED, 502, "server_error", "upstream_refused", UNSTARTED, true, NO_ERROR,        \
      "upstream_refused", "The cluster refused the request before it began.")                      \
    X(UPSTREAM_OVERLOAD, 503, "server_error", "upstream_overloaded", REFUSAL, true, NO_ERROR,      \
      "upstream_overload", "The cluster is overloaded.")                                           \
    X(BAD_GATEWAY, 502, "server_error", "bad_gateway", NEVER, true, NO_ERROR, "bad_gateway",       \
      "The cluster's answer was not understood.")                                                  \
    X(UPSTREAM_LOST, 502, "server_error", "upstream_lost", NEVER, true, NO_ERROR, "upstream_lost", \
      "The connection to the cluster was lost before it answered.")                                \
    X(UPSTREAM_CUT, 502, "server_error", "upstream_cut", NEVER, true, INTERNAL_ERROR,              \
      "upstream_cut", "The cluster's answer was cut before its end.")                              \
    X(UPSTREAM_STALL, 504, "server_error", "upstream_stalled", NEVER, true, INTERNAL_ERROR,        \
      "upstream_stall", "The cluster stopped answering.")                                          \
    X(UPSTREAM_TIMEOUT, 504, "timeout_error", "upstream_timeout", NEVER, true, NO_ERROR,           \
      "upstream_timeout", "The cluster did not answer in time.")                                   \
    X(NO_CLUSTER, 503, "server_error", "no_cluster", NEVER, true, NO_ERROR, "no_cluster",          \
      "No cluster can take this request now.")                                                     \
    X(CONSTRAINT, 503, "server_error", "no_permitted_cluster", NEVER, false, NO_ERROR,             \
      "constraint", "No cluster that this route permits can take the request.")                    \
    X(OVERLOAD, 503, "server_error", "overloaded", NEVER, true, NO_ERROR, "overload",              \
      "The fleet is overloaded; try again shortly.")                                               \
    X(BODY_MEMORY, 503, "server_error", "overloaded", NEVER, true, NO_ERROR, "body_memory",        \
      "The router holds too many request bodies; try again shortly.")                              \
    X(DRAINING, 503, "server_error", "draining", NEVER, true, REFUSED_STREAM, "draining",          \
      "This router is about to stop; try again.")                                                  \
    X(CLIENT_STALL, 408, "timeout_error", "client_stalled", NEVER, false, CANCEL, "client_stall",  \
      "The client stopped reading.")                                                               \
    X(CLIENT_GONE, 499, "", "", NEVER, false, CANCEL, "client_gone", "The client went away.")

enum fault {
#define X(name, ...) FAULT_##name,
    FAULT_TABLE(X)
#undef X
        FAULT_COUNT
};

struct fault_row {
    const char *name; /* "BAD_HEAD" */
    int status;
    const char *type;
    const char *code;
    uint8_t retry;         /* FAULT_RETRY_* */
    bool client_may_retry; /* false: x-should-retry: false */
    enum h2_error h2_error;
    const char *word; /* in log and metrics */
    const char *text;
};

const struct fault_row *fault_row(enum fault fault);
/* The OpenAI error object.  `param`: the JSON key at fault, NULL none.  `detail`: a sentence put
 * behind the row's, may be empty. */
void fault_body_write(enum fault fault, const char *param, struct slice detail, struct buffer *out);

#endif
