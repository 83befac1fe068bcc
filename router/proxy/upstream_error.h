/*
 * The body of a cluster's JSON error, in the shape that clients are promised:
 * engines, and what stands before them, have several of their own
 * ({"message":...}, {"error":"..."}, {"detail":[...]}).  For relay.c; knows
 * neither streams nor heads.
 */
#ifndef PROXY_UPSTREAM_ERROR_H
#define PROXY_UPSTREAM_ERROR_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Larger ones pass as they are. */
enum { UPSTREAM_ERROR_BYTES_MOST = 16 << 10 };

/* False: it is an OpenAI error object already, and nothing was written. */
bool upstream_error_write(int status, struct slice body, struct buffer *out);

#endif
