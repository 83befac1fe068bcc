#include "http/head_gather.h"

enum { FIELD_OVERHEAD_BYTES = 32 };

struct named_kind {
    struct slice name;
    enum field_kind kind;
};

/* Grouped by length, so that an ordinary field costs a comparison or two. */
static const struct named_kind special_fields[] = {
    {{"te", 2}, FIELD_TE},
    {{"host", 4}, FIELD_HOST},
    {{"cookie", 6}, FIELD_COOKIE},
    {{"expect", 6}, FIELD_EXPECT},
    {{"upgrade", 7}, FIELD_DROPPED},
    {{"trailer", 7}, FIELD_DROPPED},
    {{"connection", 10}, FIELD_CONNECTION},
    {{"keep-alive", 10}, FIELD_DROPPED},
    {{"content-length", 14}, FIELD_CONTENT_LENGTH},
    {{"http2-settings", 14}, FIELD_DROPPED},
    {{"proxy-connection", 16}, FIELD_DROPPED},
    {{"transfer-encoding", 17}, FIELD_TRANSFER_ENCODING},
    {{"proxy-authenticate", 18}, FIELD_DROPPED},
    {{"proxy-authorization", 19}, FIELD_DROPPED},
    {{"proxy-authentication-info", 25}, FIELD_DROPPED},
};

enum field_kind field_kind_of(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(special_fields); i++) {
        const struct slice special = special_fields[i].name;
        if (special.len > name.len)
            break;
        if (special.len == name.len && memcmp(special.ptr, name.ptr, name.len) == 0)
            return special_fields[i].kind;
    }
    return FIELD_PLAIN;
}

bool field_is_hop_by_hop(struct slice name)
{
    const enum field_kind kind = field_kind_of(name);
    return kind != FIELD_PLAIN && kind != FIELD_COOKIE;
}

void head_gather_begin(struct head_gather *gather, struct arena *arena,
                       const struct codec_limits *limits)
{
    *gather = (struct head_gather){.arena = arena, .limits = limits};
}

static void set_fault(struct head_gather *gather, enum fault fault)
{
    if (gather->fault == FAULT_NONE)
        gather->fault = fault;
}

bool head_gather_count(struct head_gather *gather, size_t bytes)
{
    gather->bytes += bytes;
    if (gather->bytes <= gather->limits->head_bytes &&
        gather->field_count <= gather->limits->head_fields)
        return gather->fault != FAULT_HEAD_TOO_LARGE;
    gather->fault = FAULT_HEAD_TOO_LARGE;
    gather->overrun = gather->bytes > 2 * (size_t)gather->limits->head_bytes ||
                      gather->field_count > 2 * gather->limits->head_fields;
    return false;
}

bool head_gather_room(struct head_gather *gather, size_t name_len, size_t value_len)
{
    gather->field_count++;
    return head_gather_count(gather, name_len + value_len + FIELD_OVERHEAD_BYTES);
}

void head_gather_field(struct head_gather *gather, enum field_kind kind, struct slice name,
                       struct slice value)
{
    switch (kind) {
    case FIELD_PLAIN:
        break;
    case FIELD_DROPPED:
        return;
    case FIELD_HOST:
        gather->host = value;
        gather->host_count++;
        return;
    case FIELD_CONNECTION:
        if (gather->connection_count == COUNT_OF(gather->connection))
            set_fault(gather, FAULT_BAD_HEAD);
        else
            gather->connection[gather->connection_count++] = value;
        return;
    case FIELD_CONTENT_LENGTH:
        gather->content_length = value;
        gather->content_length_count++;
        return;
    case FIELD_TRANSFER_ENCODING:
        gather->transfer_encoding = value;
        gather->transfer_encoding_count++;
        return;
    case FIELD_EXPECT:
        gather->expect = true;
        gather->expect_continue = slice_eq_nocase(value, SLICE("100-continue"));
        return;
    case FIELD_TE:
        gather->takes_trailers |= slice_eq_nocase(value, SLICE("trailers"));
        return;
    case FIELD_COOKIE:
        gather->cookie_count++;
        break;
    }
    fields_add(&gather->fields, gather->arena, name, value);
}

/* RFC 9110 7.6.1: what Connection names goes no further. */
static void drop_connection_names(struct head_gather *gather)
{
    for (uint32_t i = 0; i < gather->connection_count; i++) {
        struct slice rest = gather->connection[i], part;
        while (slice_split(&rest, ',', &part)) {
            const struct slice name = slice_trim(part);
            uint32_t kept = 0;
            for (uint32_t f = 0; f < gather->fields.count; f++) {
                if (!slice_eq_nocase(gather->fields.items[f].name, name))
                    gather->fields.items[kept++] = gather->fields.items[f];
            }
            gather->fields.count = kept;
        }
    }
}

