/*
 * For tests of whole exchanges: a caller, the proxy and two engines in one
 * loop, in the four ways through: HTTP/1.1 and HTTP/2 on either side.
 */
#ifndef TEST_WAYS_H
#define TEST_WAYS_H

#include "unit.h"

#include "../net/net_kit.h"
#include "base/memory.h"
#include "edge.h"

enum { WAYS = 4 };

struct way {
    bool client_h2;
    const char *options;
};

extern const struct way ways[WAYS];
#define EACH_WAY(w) for (size_t w = 0; w < WAYS; w++)

extern struct loop *loop;
extern struct engine near, far;
extern struct edge edge;
extern struct caller caller;
extern struct call call;               /* of the last post or ask */
extern const char plain[], streamed[]; /* bodies to post */
extern const char *const json[];       /* the fields that go with them */

/* `options` of the engines' endpoints, `more` lines of configuration. */
void open_all(const char *options, const char *more, bool client_h2);
void open_way(size_t w, const char *more);
void close_all(void);
/* Begins a call, having let go of the last one. */
void post(const char *body);
/* The same, waited for; its status. */
int ask(const char *method, const char *path, const char *const *fields, const char *body);
uint64_t faults(enum fault fault);
/* An engine's on_complete that never answers. */
void wait_for_ever(struct engine_request *request);

#endif
