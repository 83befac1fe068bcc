/* What holds now, for GET /config: with defaults, without credentials, keys and passwords. */
#include "config/config.h"

static void write_texts(struct json *json, const char *key, const struct config_texts *texts)
{
    json_key(json, key);
    json_array_begin(json);
    for (size_t i = 0; i < texts->count; i++)
        json_string(json, texts->items[i]);
    json_array_end(json);
}

static void write_listens(const struct config *config, struct json *json)
{
    json_key(json, "listen");
    json_array_begin(json);
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct config_listen *listen = &config->listens[i];
        json_object_begin(json);
        json_kv_string(json, "address", listen->address.text);
        json_kv_bool(json, "behind_tls", listen->behind_tls);
        json_key(json, "tls");
        json_array_begin(json);
        for (size_t k = 0; k < listen->certificate_count; k++) {
            json_object_begin(json);
            json_kv_string(json, "certificate", listen->certificates[k].certificate_file);
            json_kv_string(json, "key", listen->certificates[k].key_file);
            json_object_end(json);
        }
        json_array_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_edge(const struct config_edge *edge, struct json *json)
{
    json_kv_string(json, "name", edge->name);
    json_kv_string(json, "url", edge->url);
    json_kv_number(json, "latitude", edge->latitude);
    json_kv_number(json, "longitude", edge->longitude);
}

static void write_edges(const struct config *config, struct json *json)
{
    char text[ADDRESS_TEXT_BYTES];
    json_key(json, "edge");
    json_object_begin(json);
    write_edge(&config->edge, json);
    json_kv_string(json, "source_address",
                   config->source_address.len > 0 ? address_write_ip(&config->source_address, text)
                                                  : NULL);
    json_object_end(json);
    json_key(json, "edges");
    json_array_begin(json);
    for (size_t i = 0; i < config->edge_count; i++) {
        json_object_begin(json);
        write_edge(&config->edges[i], json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_redis(const struct config_redis *redis, struct json *json)
{
    json_key(json, "redis");
    json_object_begin(json);
    write_texts(json, "urls", &(struct config_texts){redis->shown, redis->url_count});
    json_kv_string(json, "prefix", redis->prefix);
    json_kv_number(json, "connect_timeout_ms", redis->connect_timeout_ms);
    json_kv_number(json, "timeout_ms", redis->timeout_ms);
    json_object_end(json);
}

static void write_geoip(const struct config_geoip *geoip, struct json *json)
{
    json_key(json, "geoip");
    json_object_begin(json);
    write_texts(json, "databases", &(struct config_texts){geoip->databases, geoip->database_count});
    json_kv_number(json, "default_latitude", geoip->default_latitude);
    json_kv_number(json, "default_longitude", geoip->default_longitude);
    json_object_end(json);
}

static void write_classes(const struct config *config, struct json *json)
{
    json_key(json, "classes");
    json_object_begin(json);
    for (size_t i = 0; i < CONFIG_CLASSES; i++) {
        json_key(json, config_class_names[i]);
        json_object_begin(json);
        json_kv_number(json, "slo_ms", config->classes[i].slo_ms);
        json_kv_number(json, "queue_ms", config->classes[i].queue_ms);
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_chain(const char *key, const struct config_policies *chain, struct json *json)
{
    json_key(json, key);
    json_array_begin(json);
    for (size_t i = 0; i < chain->count; i++) {
        json_object_begin(json);
        json_kv_string(json, "plugin", chain->refs[i].plugin);
        json_key(json, "settings");
        json_object_begin(json);
        for (size_t k = 0; k < chain->refs[i].setting_count; k++)
            json_kv_string(json, chain->refs[i].settings[k].name, chain->refs[i].settings[k].text);
        json_object_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_match(const struct config_match *match, struct json *json)
{
    json_key(json, "match");
    json_object_begin(json);
    write_texts(json, "model", &match->models);
    write_texts(json, "path", &match->paths);
    write_texts(json, "tenant", &match->tenants);
    write_texts(json, "country", &match->countries);
    write_texts(json, "continent", &match->continents);
    json_key(json, "class");
    json_array_begin(json);
    for (uint32_t i = 0; i < CONFIG_CLASSES; i++)
        if (match->classes >> i & 1)
            json_string(json, config_class_names[i]);
    json_array_end(json);
    json_object_end(json);
}

static void write_route(const struct config_route *route, struct json *json)
{
    json_object_begin(json);
    write_match(&route->match, json);
    json_key(json, "require");
    json_object_begin(json);
    write_texts(json, "country", &route->require.countries);
    write_texts(json, "region", &route->require.regions);
    write_texts(json, "accelerator", &route->require.accelerators);
    write_texts(json, "clusters", &route->require.clusters);
    json_object_end(json);
    write_chain("policies", &route->policies, json);
    json_kv_bool(json, "retry_refused", route->retry_refused);
    json_object_end(json);
}

static void write_capacity(const struct capacity *capacity, struct json *json)
{
    json_key(json, "capacity");
    json_object_begin(json);
    json_kv_number(json, "instances", capacity->instances);
    json_kv_number(json, "slots", capacity->slots);
    json_kv_number(json, "prefill_tps", capacity->prefill_tps);
    json_kv_number(json, "prefill_tps_one", capacity->prefill_tps_one);
    json_kv_number(json, "mean_tokens", capacity->mean_tokens);
    json_kv_number(json, "hold_ms", capacity->hold_ms);
    json_kv_number(json, "itl_ms", capacity->itl_ms);
    json_kv_number(json, "itl_idle_ms", capacity->itl_idle_ms);
    json_object_end(json);
}

static void write_endpoint(const struct endpoint *endpoint, struct json *json)
{
    static const char *const protocols[] = {"auto", "h1", "h2"};
    json_object_begin(json);
    json_kv_string(json, "url", endpoint->url);
    json_kv_string(json, "protocol", protocols[endpoint->protocol]);
    json_kv_bool(json, "verify", endpoint->verify);
    json_kv_string(json, "ca_file", endpoint->ca_file);
    json_kv_string(json, "server_name", endpoint->server_name);
    json_object_end(json);
}

static void write_pool(const struct pool *pool, struct json *json)
{
    json_object_begin(json);
    json_kv_string(json, "name", pool->name);
    json_key(json, "models");
    json_object_begin(json);
    for (uint32_t i = 0; i < pool->model_count; i++)
        json_kv_string(json, pool->models[i].ours,
                       pool->models[i].theirs ? pool->models[i].theirs : pool->models[i].ours);
    if (pool->model_count == 0)
        json_kv_string(json, FLEET_MODEL_ANY, FLEET_MODEL_ANY);
    json_object_end(json);
    json_key(json, "endpoints");
    json_array_begin(json);
    for (uint32_t i = 0; i < pool->endpoint_count; i++)
        write_endpoint(&pool->endpoints[i], json);
    json_array_end(json);
    write_capacity(&pool->capacity, json);
    json_object_end(json);
}

static void write_cluster(const struct cluster *cluster, struct json *json)
{
    json_object_begin(json);
    json_kv_string(json, "name", cluster->name);
    json_kv_string(json, "region", cluster->region);
    json_kv_string(json, "country", cluster->country);
    json_kv_string(json, "accelerator", cluster->accelerator);
    json_kv_number(json, "latitude", cluster->latitude);
    json_kv_number(json, "longitude", cluster->longitude);
    json_kv_number(json, "price_per_mtok", cluster->price_per_mtok);
    json_kv_uint(json, "weight", cluster->weight);
    json_kv_string(json, "credential", cluster->credential_header ? "(hidden)" : NULL);
    json_key(json, "pools");
    json_array_begin(json);
    for (uint32_t i = 0; i < cluster->pool_count; i++)
        write_pool(&cluster->pools[i], json);
    json_array_end(json);
    json_object_end(json);
}

static void write_limits(const struct config_limits *limits, struct json *json)
{
    json_key(json, "limits");
    json_object_begin(json);
    json_kv_uint(json, "body_bytes", limits->body_bytes);
    json_kv_uint(json, "body_memory_bytes", limits->body_memory_bytes);
    json_kv_uint(json, "queue", limits->queue);
    json_kv_uint(json, "connections", limits->connections);
    json_kv_uint(json, "streams", limits->streams);
    json_object_end(json);
}

static void write_timeouts(const struct config_timeouts *timeouts, struct json *json)
{
    json_key(json, "timeouts");
    json_object_begin(json);
    json_kv_number(json, "connect_ms", timeouts->connect_ms);
    json_kv_number(json, "head_ms", timeouts->head_ms);
    json_kv_number(json, "body_ms", timeouts->body_ms);
    json_kv_number(json, "first_byte_ms", timeouts->first_byte_ms);
    json_kv_number(json, "idle_ms", timeouts->idle_ms);
    json_kv_number(json, "stream_ms", timeouts->stream_ms);
    json_kv_number(json, "keep_alive_ms", timeouts->keep_alive_ms);
    json_kv_number(json, "drain_ms", timeouts->drain_ms);
    json_object_end(json);
}

static void write_upstream(const struct config_upstream *upstream, struct json *json)
{
    json_key(json, "upstream");
    json_object_begin(json);
    json_kv_uint(json, "connections", upstream->connections);
    json_kv_number(json, "idle_ms", upstream->idle_ms);
    json_kv_number(json, "probe_interval_ms", upstream->probe_interval_ms);
    json_kv_number(json, "probe_timeout_ms", upstream->probe_timeout_ms);
    json_kv_string(json, "probe_path", upstream->probe_path);
    json_kv_string(json, "ca_file", upstream->ca_file);
    json_object_end(json);
}

static void write_logs(const struct config *config, struct json *json)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const char *const access[] = {[CONFIG_ACCESS_LOG_STDOUT] = "stdout",
                                  [CONFIG_ACCESS_LOG_OFF] = "off",
                                  [CONFIG_ACCESS_LOG_FILE] = config->access_log_file};
    json_kv_string(json, "access_log", access[config->access_log]);
    json_kv_string(json, "decision_log", config->decision_log_file);
    json_kv_string(json, "log_level", levels[config->log_level]);
}

static void write_lists(const struct config *config, struct json *json)
{
    json_key(json, "routes");
    json_array_begin(json);
    for (size_t i = 0; i < config->route_count; i++)
        write_route(&config->routes[i], json);
    json_array_end(json);
    json_key(json, "clusters");
    json_array_begin(json);
    for (uint32_t i = 0; i < config->fleet->cluster_count; i++)
        write_cluster(&config->fleet->clusters[i], json);
    json_array_end(json);
}

void config_write_json(const struct config *config, struct json *json)
{
    json_object_begin(json);
    json_kv_string(json, "file", config->path);
    write_listens(config, json);
    json_kv_string(json, "admin", config->admin.text);
    json_kv_string(json, "metrics", config->metrics.text);
    json_kv_uint(json, "workers", config->workers);
    write_texts(json, "trust_forwarded_from", &config->trusted_texts);
    write_edges(config, json);
    write_redis(&config->redis, json);
    write_geoip(&config->geoip, json);
    write_classes(config, json);
    write_chain("policies", &config->policies, json);
    write_chain("shadow", &config->shadow, json);
    write_lists(config, json);
    json_kv_string(json, "keys_file", config->keys_file);
    write_limits(&config->limits, json);
    write_timeouts(&config->timeouts, json);
    write_upstream(&config->upstream, json);
    json_kv_string(json, "plugin_dir", config->plugin_dir);
    write_logs(config, json);
    json_object_end(json);
}