/* RFC 9113 8.2.3: crumbs become one field, at the place of the first. */
static void join_cookies(struct head_gather *gather)
{
    if (gather->cookie_count < 2)
        return;
    const struct slice cookie = SLICE("cookie");
    size_t total = 0;
    for (uint32_t i = 0; i < gather->fields.count; i++) {
        if (slice_eq(gather->fields.items[i].name, cookie))
            total += gather->fields.items[i].value.len + 2;
    }
    char *text = arena_alloc(gather->arena, total);
    size_t len = 0;
    uint32_t kept = 0;
    struct field *joined = NULL;
    for (uint32_t i = 0; i < gather->fields.count; i++) {
        const struct field field = gather->fields.items[i];
        if (!slice_eq(field.name, cookie)) {
            gather->fields.items[kept++] = field;
            continue;
        }
        if (joined == NULL) {
            joined = &gather->fields.items[kept];
            gather->fields.items[kept++] = field;
        } else {
            memcpy(text + len, "; ", 2);
            len += 2;
        }
        if (field.value.len > 0)
            memcpy(text + len, field.value.ptr, field.value.len);
        len += field.value.len;
    }
    if (joined != NULL)
        joined->value = slice_make(text, len);
    gather->fields.count = kept;
}

static bool read_content_length(const struct head_gather *gather, int64_t *out)
{
    *out = -1;
    if (gather->content_length_count == 0)
        return true;
    uint64_t value;
    if (gather->content_length_count > 1 || gather->content_length.len > 18 ||
        !slice_to_u64(gather->content_length, &value))
        return false;
    *out = (int64_t)value;
    return true;
}

static enum fault take_authority(const struct head_gather *gather, struct request_head *head)
{
    if (gather->host_count > 1)
        return FAULT_BAD_AUTHORITY;
    if (gather->host_count == 1) {
        if (head->authority.len > 0 && !slice_eq_nocase(head->authority, gather->host))
            return FAULT_BAD_AUTHORITY;
        head->authority = gather->host;
    } else if (head->version == HTTP_1_1) {
        return FAULT_BAD_AUTHORITY;
    }
    return FAULT_NONE;
}

static enum fault judge_transfer_encoding(const struct head_gather *gather,
                                          enum http_version version)
{
    if (gather->transfer_encoding_count == 0)
        return FAULT_NONE;
    if (version != HTTP_1_1 || gather->content_length_count > 0)
        return FAULT_BAD_HEAD;
    if (gather->transfer_encoding_count > 1 ||
        !slice_eq_nocase(gather->transfer_encoding, SLICE("chunked")))
        return FAULT_NOT_IMPLEMENTED;
    return FAULT_NONE;
}

enum fault head_gather_request(struct head_gather *gather, struct request_head *head)
{
    if (gather->fault != FAULT_NONE)
        return gather->fault;
    if (!read_content_length(gather, &head->content_length))
        return FAULT_BAD_HEAD;
    enum fault fault = judge_transfer_encoding(gather, head->version);
    if (fault == FAULT_NONE)
        fault = take_authority(gather, head);
    if (fault != FAULT_NONE)
        return fault;
    if (gather->expect && !gather->expect_continue)
        return FAULT_EXPECTATION;
    drop_connection_names(gather);
    join_cookies(gather);
    head->fields = gather->fields;
    head->expect_continue = gather->expect_continue;
    head->takes_trailers = gather->takes_trailers;
    return FAULT_NONE;
}

enum fault head_gather_response(struct head_gather *gather, struct response_head *head)
{
    if (gather->fault != FAULT_NONE || !read_content_length(gather, &head->content_length))
        return FAULT_BAD_GATEWAY;
    if (judge_transfer_encoding(gather, HTTP_1_1) != FAULT_NONE)
        return FAULT_BAD_GATEWAY;
    drop_connection_names(gather);
    head->fields = gather->fields;
    return FAULT_NONE;
}

void head_gather_trailers(struct head_gather *gather, struct fields *trailers)
{
    *trailers = (struct fields){0};
    if (gather->fault != FAULT_NONE)
        return;
    for (uint32_t i = 0; i < gather->fields.count; i++) {
        const struct field *field = &gather->fields.items[i];
        if (field_is_trailer(field->name) && field_value_valid(field->value))
            fields_add(trailers, gather->arena, field->name, field->value);
    }
}
