/*
 * One connection to Redis that stays up: connects to the first of its servers
 * that is a master, gives up on one that does not answer, and comes back by
 * itself with full jitter.  hiredis is the codec, libevent the transport; one
 * source for hiredis 0.14 and 1.x.
 *
 *   WAITING --> CONNECTING --> GREETING (AUTH, SELECT, ROLE, SUBSCRIBE) --> READY
 *      ^____________|_______________|__________________________________________|
 *
 * A client either sends commands or is subscribed to one channel, never both
 * (RESP2).  Used by control/redis_feed and by the agent; knows no schema.
 * Everything here is for the loop's own thread.
 */
#ifndef NET_REDIS_CLIENT_H
#define NET_REDIS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct event_base;
struct redisReply;
struct redis_client;

enum redis_state { REDIS_WAITING, REDIS_CONNECTING, REDIS_GREETING, REDIS_READY };

enum { REDIS_URLS_MOST = 16 };

struct redis_settings {
    const struct slice *urls; /* tried in this order; 1 to REDIS_URLS_MOST */
    size_t url_count;
    const char *name;      /* for CLIENT LIST; NULL: none */
    const char *channel;   /* a subscriber of it; NULL: a client for commands */
    unsigned connect_ms;   /* for name and connection; 0: 1000 */
    unsigned reply_ms;     /* an older unanswered command ends the connection; 0: 1000 */
    unsigned retry_low_ms; /* first and last back-off; 0: 100 and 10000 */
    unsigned retry_high_ms;
};

struct redis_events {
    void (*on_ready)(void *owner);
    /* It was ready and is not any more; comes after the unanswered calls were told. */
    void (*on_lost)(void *owner);
    void (*on_message)(void *owner, struct slice payload); /* subscriber only */
};

struct redis_status {
    enum redis_state state;
    const char *server;   /* being used or tried, without credentials */
    const char *error;    /* the last failure, a sentence; "" when there was none */
    uint64_t connects;    /* times it became ready */
    uint64_t failures;    /* connections lost or never made */
    uint64_t replies;     /* to our commands */
    uint64_t errors;      /* of those, error replies */
    uint64_t unexpected;  /* replies nobody had asked for, ignored */
    uint64_t messages;    /* on the channel */
    uint64_t refused;     /* calls refused: not ready, or too many unanswered */
    unsigned outstanding; /* commands not answered yet */
};

/* reply NULL: the connection went away before the answer; the command may have been executed. */
typedef void redis_done(void *user, const struct redisReply *reply);

/* Starts to connect at once; false sentence when a URL is bad. */
struct redis_client *redis_client_create(struct event_base *base,
                                         const struct redis_settings *settings,
                                         const struct redis_events *events, void *owner,
                                         struct error *error) ISO_MUST_USE;
/* Unanswered calls are forgotten, not told.  Not from inside a callback of the client. */
void redis_client_destroy(struct redis_client **client);

/* False when it is not ready or 1024 calls are unanswered; then `done` is not called. */
bool redis_client_call(struct redis_client *client, const struct slice *arguments, size_t count,
                       redis_done *done, void *user) ISO_MUST_USE;
void redis_client_status(const struct redis_client *client, struct redis_status *out);
bool redis_client_ready(const struct redis_client *client);

#endif
