/*
 * The file of API keys: lines of
 *
 *     tenant sha256-of-key max_class [requests/min [tokens/min [models]]]
 *
 * `-` is no limit, models are parted by commas, `#` begins a comment.  The keys
 * themselves are never in it.
 */
#ifndef CONTROL_KEYS_H
#define CONTROL_KEYS_H

#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "proxy/tables.h"

/* Everything but the meters lives in `arena`; `workers` share a meter.  False with the first
 * problem: file, line, what, what would be right. */
bool keys_load(const char *path, struct arena *arena, uint32_t workers, struct tenant_key **keys,
               size_t *count, struct error *error) ISO_MUST_USE;
/* Lets go of the meters. */
void keys_release(struct tenant_key *keys, size_t count);
/* What the keys of `old` have used counts for the same keys in `fresh`, which nobody uses yet. */
void keys_carry_over(const struct tenant_key *old, size_t old_count, struct tenant_key *fresh,
                     size_t fresh_count);

#endif
