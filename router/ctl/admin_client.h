/*
 * One question to an admin interface and its answer, over a blocking socket.
 * Called by ctl_ask; keeps no connection and knows no page.
 */
#ifndef CTL_ADMIN_CLIENT_H
#define CTL_ADMIN_CLIENT_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "net/address.h"

enum { ADMIN_PATIENCE_S = 10, ADMIN_ANSWER_MOST = 64 << 20 };

/* False with a sentence when nothing whole came back; `out` is appended to. */
bool admin_client_ask(const struct address *address, const char *method, struct slice path,
                      struct slice body, int *status, struct buffer *out,
                      struct error *error) ISO_MUST_USE;

#endif
