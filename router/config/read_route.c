/* policies, shadow, routes: chains are named here and loaded by control. */
#include <stdlib.h>
#include <string.h>

#include "config/read.h"

#define SETTING_BYTES_MAX 256

static bool read_tag(const struct yaml_node *node, const char **out)
{
    return yaml_as_text(node, out, 256);
}

static bool read_class(const struct yaml_node *node, const char **out)
{
    int choice;
    const bool good = yaml_as_choice(node, &choice, config_class_names);
    *out = config_class_names[choice];
    return good;
}

static const char *read_plugin(const struct reader *reader, struct yaml_node *map)
{
    const struct yaml_node *node = yaml_need(map, "plugin");
    const char *text;
    if (node == NULL || !yaml_as_text(node, &text, 1024))
        return "";
    if (strchr(text, '/') != NULL)
        return read_readable(reader, node);
    yaml_as_name(node, &text);
    return text;
}

static void read_settings(const struct reader *reader, struct yaml_node *map,
                          struct policy_ref *out)
{
    struct yaml_node *settings = yaml_get_map(map, "settings");
    struct setting_text *all = reader_alloc(reader, settings ? settings->count : 0, sizeof *all);
    out->settings = all;
    YAML_EACH(item, settings)
    {
        struct setting_text *setting = &all[out->setting_count];
        *setting = (struct setting_text){.name = item->key, .place = yaml_place(item)};
        if (item->kind != YAML_SCALAR)
            yaml_unexpected(item, "a single value");
        else if (yaml_as_text(item, &setting->text, SETTING_BYTES_MAX))
            out->setting_count++;
    }
}

static void read_chain(const struct reader *reader, struct yaml_node *list,
                       struct config_policies *out)
{
    struct policy_ref *refs = reader_alloc(reader, list ? list->count : 0, sizeof *refs);
    *out = (struct config_policies){.place = list ? yaml_place(list) : NULL, .refs = refs};
    if (list != NULL && list->count > CHAIN_POLICIES_MAX)
        yaml_problem(list, "expected at most %d policies, found %zu", CHAIN_POLICIES_MAX,
                     list->count);
    YAML_EACH(item, list)
    {
        struct policy_ref *ref = &refs[out->count];
        ref->place = yaml_place(item);
        if (!yaml_as_map(item))
            continue;
        ref->plugin = read_plugin(reader, item);
        read_settings(reader, item, ref);
        yaml_finish_map(item);
        out->count++;
    }
}

static void read_policies(struct reader *reader, struct yaml_node *root)
{
    struct config *config = reader->config;
    struct yaml_node *list = yaml_get_list(root, "policies");
    read_chain(reader, list, &config->policies);
    if (list != NULL && list->count == 0)
        yaml_problem(list, "expected at least one policy, found an empty list; leave the key out "
                           "for least_latency");
    if (list == NULL) {
        struct policy_ref *ref = reader_alloc(reader, 1, sizeof *ref);
        *ref = (struct policy_ref){.plugin = "least_latency", .place = yaml_place(root)};
        config->policies = (struct config_policies){ref->place, ref, 1};
    }
    read_chain(reader, yaml_get_list(root, "shadow"), &config->shadow);
}

static void read_class_match(const struct reader *reader, struct yaml_node *map,
                             struct config_match *out)
{
    struct config_texts classes;
    read_texts(reader, map, "class", read_class, "interactive, priority, flex or batch", &classes);
    for (size_t i = 0; i < classes.count; i++)
        for (uint32_t k = 0; k < CONFIG_CLASSES; k++)
            if (classes.items[i] && strcmp(classes.items[i], config_class_names[k]) == 0)
                out->classes |= UINT32_C(1) << k;
}

static void read_match(const struct reader *reader, struct yaml_node *route,
                       struct config_match *out)
{
    struct yaml_node *map = yaml_get_section(route, "match");
    read_texts(reader, map, "model", read_tag, "a model", &out->models);
    read_texts(reader, map, "path", read_tag, "a path", &out->paths);
    read_texts(reader, map, "tenant", read_tag, "a tenant", &out->tenants);
    read_texts(reader, map, "country", read_country, "a country", &out->countries);
    read_texts(reader, map, "continent", read_continent, "a continent", &out->continents);
    read_class_match(reader, map, out);
    yaml_finish_map(map);
}

static bool matches_all(const struct config_match *match)
{
    return match->models.count + match->paths.count + match->tenants.count +
                   match->countries.count + match->continents.count ==
               0 &&
           match->classes == 0;
}

/* A cluster that does not exist would close the route for good. */
static void check_cluster_names(const struct reader *reader, struct yaml_node *require)
{
    const struct fleet_config *fleet = reader->config->fleet;
    struct yaml_node *node = yaml_get(require, "clusters");
    const char **names = reader_alloc(reader, fleet->cluster_count + 1, sizeof *names);
    for (uint32_t i = 0; i < fleet->cluster_count; i++)
        names[i] = fleet->clusters[i].name;
    for (const struct yaml_node *item = node && node->kind == YAML_LIST ? node->first : node;
         item != NULL; item = node->kind == YAML_LIST ? item->next : NULL) {
        bool found = item->kind != YAML_SCALAR;
        for (uint32_t i = 0; i < fleet->cluster_count && !found; i++)
            found = strcmp(names[i], item->text) == 0;
        const char *near = found ? NULL : yaml_suggestion(item->text, names);
        if (near != NULL)
            yaml_problem(item, "no cluster is named \"%s\"; did you mean \"%s\"?", item->text,
                         near);
        else if (!found)
            yaml_problem(item, "no cluster is named \"%.64s\"", item->text);
    }
}

static void read_require(const struct reader *reader, struct yaml_node *route,
                         struct config_require *out)
{
    struct yaml_node *map = yaml_get_section(route, "require");
    read_texts(reader, map, "country", read_country, "a country", &out->countries);
    read_texts(reader, map, "region", yaml_as_name, "a region", &out->regions);
    read_texts(reader, map, "accelerator", yaml_as_name, "an accelerator", &out->accelerators);
    read_texts(reader, map, "clusters", yaml_as_name, "a cluster", &out->clusters);
    check_cluster_names(reader, map);
    yaml_finish_map(map);
}

static void read_route(const struct reader *reader, struct yaml_node *map, struct config_route *out)
{
    read_match(reader, map, &out->match);
    read_require(reader, map, &out->require);
    struct yaml_node *policies = yaml_get(map, "policies") ? yaml_need_list(map, "policies") : NULL;
    read_chain(reader, policies, &out->policies);
    yaml_get_bool(map, "retry_refused", &out->retry_refused, false);
    yaml_finish_map(map);
}

void read_routes(struct reader *reader, struct yaml_node *root)
{
    struct config *config = reader->config;
    read_policies(reader, root);
    struct yaml_node *list = yaml_get_list(root, "routes");
    struct config_route *routes = reader_alloc(reader, list ? list->count : 0, sizeof *routes);
    config->routes = routes;
    YAML_EACH(item, list)
    {
        if (!yaml_as_map(item))
            continue;
        struct config_route *route = &routes[config->route_count];
        route->place = yaml_place(item);
        if (config->route_count > 0 && matches_all(&route[-1].match))
            yaml_problem(item, "is never reached: the route before it matches everything");
        read_route(reader, item, route);
        config->route_count++;
    }
}
