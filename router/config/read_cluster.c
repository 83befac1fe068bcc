/* clusters: the file's own shape becomes a fleet_config. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/read.h"

#define MODEL_BYTES_MAX 200
#define HEADER_BYTES_MAX 64

static const char *const endpoint_schemes[] = {"http", "https", NULL};

static const char *keep(struct fleet_config *fleet, const char *text)
{
    return text ? fleet_config_text(fleet, slice_of(text)) : NULL;
}

static void check_endpoint_path(const struct yaml_node *node, const char *path)
{
    if (slice_ends(slice_of(path), SLICE("/v1")))
        yaml_problem(node, "the path ends in /v1, which requests bring along themselves; leave it "
                           "out");
}

static void read_endpoint_url(struct fleet_config *fleet, struct yaml_node *map,
                              struct endpoint *out)
{
    struct yaml_url url;
    if (!yaml_need_url(map, "url", &url, endpoint_schemes))
        return;
    const struct yaml_node *node = yaml_get(map, "url");
    struct slice path = slice_of(url.path);
    while (slice_ends(path, SLICE("/")))
        path.len--;
    out->url = keep(fleet, url.text);
    out->host = keep(fleet, url.host);
    out->port = url.port;
    out->tls = strcmp(url.scheme, "https") == 0;
    out->path = fleet_config_text(fleet, path);
    check_endpoint_path(node, out->path);
}

static void refuse_without_tls(struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (node != NULL)
        yaml_problem(node, "is for https:// only");
}

static void read_endpoint(const struct reader *reader, struct yaml_node *map, struct endpoint *out)
{
    static const char *const protocols[] = {
        [ENDPOINT_AUTO] = "auto", [ENDPOINT_H1] = "h1", [ENDPOINT_H2] = "h2", NULL};
    struct fleet_config *fleet = reader->config->fleet;
    const char *server_name;
    int protocol;
    endpoint_init(out);
    if (!yaml_as_map(map))
        return;
    read_endpoint_url(fleet, map, out);
    yaml_get_choice(map, "protocol", &protocol, protocols, ENDPOINT_AUTO);
    out->protocol = (enum endpoint_protocol)protocol;
    yaml_get_bool(map, "verify", &out->verify, true);
    out->ca_file = keep(fleet, read_ca_file(reader, map));
    yaml_get_text(map, "server_name", &server_name, 253, NULL);
    out->server_name = keep(fleet, server_name);
    if (out->url != NULL && !out->tls) {
        refuse_without_tls(map, "verify");
        refuse_without_tls(map, "ca_file");
        refuse_without_tls(map, "server_name");
    } else if (out->ca_file == NULL) {
        out->ca_file = keep(fleet, reader->config->upstream.ca_file);
    }
    yaml_finish_map(map);
}

static void read_endpoints(const struct reader *reader, struct yaml_node *map, struct pool *pool)
{
    struct yaml_node *list = yaml_need_list(map, "endpoints");
    if (list == NULL || list->count == 0)
        return;
    struct endpoint *all =
        fleet_config_alloc(reader->config->fleet, list->count * sizeof(struct endpoint));
    pool->endpoints = all;
    YAML_EACH(item, list)
    {
        struct endpoint *endpoint = &all[pool->endpoint_count++];
        read_endpoint(reader, item, endpoint);
        for (const struct endpoint *other = all; endpoint->url && other < endpoint; other++)
            if (other->url && strcmp(other->url, endpoint->url) == 0)
                yaml_problem(item, "endpoint %s is given twice", endpoint->url);
    }
}

static void read_model(struct fleet_config *fleet, const struct yaml_node *node,
                       struct model_alias *out)
{
    const char *text;
    if (!yaml_as_text(node, &text, MODEL_BYTES_MAX))
        return;
    if (node->key == NULL) {
        out->ours = keep(fleet, text);
        return;
    }
    if (*node->key == '\0' || strlen(node->key) > MODEL_BYTES_MAX)
        yaml_problem(node, "a model's name has 1 to %d bytes", MODEL_BYTES_MAX);
    else if (strcmp(node->key, FLEET_MODEL_ANY) == 0)
        yaml_problem(node, "\"*\" cannot be given another name; write models: \"*\" or a list");
    out->ours = keep(fleet, node->key);
    out->theirs = keep(fleet, text);
}

/* Models of a list may stand twice where a map's keys may not. */
static void check_model(const struct yaml_node *node, const struct model_alias *all,
                        const struct model_alias *model)
{
    for (; all < model; all++)
        if (node->key == NULL && all->ours && model->ours && strcmp(all->ours, model->ours) == 0)
            yaml_problem(node, "model \"%s\" is given twice", model->ours);
}

