/*
 * One header block of HTTP/2: its fields decoded and held against RFC 9113
 * section 8, which is stricter than HTTP/1.1: what breaks it makes the message
 * malformed, and its stream is reset.  What a well-formed head asks for is
 * judged elsewhere, for both protocols alike.
 */
#ifndef HTTP_H2_HEAD_H
#define HTTP_H2_HEAD_H

#include "http/head_gather.h"
#include "http/hpack.h"

enum h2_head_kind { H2_REQUEST, H2_RESPONSE, H2_TRAILERS };

struct h2_head {
    struct head_gather gather;
    struct slice method, scheme, authority, path; /* in the gather's arena, or static */
    int status;                                   /* of a response, 0 none */
    uint32_t pseudo;                              /* bits of those that came */
    enum h2_head_kind kind;
    bool fields_begun; /* pseudo headers may come no more */
    bool malformed;
};

/* For hpack_decoder_init: what a field is, and whether it may come at all. */
hpack_mark h2_field_mark;
/* The next field of the block. */
void h2_head_take(struct h2_head *head, const struct hpack_field *field);
/* After the last one: false when the message is malformed. */
bool h2_head_whole(const struct h2_head *head);

#endif
