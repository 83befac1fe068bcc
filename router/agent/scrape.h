/*
 * Fetches one endpoint's metrics page: a connection a scrape, HTTP/1.1, plain
 * or TLS, bounded in time and size.  The answer is not trusted.  agent.c asks
 * each interval; engine.c reads what comes.
 */
#ifndef AGENT_SCRAPE_H
#define AGENT_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/loop.h"
#include "net/tls.h"

struct evdns_base;
struct scrape;

enum { SCRAPE_BYTES_MOST = 4 * 1024 * 1024 };

struct scrape_settings {
    const char *host; /* name or address, without brackets; this and the next stay as they are */
    const char *authority; /* for the host field */
    const char *path;
    uint16_t port;
    struct tls_client *tls; /* NULL: plain */
    unsigned timeout_ms;
};

/* error NULL: the page is in body, valid for the call.  May call scrape_start, not _destroy. */
typedef void scrape_done(void *owner, unsigned index, const char *error, struct slice body);

/* `index` is handed back, to tell endpoints apart. */
struct scrape *scrape_create(struct loop *loop, struct evdns_base *dns,
                             const struct scrape_settings *settings, scrape_done *done, void *owner,
                             unsigned index);
void scrape_destroy(struct scrape **scrape);
/* Does nothing while one is under way. */
void scrape_start(struct scrape *scrape);

#endif
