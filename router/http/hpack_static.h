/*
 * The static table of HPACK (RFC 7541 Appendix A): the same for everyone, for
 * ever.  Used by decoder and encoder; how the encoder finds a field in it is
 * hpack_search.h's business.
 */
#ifndef HTTP_HPACK_STATIC_H
#define HTTP_HPACK_STATIC_H

#include "http/hpack.h"

enum { HPACK_STATIC_COUNT = 61 };

struct hpack_static_field {
    struct slice name, value; /* value may be empty */
};

/* In the order of the RFC, where the first has index 1. */
extern const struct hpack_static_field hpack_static_fields[HPACK_STATIC_COUNT];

/* The same as the decoder gives them out, with what `mark` makes of them: asked once per process.
 */
const struct hpack_field *hpack_static_marked(hpack_mark *mark);

#endif
