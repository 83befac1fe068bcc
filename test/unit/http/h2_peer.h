/*
 * One HTTP/2 codec against frames written by hand: how they come (in what
 * pieces), and what the codec said to them.  A script of frames is a table row.
 */
#ifndef TEST_H2_PEER_H
#define TEST_H2_PEER_H

#include "h2_raw.h"
#include "peer.h"

/* RFC 9113 section 7; the router itself names only those it sends. */
enum {
    CODE_PROTOCOL = 1,
    CODE_FLOW_CONTROL = 3,
    CODE_STREAM_CLOSED = 5,
    CODE_FRAME_SIZE = 6,
    CODE_REFUSED = 7,
    CODE_CANCEL = 8,
    CODE_COMPRESSION = 9,
    CODE_CALM = 11,
};
#define CODE(name) (1u << CODE_##name)

enum step_kind { STEP_END, STEP_FRAME, STEP_FILLED, STEP_WAIT };

struct step {
    enum step_kind kind;
    uint8_t type, flags;
    uint32_t stream;
    struct slice payload; /* STEP_FILLED: only its length */
};

#define S(text)                      \
    {                                \
        "" text, sizeof("" text) - 1 \
    }

/* A field of a head that a table row gives. */
struct raw_pair {
    struct slice name, value;
};
#define F(name, value)    \
    {                     \
        S(name), S(value) \
    }

/* One frame; one of `size` bytes; and: what was sent until here is answered before the rest comes.
 */
#define FRAME(type, flags, stream, text)                   \
    {                                                      \
        STEP_FRAME, RAW_##type, (flags), (stream), S(text) \
    }
#define FILLED(type, flags, stream, size)           \
    {                                               \
        STEP_FILLED, RAW_##type, (flags), (stream), \
        {                                           \
            NULL, size                              \
        }                                           \
    }
#define WAIT                \
    {                       \
        STEP_WAIT, 0, 0, 0, \
        {                   \
            NULL, 0         \
        }                   \
    }
#define PING FRAME(PING, 0, 0, "probe\0\0\0")

enum { STEPS_MAX = 8 };
enum { ES = RAW_END_STREAM, EH = RAW_END_HEADERS };

/* How the bytes come; every row must end the same in each. */
static const size_t pieces[] = {SIZE_MAX, 1, 7};

static inline void peer_init(struct peer *peer, bool server, size_t piece)
{
    peer_open(peer, true, server, piece);
}

/* The peer's side of the beginning, before or after which nothing else was said. */
static inline void peer_greet(struct peer *peer)
{
    if (peer->codec == peer->pair->server)
        raw_preface(&peer->bytes);
    else
        raw_frame(&peer->bytes, RAW_SETTINGS, 0, 0, SLICE_NONE);
    raw_frame(&peer->bytes, RAW_SETTINGS, RAW_ACK, 0, SLICE_NONE);
    peer_flush(peer);
}

static inline void peer_begin(struct peer *peer, bool server, size_t piece)
{
    peer_init(peer, server, piece);
    peer_greet(peer);
}

static inline void peer_play(struct peer *peer, const struct step *steps)
{
    for (size_t i = 0; i < STEPS_MAX && steps[i].kind != STEP_END; i++) {
        const struct step *step = &steps[i];
        if (step->kind == STEP_WAIT)
            peer_flush(peer);
        else
            raw_frame(&peer->bytes, step->type, step->flags, step->stream,
                      step->kind == STEP_FILLED ? pattern(step->payload.len) : step->payload);
    }
    peer_flush(peer);
}

/* What a codec said, after its own preface. */
struct said {
    int goaway; /* error code of the last, -1 none */
    int reset;  /* of the first, -1 none */
    unsigned resets, acks, pongs, heads;
    uint32_t last_id;                          /* of the last GOAWAY */
    size_t data;                               /* bytes of DATA frames */
    bool error_object;                         /* a DATA frame begins with one */
    uint64_t stream_credit, connection_credit; /* of WINDOW_UPDATE */
};

static inline void said_frame(struct said *said, const struct raw_reader *frame)
{
    switch (frame->type) {
    case RAW_GOAWAY:
        said->last_id = raw_read_u32(frame->payload, 0);
        said->goaway = (int)raw_read_u32(frame->payload, 4);
        break;
    case RAW_RST_STREAM:
        if (said->resets++ == 0)
            said->reset = (int)raw_read_u32(frame->payload, 0);
        break;
    case RAW_SETTINGS:
        said->acks += (frame->flags & RAW_ACK) != 0;
        break;
    case RAW_PING:
        said->pongs +=
            (frame->flags & RAW_ACK) != 0 && slice_eq(frame->payload, slice_make("probe\0\0\0", 8));
        break;
    case RAW_HEADERS:
        said->heads++;
        break;
    case RAW_DATA:
        said->data += frame->payload.len;
        said->error_object |= slice_starts(frame->payload, SLICE("{\"error\":"));
        break;
    case RAW_WINDOW_UPDATE:
        *(frame->stream > 0 ? &said->stream_credit : &said->connection_credit) +=
            raw_read_u32(frame->payload, 0);
        break;
    default:
        break;
    }
}

static inline struct said peer_said(const struct peer *peer)
{
    struct said said = {.goaway = -1, .reset = -1};
    struct raw_reader reader = {.rest = buffer_slice(&peer->out)};
    if (slice_starts(reader.rest, SLICE("PRI *")))
        reader.rest = slice_make(reader.rest.ptr + 24, reader.rest.len - 24);
    while (raw_next(&reader))
        said_frame(&said, &reader);
    return said;
}

static inline bool code_in(int code, unsigned codes)
{
    return code >= 0 && code < 32 && (codes >> code & 1) != 0;
}

#endif
