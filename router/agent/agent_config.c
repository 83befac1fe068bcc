#include "agent/agent_config.h"

#include <math.h>

#include "base/buffer.h"
#include "config/yaml.h"
#include "net/redis_schema.h"
#include "net/redis_url.h"

static const char *const schemes[] = {"http", "https", NULL};
static const char *const states[] = {"open", "existing_only", "closed", NULL};

static void read_engine(struct yaml_node *root, struct agent_config *out)
{
    const char *names[16] = {0};
    for (size_t i = 0; i + 1 < COUNT_OF(names) && engine_at(i); i++)
        names[i] = engine_at(i)->name;
    int choice;
    if (yaml_get_choice(root, "engine", &choice, names, 0))
        out->engine = engine_at((size_t)choice);
}

static void read_endpoints(struct yaml_node *root, struct agent_config *out)
{
    struct yaml_node *list = yaml_need_list(root, "endpoints");
    YAML_EACH(item, list)
    {
        if (out->endpoint_count == DERIVE_ENDPOINTS_MOST) {
            yaml_problem(item, "at most %d endpoints", DERIVE_ENDPOINTS_MOST);
            return;
        }
        if (yaml_as_url(item, &out->endpoints[out->endpoint_count], schemes))
            out->endpoint_count++;
    }
}

static void read_redis(struct yaml_node *root, struct agent_config *out)
{
    struct yaml_node *map = yaml_need_map(root, "redis");
    if (!map)
        return;
    struct yaml_node *list = yaml_need_list(map, "urls");
    YAML_EACH(item, list)
    {
        struct redis_url url;
        struct error error;
        const char *text;
        if (out->redis_url_count == REDIS_URLS_MOST)
            yaml_problem(item, "at most %d urls", REDIS_URLS_MOST);
        else if (!yaml_as_text(item, &text, 1024))
            continue;
        else if (!redis_url_parse(slice_of(text), &url, &error))
            yaml_problem(item, "%s", error.text);
        else
            out->redis_urls[out->redis_url_count++] = slice_of(text);
    }
    yaml_get_name(map, "prefix", &out->redis_prefix, "iso");
    yaml_finish_map(map);
}

/* A list, said in Redis as one text with blanks between. */
static void read_models(struct yaml_node *root, struct agent_config *out)
{
    struct yaml_node *list = yaml_get_list(root, "models");
    struct buffer text = {0};
    YAML_EACH(item, list)
    {
        const char *model;
        if (!yaml_as_text(item, &model, 256))
            continue;
        if (strchr(model, ' '))
            yaml_problem(item, "a blank in the name of a model");
        if (buffer_len(&text) > 0)
            buffer_append_byte(&text, ' ');
        buffer_append(&text, model, strlen(model));
    }
    struct report limits;
    if (buffer_len(&text) >= sizeof limits.models)
        yaml_problem(list, "all names together have at most %zu bytes", sizeof limits.models - 1);
    if (buffer_len(&text) > 0)
        out->models = arena_printf(&out->arena, "%.*s", SLICE_ARG(buffer_slice(&text))).ptr;
    buffer_release(&text);
}

static void read_capacity(struct yaml_node *root, struct agent_config *out)
{
    out->capacity = (struct derive_settings){.instances = NAN, .slots = NAN};
    struct yaml_node *map = yaml_get_map(root, "capacity");
    if (!map)
        return;
    yaml_get_number(map, "instances", &out->capacity.instances, 1, 1e5, NAN);
    yaml_get_number(map, "slots", &out->capacity.slots, 1, 1e6, NAN);
    yaml_finish_map(map);
}

static void read_tls(struct yaml_node *root, struct agent_config *out)
{
    out->tls_verify = true;
    struct yaml_node *map = yaml_get_map(root, "tls");
    if (!map)
        return;
    yaml_get_text(map, "ca", &out->tls_ca, 4096, NULL);
    yaml_get_bool(map, "verify", &out->tls_verify, true);
    yaml_finish_map(map);
}

static void read_said(struct yaml_node *root, struct agent_config *out)
{
    struct report limits;
    int state;
    if (yaml_get_choice(root, "state", &state, states, REPORT_OPEN))
        out->state = (enum report_state)state;
    yaml_get_number(root, "price_per_mtok", &out->price_per_mtok, 0, 1e6, NAN);
    yaml_get_text(root, "accelerator", &out->accelerator, sizeof limits.accelerator - 1, NULL);
    yaml_get_text(root, "advertise", &out->advertise, sizeof limits.endpoint - 1, NULL);
    read_models(root, out);
}

static void read_times(struct yaml_node *root, struct agent_config *out)
{
    yaml_get_duration(root, "interval", &out->interval_ms, "100ms", "1m", "2s");
    yaml_get_duration(root, "scrape_timeout", &out->scrape_timeout_ms, "10ms", "1m", "2s");
    yaml_get_duration(root, "ttl", &out->ttl_ms, "100ms", "10m", "100ms");
    if (yaml_get(root, "ttl") == NULL)
        out->ttl_ms = fmax(3 * out->interval_ms, 3000);
}

bool agent_config_load(const char *path, struct agent_config *out, struct config_problems *problems)
{
    *out = (struct agent_config){.price_per_mtok = NAN};
    arena_init(&out->arena);
    struct yaml_node *root = yaml_load_file(path, YAML_FILE_MAX, &out->arena, problems);
    if (root && yaml_as_map(root)) {
        yaml_need_name(root, "cluster", &out->cluster);
        yaml_get_name(root, "pool", &out->pool, "default");
        read_engine(root, out);
        read_endpoints(root, out);
        read_redis(root, out);
        read_times(root, out);
        read_said(root, out);
        read_capacity(root, out);
        read_tls(root, out);
        yaml_finish_map(root);
    }
    return problems->count == 0;
}

void agent_config_release(struct agent_config *config)
{
    arena_finish(&config->arena);
}
