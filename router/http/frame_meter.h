/*
 * Walks the 9-byte frame headers of an HTTP/2 connection in front of nghttp2,
 * which does not see or does not bound all of them, and keeps a budget of
 * frames that cost the sender nothing.  Says in words why the peer must go;
 * changes and delays nothing.
 */
#ifndef HTTP_FRAME_METER_H
#define HTTP_FRAME_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    METER_BURST = 100,                  /* glitches at once */
    METER_PER_SECOND = 10,              /* and afterwards */
    METER_EMPTY_RUN = 10,               /* DATA frames without a byte, in a row */
    METER_BLOCK_BYTES = 96 * 1024,      /* one header block on the wire */
    METER_WINDOW_UPDATES = 100,         /* WINDOW_UPDATE frames that need no reason, and */
    METER_WINDOW_UPDATES_PER_FRAME = 20 /* per stream opened or DATA frame sent to the peer */
};

enum { METER_TYPES = 11 }; /* DATA to CONTINUATION, and all others */

struct frame_meter {
    uint64_t counts[METER_TYPES];
    uint64_t reasons;  /* streams opened by the peer, DATA frames sent to it */
    int64_t budget_ns; /* glitches left, each worth a second / METER_PER_SECOND */
    int64_t last_ns;
    uint32_t payload_left;
    uint32_t block_bytes;
    uint32_t payload_len;
    uint8_t header[9];
    uint8_t header_have;
    uint8_t preface_left;
    uint8_t empty_run;
    bool wants_pad_length;
    bool started;
};

/* `server`: the peer begins with the client preface. */
void frame_meter_init(struct frame_meter *meter, bool server);
/* NULL, or why the peer is to be dropped. */
const char *frame_meter_feed(struct frame_meter *meter, struct slice bytes, int64_t now_ns);
/* Something else that should be rare: a stream that had to be reset for what it was.  False: too
 * many. */
bool frame_meter_glitch(struct frame_meter *meter);
/* A DATA frame was sent to the peer: it may answer with WINDOW_UPDATE. */
void frame_meter_sent_data(struct frame_meter *meter);

#endif
