#include "control/policy_spec.h"

#include <math.h>
#include <string.h>

/* A setting as an operator would write it in the file; NULL when it cannot be one. */
static const char *setting_text(struct arena *arena, struct json_value value)
{
    const double number = json_value_number(value, "");
    switch (json_value_type(value)) {
    case JSON_TEXT:
        return json_value_text(value, "");
    case JSON_BOOL:
        return json_value_true(value, "") ? "on" : "off";
    case JSON_NUMBER:
        return number == nearbyint(number) && fabs(number) < 1e15
                   ? arena_printf(arena, "%.0f", number).ptr
                   : arena_printf(arena, "%.17g", number).ptr;
    default:
        return NULL;
    }
}

static bool read_settings(struct policy_spec *spec, struct json_value settings,
                          struct policy_ref *ref, struct error *error)
{
    const size_t count = json_value_count(settings, "");
    struct setting_text *texts = arena_zalloc(&spec->arena, (count + 1) * sizeof *texts);
    struct json_items items = json_items_begin(settings, "");
    if (json_value_type(settings) != JSON_NONE && json_value_type(settings) != JSON_OBJECT)
        return error_set(error, "%s.settings: it must be an object of settings", ref->place);
    while (ref->setting_count < count && json_items_next(&items)) {
        struct setting_text *text = &texts[ref->setting_count++];
        text->name = items.key;
        text->place = arena_printf(&spec->arena, "%s.settings.%s", ref->place, items.key).ptr;
        text->text = setting_text(&spec->arena, items.value);
        if (text->text == NULL)
            return error_set(error, "%.200s: a setting is a text, a number, true or false",
                             text->place);
    }
    ref->settings = texts;
    return true;
}

static bool only_keys(struct json_value object, const char *place, const char *const *allowed,
                      struct error *error)
{
    struct json_items items = json_items_begin(object, "");
    while (json_items_next(&items)) {
        size_t i = 0;
        while (allowed[i] != NULL && strcmp(allowed[i], items.key) != 0)
            i++;
        if (allowed[i] == NULL)
            return error_set(error, "%s: \"%.80s\" is no key here", place, items.key);
    }
    return true;
}

static bool read_policy(struct policy_spec *spec, struct json_value value, const char *place,
                        struct error *error)
{
    static const char *const keys[] = {"plugin", "settings", NULL};
    struct policy_ref *ref = &spec->refs[spec->count++];
    ref->place = place;
    ref->plugin = json_value_text(value, "plugin");
    if (ref->plugin == NULL)
        return error_set(error, "%s: it must be an object with a text \"plugin\"", place);
    return only_keys(value, place, keys, error) &&
           read_settings(spec, json_value_at(value, "settings"), ref, error);
}

static bool read_list(struct policy_spec *spec, struct json_value list, struct error *error)
{
    const size_t count = json_value_count(list, "");
    if (json_value_type(list) != JSON_ARRAY || count < 1 || count > CHAIN_POLICIES_MAX)
        return error_set(error, "policies: it must be a list of 1 to %d policies",
                         CHAIN_POLICIES_MAX);
    struct json_items items = json_items_begin(list, "");
    while (spec->count < count && json_items_next(&items)) {
        const char *place = arena_printf(&spec->arena, "policies[%zu]", spec->count).ptr;
        if (!read_policy(spec, items.value, place, error))
            return false;
    }
    return true;
}

/* A text or nothing. */
static bool read_word(struct json_value root, const char *key, const char **out,
                      struct error *error)
{
    *out = json_value_text(root, key);
    return *out != NULL || json_value_type(json_value_at(root, key)) == JSON_NONE ||
           error_set(error, "%s: it must be a text", key);
}

static bool read_root(struct policy_spec *spec, struct json_value root, struct error *error)
{
    static const char *const single[] = {"plugin", "settings", NULL};
    static const char *const several[] = {"policies", NULL};
    static const char *const words[] = {"policy", "stop", NULL};
    if (json_value_type(root) != JSON_OBJECT)
        return error_set(error, "the body must be a JSON object");
    if (json_value_type(json_value_at(root, "policies")) != JSON_NONE)
        return only_keys(root, "body", several, error) &&
               read_list(spec, json_value_at(root, "policies"), error);
    if (json_value_type(json_value_at(root, "plugin")) != JSON_NONE)
        return only_keys(root, "body", single, error) && read_policy(spec, root, "body", error);
    return only_keys(root, "body", words, error) && read_word(root, "policy", &spec->name, error) &&
           read_word(root, "stop", &spec->stop, error);
}

bool policy_spec_read(struct policy_spec *spec, struct slice body, struct error *error)
{
    *spec = (struct policy_spec){0};
    arena_init(&spec->arena);
    if (slice_trim(body).len == 0)
        return true;
    const char *why = "";
    spec->tree = json_tree_parse(body.ptr, body.len, &why);
    if (spec->tree == NULL)
        return error_set(error, "the body is no JSON: %s", why);
    return read_root(spec, json_tree_root(spec->tree), error);
}

void policy_spec_finish(struct policy_spec *spec)
{
    json_tree_destroy(&spec->tree);
    arena_finish(&spec->arena);
}
