/*
 * The rules a head must keep (rows 27-64 of the hardening list).  The bytes of
 * names and values were checked as they were parsed (h1_parse.c, h2_head.c), and
 * framing when the head was gathered; here is what is left: what the request is
 * for and whether its fields may be carried over.
 */
#include "http/head.h"

#include "http/byte_class.h"

enum { AUTHORITY_BYTES_MAX = 300 };

/* The path is matched and forwarded as the same raw string, so it is refused, never repaired. */
static bool path_ok(struct slice path)
{
    if (path.len == 0 || path.ptr[0] != '/')
        return false;
    if (bytes_are(path, BYTE_PATH_PLAIN))
        return true;
    for (size_t i = 0; i + 2 < path.len; i++) {
        if (path.ptr[i] == '%' && path.ptr[i + 1] == '0' && path.ptr[i + 2] == '0')
            return false;
    }
    return bytes_are(path, BYTE_PATH);
}

/* `transfer_encoding` becomes `Transfer-Encoding` behind many a gateway interface. */
static bool has_underscore_name(const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (memchr(fields->items[i].name.ptr, '_', fields->items[i].name.len) != NULL)
            return true;
    }
    return false;
}

enum fault head_accept_request(const struct request_head *head, bool secure)
{
    if (head->method == METHOD_OTHER)
        return FAULT_BAD_METHOD;
    if (!path_ok(head->path))
        return FAULT_BAD_PATH;
    if (head->authority.len > AUTHORITY_BYTES_MAX || !bytes_are(head->authority, BYTE_HOST))
        return FAULT_BAD_AUTHORITY;
    if (head->authority.len == 0 && head->version != HTTP_1_0)
        return FAULT_BAD_AUTHORITY;
    if (!slice_eq(head->scheme, secure ? SLICE("https") : SLICE("http")))
        return FAULT_BAD_REQUEST;
    if (has_underscore_name(&head->fields))
        return FAULT_BAD_HEAD;
    return FAULT_NONE;
}

enum fault head_accept_response(const struct response_head *head)
{
    return head->status < 100 || head->status > 599 ? FAULT_BAD_GATEWAY : FAULT_NONE;
}
