/*
 * HTTP/2 frames by hand, for the backend and the client of bench/peers: they
 * have to cost less than any proxy between them, and to be nobody's code that
 * is measured.  Only what these two need of the protocol.
 */
#ifndef PEERS_H2_FRAME_H
#define PEERS_H2_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
    H2_DATA = 0,
    H2_HEADERS = 1,
    H2_RST_STREAM = 3,
    H2_SETTINGS = 4,
    H2_PING = 6,
    H2_GOAWAY = 7,
    H2_WINDOW_UPDATE = 8
};
enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4, H2_PADDED = 8 };
enum { H2_MAX_CONCURRENT_STREAMS = 3, H2_INITIAL_WINDOW_SIZE = 4 };
enum {
    H2_HEAD_BYTES = 9,
    H2_FRAME_MOST = 16384,
    H2_PREFACE_BYTES = 24,
    H2_WINDOW_DEFAULT = 65535,
    H2_WINDOW_WIDE = 1 << 30
};

extern const char h2_preface[H2_PREFACE_BYTES + 1];

struct h2_frame {
    uint32_t len, stream;
    uint8_t type, flags;
    const char *payload;
};

/* The first whole frame of these bytes; false: more are needed. */
bool h2_frame_read(struct slice bytes, struct h2_frame *out);

uint32_t h2_u32(const char *bytes);
void h2_append_u32(struct buffer *out, uint32_t value);
void h2_append_head(struct buffer *out, size_t len, uint8_t type, uint8_t flags, uint32_t stream);
void h2_append_setting(struct buffer *out, uint16_t id, uint32_t value);
void h2_append_window_update(struct buffer *out, uint32_t stream, uint32_t bytes);

/* HPACK without a table: a field whose name is this one of the static table. */
void h2_append_indexed(struct buffer *out, uint8_t name, struct slice value);

/* Answers what needs an answer whatever one is: SETTINGS and PING. */
void h2_acknowledge(struct buffer *out, const struct h2_frame *frame);

#endif
