/*
 * Collects the fields of one header block as they are parsed, for both
 * protocols: counts them against the limits, keeps apart what frames the
 * message, and leaves the rest for the head.  The codecs give it copies that
 * live in the stream's arena.
 */
#ifndef HTTP_HEAD_GATHER_H
#define HTTP_HEAD_GATHER_H

#include "http/codec.h"
#include "http/head.h"

enum field_kind {
    FIELD_PLAIN,
    FIELD_DROPPED,
    FIELD_HOST,
    FIELD_CONNECTION,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_EXPECT,
    FIELD_TE,
    FIELD_COOKIE,
};

struct head_gather {
    struct arena *arena;
    const struct codec_limits *limits;
    struct fields fields; /* what will be carried over */
    uint32_t field_count; /* all fields, cookie crumbs too */
    size_t bytes;         /* names, values, and 32 per field */
    enum fault fault;     /* the first thing that was wrong */
    bool overrun;         /* twice over the limits: do not even read on */

    struct slice host;
    uint32_t host_count;
    struct slice content_length;
    uint32_t content_length_count;
    struct slice transfer_encoding;
    uint32_t transfer_encoding_count;
    struct slice connection[4];
    uint32_t connection_count;
    uint32_t cookie_count;
    bool expect;
    bool expect_continue;
    bool takes_trailers;
};

void head_gather_begin(struct head_gather *gather, struct arena *arena,
                       const struct codec_limits *limits);
/* Counts bytes that are not a field: the request line, pseudo headers.  False: too much, do not
 * keep them. */
bool head_gather_count(struct head_gather *gather, size_t bytes);
/* Asks before a field is copied.  False: over the limit, do not copy, do not add. */
bool head_gather_room(struct head_gather *gather, size_t name_len, size_t value_len);
enum field_kind field_kind_of(struct slice name);
/* `kind` is that of the name.  Name in lower case, value trimmed; both live as long as the arena.
 */
void head_gather_field(struct head_gather *gather, enum field_kind kind, struct slice name,
                       struct slice value);
/* Fills what the fields say: fields, content_length, authority (from Host), expect.  The caller has
 * set version and, where there is one, :authority. */
enum fault head_gather_request(struct head_gather *gather, struct request_head *head);
/* FAULT_NONE or FAULT_BAD_GATEWAY. */
enum fault head_gather_response(struct head_gather *gather, struct response_head *head);
/* What may be relayed of a trailer block. */
void head_gather_trailers(struct head_gather *gather, struct fields *trailers);

#endif
