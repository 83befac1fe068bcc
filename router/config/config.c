#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/read.h"
#include "config/yaml.h"

/* Absolute, so that what is read later does not depend on the working directory. */
static const char *folder_of(struct config *config, const char *path)
{
    char *absolute = realpath(path, NULL);
    if (absolute == NULL)
        return ".";
    *strrchr(absolute, '/') = '\0';
    const char *folder = arena_printf(&config->arena, "%s", absolute).ptr;
    free(absolute);
    return folder;
}

static void read_all(struct config *config, struct yaml_node *root,
                     struct config_problems *problems)
{
    struct reader reader = {config, problems, folder_of(config, config->path)};
    read_front(&reader, root);
    read_parts(&reader, root);
    read_clusters(&reader, root);
    read_routes(&reader, root);
    yaml_finish_map(root);
}

bool config_load(const char *path, struct config **out, struct config_problems *problems)
{
    struct config *config = memory_zalloc(sizeof *config);
    atomic_init(&config->references, 1);
    arena_init(&config->arena);
    config->path = arena_printf(&config->arena, "%s", path).ptr;
    config->fleet = fleet_config_create();
    struct yaml_node *root = yaml_load_file(path, YAML_FILE_MAX, &config->arena, problems);
    if (root != NULL && yaml_as_map(root))
        read_all(config, root, problems);
    *out = config;
    if (problems->count == 0)
        return true;
    config_problems_sort(problems);
    config_drop(out);
    return false;
}

struct config *config_hold(struct config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void config_drop(struct config **config)
{
    struct config *gone = *config;
    *config = NULL;
    if (gone == NULL || atomic_fetch_sub_explicit(&gone->references, 1, memory_order_acq_rel) != 1)
        return;
    fleet_config_drop(&gone->fleet);
    arena_finish(&gone->arena);
    free(gone);
}
