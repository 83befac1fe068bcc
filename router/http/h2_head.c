#include "http/h2_head.h"

#include "http/byte_class.h"

enum {
    LENGTH_DIGITS_MAX = 18,
    STATUS_DIGITS = 3,
};

/* A mark: the kind of field in the low bits. */
enum mark {
    MARK_KIND = 0xff, /* enum field_kind, or a pseudo header: */
    MARK_METHOD = 0x80,
    MARK_SCHEME,
    MARK_AUTHORITY,
    MARK_PATH,
    MARK_STATUS,
    MARK_BAD_NAME = 0x100, /* may not be in any message */
    MARK_BAD_VALUE = 0x200,
    MARK_MALFORMED = MARK_BAD_NAME | MARK_BAD_VALUE,
    MARK_OF_NAME = MARK_KIND | MARK_BAD_NAME, /* what fields of one name have in common */
};

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len > 0;
}

/* RFC 3986 3.1 */
static bool is_scheme(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return text.len > 0;
}

/* RFC 9113 8.3.1: absolute, or the asterisk of OPTIONS. */
static bool is_path(struct slice text)
{
    if (slice_eq(text, SLICE("*")))
        return true;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == '\x7f')
            return false;
    }
    return text.len > 0 && text.ptr[0] == '/';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9113 8.2.1: unlike HTTP/1.1, nobody trims. */
static bool is_value(struct slice value)
{
    if (value.len > 0 && (is_blank(value.ptr[0]) || is_blank(value.ptr[value.len - 1])))
        return false;
    return field_value_valid(value);
}

/* RFC 9113 8.2.2: fields that manage an HTTP/1.1 connection. */
static bool is_connection_specific(struct slice name, enum field_kind kind)
{
    if (kind == FIELD_DROPPED)
        return slice_eq(name, SLICE("upgrade")) || slice_eq(name, SLICE("keep-alive")) ||
               slice_eq(name, SLICE("proxy-connection"));
    return kind == FIELD_CONNECTION || kind == FIELD_TRANSFER_ENCODING;
}

static uint32_t pseudo_mark(struct slice name)
{
    static const struct slice names[] = {[MARK_METHOD - MARK_METHOD] = {":method", 7},
                                         [MARK_SCHEME - MARK_METHOD] = {":scheme", 7},
                                         [MARK_AUTHORITY - MARK_METHOD] = {":authority", 10},
                                         [MARK_PATH - MARK_METHOD] = {":path", 5},
                                         [MARK_STATUS - MARK_METHOD] = {":status", 7}};
    for (uint32_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_eq(name, names[i]))
            return MARK_METHOD + i;
    }
    return MARK_BAD_NAME;
}

static uint32_t name_mark(struct slice name)
{
    if (name.len > 0 && name.ptr[0] == ':')
        return pseudo_mark(name);
    const enum field_kind kind = field_kind_of(name);
    const bool fine =
        name.len > 0 && bytes_are(name, BYTE_NAME) && !is_connection_specific(name, kind);
    return fine ? kind : kind | MARK_BAD_NAME;
}

static bool value_fits(uint32_t kind, struct slice value)
{
    switch (kind) {
    case MARK_METHOD:
        return field_name_valid(value);
    case MARK_SCHEME:
        return is_scheme(value);
    case MARK_AUTHORITY: /* userinfo included, which is refused with an answer */
        return value.len > 0 && bytes_are(value, BYTE_AUTHORITY);
    case MARK_PATH:
        return is_path(value);
    case MARK_STATUS:
        return value.len == STATUS_DIGITS && is_digits(value);
    case FIELD_HOST:
        return bytes_are(value, BYTE_AUTHORITY);
    case FIELD_CONTENT_LENGTH:
        return value.len <= LENGTH_DIGITS_MAX && is_digits(value);
    case FIELD_TE: /* RFC 9113 8.2.2 */
        return slice_eq_nocase(value, SLICE("trailers"));
    default:
        return is_value(value);
    }
}

uint32_t h2_field_mark(struct slice name, struct slice value, uint32_t like)
{
    const uint32_t mark = like != HPACK_NO_MARK ? like & MARK_OF_NAME : name_mark(name);
    return value_fits(mark & MARK_KIND, value) ? mark : mark | MARK_BAD_VALUE;
}

static struct slice keep(struct h2_head *head, struct slice bytes, bool lasts)
{
    return lasts ? bytes : arena_copy(head->gather.arena, bytes);
}

static void take_pseudo(struct h2_head *head, uint32_t kind, const struct hpack_field *field)
{
    const uint32_t bit = UINT32_C(1) << (kind - MARK_METHOD);
    const bool belongs = kind == MARK_STATUS ? head->kind == H2_RESPONSE : head->kind == H2_REQUEST;
    if (!belongs || head->fields_begun || head->pseudo & bit) {
        head->malformed = true;
        return;
    }
    head->pseudo |= bit;
    if (kind == MARK_STATUS) {
        for (size_t i = 0; i < field->value.len; i++)
            head->status = head->status * 10 + (field->value.ptr[i] - '0');
        return;
    }
    const struct slice value = keep(head, field->value, field->value_lasts);
    switch (kind) {
    case MARK_METHOD:
        head->method = value;
        break;
    case MARK_SCHEME:
        head->scheme = value;
        break;
    case MARK_AUTHORITY:
        head->authority = value;
        break;
    default:
        head->path = value;
        break;
    }
}

void h2_head_take(struct h2_head *head, const struct hpack_field *field)
{
    const uint32_t kind = field->mark & MARK_KIND;
    struct head_gather *gather = &head->gather;
    if (field->mark & MARK_MALFORMED)
        head->malformed = true;
    if (kind >= MARK_METHOD) {
        if (head_gather_count(gather, field->value.len) && !head->malformed)
            take_pseudo(head, kind, field);
        return;
    }
    head->fields_begun = true;
    if (!head_gather_room(gather, field->name.len, field->value.len) || head->malformed)
        return;
    if (kind == FIELD_CONTENT_LENGTH && head->kind == H2_TRAILERS) {
        head->malformed = true;
        return;
    }
    const uint32_t before = gather->fields.count;
    head_gather_field(gather, kind, keep(head, field->name, field->name_lasts),
                      keep(head, field->value, field->value_lasts));
    if (field->secret && gather->fields.count > before)
        gather->fields.items[before].secret = true;
}

static bool has(const struct h2_head *head, uint32_t mark)
{
    return head->pseudo & UINT32_C(1) << (mark - MARK_METHOD);
}

bool h2_head_whole(const struct h2_head *head)
{
    const struct head_gather *gather = &head->gather;
    if (head->malformed || gather->content_length_count > 1 || gather->host_count > 1)
        return false;
    if (head->kind == H2_TRAILERS || gather->fault == FAULT_HEAD_TOO_LARGE)
        return true; /* what is missing may have been left out */
    if (head->kind == H2_RESPONSE)
        return has(head, MARK_STATUS);
    if (!has(head, MARK_METHOD))
        return false;
    if (slice_eq(head->method, SLICE("CONNECT"))) /* RFC 9113 8.5 */
        return has(head, MARK_AUTHORITY) && !has(head, MARK_SCHEME) && !has(head, MARK_PATH);
    if (slice_eq(head->path, SLICE("*")) && !slice_eq(head->method, SLICE("OPTIONS")))
        return false;
    return has(head, MARK_SCHEME) && has(head, MARK_PATH) &&
           (head->authority.len > 0 || gather->host.len > 0);
}
