#include "control/admin_page.h"

#include <math.h>

#include "base/clock.h"
#include "base/json.h"

void admin_write_error(struct buffer *out, int status, const char *code, const char *message)
{
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_key(&json, "error");
    json_object_begin(&json);
    json_kv_string(&json, "message", message);
    json_kv_string(&json, "type", status < 500 ? "invalid_request_error" : "server_error");
    json_kv_string(&json, "param", NULL);
    json_kv_string(&json, "code", code);
    json_object_end(&json);
    json_object_end(&json);
    buffer_append_byte(out, '\n');
}

void admin_write_routers(struct buffer *out, const struct admin_router *router,
                         const struct snapshot *snapshot, int64_t now_ns)
{
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_kv_string(&json, "name", router->name);
    json_kv_string(&json, "version", router->version);
    json_kv_number(&json, "uptime_s", router->uptime_s);
    json_kv_uint(&json, "config_generation", router->config_generation);
    json_kv_uint(&json, "workers", router->workers);
    json_kv_int(&json, "connections", router->connections);
    json_kv_int(&json, "exchanges", router->exchanges);
    json_kv_bool(&json, "draining", router->draining);
    json_kv_bool(&json, "redis_ready", router->redis_ready);
    json_kv_uint(&json, "live_routers", snapshot->routers);
    json_kv_fixed(&json, "exchange_age_ms",
                  snapshot->exchange_age_ms + ns_to_ms(now_ns - snapshot->made_ns), 1);
    json_kv_fixed(&json, "exchange_tick_ms", snapshot->exchange_tick_ms, 1);
    json_object_end(&json);
    buffer_append_byte(out, '\n');
}

void admin_write_config(struct buffer *out, const struct config *config)
{
    struct json json;
    json_init(&json, out);
    config_write_json(config, &json);
    buffer_append_byte(out, '\n');
}
