/*
 * HPACK (RFC 7541): header blocks of HTTP/2 to fields and back.  No memory of a
 * connection is touched until its first field goes into a table.  The decoder
 * reads foreign bytes and bounds all it does by the block's length; it checks
 * the compression only, not what names and values are made of.
 *
 * The encoder never Huffman-codes: what repeats is a byte or two from the table
 * anyway, and coding what is new with each message costs more than it saves.
 */
#ifndef HTTP_HPACK_H
#define HTTP_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    HPACK_TABLE_BYTES = 4096,   /* of either table, at most; RFC 7541 counts 32 per entry */
    HPACK_STRING_BYTES = 65536, /* one name or value, decoded; more is an error */
    HPACK_FIELD_OVERHEAD = 16,  /* hpack_encode writes at most this beside name and value */
    HPACK_BEGIN_BYTES = 16,     /* hpack_encode_begin writes at most this */
    HPACK_GUESSES = 16,         /* power of two */
    HPACK_ROOM_BYTES = 512,     /* lent to hpack_decode_begin */
};

/* What the owner makes of a field, asked once when it enters a table, and for each that does not:
 * kept with the entry, so that nothing is checked twice.  Any bits but HPACK_NO_MARK.  `like`: what
 * it made of another field with this name, or HPACK_NO_MARK. */
typedef uint32_t hpack_mark(struct slice name, struct slice value, uint32_t like);
#define HPACK_NO_MARK UINT32_MAX

struct hpack_field {
    struct slice name, value; /* valid until the next call, but where it says that they last */
    uint32_t mark;
    bool name_lasts, value_lasts; /* static memory */
    bool secret;                  /* came as never to be indexed, and must go on as HPACK_SECRET */
};

struct hpack_table;  /* dynamic table of either side */
struct hpack_search; /* how the encoder finds a field in its own */

struct hpack_decoder {
    struct hpack_table *table; /* NULL until there is an entry */
    hpack_mark *mark;
    const struct hpack_field *known; /* the static table, with its marks */
    uint32_t limit;          /* of the table now, set by the peer, HPACK_TABLE_BYTES at most */
    const uint8_t *at, *end; /* of the block */
    char *scratch;           /* a Huffman-coded string or two, decoded: in the caller's room, */
    size_t scratch_size;
    bool scratch_is_ours; /* or in our own */
    bool fields_begun;    /* a size update may come no more */
};

enum hpack_step { HPACK_FIELD, HPACK_END, HPACK_BROKEN };

void hpack_decoder_init(struct hpack_decoder *decoder, hpack_mark *mark);
void hpack_decoder_finish(struct hpack_decoder *decoder);
/* A whole header block, CONTINUATION frames joined; it must stay until HPACK_END, as must `room`,
 * where strings are decoded as long as they are not too long for it. */
void hpack_decode_begin(struct hpack_decoder *decoder, struct slice block,
                        char room[HPACK_ROOM_BYTES]);
/* HPACK_BROKEN is a COMPRESSION_ERROR: the connection must go.  A block must be decoded to its end
 * even if nobody wants its fields. */
enum hpack_step hpack_decode_next(struct hpack_decoder *decoder, struct hpack_field *field);

struct hpack_encoder {
    struct hpack_table *table; /* NULL until there is an entry */
    struct hpack_search *search;
    uint32_t limit;     /* of the table now */
    uint32_t low_limit; /* lowest since the last block began, */
    bool limit_changed; /* which the next must say first */
    /* What the n-th field of the last block was: most likely it is that again, or its name. */
    uint8_t turn;
    uint16_t guesses[HPACK_GUESSES];
};

enum hpack_index {
    HPACK_REPEATS, /* worth an entry in the table */
    HPACK_UNIQUE,  /* new with each message: its name is looked up, the value written out */
    HPACK_SECRET,  /* never in any table, on no hop */
};

void hpack_encoder_init(struct hpack_encoder *encoder);
void hpack_encoder_finish(struct hpack_encoder *encoder);
/* The peer's SETTINGS_HEADER_TABLE_SIZE came; what is above HPACK_TABLE_BYTES is not used. */
void hpack_encoder_limit(struct hpack_encoder *encoder, uint32_t peer_limit);
/* Begins a block: size updates that are owed.  Returns where to go on; `out` has HPACK_BEGIN_BYTES.
 */
char *hpack_encode_begin(struct hpack_encoder *encoder, char *out);
/* `out` has room for name, value and HPACK_FIELD_OVERHEAD.  Name in lower case. */
char *hpack_encode(struct hpack_encoder *encoder, char *out, struct slice name, struct slice value,
                   enum hpack_index how);

#endif
