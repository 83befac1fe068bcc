#include "fake_redis.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>

#include "base/check.h"

static const char *reply_to(struct fake_redis *fake, const struct redisReply *command)
{
    const struct slice word = redis_reply_text(command->element[0]);
    if (slice_eq(word, SLICE("ROLE")))
        return fake->role;
    if (slice_eq(word, SLICE("AUTH")) || slice_eq(word, SLICE("SELECT")) ||
        slice_eq(word, SLICE("CLIENT")))
        return "+OK\r\n";
    if (slice_eq(word, SLICE("SUBSCRIBE")))
        return "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    if (slice_eq(word, SLICE("PING")))
        return "+PONG\r\n";
    return fake->answer(fake->owner, command);
}

static void on_command(struct fake_peer *peer, const struct redisReply *command)
{
    struct fake_redis *fake = peer->fake;
    const struct slice word = redis_reply_text(command->element[0]);
    const size_t used = strlen(fake->log);
    if (!slice_eq(word, SLICE("PING")))
        snprintf(fake->log + used, sizeof fake->log - used, "%.*s ", SLICE_ARG(word));
    const char *reply = fake->mute ? NULL : reply_to(fake, command);
    if (reply)
        bufferevent_write(peer->transport, reply, strlen(reply));
}

static void on_read(struct bufferevent *transport, void *arg)
{
    struct fake_peer *peer = arg;
    struct evbuffer *input = bufferevent_get_input(transport);
    const size_t len = evbuffer_get_length(input);
    redis_reader_feed(&peer->reader, slice_make(evbuffer_pullup(input, -1), len));
    evbuffer_drain(input, len);
    struct redisReply *command;
    while (redis_reader_next(&peer->reader, &command) == REDIS_READ_REPLY) {
        on_command(peer, command);
        freeReplyObject(command);
    }
}

static void peer_close(struct fake_peer *peer)
{
    if (!peer->transport)
        return;
    bufferevent_free(peer->transport);
    peer->transport = NULL;
    redis_reader_finish(&peer->reader);
}

static void on_event(struct bufferevent *transport, short what, void *arg)
{
    (void)transport;
    (void)what;
    peer_close(arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
    struct fake_redis *fake = arg;
    (void)listener;
    (void)address;
    (void)len;
    fake->accepted++;
    size_t at = 0;
    while (at < FAKE_PEERS_MOST && fake->peers[at].transport)
        at++;
    CHECK_LT(at, FAKE_PEERS_MOST);
    struct fake_peer *peer = &fake->peers[at];
    peer->fake = fake;
    peer->transport = bufferevent_socket_new(fake->base, fd, BEV_OPT_CLOSE_ON_FREE);
    redis_reader_init(&peer->reader);
    bufferevent_setcb(peer->transport, on_read, NULL, on_event, peer);
    bufferevent_enable(peer->transport, EV_READ | EV_WRITE);
}

static const char *say_ok(void *owner, const struct redisReply *command)
{
    (void)owner;
    (void)command;
    return "+OK\r\n";
}

void fake_redis_start(struct fake_redis *fake, struct event_base *base)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *fake = (struct fake_redis){.base = base, .role = FAKE_MASTER, .answer = say_ok};
    fake->listener = evconnlistener_new_bind(base, on_accept, fake, LEV_OPT_CLOSE_ON_FREE, 16,
                                             (struct sockaddr *)&any, sizeof any);
    CHECK(fake->listener != NULL);
    socklen_t len = sizeof any;
    getsockname(evconnlistener_get_fd(fake->listener), (struct sockaddr *)&any, &len);
    snprintf(fake->url_text, sizeof fake->url_text, "redis://u:p@127.0.0.1:%u/2",
             ntohs(any.sin_port));
    fake->url = slice_of(fake->url_text);
}

void fake_redis_stop(struct fake_redis *fake)
{
    fake_redis_hang_up(fake);
    evconnlistener_free(fake->listener);
}

void fake_redis_send(struct fake_redis *fake, const char *bytes)
{
    for (size_t i = 0; i < FAKE_PEERS_MOST; i++)
        if (fake->peers[i].transport)
            bufferevent_write(fake->peers[i].transport, bytes, strlen(bytes));
}

bool fake_redis_sent(const struct fake_redis *fake)
{
    for (size_t i = 0; i < FAKE_PEERS_MOST; i++) {
        struct bufferevent *transport = fake->peers[i].transport;
        if (transport && evbuffer_get_length(bufferevent_get_output(transport)) > 0)
            return false;
    }
    return true;
}

void fake_redis_hang_up(struct fake_redis *fake)
{
    for (size_t i = 0; i < FAKE_PEERS_MOST; i++)
        peer_close(&fake->peers[i]);
}
