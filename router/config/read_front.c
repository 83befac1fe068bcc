/* listen, admin, metrics, workers, trust_forwarded_from, edge, edges, auth. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/read.h"

#define WORKERS_MAX 256
#define ADMIN_DEFAULT "127.0.0.1:9901"

static const char *const web_schemes[] = {"http", "https", NULL};

static void read_certificate(const struct reader *reader, struct yaml_node *map,
                             struct tls_certificate *out)
{
    if (!yaml_as_map(map))
        return;
    const struct yaml_node *certificate = yaml_need(map, "certificate");
    const struct yaml_node *key = yaml_need(map, "key");
    out->certificate_file = certificate ? read_readable(reader, certificate) : NULL;
    out->key_file = key ? read_readable(reader, key) : NULL;
    yaml_finish_map(map);
    if (out->certificate_file == NULL || out->key_file == NULL)
        return;
    struct error error;
    struct tls_server *tls = tls_server_create(out, 1, &error);
    if (tls == NULL)
        yaml_problem(map, "%s", error.text);
    tls_server_drop(&tls);
}

static void read_tls(const struct reader *reader, struct yaml_node *map, struct config_listen *out)
{
    struct yaml_node *tls = yaml_get(map, "tls");
    if (tls == NULL)
        return;
    struct tls_certificate *all = reader_alloc(reader, tls->count, sizeof *all);
    if (tls->kind == YAML_MAP)
        read_certificate(reader, tls, &all[out->certificate_count++]);
    else if (tls->kind == YAML_LIST && tls->count > 0)
        YAML_EACH(item, tls)
    read_certificate(reader, item, &all[out->certificate_count++]);
    else yaml_unexpected(tls, "a map with certificate and key, or a list of such maps");
    out->certificates = all;
}

/* Port 0 is the kernel's choice, so two of them are two. */
static bool same_address(const struct yaml_address *a, const struct yaml_address *b)
{
    return a->text != NULL && b->text != NULL && address_equal(&a->address, &b->address) &&
           (a->address.storage.ss_family == AF_UNIX || address_port(&a->address) != 0);
}

static void check_listen(const struct config *config, const struct yaml_node *item)
{
    const struct config_listen *last = &config->listens[config->listen_count - 1];
    for (const struct config_listen *other = config->listens; other < last; other++)
        if (same_address(&other->address, &last->address))
            yaml_problem(item, "address %s is listened on twice (first at %s)", last->address.text,
                         other->place);
}

static void read_listens(struct reader *reader, struct yaml_node *root)
{
    struct config *config = reader->config;
    struct yaml_node *list = yaml_need_list(root, "listen");
    struct config_listen *listens = reader_alloc(reader, list ? list->count : 0, sizeof *listens);
    config->listens = listens;
    YAML_EACH(item, list)
    {
        struct config_listen *listen = &listens[config->listen_count];
        listen->place = yaml_place(item);
        if (!yaml_as_map(item))
            continue;
        yaml_need_address(item, "address", &listen->address);
        read_tls(reader, item, listen);
        yaml_get_bool(item, "behind_tls", &listen->behind_tls, false);
        if (listen->behind_tls && listen->certificate_count > 0)
            yaml_problem(item, "behind_tls is for cleartext; here TLS ends by `tls`");
        yaml_finish_map(item);
        config->listen_count++;
        check_listen(config, item);
    }
}

static void default_admin(struct yaml_address *out)
{
    out->text = ADMIN_DEFAULT;
    CHECK(address_parse(SLICE(ADMIN_DEFAULT), &out->address, &(struct error){{0}}));
}

static void read_admin(struct reader *reader, struct yaml_node *root)
{
    struct config *config = reader->config;
    struct yaml_node *admin = yaml_get_section(root, "admin");
    struct yaml_node *metrics = yaml_get_map(root, "metrics");
    const struct yaml_node *address = yaml_get(admin, "address");
    config->admin_place = yaml_place(admin);
    if (address == NULL)
        default_admin(&config->admin);
    else if (yaml_as_address(address, &config->admin) &&
             !address_is_loopback(&config->admin.address))
        yaml_problem(address,
                     "%s is not a loopback address; whoever reaches it commands the router: use "
                     "127.0.0.1:PORT, [::1]:PORT or unix:/path",
                     config->admin.text);
    yaml_finish_map(admin);
    if (metrics == NULL)
        return;
    config->metrics_place = yaml_place(metrics);
    yaml_need_address(metrics, "address", &config->metrics);
    yaml_finish_map(metrics);
    if (same_address(&config->metrics, &config->admin))
        yaml_problem(metrics, "address %s is the admin's, which has the metrics already",
                     config->metrics.text);
}

static void check_own_addresses(const struct config *config, const struct yaml_node *root)
{
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct yaml_address *address = &config->listens[i].address;
        if (same_address(address, &config->admin) || same_address(address, &config->metrics))
            yaml_problem(root, "listen address %s (%s) is taken by admin or metrics", address->text,
                         config->listens[i].place);
    }
}

