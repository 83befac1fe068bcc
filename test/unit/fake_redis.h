/*
 * A Redis played by a test in its own event loop: greets as a master, answers
 * the rest as the test says.  No data, no time.
 */
#ifndef FAKE_REDIS_H
#define FAKE_REDIS_H

#include <stdbool.h>

#include "base/slice.h"
#include "net/redis_reader.h"

struct bufferevent;
struct event_base;
struct evconnlistener;
struct fake_redis;

#define FAKE_PEERS_MOST 4

struct fake_peer {
    struct fake_redis *fake;
    struct bufferevent *transport; /* NULL: free */
    struct redis_reader reader;
};

struct fake_redis {
    struct event_base *base;
    struct evconnlistener *listener;
    struct fake_peer peers[FAKE_PEERS_MOST];
    char url_text[64];
    struct slice url;
    const char *role; /* the reply to ROLE */
    /* The reply to what is not the greeting; NULL: none. */
    const char *(*answer)(void *owner, const struct redisReply *command);
    void *owner;
    bool mute; /* accepts and never answers */
    int accepted;
    char log[1024]; /* first words received, PING apart, in order */
};

#define FAKE_MASTER "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define FAKE_REPLICA "*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:0\r\n"

void fake_redis_start(struct fake_redis *fake, struct event_base *base);
void fake_redis_stop(struct fake_redis *fake);
/* To every peer, as it is. */
void fake_redis_send(struct fake_redis *fake, const char *bytes);
/* Nothing that was sent is still on its way into the socket. */
bool fake_redis_sent(const struct fake_redis *fake);
void fake_redis_hang_up(struct fake_redis *fake);

#endif
