/* Whose keys requests carry: a file of lines "NAME KEY [WEIGHT]"; # begins a comment. */
#ifndef LOAD_TENANT_H
#define LOAD_TENANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

enum { TENANTS_MOST = 256 };

struct tenant {
    const char *name;
    struct slice authorization; /* "Bearer KEY" */
    double weight;
};

struct tenants {
    struct tenant *list; /* in the arena */
    uint32_t count;
    double weight; /* of all */
};

bool tenants_read(const char *file, struct arena *arena, struct tenants *out,
                  struct error *error) ISO_MUST_USE;
/* By weight; share from 0 to 1. */
uint32_t tenants_pick(const struct tenants *tenants, double share);

#endif