static void read_workers(struct reader *reader, struct yaml_node *root)
{
    const struct yaml_node *node = yaml_get(root, "workers");
    int64_t count;
    if (node == NULL || (node->kind == YAML_SCALAR && strcmp(node->text, "auto") == 0))
        return;
    if (node->kind == YAML_SCALAR && slice_to_i64(slice_make(node->text, node->text_len), &count) &&
        count >= 1 && count <= WORKERS_MAX)
        reader->config->workers = (uint32_t)count;
    else
        yaml_unexpected(node, "auto or a whole number from 1 to 256 (default auto)");
}

static void read_trusted(struct reader *reader, struct yaml_node *root)
{
    struct config *config = reader->config;
    struct yaml_node *list = yaml_get_list(root, "trust_forwarded_from");
    struct cidr *all = reader_alloc(reader, list ? list->count : 0, sizeof *all);
    const char **texts = reader_alloc(reader, list ? list->count : 0, sizeof *texts);
    config->trusted = all;
    YAML_EACH(item, list)
    if (yaml_as_cidr(item, &all[config->trusted_count]))
        texts[config->trusted_count++] = item->text;
    config->trusted_texts = (struct config_texts){texts, config->trusted_count};
}

static void read_one_edge(struct yaml_node *map, struct config_edge *edge, bool needed)
{
    struct yaml_url url;
    if (needed) {
        yaml_need_name(map, "name", &edge->name);
        yaml_need_url(map, "url", &url, web_schemes);
    } else {
        yaml_get_name(map, "name", &edge->name, "edge");
        yaml_get_url(map, "url", &url, web_schemes);
    }
    edge->url = url.text ? url.text : "";
    read_coordinates(map, &edge->latitude, &edge->longitude);
    if (needed && (yaml_get(map, "latitude") == NULL && yaml_get(map, "longitude") == NULL))
        yaml_problem(map, "missing required keys \"latitude\" and \"longitude\"");
}

/* Others that share one Redis or steer clients here must be able to tell us apart. */
static void read_edge(struct reader *reader, struct yaml_node *root)
{
    struct config *config = reader->config;
    struct yaml_node *edge = yaml_get_section(root, "edge");
    struct yaml_address source;
    read_one_edge(edge, &config->edge, config->edge_count > 0);
    if (config->edge_count == 0 && yaml_get(root, "redis") && yaml_get(edge, "name") == NULL)
        yaml_problem(edge,
                     "missing required key \"name\": with redis, routers are told apart by it");
    yaml_get_ip(edge, "source_address", &source);
    config->source_address = source.address;
    yaml_finish_map(edge);
}

static void check_edge(const struct config *config, const struct yaml_node *item,
                       const struct config_edge *edge)
{
    for (const struct config_edge *other = config->edges; other < edge; other++)
        if (strcmp(other->name, edge->name) == 0)
            yaml_problem(item, "edge name \"%s\" is given twice", edge->name);
}

static void read_edges(struct reader *reader, struct yaml_node *root)
{
    struct config *config = reader->config;
    struct yaml_node *list = yaml_get_list(root, "edges");
    struct config_edge *edges = reader_alloc(reader, list ? list->count : 0, sizeof *edges);
    config->edges = edges;
    YAML_EACH(item, list)
    {
        if (!yaml_as_map(item))
            continue;
        struct config_edge *edge = &edges[config->edge_count];
        read_one_edge(item, edge, true);
        yaml_finish_map(item);
        check_edge(config, item, edge);
        config->edge_count++;
    }
}

/* One list may serve all edges: the own entry in it is left out. */
static void leave_out_own(struct config *config)
{
    struct config_edge *kept =
        reader_alloc(&(struct reader){.config = config}, config->edge_count, sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; i < config->edge_count; i++)
        if (strcmp(config->edges[i].name, config->edge.name) != 0)
            kept[count++] = config->edges[i];
    config->edges = kept;
    config->edge_count = count;
}

static void read_auth(struct reader *reader, struct yaml_node *root)
{
    struct yaml_node *auth = yaml_get_map(root, "auth");
    if (auth == NULL)
        return;
    const struct yaml_node *file = yaml_need(auth, "keys_file");
    reader->config->keys_file = file ? read_readable(reader, file) : NULL;
    reader->config->keys_place = file ? yaml_place(file) : NULL;
    yaml_finish_map(auth);
}

void read_front(struct reader *reader, struct yaml_node *root)
{
    read_listens(reader, root);
    read_admin(reader, root);
    check_own_addresses(reader->config, root);
    read_workers(reader, root);
    read_trusted(reader, root);
    read_edges(reader, root);
    read_edge(reader, root);
    leave_out_own(reader->config);
    read_auth(reader, root);
}
