#include "policy/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "policy/option.h"
#include "policy/plugin_file.h"

#define SUFFIX ".so"

struct plugin_dir {
    char *path; /* NULL: names are refused */
    struct list plugins;
    uint32_t count;
};

const char *const plugin_fault_names[PLUGIN_FAULTS] = {
    [PLUGIN_FAULT_VERDICT] = "verdict",
    [PLUGIN_FAULT_COST] = "cost",
    [PLUGIN_FAULT_PICK] = "pick",
};

struct plugin_dir *plugin_dir_create(const char *path)
{
    struct plugin_dir *dir = memory_zalloc(sizeof *dir);
    dir->path = path ? memory_strdup(path) : NULL;
    list_init(&dir->plugins);
    return dir;
}

static void copy_name(const struct plugin *plugin, char *name, size_t size)
{
    snprintf(name, size, "/proc/self/fd/%d", plugin->memory_fd);
}

/* An object may refuse to go (C++ has such symbols).  glibc knows it by the
 * name of its descriptor, so that number must not come to mean another copy. */
static bool object_close(const struct plugin *plugin)
{
    char name[64];
    copy_name(plugin, name, sizeof name);
    dlclose(plugin->handle);
    void *still_there = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (still_there)
        dlclose(still_there);
    return !still_there;
}

static void unload(struct plugin *plugin)
{
    const bool gone = !plugin->handle || object_close(plugin);
    if (gone && plugin->memory_fd >= 0)
        close(plugin->memory_fd);
    free(plugin->path);
    free(plugin);
}

void plugin_dir_destroy(struct plugin_dir **dir)
{
    if (!*dir)
        return;
    LIST_EACH_SAFE (node, &(*dir)->plugins)
        unload(LIST_ENTRY(node, struct plugin, node));
    free((*dir)->path);
    free(*dir);
    *dir = NULL;
}

const struct list *plugin_dir_list(const struct plugin_dir *dir)
{
    return &dir->plugins;
}

/* What dlopen says, without the name of our copy in front. */
static bool dl_refuse(const char *copy, struct error *error)
{
    const char *text = dlerror();
    if (text && strncmp(text, copy, strlen(copy)) == 0 && text[strlen(copy)] == ':')
        text += strlen(copy) + 2;
    return error_set(error, "the system's loader refuses it: %s", text ? text : "no reason given");
}

/* The symbol as the linker left it: a constant, and how large. */
static bool symbol_find(void *handle, const struct iso_policy **found, size_t *bytes,
                        struct error *error)
{
    Dl_info info;
    void *entry = NULL;
    *found = dlsym(handle, "iso_policy");
    if (!*found)
        return error_set(error, "it does not export iso_policy; define "
                                "`const struct iso_policy iso_policy = {...};`");
    if (!dladdr1(*found, &info, &entry, RTLD_DL_SYMENT) || !entry)
        return error_set(error, "its symbol iso_policy has no entry in the symbol table");
    const ElfW(Sym) *symbol = entry;
    if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
        return error_set(error,
                         "iso_policy is not data (ELF symbol type %u); define "
                         "`const struct iso_policy iso_policy = {...};`",
                         ELF64_ST_TYPE(symbol->st_info));
    *bytes = symbol->st_size;
    return true;
}

static bool object_open(struct plugin *plugin, struct error *error)
{
    const struct iso_policy *found;
    size_t bytes = 0;
    char copy[64];
    copy_name(plugin, copy, sizeof copy);
    plugin->handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
    if (!plugin->handle)
        return dl_refuse(copy, error);
    if (!symbol_find(plugin->handle, &found, &bytes, error) ||
        !plugin_descriptor_check(found, bytes, &plugin->policy, error))
        return false;
    plugin->name = slice_of(plugin->policy.name);
    for (uint32_t p = 0; p < plugin->policy.part_count; p++)
        plugin->parts[p] = slice_of(plugin->policy.parts[p]);
    return true;
}

static struct plugin *known_find(const struct plugin_dir *dir, const char *hash)
{
    LIST_EACH (node, &dir->plugins) {
        struct plugin *plugin = LIST_ENTRY(node, struct plugin, node);
        if (strcmp(plugin->hash, hash) == 0)
            return plugin;
    }
    return NULL;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static struct plugin *content_load(struct plugin_dir *dir, const char *path,
                                   const struct plugin_file *file, struct error *error)
{
    struct plugin *plugin = known_find(dir, file->hash);
    if (plugin)
        return plugin;
    if (dir->count == PLUGINS_MAX) {
        error_set(error,
                  "%d different plugins have been loaded since the router started, and "
                  "that is all it takes; start it anew to load more",
                  PLUGINS_MAX);
        return NULL;
    }
    plugin = memory_zalloc(sizeof *plugin);
    plugin->path = memory_strdup(path);
    memcpy(plugin->hash, file->hash, sizeof plugin->hash);
    plugin->memory_fd = plugin_file_copy(file, file_name(path), error);
    if (plugin->memory_fd < 0 || !object_open(plugin, error)) {
        unload(plugin);
        return NULL;
    }
    plugin->number = dir->count++;
    list_append(&dir->plugins, &plugin->node);
    return plugin;
}

static struct plugin *path_load(struct plugin_dir *dir, const char *path, struct error *error)
{
    struct plugin_file file;
    if (!plugin_file_read(path, &file, error))
        return NULL;
    struct plugin *plugin = content_load(dir, path, &file, error);
    plugin_file_release(&file);
    return plugin;
}

/* The .so in the directory that an unknown name most likely means. */
static bool nearest_name(const char *path, const char *name, char *near, size_t size)
{
    DIR *dir = opendir(path);
    unsigned best = suggest_limit(name) + 1;
    const struct dirent *entry;
    near[0] = '\0';
    while (dir && (entry = readdir(dir))) {
        char word[256];
        const size_t len = strlen(entry->d_name);
        if (len <= strlen(SUFFIX) || strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
            continue;
        snprintf(word, sizeof word, "%.*s", (int)(len - strlen(SUFFIX)), entry->d_name);
        const unsigned distance = suggest_distance(name, word);
        if (distance < best) {
            best = distance;
            snprintf(near, size, "%s", word);
        }
    }
    if (dir)
        closedir(dir);
    return near[0];
}

static bool name_resolve(const struct plugin_dir *dir, const char *name, char **path,
                         struct error *error)
{
    char near[256];
    if (name[0] == '/') {
        *path = memory_strdup(name);
        return true;
    }
    if (!option_name_valid(name))
        return error_set(error, "this is neither an absolute path nor the lower_snake_case name "
                                "of a plugin, such as least_latency");
    if (!dir->path)
        return error_set(error, "there is no plugin directory; give an absolute path");
    *path = memory_printf("%s/%s%s", dir->path, name, SUFFIX);
    if (access(*path, F_OK) == 0)
        return true;
    free(*path);
    *path = NULL;
    if (nearest_name(dir->path, name, near, sizeof near))
        return error_set(error, "there is no %s%s in %s; did you mean %s?", name, SUFFIX, dir->path,
                         near);
    return error_set(error, "there is no %s%s in %s", name, SUFFIX, dir->path);
}

struct plugin *plugin_load(struct plugin_dir *dir, const char *name, struct error *error)
{
    char *path = NULL;
    if (!name_resolve(dir, name, &path, error)) {
        error_prefix(error, "plugin %.128s", name);
        return NULL;
    }
    struct plugin *plugin = path_load(dir, path, error);
    if (!plugin)
        error_prefix(error, "plugin %.200s", path);
    free(path);
    return plugin;
}