static void read_models(const struct reader *reader, struct yaml_node *map, struct pool *pool)
{
    static const char what[] = "a map of our name: theirs, a list of names, or \"*\"";
    struct fleet_config *fleet = reader->config->fleet;
    struct yaml_node *node = yaml_need(map, "models");
    if (node == NULL)
        return;
    if (node->kind == YAML_SCALAR) {
        if (strcmp(node->text, FLEET_MODEL_ANY) != 0)
            yaml_unexpected(node, what);
        return;
    }
    if (node->count == 0) {
        yaml_problem(node, "expected %s, found an empty one", what);
        return;
    }
    struct model_alias *all = fleet_config_alloc(fleet, node->count * sizeof(struct model_alias));
    pool->models = all;
    YAML_EACH(item, node)
    {
        struct model_alias *model = &all[pool->model_count++];
        read_model(fleet, item, model);
        check_model(item, all, model);
    }
}

static void read_capacity(struct yaml_node *map, struct capacity *out)
{
    struct yaml_node *capacity = yaml_get_section(map, "capacity");
    yaml_get_number(capacity, "instances", &out->instances, 1, 1e5, NAN);
    yaml_get_number(capacity, "slots", &out->slots, 1, 1e6, NAN);
    yaml_get_number(capacity, "prefill_tps", &out->prefill_tps, 1, 1e9, NAN);
    yaml_get_number(capacity, "prefill_tps_one", &out->prefill_tps_one, 1, 1e9, NAN);
    yaml_get_number(capacity, "mean_tokens", &out->mean_tokens, 1, 1e7, NAN);
    yaml_get_duration(capacity, "hold", &out->hold_ms, "1ms", "24h", NULL);
    yaml_get_duration(capacity, "itl", &out->itl_ms, "0.01ms", "1m", NULL);
    yaml_get_duration(capacity, "itl_idle", &out->itl_idle_ms, "0.01ms", "1m", NULL);
    if (out->prefill_tps_one > out->prefill_tps)
        yaml_problem(capacity, "prefill_tps_one is one request alone and cannot be more than "
                               "prefill_tps, all instances together");
    yaml_finish_map(capacity);
}

static void read_pool(const struct reader *reader, struct yaml_node *map, struct pool *pool)
{
    read_endpoints(reader, map, pool);
    read_models(reader, map, pool);
    read_capacity(map, &pool->capacity);
}

static void read_named_pool(const struct reader *reader, struct yaml_node *map,
                            const struct pool *first, struct pool *pool)
{
    pool_init(pool);
    const char *name;
    if (!yaml_as_map(map))
        return;
    yaml_need_name(map, "name", &name);
    pool->name = keep(reader->config->fleet, name);
    for (; first < pool; first++)
        if (strcmp(first->name, name) == 0)
            yaml_problem(map, "pool \"%s\" is given twice", name);
    read_pool(reader, map, pool);
    yaml_finish_map(map);
}

/* A cluster's own endpoints and models are its pool "default"; with `pools` they may be left out.
 */
static void read_pools(const struct reader *reader, struct yaml_node *map, struct cluster *cluster)
{
    struct yaml_node *list = yaml_get_list(map, "pools");
    const size_t named = list ? list->count : 0;
    struct pool *all = fleet_config_alloc(reader->config->fleet, (named + 1) * sizeof(struct pool));
    cluster->pools = all;
    if (named == 0 || yaml_get(map, "endpoints") != NULL || yaml_get(map, "models") != NULL) {
        pool_init(&all[cluster->pool_count]);
        read_pool(reader, map, &all[cluster->pool_count++]);
    } else if (yaml_get(map, "capacity") != NULL) {
        yaml_problem(yaml_get(map, "capacity"), "belongs to endpoints, which this cluster has only "
                                                "in its pools; write it there");
    }
    YAML_EACH(item, list)
    {
        struct pool *pool = &all[cluster->pool_count++];
        read_named_pool(reader, item, all, pool);
    }
}

