#include "http/frame_meter.h"

#include <stddef.h>

#include "base/clock.h"
#include "http/h2_frame.h"

#define GLITCH_NS (NS_PER_S / METER_PER_SECOND)
#define RESET_NS (NS_PER_S / METER_RESETS_PER_SECOND)

void frame_meter_init(struct frame_meter *meter)
{
    *meter = (struct frame_meter){.glitches_ns = METER_BURST * GLITCH_NS,
                                  .resets_ns = METER_RESETS * RESET_NS};
}

static int64_t refilled(int64_t left_ns, int64_t passed_ns, int64_t most_ns)
{
    return passed_ns > most_ns - left_ns ? most_ns : left_ns + passed_ns;
}

void frame_meter_clock(struct frame_meter *meter, int64_t now_ns)
{
    if (now_ns <= meter->last_ns)
        return;
    const int64_t passed = now_ns - meter->last_ns;
    meter->glitches_ns = refilled(meter->glitches_ns, passed, METER_BURST * GLITCH_NS);
    meter->resets_ns = refilled(meter->resets_ns, passed, METER_RESETS * RESET_NS);
    meter->last_ns = now_ns;
}

bool frame_meter_glitch(struct frame_meter *meter)
{
    meter->glitches_ns -= GLITCH_NS;
    return meter->glitches_ns >= 0;
}

void frame_meter_sent_data(struct frame_meter *meter)
{
    meter->reasons++;
}

static const char *take_window_update(struct frame_meter *meter)
{
    const uint64_t free_ones =
        METER_WINDOW_UPDATES + METER_WINDOW_UPDATES_PER_FRAME * meter->reasons;
    if (++meter->window_updates <= free_ones || frame_meter_glitch(meter))
        return NULL;
    return "too many WINDOW_UPDATE frames";
}

static const char *take_reset(struct frame_meter *meter)
{
    meter->resets_ns -= RESET_NS;
    return meter->resets_ns >= 0 ? NULL : "too many RST_STREAM frames";
}

const char *frame_meter_take(struct frame_meter *meter, unsigned type)
{
    switch (type) {
    case H2_DATA:         /* when its padding is known */
    case H2_CONTINUATION: /* bounded with its header block */
    case H2_PUSH_PROMISE: /* an error, */
    case H2_GOAWAY:       /* rare */
        return NULL;
    case H2_HEADERS:
        meter->reasons++;
        return NULL;
    case H2_WINDOW_UPDATE:
        return take_window_update(meter);
    case H2_RST_STREAM:
        return take_reset(meter);
    case H2_PING:
        return frame_meter_glitch(meter) ? NULL : "too many PING frames";
    case H2_SETTINGS:
        return frame_meter_glitch(meter) ? NULL : "too many SETTINGS frames";
    case H2_PRIORITY:
        return frame_meter_glitch(meter) ? NULL : "too many PRIORITY frames";
    default:
        return frame_meter_glitch(meter) ? NULL : "too many frames of unknown type";
    }
}

const char *frame_meter_take_data(struct frame_meter *meter, uint32_t bytes, bool end_stream)
{
    if (bytes > 0 || end_stream) {
        meter->empty_run = 0;
        return NULL;
    }
    return ++meter->empty_run > METER_EMPTY_RUN ? "too many empty DATA frames" : NULL;
}
