/*
 * What an HTTP/2 peer may do for nothing: a budget of frames that cost the
 * sender little and us something.  Asked for every frame; says in words why the
 * peer must go.
 */
#ifndef HTTP_FRAME_METER_H
#define HTTP_FRAME_METER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    METER_BURST = 100,                   /* glitches at once */
    METER_PER_SECOND = 10,               /* and afterwards */
    METER_RESETS = 200,                  /* RST_STREAM frames at once */
    METER_RESETS_PER_SECOND = 20,        /* and afterwards */
    METER_EMPTY_RUN = 10,                /* DATA frames without a byte, in a row */
    METER_WINDOW_UPDATES = 100,          /* WINDOW_UPDATE frames that need no reason, and */
    METER_WINDOW_UPDATES_PER_FRAME = 20, /* per stream opened or DATA frame sent to the peer */
};

struct frame_meter {
    uint64_t reasons; /* streams opened by the peer, DATA frames sent to it */
    uint64_t window_updates;
    int64_t glitches_ns; /* glitches left, each worth a second / METER_PER_SECOND */
    int64_t resets_ns;   /* likewise */
    int64_t last_ns;
    uint8_t empty_run;
};

void frame_meter_init(struct frame_meter *meter);
/* Before frames are asked for. */
void frame_meter_clock(struct frame_meter *meter, int64_t now_ns);
/* A frame of `type` came.  NULL, or why the peer is to be dropped. */
const char *frame_meter_take(struct frame_meter *meter, unsigned type);
/* A DATA frame came with so many bytes, padding not counted. */
const char *frame_meter_take_data(struct frame_meter *meter, uint32_t bytes, bool end_stream);
/* Something else that should be rare: a stream that had to be reset for what it was.  False: too
 * many. */
bool frame_meter_glitch(struct frame_meter *meter);
/* A DATA frame was sent to the peer: it may answer with WINDOW_UPDATE. */
void frame_meter_sent_data(struct frame_meter *meter);

#endif