static bool header_allowed(const char *name)
{
    static const char *const framing[] = {"host",    "connection", "content-length",
                                          "te",      "trailer",    "transfer-encoding",
                                          "upgrade", "expect",     "keep-alive",
                                          NULL};
    for (const char *at = name; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("!#$%&'*+-.^_`|~", *at) == NULL)
            return false;
    for (const char *const *one = framing; *one != NULL; one++)
        if (strcmp(*one, name) == 0)
            return false;
    return true;
}

static void read_header(struct fleet_config *fleet, struct yaml_node *map, struct cluster *cluster)
{
    const char *name;
    char lower[HEADER_BYTES_MAX + 1] = "";
    if (!yaml_get_text(map, "header", &name, HEADER_BYTES_MAX, "authorization"))
        return;
    for (size_t i = 0; name[i] != '\0'; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    if (!header_allowed(lower))
        yaml_problem(yaml_get(map, "header"),
                     "\"%s\" cannot carry a credential; expected a field name such as "
                     "authorization or x-api-key",
                     name);
    cluster->credential_header = keep(fleet, lower);
}

static void set_credential(struct fleet_config *fleet, struct cluster *cluster, const char *secret)
{
    /* What providers hand out is the bare token. */
    const bool bare =
        strcmp(cluster->credential_header, "authorization") == 0 && strchr(secret, ' ') == NULL;
    char *value = memory_printf("%s%s", bare ? "Bearer " : "", secret);
    cluster->credential_value = keep(fleet, value);
    secret_release(&value);
}

static void read_credential(const struct reader *reader, struct yaml_node *map,
                            struct cluster *cluster)
{
    struct fleet_config *fleet = reader->config->fleet;
    struct yaml_node *credential = yaml_get_map(map, "credential");
    if (credential == NULL)
        return;
    read_header(fleet, credential, cluster);
    const struct yaml_node *file = yaml_need(credential, "value_file");
    char *secret = file ? read_secret(reader, file) : NULL;
    yaml_finish_map(credential);
    if (secret != NULL && cluster->credential_header != NULL)
        set_credential(fleet, cluster, secret);
    secret_release(&secret);
}

static void read_country_of(struct fleet_config *fleet, struct yaml_node *map,
                            struct cluster *cluster)
{
    const struct yaml_node *node = yaml_get(map, "country");
    const char *country;
    if (node != NULL && read_country(node, &country))
        cluster->country = keep(fleet, country);
}

static void read_cluster(const struct reader *reader, struct yaml_node *map,
                         struct cluster *cluster)
{
    struct fleet_config *fleet = reader->config->fleet;
    const char *text;
    int64_t weight;
    yaml_need_name(map, "name", &text);
    cluster->name = keep(fleet, text);
    yaml_get_name(map, "region", &text, "");
    cluster->region = keep(fleet, text);
    read_country_of(fleet, map, cluster);
    yaml_get_name(map, "accelerator", &text, "");
    cluster->accelerator = keep(fleet, text);
    read_coordinates(map, &cluster->latitude, &cluster->longitude);
    read_credential(reader, map, cluster);
    yaml_get_number(map, "price_per_mtok", &cluster->price_per_mtok, 0, 1e6, NAN);
    yaml_get_int(map, "weight", &weight, 0, 1000, 100);
    cluster->weight = (uint32_t)weight;
    read_pools(reader, map, cluster);
    yaml_finish_map(map);
}

static void check_cluster(const struct yaml_node *item, const struct cluster *first,
                          const struct cluster *cluster)
{
    for (; first < cluster; first++)
        if (*cluster->name != '\0' && strcmp(first->name, cluster->name) == 0)
            yaml_problem(item, "cluster name \"%s\" is given twice", cluster->name);
}

void read_clusters(struct reader *reader, struct yaml_node *root)
{
    struct fleet_config *fleet = reader->config->fleet;
    struct yaml_node *list = yaml_need_list(root, "clusters");
    struct cluster *all =
        fleet_config_alloc(fleet, (list ? list->count + 1 : 1) * sizeof(struct cluster));
    fleet->clusters = all;
    fleet->edge_latitude = reader->config->edge.latitude;
    fleet->edge_longitude = reader->config->edge.longitude;
    YAML_EACH(item, list)
    {
        if (!yaml_as_map(item))
            continue;
        struct cluster *cluster = &all[fleet->cluster_count++];
        cluster_init(cluster);
        read_cluster(reader, item, cluster);
        check_cluster(item, all, cluster);
    }
    struct error error;
    if (reader->problems->count == 0 && !fleet_config_finish(fleet, &error))
        yaml_problem(list, "%s", error.text);
}
