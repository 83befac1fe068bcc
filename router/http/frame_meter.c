#include "http/frame_meter.h"

#include "base/clock.h"

enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_PRIORITY = 2,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PUSH_PROMISE = 5,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW_UPDATE = 8,
    FRAME_CONTINUATION = 9,
    FRAME_OTHER = 10,
};

enum { FLAG_END_STREAM = 0x1, FLAG_ACK = 0x1, FLAG_END_HEADERS = 0x4, FLAG_PADDED = 0x8 };
enum { PREFACE_BYTES = 24 };

#define GLITCH_NS (NS_PER_S / METER_PER_SECOND)

void frame_meter_init(struct frame_meter *meter, bool server)
{
    *meter = (struct frame_meter){.budget_ns = METER_BURST * GLITCH_NS,
                                  .preface_left = server ? PREFACE_BYTES : 0};
}

bool frame_meter_glitch(struct frame_meter *meter)
{
    meter->budget_ns -= GLITCH_NS;
    return meter->budget_ns >= 0;
}

void frame_meter_sent_data(struct frame_meter *meter)
{
    meter->reasons++;
}

static void refill(struct frame_meter *meter, int64_t now_ns)
{
    if (meter->started && now_ns > meter->last_ns) {
        const int64_t most = METER_BURST * GLITCH_NS;
        const int64_t passed = now_ns - meter->last_ns;
        meter->budget_ns = passed > most - meter->budget_ns ? most : meter->budget_ns + passed;
    }
    meter->started = true;
    meter->last_ns = now_ns;
}

static const char *count_empty(struct frame_meter *meter)
{
    return ++meter->empty_run > METER_EMPTY_RUN ? "too many empty DATA frames" : NULL;
}

static const char *meter_data(struct frame_meter *meter, uint8_t flags)
{
    if (flags & FLAG_END_STREAM)
        meter->empty_run = 0;
    else if (meter->payload_len == 0)
        return count_empty(meter);
    else if (flags & FLAG_PADDED)
        meter->wants_pad_length = true;
    else
        meter->empty_run = 0;
    return NULL;
}

static const char *meter_block(struct frame_meter *meter, uint8_t flags)
{
    meter->block_bytes += meter->payload_len;
    if (meter->block_bytes > METER_BLOCK_BYTES)
        return "header block too large";
    if (flags & FLAG_END_HEADERS)
        meter->block_bytes = 0;
    return NULL;
}

static const char *meter_window_update(struct frame_meter *meter)
{
    const uint64_t free_ones =
        METER_WINDOW_UPDATES + METER_WINDOW_UPDATES_PER_FRAME * meter->reasons;
    if (meter->counts[FRAME_WINDOW_UPDATE] <= free_ones || frame_meter_glitch(meter))
        return NULL;
    return "too many WINDOW_UPDATE frames";
}

static const char *meter_frame(struct frame_meter *meter)
{
    const uint8_t *h = meter->header;
    const uint8_t type = h[3] < FRAME_OTHER ? h[3] : (uint8_t)FRAME_OTHER, flags = h[4];
    meter->payload_len = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
    meter->payload_left = meter->payload_len;
    meter->counts[type]++;
    switch (type) {
    case FRAME_DATA:
        return meter_data(meter, flags);
    case FRAME_HEADERS:
        meter->reasons++;
        meter->block_bytes = 0;
        return meter_block(meter, flags);
    case FRAME_CONTINUATION:
        return meter_block(meter, flags);
    case FRAME_WINDOW_UPDATE:
        return meter_window_update(meter);
    case FRAME_PING:
        return frame_meter_glitch(meter) ? NULL : "too many PING frames";
    case FRAME_SETTINGS:
        return frame_meter_glitch(meter) ? NULL : "too many SETTINGS frames";
    case FRAME_PRIORITY:
        return frame_meter_glitch(meter) ? NULL : "too many PRIORITY frames";
    case FRAME_OTHER:
        return frame_meter_glitch(meter) ? NULL : "too many frames of unknown type";
    default: /* RST_STREAM has nghttp2's own limit, the others are errors or rare */
        return NULL;
    }
}

/* Takes what is at hand of a frame's payload; returns how much. */
static size_t skip_payload(struct frame_meter *meter, struct slice bytes, const char **failure)
{
    if (meter->wants_pad_length) {
        meter->wants_pad_length = false;
        if ((uint8_t)bytes.ptr[0] + 1u >= meter->payload_len)
            *failure = count_empty(meter);
        else
            meter->empty_run = 0;
    }
    const size_t n = bytes.len < meter->payload_left ? bytes.len : meter->payload_left;
    meter->payload_left -= (uint32_t)n;
    return n;
}

const char *frame_meter_feed(struct frame_meter *meter, struct slice bytes, int64_t now_ns)
{
    const char *failure = NULL;
    refill(meter, now_ns);
    if (meter->preface_left > 0) {
        const size_t n = bytes.len < meter->preface_left ? bytes.len : meter->preface_left;
        meter->preface_left -= (uint8_t)n;
        bytes = slice_make(bytes.ptr + n, bytes.len - n);
    }
    while (bytes.len > 0 && failure == NULL) {
        size_t n;
        if (meter->payload_left > 0) {
            n = skip_payload(meter, bytes, &failure);
        } else {
            n = sizeof meter->header - meter->header_have;
            if (n > bytes.len)
                n = bytes.len;
            memcpy(meter->header + meter->header_have, bytes.ptr, n);
            meter->header_have += (uint8_t)n;
            if (meter->header_have == sizeof meter->header) {
                meter->header_have = 0;
                failure = meter_frame(meter);
            }
        }
        bytes = slice_make(bytes.ptr + n, bytes.len - n);
    }
    return failure;
}
