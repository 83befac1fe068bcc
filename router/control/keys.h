/*
 * The file of API keys: lines of  tenant sha256-of-key max_class [limits],
 * `#` begins a comment.  The keys themselves are never in it; the limits are
 * read over, and that is said in the log.
 */
#ifndef CONTROL_KEYS_H
#define CONTROL_KEYS_H

#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "proxy/tables.h"

/* Everything lives in `arena`.  False with the first problem: file, line, what, what would be
 * right. */
bool keys_load(const char *path, struct arena *arena, const struct tenant_key **keys, size_t *count,
               struct error *error) ISO_MUST_USE;

#endif
