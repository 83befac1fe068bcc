/*
 * One codec of a pair against bytes written by hand: how they come (in what
 * pieces), and all that the codec produced.
 */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include "pair.h"

struct peer {
    struct pair *pair;
    struct codec *codec; /* of the pair; the other one is not used */
    struct buffer bytes; /* to be fed */
    struct buffer out;   /* all that was produced */
    size_t piece;
    bool alive;
};

static inline void peer_open(struct peer *peer, bool h2, bool server, size_t piece)
{
    *peer = (struct peer){.pair = pair_create(h2, 65536), .alive = true, .piece = piece};
    peer->codec = server ? peer->pair->server : peer->pair->client;
}

static inline void peer_finish(struct peer *peer)
{
    pair_destroy(peer->pair);
    buffer_release(&peer->bytes);
    buffer_release(&peer->out);
}

static inline void peer_produce(struct peer *peer)
{
    char bytes[16384 + 100];
    size_t n;
    do {
        n = codec_produce(peer->codec, bytes, sizeof bytes);
        buffer_append(&peer->out, bytes, n);
    } while (n > 0);
}

/* Feeds peer->bytes, each piece in memory of its own, so that a codec that reads beyond it or
 * keeps a pointer into it is seen by a sanitizer. */
static inline void peer_flush(struct peer *peer)
{
    struct slice rest = buffer_slice(&peer->bytes);
    while (rest.len > 0 && peer->alive) {
        const size_t n = rest.len < peer->piece ? rest.len : peer->piece;
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, rest.ptr, n);
        peer->alive = codec_feed(peer->codec, slice_make(copy, n), peer->pair->now_ns);
        free(copy);
        rest = slice_make(rest.ptr + n, rest.len - n);
        peer_produce(peer);
    }
    buffer_clear(&peer->bytes);
    peer_produce(peer);
}

static inline void peer_send(struct peer *peer, struct slice text)
{
    buffer_append_slice(&peer->bytes, text);
    peer_flush(peer);
}

#endif
