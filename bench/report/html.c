#include "report/html.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* --- text --- */

/* The bytes of the character at `at`, 0 when it is not valid UTF-8. */
static size_t char_read(const unsigned char *at, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t len = *at < 0x80             ? 1
                       : (*at & 0xe0) == 0xc0 ? 2
                       : (*at & 0xf0) == 0xe0 ? 3
                       : (*at & 0xf8) == 0xf0 ? 4
                                              : 0;
    uint32_t code = len == 1 ? *at : *at & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    *out = code;
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return len > 0 && code >= least[len] && code <= 0x10ffff && !surrogate ? len : 0;
}

static bool char_is_text(uint32_t code)
{
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                       code == 0x200e || code == 0x200f || code == 0x061c;
    return !control && !turns && code != 0xfffe && code != 0xffff;
}

static void char_write(struct buffer *out, const char *at, size_t len, uint32_t code)
{
    switch (code) {
    case '&':
        buffer_append_slice(out, SLICE("&amp;"));
        break;
    case '<':
        buffer_append_slice(out, SLICE("&lt;"));
        break;
    case '>':
        buffer_append_slice(out, SLICE("&gt;"));
        break;
    case '"':
        buffer_append_slice(out, SLICE("&quot;"));
        break;
    case '\'':
        buffer_append_slice(out, SLICE("&#39;"));
        break;
    default:
        if (char_is_text(code))
            buffer_append(out, at, len);
        else
            buffer_append_slice(out, SLICE(REPLACEMENT));
    }
}

void html_text_capped(struct buffer *out, const char *text, size_t most)
{
    const char *at = text;
    for (size_t count = 0; *at != '\0'; count++) {
        uint32_t code = 0xffff;
        size_t len = char_read((const unsigned char *)at, &code);
        if (count == most) {
            buffer_append_slice(out, SLICE("\xe2\x80\xa6"));
            return;
        }
        if (len == 0) {
            code = 0xffff;
            len = 1;
        }
        char_write(out, at, len, code);
        at += len;
    }
}

void html_text(struct buffer *out, const char *text)
{
    html_text_capped(out, text, SIZE_MAX);
}

/* --- markup --- */

/* One conversion, its length; the argument is taken off `list`. */
static size_t conversion_write(struct buffer *out, const char *format, va_list *list)
{
    char number[64];
    int len;
    if (format[1] == '%') {
        buffer_append_byte(out, '%');
        return 2;
    }
    if (format[1] == 's') {
        const char *text = va_arg(*list, const char *);
        html_text(out, text != NULL ? text : "");
        return 2;
    }
    if (format[1] == 'd') {
        len = snprintf(number, sizeof number, "%d", va_arg(*list, int));
        buffer_append(out, number, (size_t)len);
        return 2;
    }
    if (format[1] == 'z') {
        CHECK(format[2] == 'u');
        len = snprintf(number, sizeof number, "%zu", va_arg(*list, size_t));
        buffer_append(out, number, (size_t)len);
        return 3;
    }
    CHECK(format[1] == '.' && format[2] >= '0' && format[2] <= '9' && format[3] == 'f');
    len = snprintf(number, sizeof number, "%.*f", format[2] - '0', va_arg(*list, double));
    buffer_append(out, number, len < (int)sizeof number ? (size_t)len : sizeof number - 1);
    return 4;
}

void html_format(struct buffer *out, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    while (*format != '\0') {
        if (*format == '%') {
            format += conversion_write(out, format, &list);
        } else {
            const size_t len = strcspn(format, "%");
            buffer_append(out, format, len);
            format += len;
        }
    }
    va_end(list);
}

/* --- width --- */

/* Hundredths of an em, from the blank to the tilde; as DejaVu Sans has them. */
static const unsigned char widths[] = {32, 40, 46, 84, 64,  95, 78, 27, 39, 39, 50, 84, 32, 36,
                                       32, 34, 64, 64, 64,  64, 64, 64, 64, 64, 64, 64, 34, 34,
                                       84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29,
                                       29, 66, 56, 86, 75,  79, 60, 79, 69, 63, 61, 73, 68, 99,
                                       69, 61, 69, 39, 34,  39, 84, 50, 50, 61, 63, 55, 63, 62,
                                       35, 63, 63, 28, 28,  58, 28, 97, 63, 61, 63, 63, 41, 52,
                                       39, 63, 59, 82, 59,  59, 52, 64, 34, 64, 84};

static double char_width(uint32_t code)
{
    if (code >= ' ' && code <= '~')
        return widths[code - ' '] / 100.0;
    return code < 0x2000 ? 0.75 : 1.0;
}

size_t html_text_fit(const char *text, double font_px, double width_px)
{
    size_t count = 0;
    for (double width = 0; *text != '\0'; count++) {
        uint32_t code = 0xffff;
        const size_t len = char_read((const unsigned char *)text, &code);
        width += char_width(len > 0 ? code : 0xffff) * font_px;
        if (width > width_px)
            break;
        text += len > 0 ? len : 1;
    }
    return *text == '\0' ? SIZE_MAX : count;
}

double html_text_width(const char *text, double font_px)
{
    double width = 0;
    while (*text != '\0') {
        uint32_t code = 0xffff;
        const size_t len = char_read((const unsigned char *)text, &code);
        width += char_width(len > 0 ? code : 0xffff) * font_px;
        text += len > 0 ? len : 1;
    }
    return width;
}
