#include "control/pages.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "control/control.h"
#include "control/page_config.h"
#include "control/page_decisions.h"
#include "control/page_metrics.h"
#include "control/page_policies.h"

void page_error(struct page *page, int status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    page->status = status;
    page->type = "application/json";
    buffer_clear(&page->body);
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    json_key(&json, "error");
    json_object_begin(&json);
    json_kv_string(&json, "message", text);
    json_object_end(&json);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(struct slice text, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '+' ? ' ' : text.ptr[i];
        if (c == '%') {
            if (i + 2 >= text.len)
                return false;
            const int high = hex_digit(text.ptr[i + 1]), low = hex_digit(text.ptr[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

bool page_query(struct slice query, const char *name, char *out, size_t size)
{
    struct slice part;
    while (slice_split(&query, '&', &part)) {
        const ptrdiff_t equals = slice_find(part, '=');
        const size_t name_len = equals < 0 ? part.len : (size_t)equals;
        if (!slice_eq(slice_make(part.ptr, name_len), slice_of(name)))
            continue;
        const struct slice value =
            equals < 0 ? SLICE("") : slice_make(part.ptr + equals + 1, part.len - name_len - 1);
        return decode(value, out, size);
    }
    return false;
}

/* --- small ones --- */

static void page_health(struct control *control, const struct page_request *request,
                        struct page *page)
{
    (void)control;
    (void)request;
    page->type = "text/plain; charset=utf-8";
    buffer_append_slice(&page->body, SLICE("ok\n"));
}

static void page_ready(struct control *control, const struct page_request *request,
                       struct page *page)
{
    (void)request;
    const bool ready = control_ready(control);
    page->status = ready ? 200 : 503;
    page->type = "text/plain; charset=utf-8";
    buffer_append_slice(&page->body, ready               ? SLICE("ready\n")
                                     : control->draining ? SLICE("draining\n")
                                                         : SLICE("starting\n"));
}

static void page_reload(struct control *control, const struct page_request *request,
                        struct page *page)
{
    (void)request;
    struct config_problems problems;
    config_problems_init(&problems);
    const bool fine = control_reload(control, &problems);
    page->status = fine ? 200 : 422;
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    json_kv_bool(&json, "reloaded", fine);
    json_kv_uint(&json, "generation", control->generation);
    json_key(&json, "problems");
    json_array_begin(&json);
    for (size_t i = 0; i < problems.count; i++)
        json_string(&json, problems.items[i].text);
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
    config_problems_finish(&problems);
}

/* --- the table --- */

typedef void page_function(struct control *control, const struct page_request *request,
                           struct page *page);

struct page_row {
    const char *path; /* a '*' stands for one name */
    bool post;
    bool public; /* on the metrics address too */
    page_function *make;
};

static const struct page_row rows[] = {
    {"/healthz", false, true, page_health},
    {"/readyz", false, false, page_ready},
    {"/metrics", false, true, page_metrics},
    {"/clusters", false, false, page_clusters},
    {"/routers", false, false, page_routers},
    {"/policies", false, false, page_policies},
    {"/decisions", false, false, page_decisions},
    {"/explain", false, false, page_explain},
    {"/config", false, false, page_config},
    {"/policies/load", true, false, page_policy_load},
    {"/policies/shadow", true, false, page_policy_shadow},
    {"/policies/promote", true, false, page_policy_promote},
    {"/policies/rollback", true, false, page_policy_rollback},
    {"/reload", true, false, page_reload},
    {"/clusters/*/drain", true, false, page_drain},
    {"/clusters/*/undrain", true, false, page_undrain},
};

static bool fits(const char *pattern, struct slice path)
{
    size_t i = 0;
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p != '*') {
            if (i >= path.len || path.ptr[i++] != *p)
                return false;
            continue;
        }
        const size_t from = i;
        while (i < path.len && path.ptr[i] != '/')
            i++;
        if (i == from)
            return false;
    }
    return i == path.len;
}

void page_make(struct control *control, const struct page_request *request, struct page *page)
{
    const bool reads = request->method == METHOD_GET || request->method == METHOD_HEAD;
    const struct page_row *other_method = NULL;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct page_row *row = &rows[i];
        if (!fits(row->path, request->path) || (request->read_only && !row->public))
            continue;
        if (row->post ? request->method == METHOD_POST : reads) {
            row->make(control, request, page);
            return;
        }
        other_method = row;
    }
    if (other_method == NULL) {
        page_error(page, 404, "There is no such page; router/control/README.md lists them.");
        return;
    }
    page_error(page, 405, "This page takes %s.", other_method->post ? "POST" : "GET");
    page->allow = other_method->post ? "POST" : "GET, HEAD";
}
