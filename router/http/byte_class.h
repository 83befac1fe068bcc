/*
 * What a byte of a head may be part of, by table: names, authorities and paths
 * are short, and this costs a few instructions a byte.  Values, which may be
 * long, have field_value_valid.
 */
#ifndef HTTP_BYTE_CLASS_H
#define HTTP_BYTE_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum byte_class {
    BYTE_TOKEN = 1,      /* RFC 9110 5.6.2: letters, digits and !#$%&'*+-.^_`|~ */
    BYTE_NAME = 2,       /* the same without capital letters, as HTTP/2 has its field names */
    BYTE_AUTHORITY = 4,  /* RFC 3986 3.2: letters, digits and -._~:[]!$&'()*+,;=%@ */
    BYTE_HOST = 8,       /* of them what is left without userinfo and comma */
    BYTE_PATH = 16,      /* visible ASCII without #, backslash, quote and angle brackets */
    BYTE_PATH_PLAIN = 32 /* the same without % */
};

extern const uint8_t byte_classes[256];

/* All bytes are of that class; true of an empty text. */
static inline bool bytes_are(struct slice text, enum byte_class class)
{
    unsigned all = class;
    for (size_t i = 0; i < text.len; i++)
        all &= byte_classes[(unsigned char)text.ptr[i]];
    return all != 0;
}

#endif
