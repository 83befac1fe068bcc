/*
 * Asks GET /edge from one source address and reads the nearest edge out of the
 * answer, as a client that is steered by geography does.
 */
#ifndef LOAD_STEER_H
#define LOAD_STEER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "load/lane.h"

/* The edges of a `/edge` answer, nearest first: name and URL of the first. */
bool steer_parse(struct slice json, struct arena *arena, struct slice *name, struct slice *url,
                 struct error *error) ISO_MUST_USE;

struct steer {
    struct lane *lane;
    struct lane_waiter waiter;
    struct upstream_connection *connection;
    struct stream *stream;
    struct timer patience;
    int status;
    struct buffer body;
    bool over;
    struct error error; /* "": `body` has the answer */
    void (*on_over)(void *owner, struct steer *steer);
    void *owner;
};

/* on_over is called once; the lane must live until then. */
void steer_begin(struct steer *steer, struct lane *lane,
                 void (*on_over)(void *owner, struct steer *steer), void *owner);
void steer_finish(struct steer *steer);

#endif
