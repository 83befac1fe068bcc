/*
 * Writes HTML and SVG into a buffer.  Names in a report come out of other
 * people's files: html_format escapes every %s, so no name is ever markup.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "base/buffer.h"

/*
 * Text as text: markup characters become entities, what is not valid UTF-8, a
 * control byte or a mark that turns the direction of writing becomes U+FFFD.
 */
void html_text(struct buffer *out, const char *text);
/* At most so many characters, an ellipsis in place of the rest. */
void html_text_capped(struct buffer *out, const char *text, size_t most);
/* Markup.  Knows %s (escaped, NULL is nothing), %d, %zu, %.Nf and %%. */
void html_format(struct buffer *out, const char *format, ...) ISO_PRINTF(2, 3);

/* What a text takes in the widest of the usual sans serif fonts, in pixels. */
double html_text_width(const char *text, double font_px);
/* How many of its characters (UTF-8) fit; SIZE_MAX: all. */
size_t html_text_fit(const char *text, double font_px, double width_px);

#endif
