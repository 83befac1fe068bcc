/*
 * What `isobench replay` found, for people or as one JSON object in one line
 * (README.md lists its fields), on standard output.
 */
#ifndef REPLAY_TELL_H
#define REPLAY_TELL_H

#include "replay/difference.h"

struct replay_found {
    const char *log;
    const char *policy;     /* NULL: as recorded */
    uint64_t identical;     /* choice and every millisecond */
    uint64_t without_scene; /* not made again */
    const struct difference *difference;
};

void tell_text(const struct replay_found *found);
void tell_json(const struct replay_found *found);

#endif
