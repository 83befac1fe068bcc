#include "chain_text/chain_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *text_keep(struct chain_text *chain, struct slice text)
{
    return arena_printf(&chain->arena, "%.*s", SLICE_ARG(text)).ptr;
}

/* A path is made absolute; one that is not there stays as it is, for the loader to refuse. */
static const char *plugin_name(struct chain_text *chain, struct slice text)
{
    if (slice_find(text, '/') >= 0) {
        char *path = realpath(text_keep(chain, text), NULL);
        const char *kept = text_keep(chain, path != NULL ? slice_of(path) : text);
        free(path);
        return kept;
    }
    if (slice_ends(text, SLICE(".so")))
        text.len -= 3;
    return text_keep(chain, text);
}

static bool settings_read(struct chain_text *chain, struct slice text, struct policy_ref *ref,
                          struct error *error)
{
    struct setting_text *settings =
        arena_zalloc(&chain->arena, CHAIN_TEXT_SETTINGS_MAX * sizeof *settings);
    struct slice part, name;
    ref->settings = settings;
    while (slice_split(&text, ',', &part)) {
        if (slice_find(part, '=') <= 0)
            return error_set(error, "\"%.*s\" is not SETTING=VALUE", SLICE_ARG(part));
        if (ref->setting_count == CHAIN_TEXT_SETTINGS_MAX)
            return error_set(error, "a policy has at most %d settings here",
                             CHAIN_TEXT_SETTINGS_MAX);
        slice_split(&part, '=', &name);
        settings[ref->setting_count++] =
            (struct setting_text){text_keep(chain, name), text_keep(chain, part), ""};
    }
    return true;
}

bool chain_text_read(struct chain_text *chain, const char *text, struct error *error)
{
    struct slice rest = slice_of(text), link, name;
    arena_init(&chain->arena);
    chain->count = 0;
    while (slice_split(&rest, '+', &link)) {
        if (chain->count == CHAIN_POLICIES_MAX)
            return error_set(error, "a chain has at most %d policies", CHAIN_POLICIES_MAX);
        struct policy_ref *ref = &chain->refs[chain->count++];
        *ref = (struct policy_ref){.place = ""};
        if (!slice_split(&link, ':', &name) || name.len == 0)
            return error_set(error, "\"%s\" does not begin with the name of a policy", text);
        ref->plugin = plugin_name(chain, name);
        if (!settings_read(chain, link, ref, error))
            return false;
    }
    return chain->count > 0 || error_set(error, "it names no policy");
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
