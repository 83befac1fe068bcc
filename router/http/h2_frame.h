/* The frames of HTTP/2 (RFC 9113 section 4 and 6) as bytes: numbers and their layout. */
#ifndef HTTP_H2_FRAME_H
#define HTTP_H2_FRAME_H

#include <stdint.h>

enum h2_frame_type {
    H2_DATA = 0,
    H2_HEADERS = 1,
    H2_PRIORITY = 2,
    H2_RST_STREAM = 3,
    H2_SETTINGS = 4,
    H2_PUSH_PROMISE = 5,
    H2_PING = 6,
    H2_GOAWAY = 7,
    H2_WINDOW_UPDATE = 8,
    H2_CONTINUATION = 9,
    H2_FRAME_TYPES = 10, /* how many are known */
};

enum {
    H2_FLAG_END_STREAM = 0x1,
    H2_FLAG_ACK = 0x1,
    H2_FLAG_END_HEADERS = 0x4,
    H2_FLAG_PADDED = 0x8,
    H2_FLAG_PRIORITY = 0x20,
};

enum h2_setting {
    H2_SETTING_HEADER_TABLE_SIZE = 1,
    H2_SETTING_ENABLE_PUSH = 2,
    H2_SETTING_MAX_CONCURRENT_STREAMS = 3,
    H2_SETTING_INITIAL_WINDOW_SIZE = 4,
    H2_SETTING_MAX_FRAME_SIZE = 5,
    H2_SETTING_MAX_HEADER_LIST_SIZE = 6,
    H2_SETTING_ENABLE_CONNECT_PROTOCOL = 8, /* RFC 8441 */
    H2_SETTING_NO_RFC7540_PRIORITIES = 9,   /* RFC 9218 */
};

enum {
    H2_FRAME_HEADER_BYTES = 9,
    H2_FRAME_BYTES = 16384, /* payload, at most, either way: nobody is asked for more */
    H2_FRAME_BYTES_LIMIT = (1 << 24) - 1,
    H2_INITIAL_WINDOW = 65535,
    H2_SETTING_BYTES = 6,
    H2_PRIORITY_BYTES = 5,
    H2_PING_BYTES = 8,
    H2_GOAWAY_BYTES = 8, /* at least */
    H2_PREFACE_BYTES = 24,
};

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_ID_MAX UINT32_C(0x7fffffff)
#define H2_WINDOW_MAX INT64_C(0x7fffffff)

struct h2_frame {
    uint32_t len; /* of the payload */
    uint32_t stream;
    uint8_t type;
    uint8_t flags;
};

static inline uint32_t h2_read_u32(const char *bytes)
{
    const uint8_t *b = (const uint8_t *)bytes;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint32_t h2_read_u16(const char *bytes)
{
    const uint8_t *b = (const uint8_t *)bytes;
    return (uint32_t)b[0] << 8 | b[1];
}

/* Returns where to go on. */
static inline char *h2_write_u16(char *out, uint32_t value)
{
    out[0] = (char)(value >> 8);
    out[1] = (char)value;
    return out + 2;
}

static inline char *h2_write_u32(char *out, uint32_t value)
{
    return h2_write_u16(h2_write_u16(out, value >> 16), value);
}

static inline struct h2_frame h2_frame_read(const char *header)
{
    const uint32_t first = h2_read_u32(header);
    return (struct h2_frame){.len = first >> 8,
                             .type = (uint8_t)first,
                             .flags = (uint8_t)header[4],
                             .stream = h2_read_u32(header + 5) & H2_ID_MAX};
}

static inline char *h2_frame_write(char *out, struct h2_frame frame)
{
    out = h2_write_u32(out, frame.len << 8 | frame.type);
    *out++ = (char)frame.flags;
    return h2_write_u32(out, frame.stream);
}

#endif
