/* HTTP/2 frames written by hand, for peers that do what no library would. */
#ifndef TEST_H2_RAW_H
#define TEST_H2_RAW_H

#include "base/buffer.h"
#include "unit.h"

enum {
    RAW_DATA = 0,
    RAW_HEADERS = 1,
    RAW_PRIORITY = 2,
    RAW_RST_STREAM = 3,
    RAW_SETTINGS = 4,
    RAW_PUSH_PROMISE = 5,
    RAW_PING = 6,
    RAW_GOAWAY = 7,
    RAW_WINDOW_UPDATE = 8,
    RAW_CONTINUATION = 9,
};
enum { RAW_END_STREAM = 1, RAW_ACK = 1, RAW_END_HEADERS = 4, RAW_PADDED = 8, RAW_PRIORITIZED = 32 };
enum {
    RAW_HEADER_TABLE_SIZE = 1,
    RAW_ENABLE_PUSH = 2,
    RAW_MAX_CONCURRENT_STREAMS = 3,
    RAW_INITIAL_WINDOW_SIZE = 4,
    RAW_MAX_FRAME_SIZE = 5,
};

static inline void raw_frame(struct buffer *out, int type, int flags, uint32_t stream,
                             struct slice payload)
{
    const unsigned char header[9] = {(unsigned char)(payload.len >> 16),
                                     (unsigned char)(payload.len >> 8),
                                     (unsigned char)payload.len,
                                     (unsigned char)type,
                                     (unsigned char)flags,
                                     (unsigned char)(stream >> 24),
                                     (unsigned char)(stream >> 16),
                                     (unsigned char)(stream >> 8),
                                     (unsigned char)stream};
    buffer_append(out, header, sizeof header);
    buffer_append_slice(out, payload);
}

static inline void raw_preface(struct buffer *out)
{
    buffer_append_slice(out, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    raw_frame(out, RAW_SETTINGS, 0, 0, SLICE_NONE);
}

static inline void raw_u32(char out[4], uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (char)(value >> (24 - 8 * i));
}

static inline void raw_setting(struct buffer *out, unsigned id, uint32_t value)
{
    char payload[6] = {0, (char)id};
    raw_u32(payload + 2, value);
    raw_frame(out, RAW_SETTINGS, 0, 0, slice_make(payload, sizeof payload));
}

static inline void raw_window_update(struct buffer *out, uint32_t stream, uint32_t increment)
{
    char payload[4];
    raw_u32(payload, increment);
    raw_frame(out, RAW_WINDOW_UPDATE, 0, stream, slice_make(payload, sizeof payload));
}

static inline void raw_reset(struct buffer *out, uint32_t stream, uint32_t error)
{
    char payload[4];
    raw_u32(payload, error);
    raw_frame(out, RAW_RST_STREAM, 0, stream, slice_make(payload, sizeof payload));
}

static inline void raw_goaway(struct buffer *out, uint32_t last, uint32_t error)
{
    char payload[8];
    raw_u32(payload, last);
    raw_u32(payload + 4, error);
    raw_frame(out, RAW_GOAWAY, 0, 0, slice_make(payload, sizeof payload));
}

/* One literal field without indexing, not Huffman-coded; both shorter than 64 KiB. */
static inline void raw_string(struct buffer *block, struct slice s)
{
    if (s.len < 127) {
        buffer_append_byte(block, (char)s.len);
    } else {
        size_t rest = s.len - 127;
        buffer_append_byte(block, 127);
        for (; rest >= 128; rest >>= 7)
            buffer_append_byte(block, (char)(rest & 127) | (char)0x80);
        buffer_append_byte(block, (char)rest);
    }
    buffer_append_slice(block, s);
}

static inline void raw_field(struct buffer *block, struct slice name, struct slice value)
{
    buffer_append_byte(block, 0);
    raw_string(block, name);
    raw_string(block, value);
}

/* "name\0value" lines would not carry every byte, so fields are given in pairs. */
static inline void raw_headers(struct buffer *out, uint32_t stream, int flags, struct slice block)
{
    raw_frame(out, RAW_HEADERS, flags | RAW_END_HEADERS, stream, block);
}

static inline void raw_request_fields(struct buffer *block)
{
    raw_field(block, SLICE(":method"), SLICE("POST"));
    raw_field(block, SLICE(":scheme"), SLICE("http"));
    raw_field(block, SLICE(":path"), SLICE("/v1/x"));
    raw_field(block, SLICE(":authority"), SLICE("a.test"));
}

/* What a codec produced, frame by frame. */
struct raw_reader {
    struct slice rest;
    int type, flags;
    uint32_t stream;
    struct slice payload;
};

static inline bool raw_next(struct raw_reader *reader)
{
    if (reader->rest.len < 9)
        return false;
    const unsigned char *h = (const unsigned char *)reader->rest.ptr;
    const size_t len = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
    assert_true(reader->rest.len >= 9 + len);
    reader->type = h[3];
    reader->flags = h[4];
    reader->stream =
        ((uint32_t)h[5] << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8]) & 0x7fffffff;
    reader->payload = slice_make(reader->rest.ptr + 9, len);
    reader->rest = slice_make(reader->rest.ptr + 9 + len, reader->rest.len - 9 - len);
    return true;
}

static inline uint32_t raw_read_u32(struct slice payload, size_t at)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4 && at + i < payload.len; i++)
        value = value << 8 | (unsigned char)payload.ptr[at + i];
    return value;
}

#endif
