/*
 * Strings in the Huffman code of HPACK (RFC 7541 section 5.2 and Appendix B),
 * decoded.  Used by hpack_decode.c only; nothing here encodes.
 */
#ifndef HTTP_HPACK_HUFFMAN_H
#define HTTP_HPACK_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Builds the tables, once per process; before anything is decoded. */
void hpack_huffman_prepare(void);

/* Room that hpack_huffman_decode wants for a string of `len` bytes: the shortest code has 5 bits,
 * and it writes a byte too many at times. */
static inline size_t hpack_huffman_room(size_t len)
{
    return len * 8 / 5 + 2;
}

/* Bytes written to `out`, or -1: padding that is not up to 7 ones, or the EOS symbol. */
ssize_t hpack_huffman_decode(char *out, const uint8_t *in, size_t len);

#endif
