/*
 * Any bytes as header blocks of one connection: our HPACK decoder and nghttp2's
 * give the same fields, or both refuse the same block; and what we give goes
 * through our encoder and back unchanged.
 *
 * The input: blocks, each behind a byte with its length; 255 is the rest.
 */
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/memory.h"
#include "http/hpack.h"

#include "fuzz.h"

enum { INPUT_MOST = 32 * 1024 }; /* decoded no longer than HPACK_STRING_BYTES: limits differ */

struct party {
    struct hpack_decoder decoder, echo;
    struct hpack_encoder encoder;
    nghttp2_hd_inflater *inflater;
};

static uint32_t mark_lengths(struct slice name, struct slice value, uint32_t like)
{
    (void)like;
    return (uint32_t)(name.len * 31 + value.len);
}

/* The inflater's next field; false at the end of the block or when it is refused. */
static bool inflate_next(nghttp2_hd_inflater *inflater, struct slice *rest, nghttp2_nv *nv,
                         bool *broken)
{
    int flags = 0;
    const uint8_t *at = (const uint8_t *)rest->ptr;
    ssize_t taken = nghttp2_hd_inflate_hd2(inflater, nv, &flags, at, rest->len, 1);
    *broken = taken < 0;
    if (*broken)
        return false;
    *rest = slice_make(at + taken, rest->len - (size_t)taken);
    if (flags & NGHTTP2_HD_INFLATE_EMIT)
        return true;
    must((flags & NGHTTP2_HD_INFLATE_FINAL) != 0);
    nghttp2_hd_inflate_end_headers(inflater);
    return false;
}

static void echo(struct party *party, const struct hpack_field *field)
{
    size_t room = field->name.len + field->value.len + HPACK_FIELD_OVERHEAD;
    char *block = memory_alloc(HPACK_BEGIN_BYTES + room);
    char *end = hpack_encode_begin(&party->encoder, block);
    char *begin = end;
    enum hpack_index how = field->secret          ? HPACK_SECRET
                           : field->value.len % 3 ? HPACK_REPEATS
                                                  : HPACK_UNIQUE;
    end = hpack_encode(&party->encoder, end, field->name, field->value, how);
    must((size_t)(end - begin) <= room);
    struct hpack_field back;
    char lent[HPACK_ROOM_BYTES];
    hpack_decode_begin(&party->echo, slice_make(block, (size_t)(end - block)), lent);
    must(hpack_decode_next(&party->echo, &back) == HPACK_FIELD);
    must(slice_eq(back.name, field->name) && slice_eq(back.value, field->value));
    must(back.mark == field->mark && back.secret == field->secret);
    must(hpack_decode_next(&party->echo, &back) == HPACK_END);
    free(block);
}

/* False when both refuse the block. */
static bool block_compare(struct party *party, struct slice block)
{
    struct slice rest = block;
    char room[HPACK_ROOM_BYTES];
    hpack_decode_begin(&party->decoder, block, room);
    for (;;) {
        struct hpack_field field;
        nghttp2_nv nv;
        bool broken;
        bool theirs = inflate_next(party->inflater, &rest, &nv, &broken);
        enum hpack_step step = hpack_decode_next(&party->decoder, &field);
        must(broken == (step == HPACK_BROKEN));
        must(theirs == (step == HPACK_FIELD));
        if (!theirs)
            return !broken;
        must(slice_eq(field.name, slice_make(nv.name, nv.namelen)));
        must(slice_eq(field.value, slice_make(nv.value, nv.valuelen)));
        must(field.mark == mark_lengths(field.name, field.value, HPACK_NO_MARK));
        must(field.secret == ((nv.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0));
        echo(party, &field);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MOST)
        return 0;
    struct party party;
    hpack_decoder_init(&party.decoder, mark_lengths);
    hpack_decoder_init(&party.echo, mark_lengths);
    hpack_encoder_init(&party.encoder);
    must(nghttp2_hd_inflate_new(&party.inflater) == 0);
    for (size_t at = 0; at < size;) {
        size_t len = data[at++], rest = size - at;
        if (len == 255 || len > rest)
            len = rest;
        /* A copy of its own, so that a sanitizer sees what is read beyond it. */
        char *block = memory_alloc(len + 1);
        memcpy(block, data + at, len);
        block = memory_realloc(block, len + (len == 0));
        bool fine = block_compare(&party, slice_make(block, len));
        free(block);
        if (!fine)
            break;
        at += len;
    }
    hpack_decoder_finish(&party.decoder);
    hpack_decoder_finish(&party.echo);
    hpack_encoder_finish(&party.encoder);
    nghttp2_hd_inflate_del(party.inflater);
    return 0;
}
