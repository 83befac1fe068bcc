#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

void json_init(struct json *json, struct buffer *out)
{
    *json = (struct json){.out = out};
}

static void value_begin(struct json *json)
{
    const uint64_t bit = UINT64_C(1) << json->depth;
    if (json->after_key)
        json->after_key = false;
    else if (json->has_item & bit)
        buffer_append_byte(json->out, ',');
    json->has_item |= bit;
}

static void open_bracket(struct json *json, char bracket)
{
    value_begin(json);
    buffer_append_byte(json->out, bracket);
    json->depth++;
    CHECK_LT(json->depth, 64);
    json->has_item &= ~(UINT64_C(1) << json->depth);
}

static void close_bracket(struct json *json, char bracket)
{
    CHECK_LT(0, json->depth);
    json->depth--;
    buffer_append_byte(json->out, bracket);
}

void json_object_begin(struct json *json)
{
    open_bracket(json, '{');
}

void json_object_end(struct json *json)
{
    close_bracket(json, '}');
}

void json_array_begin(struct json *json)
{
    open_bracket(json, '[');
}

void json_array_end(struct json *json)
{
    close_bracket(json, ']');
}

/* Bytes of the UTF-8 sequence at `s`, 0 when it is not one (RFC 3629). */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t len;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (s[0] < forms[i].from || s[0] > forms[i].to)
            continue;
        if (left < forms[i].len || s[1] < forms[i].second_from || s[1] > forms[i].second_to)
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].len;
    }
    return 0;
}

static void escape_ascii(struct buffer *out, unsigned char c)
{
    switch (c) {
    case '"':
        buffer_append(out, "\\\"", 2);
        break;
    case '\\':
        buffer_append(out, "\\\\", 2);
        break;
    case '\n':
        buffer_append(out, "\\n", 2);
        break;
    case '\r':
        buffer_append(out, "\\r", 2);
        break;
    case '\t':
        buffer_append(out, "\\t", 2);
        break;
    default:
        buffer_printf(out, "\\u%04x", c);
    }
}

static inline bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each byte that is below 0x20, at or above 0x7f, a quote or a backslash.  May be
 * set for a plain byte too, then the slow way looks; never clear for one that is not. */
static inline uint64_t not_plain(uint64_t x)
{
    const uint64_t quote = x ^ EVERY('"'), backslash = x ^ EVERY('\\');
    const uint64_t high =
        (x - EVERY(0x20)) | (x + EVERY(1)) | x | (quote - EVERY(1)) | (backslash - EVERY(1));
    return high & EVERY(0x80);
}

static size_t plain_run(const unsigned char *s, size_t from, size_t len)
{
    for (uint64_t word; len - from >= sizeof word; from += sizeof word) {
        memcpy(&word, s + from, sizeof word);
        if (not_plain(word) != 0)
            break;
    }
    while (from < len && plain(s[from]))
        from++;
    return from;
}

static void write_escaped(struct buffer *out, struct slice value)
{
    const unsigned char *s = (const unsigned char *)value.ptr;
    size_t i = 0;
    while (i < value.len) {
        const size_t run = plain_run(s, i, value.len);
        buffer_append(out, s + i, run - i);
        i = run;
        if (i == value.len)
            break;
        if (s[i] < 0x80) {
            escape_ascii(out, s[i++]);
            continue;
        }
        const size_t len = utf8_len(s + i, value.len - i);
        if (len == 0) {
            buffer_append(out, "\xef\xbf\xbd", 3);
            i++;
            continue;
        }
        if (len == 3 && s[i] == 0xe2 && s[i + 1] == 0x80 && (s[i + 2] == 0xa8 || s[i + 2] == 0xa9))
            buffer_printf(out, "\\u20%02x", s[i + 2] - 0x80);
        else
            buffer_append(out, s + i, len);
        i += len;
    }
}

/* Keys are our own words: nothing in them needs an escape. */
void json_key(struct json *json, const char *key)
{
    value_begin(json);
    const size_t len = strlen(key);
    char *room = buffer_reserve(json->out, len + 3);
    room[0] = '"';
    memcpy(room + 1, key, len);
    memcpy(room + 1 + len, "\":", 2);
    buffer_commit(json->out, len + 3);
    json->after_key = true;
}

void json_slice(struct json *json, struct slice value)
{
    value_begin(json);
    if (plain_run((const unsigned char *)value.ptr, 0, value.len) == value.len) {
        char *room = buffer_reserve(json->out, value.len + 2);
        room[0] = '"';
        if (value.len > 0)
            memcpy(room + 1, value.ptr, value.len);
        room[value.len + 1] = '"';
        buffer_commit(json->out, value.len + 2);
        return;
    }
    buffer_append_byte(json->out, '"');
    write_escaped(json->out, value);
    buffer_append_byte(json->out, '"');
}

void json_slice_capped(struct json *json, struct slice value, size_t most)
{
    if (value.len > most)
        value.len = most;
    json_slice(json, value);
}

void json_string(struct json *json, const char *value)
{
    if (value == NULL)
        json_null(json);
    else
        json_slice(json, slice_of(value));
}

void json_int(struct json *json, int64_t value)
{
    value_begin(json);
    char *room = buffer_reserve(json->out, NUMBER_TEXT_BYTES);
    buffer_commit(json->out, number_write_i64(room, value));
}

void json_uint(struct json *json, uint64_t value)
{
    value_begin(json);
    char *room = buffer_reserve(json->out, NUMBER_TEXT_BYTES);
    buffer_commit(json->out, number_write_u64(room, value));
}

void json_number(struct json *json, double value)
{
    if (!isfinite(value)) {
        json_null(json);
        return;
    }
    value_begin(json);
    char text[40];
    int len = snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value)
        len = snprintf(text, sizeof text, "%.17g", value);
    buffer_append(json->out, text, (size_t)len);
}

void json_fixed(struct json *json, double value, unsigned decimals)
{
    if (!isfinite(value)) {
        json_null(json);
        return;
    }
    value_begin(json);
    char *room = buffer_reserve(json->out, NUMBER_TEXT_BYTES);
    buffer_commit(json->out, number_write_fixed(room, value, decimals));
}

void json_bool(struct json *json, bool value)
{
    value_begin(json);
    buffer_append_slice(json->out, value ? SLICE("true") : SLICE("false"));
}

void json_null(struct json *json)
{
    value_begin(json);
    buffer_append(json->out, "null", 4);
}

void json_raw(struct json *json, struct slice value)
{
    value_begin(json);
    buffer_append_slice(json->out, value);
}

void json_kv_slice(struct json *json, const char *key, struct slice value)
{
    json_key(json, key);
    json_slice(json, value);
}

void json_kv_string(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_string(json, value);
}

void json_kv_int(struct json *json, const char *key, int64_t value)
{
    json_key(json, key);
    json_int(json, value);
}

void json_kv_uint(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_uint(json, value);
}

void json_kv_number(struct json *json, const char *key, double value)
{
    json_key(json, key);
    json_number(json, value);
}

void json_kv_fixed(struct json *json, const char *key, double value, unsigned decimals)
{
    json_key(json, key);
    json_fixed(json, value, decimals);
}

void json_kv_bool(struct json *json, const char *key, bool value)
{
    json_key(json, key);
    json_bool(json, value);
}
