/*
 * Where a Redis is: redis://[user:password@]host[:port][/db] or unix:/path[?db=n].
 * The configuration checks with it, redis_client connects by it.  TLS (rediss:)
 * and Redis Cluster are not spoken.
 */
#ifndef NET_REDIS_URL_H
#define NET_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct redis_url {
    char host[256]; /* name or address, without brackets; empty for a unix socket */
    char path[108]; /* of the unix socket; empty for TCP */
    char user[128]; /* empty: none */
    char password[512];
    uint16_t port;
    uint16_t database;
    char shown[400]; /* for logs: without user and password */
};

/* The sentence never contains the password. */
bool redis_url_parse(struct slice text, struct redis_url *out, struct error *error) ISO_MUST_USE;

#endif
