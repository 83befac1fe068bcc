/*
 * What the files of bench/peers' client share: one thread, any number of
 * HTTP/2 connections to one server, with TLS or without, frames by hand.
 *
 *   client.c           the program and its arguments
 *   client_link.c      connections: sockets, TLS, bytes to frames
 *   client_streams.c   streams of events: how many, and how late each
 *   client_visits.c    handshakes, and connections that stay idle
 */
#ifndef PEERS_CLIENT_H
#define PEERS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "h2_frame.h"
#include "net/address.h"

struct link;

struct client {
    int epoll;
    SSL_CTX *tls; /* NULL: cleartext */
    struct address server;
    char authority[ADDRESS_TEXT_BYTES];
    const char *path;
    bool stdin_closed; /* the harness wants an end */

    void (*on_open)(struct link *link); /* connected, shaken hands */
    void (*on_frame)(struct link *link, const struct h2_frame *frame);
    void *owner;
};

enum link_phase { LINK_CONNECTING, LINK_SHAKING, LINK_OPEN, LINK_CLOSED };

struct link {
    struct client *client;
    enum link_phase phase;
    int fd;
    SSL *ssl;
    bool wants_room;
    struct buffer in, out;
    uint64_t received; /* body bytes since the last WINDOW_UPDATE */
    uint64_t begin_ns;
    int64_t read_ns; /* when what on_frame sees was read */
    uint32_t number; /* the owner's */
    bool done;       /* the owner's */
};

/* "http://ADDRESS" or "https://ADDRESS"; ends the program when it is neither. */
void client_init(struct client *client, const char *url);
void client_finish(struct client *client);
/* Waits for something to happen, and lets it. */
void client_turn(struct client *client, int timeout_ms);
_Noreturn void client_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Connects; with a session, TLS begins with it. */
void link_open(struct link *link, struct client *client, SSL_SESSION *session);
void link_close(struct link *link);
void link_flush(struct link *link);
/* A POST with this body on a stream, flushed by the caller. */
void link_append_request(struct link *link, uint32_t stream, struct slice body);
/* Whether this head says 200. */
bool link_is_ok(const struct h2_frame *frame);

/* The modes; each prints JSON lines and gives the exit code. */
int streams_run(struct client *client, uint32_t connections, uint32_t streams, double seconds);
int handshakes_run(struct client *client, uint32_t count, uint32_t at_once, bool resume);
int idle_run(struct client *client, uint32_t connections);

#endif
