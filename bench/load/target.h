/*
 * A URL that requests are sent to, read and resolved: scheme://host[:port][/prefix].
 */
#ifndef LOAD_TARGET_H
#define LOAD_TARGET_H

#include <stdbool.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "net/address.h"

enum { TARGET_ADDRESSES_MOST = 8 };

struct target {
    struct slice url; /* as given, NUL-terminated */
    bool secure;
    struct slice scheme;
    struct slice authority; /* host[:port] */
    const char *host;       /* without brackets */
    struct slice prefix;    /* of paths; "" or "/base", without a slash at its end */
    struct address addresses[TARGET_ADDRESSES_MOST]; /* tried in turn */
    uint32_t address_count;
};

/* Asks the resolver where the host is a name; so it may wait. */
bool target_read(struct slice url, struct arena *arena, struct target *out,
                 struct error *error) ISO_MUST_USE;

#endif
