/* A client codec with one call whose request was sent whole on stream 1, and frames that answer it.
 */
#ifndef TEST_H2_BACK_H
#define TEST_H2_BACK_H

#include "h2_peer.h"

/* :status 200 */
#define OK "\210"

struct back {
    struct peer peer;
    struct message *call;
};

static inline struct message *back_call(struct back *back)
{
    static const struct slice body = S("{}");
    struct message *call = pair_call(back->peer.pair, "POST", "/v1/x", &body, 1);
    peer_produce(&back->peer);
    return call;
}

static inline void back_begin(struct back *back, size_t piece)
{
    peer_begin(&back->peer, false, piece);
    back->call = back_call(back);
}

static inline void back_answer(struct back *back, const struct message *call, struct slice block)
{
    if (call->stream != NULL)
        raw_headers(&back->peer.bytes, call->stream->id, RAW_END_STREAM, block);
    peer_flush(&back->peer);
}

static inline bool still_works(struct back *back)
{
    if (codec_capacity(back->peer.codec) == 0)
        return false;
    struct message *call = back_call(back);
    back_answer(back, call, SLICE(OK));
    return call->closed && call->why == STREAM_DONE && call->status == 200;
}

#endif
