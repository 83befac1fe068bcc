#include "proxy/rewrite.h"

#include <string.h>

#include "proxy/answer.h"
#include "proxy/date.h"

enum { ADDED_FIELDS_MOST = 8 };

static bool is_private(struct slice name)
{
    return slice_starts(name, SLICE("x-isochrone-"));
}

/* Of the client's fields, what is ours to say or nobody's business. */
static bool dropped_from_request(struct slice name, bool credential)
{
    static const struct slice names[] = {
        {"x-real-ip", 9},    {"x-retry", 7},          {"forwarded", 9}, {"x-request-id", 12},
        {"traceparent", 11}, {"accept-encoding", 15}, {"cookie", 6},    {"host", 4},
    };
    if (is_private(name) || slice_starts(name, SLICE("x-forwarded-")))
        return true;
    if (credential &&
        (slice_eq(name, SLICE("authorization")) || slice_eq(name, SLICE("x-api-key"))))
        return true;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq(name, names[i]))
            return true;
    return false;
}

void rewrite_request(struct exchange *exchange, const struct cluster *cluster,
                     const struct endpoint *endpoint, bool hide_client_key,
                     struct request_head *out)
{
    struct arena *arena = exchange->arena;
    const struct request_head *in = exchange->head;
    const bool credential = cluster->credential_header != NULL;
    const bool prefixed = endpoint->path != NULL && endpoint->path[0] != '\0';
    *out = (struct request_head){
        .method = in->method,
        .version = HTTP_1_1,
        .method_text = in->method_text,
        .scheme = endpoint->tls ? SLICE("https") : SLICE("http"),
        .authority = arena_copy(arena, exchange->endpoint->authority),
        .path = prefixed ? arena_printf(arena, "%s%.*s", endpoint->path, SLICE_ARG(in->path))
                         : in->path,
        .content_length = -1,
        .body = true,
        .stays = true, /* in the exchange's arena, or static */
    };
    struct fields *fields = &out->fields;
    fields_reserve(fields, arena, in->fields.count + ADDED_FIELDS_MOST);
    for (uint32_t i = 0; i < in->fields.count; i++) {
        const struct field *field = &in->fields.items[i];
        if (!dropped_from_request(field->name, credential || hide_client_key) &&
            !(credential && slice_eq(field->name, slice_of(cluster->credential_header))))
            fields_carry(fields, arena, field);
    }
    if (credential)
        fields_add(fields, arena, arena_copy(arena, slice_of(cluster->credential_header)),
                   arena_copy(arena, slice_of(cluster->credential_value)));
    fields_add(fields, arena, SLICE("x-request-id"), exchange->request_id);
    fields_add(fields, arena, SLICE("traceparent"), exchange->trace_parent);
    fields_add(fields, arena, SLICE("x-forwarded-for"), exchange->client_ip);
    fields_add(fields, arena, SLICE("x-forwarded-proto"), in->scheme);
    if (exchange->attempts > 1)
        fields_add(fields, arena, SLICE("x-retry"), SLICE("1"));
}

static struct slice quoted(struct arena *arena, struct slice model)
{
    struct buffer text = {0};
    struct json json;
    json_init(&json, &text);
    json_slice(&json, model);
    const struct slice copy = arena_copy(arena, buffer_slice(&text));
    buffer_release(&text);
    return copy;
}

size_t rewrite_body(struct exchange *exchange, struct slice model, struct slice parts[3])
{
    const struct request_facts *facts = &exchange->ask->facts;
    const struct slice body = slice_make(exchange->body.bytes, exchange->body.len);
    if (slice_eq(model, facts->model)) {
        parts[0] = body;
        return 1;
    }
    const size_t after = facts->model_offset + facts->model_len;
    parts[0] = slice_make(body.ptr, facts->model_offset);
    parts[1] = quoted(exchange->arena, model);
    parts[2] = slice_make(body.ptr + after, body.len - after);
    return 3;
}

/* Ours to say; and another address for clients to go to is not a cluster's to give. */
static bool dropped_from_response(struct slice name)
{
    return is_private(name) || slice_eq(name, SLICE("x-request-id")) ||
           slice_eq(name, SLICE("server-timing")) || slice_eq(name, SLICE("alt-svc"));
}

struct response_head *rewrite_kept(const struct exchange *exchange,
                                   const struct response_head *head)
{
    struct response_head *kept = arena_alloc(exchange->arena, sizeof *kept);
    *kept = *head;
    struct fields *fields = &kept->fields;
    size_t bytes = 0;
    for (uint32_t i = 0; i < fields->count; i++)
        bytes += fields->items[i].name.len + fields->items[i].value.len;
    char *at = arena_alloc(exchange->arena, bytes);
    for (uint32_t i = 0; i < fields->count; i++) {
        struct slice *both[] = {&fields->items[i].name, &fields->items[i].value};
        for (size_t k = 0; k < COUNT_OF(both); k++) {
            char *end = slice_put(at, *both[k]);
            *both[k] = slice_make(at, both[k]->len);
            at = end;
        }
    }
    return kept;
}

void rewrite_response(const struct exchange *exchange, const struct response_head *in,
                      struct response_head *out)
{
    struct arena *arena = exchange->arena;
    *out = (struct response_head){.status = in->status, .content_length = in->content_length};
    struct fields *fields = &out->fields;
    fields_reserve(fields, arena, in->fields.count + ADDED_FIELDS_MOST);
    for (uint32_t i = 0; i < in->fields.count; i++) {
        const struct field *field = &in->fields.items[i];
        if (!dropped_from_response(field->name))
            fields_carry(fields, arena, field);
    }
    if (!fields_has(fields, SLICE("date")))
        fields_add(fields, arena, SLICE("date"), arena_copy(arena, date_now()));
    if (exchange->streaming) {
        if (!fields_has(fields, SLICE("cache-control")))
            fields_add(fields, arena, SLICE("cache-control"), SLICE("no-cache"));
        if (!fields_has(fields, SLICE("x-accel-buffering")))
            fields_add(fields, arena, SLICE("x-accel-buffering"), SLICE("no"));
    }
    answer_common_fields(exchange, fields);
}
