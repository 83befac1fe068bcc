#include "http/h1_parse.h"

enum {
    CHUNK_SLACK_BYTES = 16 * 1024, /* what chunk headers may cost beyond twice the payload */
    KEPT_TEXT_BYTES = 4096,
};

static struct h1_parser *parser_of(llhttp_t *llhttp)
{
    return llhttp->data;
}

static int broken(struct h1_parser *parser, enum fault fault, const char *why)
{
    if (parser->why == NULL) {
        parser->fault = fault;
        parser->why = why;
    }
    return HPE_USER;
}

static int too_large(struct h1_parser *parser)
{
    return broken(parser, FAULT_HEAD_TOO_LARGE, "header block too large");
}

/* Keeps a span of the piece under way, if the whole head still fits its limit. */
static int keep(struct h1_parser *parser, struct buffer *piece, const char *at, size_t len)
{
    const size_t pending = buffer_len(&parser->target_text) + buffer_len(&parser->name) +
                           buffer_len(&parser->value) + len;
    if (parser->gather.bytes + pending > parser->gather.limits->head_bytes)
        return too_large(parser);
    buffer_append(piece, at, len);
    return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parser *parser = parser_of(llhttp);
    return keep(parser, &parser->target_text, at, len);
}

static int on_url_complete(llhttp_t *llhttp)
{
    struct h1_parser *parser = parser_of(llhttp);
    const struct slice text = buffer_slice(&parser->target_text);
    if (!head_gather_count(&parser->gather, text.len))
        return too_large(parser);
    parser->target = arena_copy(parser->gather.arena, text);
    buffer_clear(&parser->target_text);
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parser *parser = parser_of(llhttp);
    return keep(parser, &parser->name, at, len);
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parser *parser = parser_of(llhttp);
    return keep(parser, &parser->value, at, len);
}

