/*
 * --log: one JSON line per request, written when it ends, so that other
 * programs can look at each one.  README.md describes the keys.
 */
#ifndef LOAD_REQUEST_LINES_H
#define LOAD_REQUEST_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "load/call.h"

struct request_lines {
    int fd;      /* -1: none is written */
    int failure; /* the first errno; nothing more is written then */
    struct buffer pending;
    int64_t start_wall_ms; /* of the run */
};

/* file NULL: nothing is written. */
bool request_lines_open(struct request_lines *lines, const char *file,
                        struct error *error) ISO_MUST_USE;
void request_lines_add(struct request_lines *lines, const struct call *call, const char *place,
                       const char *cluster);
/* Writes the rest.  False: some could not be written. */
bool request_lines_close(struct request_lines *lines, struct error *error) ISO_MUST_USE;

#endif
