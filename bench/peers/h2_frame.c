#include "h2_frame.h"

const char h2_preface[H2_PREFACE_BYTES + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

uint32_t h2_u32(const char *bytes)
{
    const unsigned char *u = (const unsigned char *)bytes;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

bool h2_frame_read(struct slice bytes, struct h2_frame *out)
{
    if (bytes.len < H2_HEAD_BYTES)
        return false;
    *out = (struct h2_frame){.len = h2_u32(bytes.ptr) >> 8,
                             .type = (uint8_t)bytes.ptr[3],
                             .flags = (uint8_t)bytes.ptr[4],
                             .stream = h2_u32(bytes.ptr + 5) & 0x7fffffff,
                             .payload = bytes.ptr + H2_HEAD_BYTES};
    return bytes.len >= H2_HEAD_BYTES + out->len;
}

void h2_append_u32(struct buffer *out, uint32_t value)
{
    char *at = buffer_reserve(out, 4);
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (24 - 8 * i));
    buffer_commit(out, 4);
}

void h2_append_head(struct buffer *out, size_t len, uint8_t type, uint8_t flags, uint32_t stream)
{
    h2_append_u32(out, (uint32_t)len << 8 | type);
    buffer_append_byte(out, (char)flags);
    h2_append_u32(out, stream);
}

void h2_append_setting(struct buffer *out, uint16_t id, uint32_t value)
{
    buffer_append_byte(out, (char)(id >> 8));
    buffer_append_byte(out, (char)id);
    h2_append_u32(out, value);
}

void h2_append_window_update(struct buffer *out, uint32_t stream, uint32_t bytes)
{
    h2_append_head(out, 4, H2_WINDOW_UPDATE, 0, stream);
    h2_append_u32(out, bytes);
}

/* A length of the HPACK kind: of `bits` bits, the rest in bytes of seven. */
static void append_number(struct buffer *out, uint8_t first, unsigned bits, size_t value)
{
    const size_t most = (1u << bits) - 1;
    if (value < most) {
        buffer_append_byte(out, (char)(first | value));
        return;
    }
    buffer_append_byte(out, (char)(first | most));
    for (value -= most; value >= 128; value >>= 7)
        buffer_append_byte(out, (char)(128 | (value & 127)));
    buffer_append_byte(out, (char)value);
}

void h2_append_indexed(struct buffer *out, uint8_t name, struct slice value)
{
    append_number(out, 0, 4, name);
    append_number(out, 0, 7, value.len);
    buffer_append_slice(out, value);
}

void h2_acknowledge(struct buffer *out, const struct h2_frame *frame)
{
    if ((frame->type != H2_SETTINGS && frame->type != H2_PING) || frame->flags & H2_ACK)
        return;
    const size_t len = frame->type == H2_PING ? frame->len : 0;
    h2_append_head(out, len, frame->type, H2_ACK, 0);
    buffer_append(out, frame->payload, len);
}