static struct slice copy_lower(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        copy[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    copy[text.len] = '\0';
    return slice_make(copy, text.len);
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct h1_parser *parser = parser_of(llhttp);
    const struct slice name = buffer_slice(&parser->name);
    const struct slice value = slice_trim(buffer_slice(&parser->value));
    struct head_gather *gather = &parser->gather;
    if (!field_name_valid(name) || !field_value_valid(value))
        return broken(parser, FAULT_BAD_HEAD, "malformed header field");
    if (!head_gather_room(gather, name.len, value.len))
        return too_large(parser);
    const struct slice lower = copy_lower(gather->arena, name);
    head_gather_field(gather, field_kind_of(lower), lower, arena_copy(gather->arena, value));
    buffer_clear(&parser->name);
    buffer_clear(&parser->value);
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct h1_parser *parser = parser_of(llhttp);
    if (llhttp->http_major != 1 || llhttp->http_minor > 1)
        return broken(parser, FAULT_BAD_REQUEST, "HTTP version is neither 1.0 nor 1.1"), -1;
    /* An upgrade is never followed: the message goes on as plain HTTP/1.1. */
    llhttp->upgrade = 0;
    bool skip_body = false;
    if (!parser->events->on_head(parser->owner, &skip_body))
        return -1;
    parser->in_trailers = true;
    head_gather_begin(&parser->gather, parser->gather.arena, parser->gather.limits);
    return skip_body ? 1 : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct h1_parser *parser = parser_of(llhttp);
    parser->body_bytes += len;
    return parser->events->on_body(parser->owner, slice_make(at, len)) ? 0 : HPE_USER;
}

static int on_message_complete(llhttp_t *llhttp)
{
    parser_of(llhttp)->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void h1_parser_init(struct h1_parser *parser, const struct h1_parser_events *events, void *owner)
{
    *parser = (struct h1_parser){.events = events, .owner = owner};
}

void h1_parser_finish(struct h1_parser *parser)
{
    buffer_release(&parser->target_text);
    buffer_release(&parser->name);
    buffer_release(&parser->value);
}

static void trim_text(struct buffer *buffer)
{
    if (buffer->size > KEPT_TEXT_BYTES)
        buffer_release(buffer);
    else
        buffer_clear(buffer);
}

void h1_parser_begin(struct h1_parser *parser, llhttp_type_t type, struct arena *arena,
                     const struct codec_limits *limits)
{
    llhttp_init(&parser->llhttp, type, &settings);
    parser->llhttp.data = parser;
    head_gather_begin(&parser->gather, arena, limits);
    parser->target = SLICE_NONE;
    parser->fault = FAULT_NONE;
    parser->why = NULL;
    parser->in_trailers = parser->complete = parser->line_begun = false;
    parser->scanning = true;
    parser->in_request_line = type == HTTP_REQUEST;
    parser->spaces = 0;
    parser->last = '\0';
    parser->line_len = parser->head_raw = parser->body_bytes = parser->body_raw = 0;
    trim_text(&parser->target_text);
    trim_text(&parser->name);
    trim_text(&parser->value);
}

/* One line of the head, or a piece of one; `ended`: with its LF. */
static bool scan_line(struct h1_parser *parser, struct slice line, bool ended)
{
    if (parser->last == '\n' && parser->line_begun && (*line.ptr == ' ' || *line.ptr == '\t'))
        return broken(parser, FAULT_BAD_HEAD, "folded header line"), false;
    if (ended && (line.len > 1 ? line.ptr[line.len - 2] : parser->last) != '\r')
        return broken(parser, FAULT_BAD_REQUEST, "line end without CR"), false;
    for (size_t i = 0; parser->in_request_line && i < line.len; i++)
        parser->spaces += line.ptr[i] == ' ';
    const size_t seen = parser->line_len + line.len;
    if (seen > 2) {
        if (ended && parser->in_request_line && parser->spaces != 2)
            return broken(parser, FAULT_BAD_REQUEST, "malformed request line"), false;
        parser->in_request_line &= !ended;
        parser->line_begun = true;
    } else if (ended) { /* CRLF alone */
        parser->scanning = !parser->line_begun;
    }
    parser->line_len = ended ? 0 : seen;
    parser->head_raw += line.len;
    parser->last = line.ptr[line.len - 1];
    return true;
}

/*
 * Watches the raw head for what the callbacks cannot show: a line that begins
 * with a blank continues the one before (RFC 9112 5.2, obsolete, refused), bare
 * LF, and bytes that belong to no field.  Stops at the empty line.
 */
static bool scan_head(struct h1_parser *parser, struct slice bytes)
{
    while (bytes.len > 0 && parser->scanning) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        const size_t len = end != NULL ? (size_t)(end - bytes.ptr) + 1 : bytes.len;
        if (!scan_line(parser, slice_make(bytes.ptr, len), end != NULL))
            return false;
        bytes = slice_make(bytes.ptr + len, bytes.len - len);
    }
    if (parser->head_raw <= 2 * (size_t)parser->gather.limits->head_bytes)
        return true;
    too_large(parser); /* long since so as fields, unless it is blanks and empty lines */
    return false;
}

static enum fault fault_of_llhttp(const struct h1_parser *parser)
{
    switch (llhttp_get_errno(&parser->llhttp)) {
    case HPE_INVALID_METHOD:
        return FAULT_BAD_METHOD;
    case HPE_INVALID_URL:
        return FAULT_BAD_PATH;
    case HPE_INVALID_HEADER_TOKEN:
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_TRANSFER_ENCODING:
        return FAULT_BAD_HEAD;
    default:
        return FAULT_BAD_REQUEST;
    }
}

/* Chunks of a byte each, or with long extensions, are work without payload. */
static bool chunks_ok(struct h1_parser *parser, size_t fed)
{
    parser->body_raw += fed;
    return parser->body_raw <= 8 * parser->body_bytes + CHUNK_SLACK_BYTES;
}

enum h1_result h1_parser_feed(struct h1_parser *parser, struct slice bytes, struct slice *rest)
{
    *rest = SLICE_NONE;
    if (bytes.len == 0)
        return H1_MORE;
    if (parser->scanning && !scan_head(parser, bytes))
        return H1_BROKEN;
    const bool in_body = parser->in_trailers;
    const llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes.ptr, bytes.len);
    if (parser->complete) {
        const char *at = llhttp_get_error_pos(&parser->llhttp);
        if (error == HPE_PAUSED && at != NULL)
            *rest = slice_make(at, bytes.len - (size_t)(at - bytes.ptr));
        return H1_COMPLETE;
    }
    if (parser->why != NULL)
        return H1_BROKEN;
    if (error == HPE_OK) {
        if (!in_body || chunks_ok(parser, bytes.len))
            return H1_MORE;
        return broken(parser, FAULT_BAD_REQUEST, "more chunk headers than payload"), H1_BROKEN;
    }
    if (error == HPE_USER || error == HPE_CB_HEADERS_COMPLETE)
        return H1_STOPPED;
    broken(parser, fault_of_llhttp(parser), "malformed HTTP/1.1 message");
    return H1_BROKEN;
}

bool h1_parser_end(struct h1_parser *parser)
{
    if (!parser->in_trailers || parser->why != NULL)
        return false;
    (void)llhttp_finish(&parser->llhttp);
    return parser->complete;
}

bool h1_parser_keep_alive(const struct h1_parser *parser)
{
    return llhttp_should_keep_alive(&parser->llhttp) != 0;
}

bool h1_parser_begun(const struct h1_parser *parser)
{
    return parser->line_begun;
}
