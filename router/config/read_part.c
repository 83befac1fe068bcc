/* redis, geoip, classes, limits, timeouts, upstream, plugin_dir, access_log, decision_log, log,
 * discovery. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/read.h"
#include "net/redis_client.h"
#include "net/redis_url.h"

const char *const config_class_names[CONFIG_CLASSES + 1] = {[ISO_INTERACTIVE] = "interactive",
                                                            [ISO_PRIORITY] = "priority",
                                                            [ISO_FLEX] = "flex",
                                                            [ISO_BATCH] = "batch"};

/* One server; its password never reaches a message. */
static void read_redis_url(struct reader *reader, const struct yaml_node *node, struct slice *text,
                           const char **shown)
{
    struct redis_url url;
    struct error error;
    const char *whole;
    *shown = "";
    if (!yaml_as_text(node, &whole, 1024))
        return;
    *text = slice_of(whole);
    if (redis_url_parse(*text, &url, &error))
        *shown = arena_printf(&reader->config->arena, "%s", url.shown).ptr;
    else
        yaml_problem(node, "%s", error.text);
    explicit_bzero(&url, sizeof url);
}

static void read_redis(struct reader *reader, struct yaml_node *root)
{
    struct config_redis *redis = &reader->config->redis;
    struct yaml_node *map = yaml_get_map(root, "redis");
    if (map == NULL)
        return;
    struct yaml_node *list = yaml_need_list(map, "urls");
    const size_t count = list ? list->count : 0;
    struct slice *urls = reader_alloc(reader, count, sizeof *urls);
    const char **shown = reader_alloc(reader, count, sizeof *shown);
    const char **places = reader_alloc(reader, count, sizeof *places);
    if (count > REDIS_URLS_MOST)
        yaml_problem(list, "expected at most %d servers, found %zu", REDIS_URLS_MOST, count);
    YAML_EACH(item, list)
    {
        places[redis->url_count] = yaml_place(item);
        read_redis_url(reader, item, &urls[redis->url_count], &shown[redis->url_count]);
        redis->url_count++;
    }
    redis->urls = urls;
    redis->shown = shown;
    redis->places = places;
    yaml_get_name(map, "prefix", &redis->prefix, "iso");
    yaml_get_duration(map, "connect_timeout", &redis->connect_timeout_ms, "10ms", "1m", "2s");
    yaml_get_duration(map, "timeout", &redis->timeout_ms, "10ms", "1m", "1s");
    yaml_finish_map(map);
}

static void read_geoip(struct reader *reader, struct yaml_node *root)
{
    struct config_geoip *geoip = &reader->config->geoip;
    struct yaml_node *map = yaml_get_section(root, "geoip");
    struct yaml_node *list = yaml_get_list(map, "databases");
    const char **files = reader_alloc(reader, list ? list->count : 0, sizeof *files);
    geoip->place = yaml_place(map);
    YAML_EACH(item, list)
    {
        files[geoip->database_count] = read_readable(reader, item);
        geoip->database_count += files[geoip->database_count] != NULL;
    }
    geoip->databases = files;
    struct yaml_node *location = yaml_get_section(map, "default_location");
    read_coordinates(location, &geoip->default_latitude, &geoip->default_longitude);
    yaml_finish_map(location);
    yaml_finish_map(map);
}

static void read_classes(struct reader *reader, struct yaml_node *root)
{
    static const struct {
        const char *slo;
        const char *queue;
    } defaults[CONFIG_CLASSES] = {[ISO_INTERACTIVE] = {"1s", "2s"},
                                  [ISO_PRIORITY] = {"1s", "2s"},
                                  [ISO_FLEX] = {"30s", "10m"},
                                  [ISO_BATCH] = {"5m", "1h"}};
    struct yaml_node *classes = yaml_get_section(root, "classes");
    for (size_t i = 0; i < CONFIG_CLASSES; i++) {
        struct config_class *out = &reader->config->classes[i];
        struct yaml_node *map = yaml_get_section(classes, config_class_names[i]);
        yaml_get_duration(map, "slo", &out->slo_ms, "1ms", "1h", defaults[i].slo);
        yaml_get_duration(map, "queue", &out->queue_ms, "0", "24h", defaults[i].queue);
        yaml_finish_map(map);
    }
    yaml_finish_map(classes);
}

static uint32_t read_count(struct yaml_node *map, const char *key, int64_t min, int64_t max,
                           int64_t otherwise)
{
    int64_t value;
    yaml_get_int(map, key, &value, min, max, otherwise);
    return (uint32_t)value;
}

static void read_limits(struct reader *reader, struct yaml_node *root)
{
    struct config_limits *limits = &reader->config->limits;
    struct yaml_node *map = yaml_get_section(root, "limits");
    yaml_get_size(map, "body", &limits->body_bytes, "1KiB", "1GiB", "32MiB");
    yaml_get_size(map, "body_memory", &limits->body_memory_bytes, "1MiB", "1024GiB", "512MiB");
    limits->queue = read_count(map, "queue", 0, 1000000, 1000);
    limits->connections = read_count(map, "connections", 1, 1000000, 10000);
    limits->streams = read_count(map, "streams", 1, 10000, 100);
    if (limits->body_memory_bytes < limits->body_bytes)
        yaml_problem(map, "body_memory is smaller than body, so the largest request could never "
                          "be taken");
    yaml_finish_map(map);
}

