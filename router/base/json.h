/*
 * Writes JSON into a buffer, commas by itself.  Strings are escaped: control
 * bytes, DEL, quote, backslash, U+2028/9, and whatever is not valid UTF-8
 * becomes U+FFFD.  NAN and infinity are written as null: unknown, never 0.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct json {
    struct buffer *out;
    unsigned depth;
    uint64_t has_item; /* bit per depth */
    bool after_key;
};

void json_init(struct json *json, struct buffer *out);
void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
void json_array_end(struct json *json);
void json_key(struct json *json, const char *key);
void json_slice(struct json *json, struct slice value);
/* At most `most` bytes of it. */
void json_slice_capped(struct json *json, struct slice value, size_t most);
void json_string(struct json *json, const char *value); /* NULL: null */
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
void json_number(struct json *json, double value);                   /* shortest that reads back */
void json_fixed(struct json *json, double value, unsigned decimals); /* for people: 12.3 */
void json_bool(struct json *json, bool value);
void json_null(struct json *json);
/* A value that is JSON already. */
void json_raw(struct json *json, struct slice value);

/* A text in quotes and escaped, where there is room for JSON_TEXT_BYTES; returns how many it took.
 */
#define JSON_TEXT_BYTES(len) (6 * (len) + 2)
size_t json_write_text(char *out, struct slice value) ISO_MUST_USE;

/* key and value in one */
void json_kv_slice(struct json *json, const char *key, struct slice value);
void json_kv_string(struct json *json, const char *key, const char *value);
void json_kv_int(struct json *json, const char *key, int64_t value);
void json_kv_uint(struct json *json, const char *key, uint64_t value);
void json_kv_number(struct json *json, const char *key, double value);
void json_kv_fixed(struct json *json, const char *key, double value, unsigned decimals);
void json_kv_bool(struct json *json, const char *key, bool value);

#endif
