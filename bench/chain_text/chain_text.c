#include "chain_text/chain_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the next of `stops` is that no backslash precedes; the length when there is none. */
static size_t stop_at(struct slice text, const char *stops)
{
    size_t at = 0;
    while (at < text.len && strchr(stops, text.ptr[at]) == NULL)
        at += text.ptr[at] == '\\' && at + 1 < text.len ? 2 : 1;
    return at;
}

/* The first `len` bytes; the rest is what follows the byte behind them. */
static void cut(struct slice *rest, size_t len, struct slice *part)
{
    *part = slice_make(rest->ptr, len);
    *rest = len < rest->len ? slice_make(rest->ptr + len + 1, rest->len - len - 1) : SLICE_NONE;
}

static bool split(struct slice *rest, const char *stops, struct slice *part)
{
    if (rest->ptr == NULL)
        return false;
    cut(rest, stop_at(*rest, stops), part);
    return true;
}

static bool is_setting(struct slice text)
{
    const size_t at = stop_at(text, "=:+,");
    return at > 0 && at < text.len && text.ptr[at] == '=';
}

bool chain_text_split(struct slice *list, struct slice *one)
{
    size_t len = 0;
    if (list->ptr == NULL)
        return false;
    for (;;) {
        len += stop_at(slice_make(list->ptr + len, list->len - len), ",");
        if (len == list->len || !is_setting(slice_make(list->ptr + len + 1, list->len - len - 1)))
            break;
        len++;
    }
    cut(list, len, one);
    return true;
}

bool chain_text_link(struct slice *chain, struct slice *link)
{
    return split(chain, "+", link);
}

/* Without its backslashes, but for those that a backslash precedes. */
static char *text_keep(struct chain_text *chain, struct slice text)
{
    char *kept = arena_alloc(&chain->arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        i += text.ptr[i] == '\\' && i + 1 < text.len;
        kept[len++] = text.ptr[i];
    }
    kept[len] = '\0';
    return kept;
}

/* A path is made absolute; one that is not there stays as it is, for the loader to refuse. */
static const char *plugin_name(struct chain_text *chain, struct slice text)
{
    char *name = text_keep(chain, text);
    const size_t len = strlen(name);
    if (strchr(name, '/') != NULL) {
        char *path = realpath(name, NULL);
        const char *kept = path != NULL ? arena_printf(&chain->arena, "%s", path).ptr : name;
        free(path);
        return kept;
    }
    if (len > 3 && strcmp(name + len - 3, ".so") == 0)
        name[len - 3] = '\0';
    return name;
}

static bool settings_read(struct chain_text *chain, struct slice text, struct policy_ref *ref,
                          struct error *error)
{
    struct setting_text *settings =
        arena_zalloc(&chain->arena, CHAIN_TEXT_SETTINGS_MAX * sizeof *settings);
    struct slice value, name;
    ref->settings = settings;
    while (split(&text, ":,", &value)) {
        if (!is_setting(value))
            return error_set(error, "\"%.*s\" is not SETTING=VALUE", SLICE_ARG(value));
        if (ref->setting_count == CHAIN_TEXT_SETTINGS_MAX)
            return error_set(error, "a policy has at most %d settings here",
                             CHAIN_TEXT_SETTINGS_MAX);
        split(&value, "=", &name);
        settings[ref->setting_count++] =
            (struct setting_text){text_keep(chain, name), text_keep(chain, value), ""};
    }
    return true;
}

bool chain_text_read(struct chain_text *chain, const char *text, struct error *error)
{
    struct slice rest = slice_of(text), link, name;
    arena_init(&chain->arena);
    chain->count = 0;
    while (chain_text_link(&rest, &link)) {
        if (chain->count == CHAIN_POLICIES_MAX)
            return error_set(error, "a chain has at most %d policies", CHAIN_POLICIES_MAX);
        struct policy_ref *ref = &chain->refs[chain->count++];
        *ref = (struct policy_ref){.place = ""};
        split(&link, ":", &name);
        if (name.len == 0)
            return error_set(error, "\"%s\" does not begin with the name of a policy", text);
        ref->plugin = plugin_name(chain, name);
        if (!settings_read(chain, link, ref, error))
            return false;
    }
    return true;
}

void chain_text_finish(struct chain_text *chain)
{
    arena_finish(&chain->arena);
}

const char *chain_text_folder(char *out, size_t size)
{
    char self[PATH_MAX];
    struct stat status;
    const ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len > 0) {
        self[len] = '\0';
        *strrchr(self, '/') = '\0';
        snprintf(out, size, "%s/../plugins", self);
        if (stat(out, &status) == 0 && S_ISDIR(status.st_mode))
            return out;
    }
    snprintf(out, size, "%s", ISO_PLUGIN_DIR);
    return out;
}
