#include "control/page_config.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/admin_page.h"
#include "control/control.h"

enum { ROUTERS_SHOWN_MOST = 1024 };

void page_config(struct control *control, const struct page_request *request, struct page *page)
{
    (void)request;
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    json_kv_uint(&json, "generation", control->generation);
    json_kv_string(&json, "file", control->config_path);
    json_kv_string(&json, "last_reload_error",
                   control->last_reload_error.text[0] ? control->last_reload_error.text : NULL);
    json_key(&json, "config");
    config_write_json(control->tables->config, &json);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
}

void page_clusters(struct control *control, const struct page_request *request, struct page *page)
{
    (void)request;
    admin_write_clusters(&page->body, control->snapshot, control->ledgers[0], clock_monotonic_ns());
}

static void write_router(struct json *json, const char *name, double age_ms, bool own)
{
    json_object_begin(json);
    json_kv_string(json, "name", name);
    json_kv_bool(json, "own", own);
    json_kv_fixed(json, "age_ms", age_ms, 0);
    json_object_end(json);
}

static void write_exchange(struct json *json, const struct redis_feed_status *status)
{
    json_kv_bool(json, "redis_connected", status->commands.state == REDIS_READY);
    json_kv_fixed(json, "tick_ms", status->tick_ms, 0);
    json_kv_fixed(json, "snapshot_age_ms", status->snapshot_ms, 0);
    json_kv_fixed(json, "exchange_age_ms", status->exchange_ms, 0);
}

void page_routers(struct control *control, const struct page_request *request, struct page *page)
{
    (void)request;
    static struct redis_feed_router routers[ROUTERS_SHOWN_MOST];
    const char *own = control->tables->config->edge.name;
    struct redis_feed_status status = {0};
    size_t count = 0;
    if (control->feed != NULL) {
        redis_feed_status(control->feed, &status);
        count = redis_feed_routers(control->feed, routers, ROUTERS_SHOWN_MOST);
    }
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    json_kv_uint(&json, "live", control->snapshot->routers);
    if (control->feed != NULL)
        write_exchange(&json, &status);
    json_key(&json, "routers");
    json_array_begin(&json);
    bool own_seen = false;
    for (size_t i = 0; i < count; i++) {
        const bool is_own = slice_eq(slice_of(routers[i].name), slice_of(own));
        own_seen = own_seen || is_own;
        write_router(&json, routers[i].name, routers[i].age_ms, is_own);
    }
    if (!own_seen)
        write_router(&json, own, 0, true);
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
}

/* NAME of /clusters/NAME/verb */
static struct slice cluster_of(struct slice path)
{
    const struct slice prefix = SLICE("/clusters/");
    path = slice_make(path.ptr + prefix.len, path.len - prefix.len);
    path.len = (size_t)slice_find(path, '/');
    return path;
}

static void set_drained(struct control *control, const struct page_request *request,
                        struct page *page, bool drained)
{
    const struct slice name = cluster_of(request->path);
    if (!fleet_drain(control->fleet, name, drained)) {
        page_error(page, 404, "There is no cluster \"%.*s\".", SLICE_ARG(name));
        return;
    }
    log_event(LOG_INFO, drained ? "cluster_drained" : "cluster_undrained", "%.*s", SLICE_ARG(name));
    struct json json;
    json_init(&json, &page->body);
    json_object_begin(&json);
    json_kv_slice(&json, "cluster", name);
    json_kv_bool(&json, "drained", drained);
    json_object_end(&json);
    buffer_append_byte(&page->body, '\n');
}

void page_drain(struct control *control, const struct page_request *request, struct page *page)
{
    set_drained(control, request, page, true);
}

void page_undrain(struct control *control, const struct page_request *request, struct page *page)
{
    set_drained(control, request, page, false);
}
