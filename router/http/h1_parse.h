/*
 * llhttp in strict mode plus what it lets pass: folded lines, versions other
 * than 1.0 and 1.1, sizes.  Reads one message and stops behind it; the codecs
 * decide what the next bytes are.  Calls no user.
 */
#ifndef HTTP_H1_PARSE_H
#define HTTP_H1_PARSE_H

#include <llhttp.h>

#include "base/buffer.h"
#include "http/head_gather.h"

enum h1_result {
    H1_MORE,     /* all bytes used, the message goes on */
    H1_COMPLETE, /* the message is complete; `rest` was not looked at */
    H1_BROKEN,   /* parser->fault and ->why say what it is */
    H1_STOPPED,  /* on_head or on_body said so */
};

struct h1_parser_events {
    /* The head is complete: judge it.  `skip_body`: none follows, whatever it says. */
    bool (*on_head)(void *owner, bool *skip_body);
    bool (*on_body)(void *owner, struct slice data);
};

struct h1_parser {
    llhttp_t llhttp;
    const struct h1_parser_events *events;
    void *owner;
    struct head_gather gather; /* of the head, then of the trailers */
    struct slice target;       /* request */
    enum fault fault;
    const char *why;
    struct buffer target_text, name, value; /* the piece under way */
    bool in_trailers;
    bool complete;
    bool scanning;   /* the head's raw bytes are watched for folded lines */
    bool line_begun; /* a line that is not empty came */
    bool in_request_line;
    unsigned spaces;   /* in it */
    char last;         /* byte scanned */
    size_t line_len;   /* of the line under way */
    size_t head_raw;   /* bytes scanned */
    size_t body_bytes; /* payload */
    size_t body_raw;   /* as it came, chunk headers included */
};

void h1_parser_init(struct h1_parser *parser, const struct h1_parser_events *events, void *owner);
void h1_parser_finish(struct h1_parser *parser);
/* Before every message. */
void h1_parser_begin(struct h1_parser *parser, llhttp_type_t type, struct arena *arena,
                     const struct codec_limits *limits);
enum h1_result h1_parser_feed(struct h1_parser *parser, struct slice bytes, struct slice *rest);
/* The peer closed: true when that completes the message. */
bool h1_parser_end(struct h1_parser *parser);
bool h1_parser_keep_alive(const struct h1_parser *parser);
/* False before the first byte of a message. */
bool h1_parser_begun(const struct h1_parser *parser);

#endif