static void read_timeouts(struct reader *reader, struct yaml_node *root)
{
    struct config_timeouts *out = &reader->config->timeouts;
    struct yaml_node *map = yaml_get_section(root, "timeouts");
    yaml_get_duration(map, "connect", &out->connect_ms, "10ms", "1m", "2s");
    yaml_get_duration(map, "head", &out->head_ms, "100ms", "10m", "10s");
    yaml_get_duration(map, "body", &out->body_ms, "100ms", "10m", "30s");
    yaml_get_duration(map, "first_byte", &out->first_byte_ms, "100ms", "24h", "10m");
    yaml_get_duration(map, "idle", &out->idle_ms, "100ms", "24h", "2m");
    yaml_get_duration(map, "stream", &out->stream_ms, "1s", "24h", "1h");
    yaml_get_duration(map, "keep_alive", &out->keep_alive_ms, "1s", "24h", "2m");
    yaml_get_duration(map, "drain", &out->drain_ms, "0", "24h", "10m");
    yaml_finish_map(map);
}

static void check_probe_path(const struct yaml_node *node, const char *path)
{
    for (const char *at = path; *at != '\0'; at++)
        if (path[0] != '/' || *at <= 0x20 || *at >= 0x7f || *at == '#') {
            yaml_problem(node, "expected a path of printable ASCII from /, found \"%.60s\"", path);
            return;
        }
}

static void read_upstream(struct reader *reader, struct yaml_node *root)
{
    struct config_upstream *out = &reader->config->upstream;
    struct yaml_node *map = yaml_get_section(root, "upstream");
    out->connections = read_count(map, "connections", 1, 10000, 256);
    yaml_get_duration(map, "idle", &out->idle_ms, "100ms", "1h", "4s");
    yaml_get_duration(map, "probe_interval", &out->probe_interval_ms, "100ms", "1h", "5s");
    yaml_get_duration(map, "probe_timeout", &out->probe_timeout_ms, "10ms", "1m", "2s");
    if (yaml_get_text(map, "probe_path", &out->probe_path, 256, "/health") &&
        yaml_get(map, "probe_path") != NULL)
        check_probe_path(yaml_get(map, "probe_path"), out->probe_path);
    out->ca_file = read_ca_file(reader, map);
    yaml_finish_map(map);
}

static void read_logs(struct reader *reader, struct yaml_node *root)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    struct config *config = reader->config;
    const struct yaml_node *access = yaml_get(root, "access_log");
    const char *text = "stdout";
    config->access_log_place = yaml_place(access ? access : root);
    if (access != NULL)
        yaml_as_text(access, &text, 1024);
    if (strcmp(text, "off") == 0)
        config->access_log = CONFIG_ACCESS_LOG_OFF;
    else if (strcmp(text, "stdout") != 0 && *text != '\0') {
        config->access_log = CONFIG_ACCESS_LOG_FILE;
        config->access_log_file = read_path(reader, access);
    }
    struct yaml_node *decisions = yaml_get_section(root, "decision_log");
    const struct yaml_node *path = yaml_get(decisions, "path");
    config->decision_log_place = yaml_place(path ? path : root);
    config->decision_log_file = path ? read_path(reader, path) : NULL;
    yaml_finish_map(decisions);
    struct yaml_node *log = yaml_get_section(root, "log");
    int level;
    yaml_get_choice(log, "level", &level, levels, LOG_INFO);
    config->log_level = (enum log_level)level;
    yaml_finish_map(log);
}

/* Plugins lie beside the program in its build folder, else where they were installed. */
static const char *default_plugin_dir(const struct reader *reader)
{
    char self[1024];
    struct stat status;
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len > 0) {
        self[len] = '\0';
        *strrchr(self, '/') = '\0';
        const char *beside = arena_printf(&reader->config->arena, "%s/../plugins", self).ptr;
        if (stat(beside, &status) == 0 && S_ISDIR(status.st_mode))
            return beside;
    }
    return ISO_PLUGIN_DIR;
}

static void read_plugin_dir(struct reader *reader, struct yaml_node *root)
{
    const struct yaml_node *node = yaml_get(root, "plugin_dir");
    const char *path = node ? read_path(reader, node) : default_plugin_dir(reader);
    struct stat status;
    if (node != NULL && path != NULL && (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)))
        yaml_problem(node, "%s is not a folder", path);
    reader->config->plugin_dir = path;
}

/* The key is part of the contract; what it would switch on does not exist yet. */
static void read_discovery(struct yaml_node *root)
{
    struct yaml_node *map = yaml_get_section(root, "discovery");
    bool enabled;
    if (yaml_get_bool(map, "enabled", &enabled, false) && enabled)
        yaml_problem(yaml_get(map, "enabled"),
                     "true is not supported by this version; list the clusters under clusters");
    yaml_finish_map(map);
}

void read_parts(struct reader *reader, struct yaml_node *root)
{
    read_redis(reader, root);
    read_geoip(reader, root);
    read_classes(reader, root);
    read_limits(reader, root);
    read_timeouts(reader, root);
    read_upstream(reader, root);
    read_logs(reader, root);
    read_plugin_dir(reader, root);
    read_discovery(root);
}
