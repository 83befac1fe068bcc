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

/* Each writes at `out` and returns where it ended. */
static char *put_hex(char *out, struct slice begin, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    out = slice_put(out, begin);
    *out++ = digits[c >> 4];
    *out++ = digits[c & 15];
    return out;
}

static char *escape_ascii(char *out, unsigned char c)
{
    switch (c) {
    case '"':
        return slice_put(out, SLICE("\\\""));
    case '\\':
        return slice_put(out, SLICE("\\\\"));
    case '\n':
        return slice_put(out, SLICE("\\n"));
    case '\r':
        return slice_put(out, SLICE("\\r"));
    case '\t':
        return slice_put(out, SLICE("\\t"));
    default:
        return put_hex(out, SLICE("\\u00"), c);
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

static inline uint64_t word_at(const unsigned char *s)
{
    uint64_t word;
    memcpy(&word, s, sizeof word);
    return word;
}

/* Most texts are; the last word may overlap the one before. */
static bool all_plain(const unsigned char *s, size_t len)
{
    if (len < sizeof(uint64_t)) {
        for (size_t i = 0; i < len; i++)
            if (!plain(s[i]))
                return false;
        return true;
    }
    uint64_t bad = not_plain(word_at(s + len - sizeof(uint64_t)));
    for (size_t i = 0; i + sizeof(uint64_t) < len; i += sizeof(uint64_t))
        bad |= not_plain(word_at(s + i));
    return bad == 0;
}

static char *escape(char *out, const unsigned char *s, size_t count)
{
    size_t i = 0;
    while (i < count) {
        if (plain(s[i])) {
            *out++ = (char)s[i++];
            continue;
        }
        if (s[i] < 0x80) {
            out = escape_ascii(out, s[i++]);
            continue;
        }
        const size_t len = utf8_len(s + i, count - i);
        if (len == 0) {
            out = slice_put(out, SLICE("\xef\xbf\xbd"));
            i++;
            continue;
        }
        if (len == 3 && s[i] == 0xe2 && s[i + 1] == 0x80 && (s[i + 2] == 0xa8 || s[i + 2] == 0xa9))
            out = put_hex(out, SLICE("\\u20"), (unsigned char)(s[i + 2] - 0x80));
        else
            out = slice_put(out, slice_make(s + i, len));
        i += len;
    }
    return out;
}

size_t json_write_text(char *out, struct slice value)
{
    const unsigned char *s = (const unsigned char *)value.ptr;
    char *end = out;
    *end++ = '"';
    if (!all_plain(s, value.len))
        end = escape(end, s, value.len);
    else
        end = slice_put(end, value);
    *end++ = '"';
    return (size_t)(end - out);
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
    char *room = buffer_reserve(json->out, JSON_TEXT_BYTES(value.len));
    buffer_commit(json->out, json_write_text(room, value));
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
