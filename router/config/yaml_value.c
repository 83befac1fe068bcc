/* The typed readers of yaml.h: one value, exact, or a sentence about it. */
#include <math.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/suggest.h"
#include "config/yaml.h"

#define WHAT_MAX 320

static const char *found_text(const struct yaml_node *node, char *out, size_t size)
{
    if (node->kind == YAML_MAP)
        snprintf(out, size, "a map");
    else if (node->kind == YAML_LIST)
        snprintf(out, size, "a list");
    else if (node->text_len == 0)
        snprintf(out, size, node->quoted ? "an empty text" : "nothing");
    else
        snprintf(out, size, "\"%.60s\"%s", node->text, node->text_len > 60 ? "..." : "");
    return out;
}

bool yaml_unexpected(const struct yaml_node *node, const char *what)
{
    char found[80];
    return yaml_problem(node, "expected %s, found %s", what, found_text(node, found, sizeof found));
}

const char *yaml_suggestion(const char *found, const char *const *names)
{
    size_t count = 0;
    while (names[count] != NULL)
        count++;
    return suggest_word(found, names, count);
}

static struct slice scalar(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR ? slice_make(node->text, node->text_len) : SLICE_NONE;
}

/* "WHAT (default X)" */
static const char *with_default(char *out, const char *what, const char *otherwise)
{
    if (otherwise == NULL)
        snprintf(out, WHAT_MAX, "%s", what);
    else
        snprintf(out, WHAT_MAX, "%s (default %s)", what, otherwise);
    return out;
}

bool yaml_as_map(const struct yaml_node *node)
{
    return node->kind == YAML_MAP || yaml_unexpected(node, "a map");
}

bool yaml_as_list(const struct yaml_node *node)
{
    return node->kind == YAML_LIST || yaml_unexpected(node, "a list");
}

static struct yaml_node *if_map(struct yaml_node *node)
{
    return node != NULL && yaml_as_map(node) ? node : NULL;
}

static struct yaml_node *if_list(struct yaml_node *node)
{
    return node != NULL && yaml_as_list(node) ? node : NULL;
}

struct yaml_node *yaml_get_map(struct yaml_node *map, const char *key)
{
    return if_map(yaml_get(map, key));
}

struct yaml_node *yaml_need_map(struct yaml_node *map, const char *key)
{
    return if_map(yaml_need(map, key));
}

struct yaml_node *yaml_get_list(struct yaml_node *map, const char *key)
{
    return if_list(yaml_get(map, key));
}

struct yaml_node *yaml_need_list(struct yaml_node *map, const char *key)
{
    struct yaml_node *list = if_list(yaml_need(map, key));
    if (list != NULL && list->count == 0)
        yaml_problem(list, "expected at least one entry, found an empty list");
    return list;
}

static bool read_number(const struct yaml_node *node, double *out, double min, double max,
                        const char *otherwise)
{
    double value;
    if (slice_to_double(scalar(node), &value) && value >= min && value <= max) {
        *out = value;
        return true;
    }
    char range[128], what[WHAT_MAX];
    snprintf(range, sizeof range, "a number from %.10g to %.10g", min, max);
    return yaml_unexpected(node, with_default(what, range, otherwise));
}

bool yaml_as_number(const struct yaml_node *node, double *out, double min, double max)
{
    *out = NAN;
    return read_number(node, out, min, max, NULL);
}

bool yaml_get_number(struct yaml_node *map, const char *key, double *out, double min, double max,
                     double otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = otherwise;
    if (node == NULL)
        return true;
    char text[32];
    snprintf(text, sizeof text, "%.10g", otherwise);
    return read_number(node, out, min, max, isnan(otherwise) ? NULL : text);
}

bool yaml_need_number(struct yaml_node *map, const char *key, double *out, double min, double max)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out = NAN;
    return node != NULL && yaml_as_number(node, out, min, max);
}

static bool read_int(const struct yaml_node *node, int64_t *out, int64_t min, int64_t max,
                     const char *otherwise)
{
    int64_t value;
    if (slice_to_i64(scalar(node), &value) && value >= min && value <= max) {
        *out = value;
        return true;
    }
    char range[128], what[WHAT_MAX];
    snprintf(range, sizeof range, "a whole number from %lld to %lld", (long long)min,
             (long long)max);
    return yaml_unexpected(node, with_default(what, range, otherwise));
}

bool yaml_as_int(const struct yaml_node *node, int64_t *out, int64_t min, int64_t max)
{
    *out = min;
    return read_int(node, out, min, max, NULL);
}

bool yaml_get_int(struct yaml_node *map, const char *key, int64_t *out, int64_t min, int64_t max,
                  int64_t otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = otherwise;
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)otherwise);
    return node == NULL || read_int(node, out, min, max, text);
}

bool yaml_need_int(struct yaml_node *map, const char *key, int64_t *out, int64_t min, int64_t max)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out = min;
    return node != NULL && yaml_as_int(node, out, min, max);
}

static bool read_bool(const struct yaml_node *node, bool *out, const char *otherwise)
{
    const struct slice text = scalar(node);
    if (slice_eq(text, SLICE("true")) || slice_eq(text, SLICE("on")))
        *out = true;
    else if (slice_eq(text, SLICE("false")) || slice_eq(text, SLICE("off")))
        *out = false;
    else {
        char what[WHAT_MAX];
        return yaml_unexpected(node, with_default(what, "true or false", otherwise));
    }
    return true;
}

bool yaml_as_bool(const struct yaml_node *node, bool *out)
{
    *out = false;
    return read_bool(node, out, NULL);
}

bool yaml_get_bool(struct yaml_node *map, const char *key, bool *out, bool otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = otherwise;
    return node == NULL || read_bool(node, out, otherwise ? "true" : "false");
}

struct unit {
    const char *name;
    double scale;
};

/* Longest first, so that "5ms" is not "5m" and an s. */
static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60e3}, {"h", 3600e3}, {NULL, 0}};
static const struct unit size_units[] = {
    {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"B", 1}, {NULL, 0}};

static bool parse_scaled(struct slice text, const struct unit *units, double *out)
{
    for (; units->name != NULL; units++)
        if (slice_ends(text, slice_of(units->name))) {
            text.len -= strlen(units->name);
            if (!slice_to_double(text, out))
                return false;
            *out *= units->scale;
            return true;
        }
    return false;
}

static bool parse_duration(struct slice text, double *out_ms)
{
    return parse_scaled(text, duration_units, out_ms) ||
           (slice_eq(text, SLICE("0")) && (*out_ms = 0) == 0);
}

static bool parse_size(struct slice text, double *out_bytes)
{
    uint64_t plain;
    if (slice_to_u64(text, &plain)) {
        *out_bytes = (double)plain;
        return true;
    }
    return parse_scaled(text, size_units, out_bytes) && *out_bytes == floor(*out_bytes);
}

typedef bool parse_function(struct slice text, double *out);

/* Bounds and defaults are written in our own source. */
static double own(parse_function *parse, const char *text)
{
    double value;
    CHECK(parse(slice_of(text), &value));
    return value;
}

static bool read_scaled(const struct yaml_node *node, double *out, parse_function *parse,
                        const char *noun, const char *min, const char *max, const char *otherwise)
{
    double value;
    if (parse(scalar(node), &value) && value >= own(parse, min) && value <= own(parse, max)) {
        *out = value;
        return true;
    }
    char range[128], what[WHAT_MAX];
    snprintf(range, sizeof range, "a %s from %s to %s", noun, min, max);
    return yaml_unexpected(node, with_default(what, range, otherwise));
}

bool yaml_as_duration(const struct yaml_node *node, double *out_ms, const char *min,
                      const char *max)
{
    *out_ms = own(parse_duration, min);
    return read_scaled(node, out_ms, parse_duration, "duration", min, max, NULL);
}

bool yaml_get_duration(struct yaml_node *map, const char *key, double *out_ms, const char *min,
                       const char *max, const char *otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out_ms = otherwise ? own(parse_duration, otherwise) : NAN;
    return node == NULL ||
           read_scaled(node, out_ms, parse_duration, "duration", min, max, otherwise);
}

bool yaml_need_duration(struct yaml_node *map, const char *key, double *out_ms, const char *min,
                        const char *max)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out_ms = own(parse_duration, min);
    return node != NULL && yaml_as_duration(node, out_ms, min, max);
}

static bool read_size(const struct yaml_node *node, uint64_t *out_bytes, const char *min,
                      const char *max, const char *otherwise)
{
    double value = 0;
    if (!read_scaled(node, &value, parse_size, "size", min, max, otherwise))
        return false;
    *out_bytes = (uint64_t)value;
    return true;
}

bool yaml_as_size(const struct yaml_node *node, uint64_t *out_bytes, const char *min,
                  const char *max)
{
    *out_bytes = (uint64_t)own(parse_size, min);
    return read_size(node, out_bytes, min, max, NULL);
}

bool yaml_get_size(struct yaml_node *map, const char *key, uint64_t *out_bytes, const char *min,
                   const char *max, const char *otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out_bytes = (uint64_t)own(parse_size, otherwise);
    return node == NULL || read_size(node, out_bytes, min, max, otherwise);
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return true;
    return false;
}

static bool read_text(const struct yaml_node *node, const char **out, size_t most,
                      const char *otherwise)
{
    const struct slice text = scalar(node);
    if (text.len > 0 && has_control(text))
        return yaml_problem(node, "contains a control byte; only printable text is allowed");
    if (text.len >= 1 && text.len <= most) {
        *out = node->text;
        return true;
    }
    char range[128], what[WHAT_MAX];
    snprintf(range, sizeof range, "text of 1 to %zu bytes", most);
    return yaml_unexpected(node, with_default(what, range, otherwise));
}

bool yaml_as_text(const struct yaml_node *node, const char **out, size_t most)
{
    *out = "";
    return read_text(node, out, most, NULL);
}

bool yaml_get_text(struct yaml_node *map, const char *key, const char **out, size_t most,
                   const char *otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = otherwise;
    const bool show = otherwise != NULL && *otherwise != '\0';
    return node == NULL || read_text(node, out, most, show ? otherwise : NULL);
}

bool yaml_need_text(struct yaml_node *map, const char *key, const char **out, size_t most)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out = "";
    return node != NULL && yaml_as_text(node, out, most);
}

static bool read_name(const struct yaml_node *node, const char **out, const char *otherwise)
{
    const struct slice text = scalar(node);
    bool good = text.len >= 1 && text.len <= YAML_NAME_MAX;
    for (size_t i = 0; good && i < text.len; i++)
        good = (text.ptr[i] >= 'a' && text.ptr[i] <= 'z') ||
               (text.ptr[i] >= '0' && text.ptr[i] <= '9') ||
               (text.ptr[i] != '\0' && strchr("._-", text.ptr[i]) != NULL);
    if (good) {
        *out = node->text;
        return true;
    }
    char range[128], what[WHAT_MAX];
    snprintf(range, sizeof range, "a name of 1 to %d of a-z 0-9 . _ -", YAML_NAME_MAX);
    return yaml_unexpected(node, with_default(what, range, otherwise));
}

bool yaml_as_name(const struct yaml_node *node, const char **out)
{
    *out = "";
    return read_name(node, out, NULL);
}

bool yaml_get_name(struct yaml_node *map, const char *key, const char **out, const char *otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = otherwise;
    const bool show = otherwise != NULL && *otherwise != '\0';
    return node == NULL || read_name(node, out, show ? otherwise : NULL);
}

bool yaml_need_name(struct yaml_node *map, const char *key, const char **out)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out = "";
    return node != NULL && yaml_as_name(node, out);
}

static bool choice_unexpected(const struct yaml_node *node, const char *const *choices,
                              const char *otherwise)
{
    struct buffer list = {0};
    for (const char *const *choice = choices; *choice != NULL; choice++)
        buffer_printf(&list, "%s%s", choice == choices ? "" : choice[1] ? ", " : " or ", *choice);
    if (otherwise != NULL)
        buffer_printf(&list, " (default %s)", otherwise);
    char found[80];
    const char *near = node->kind == YAML_SCALAR ? yaml_suggestion(node->text, choices) : NULL;
    found_text(node, found, sizeof found);
    if (near != NULL)
        yaml_problem(node, "expected %.*s, found %s; did you mean \"%s\"?",
                     SLICE_ARG(buffer_slice(&list)), found, near);
    else
        yaml_problem(node, "expected %.*s, found %s", SLICE_ARG(buffer_slice(&list)), found);
    buffer_release(&list);
    return false;
}

static bool read_choice(const struct yaml_node *node, int *out, const char *const *choices,
                        const char *otherwise)
{
    for (int i = 0; choices[i] != NULL; i++)
        if (slice_eq(scalar(node), slice_of(choices[i]))) {
            *out = i;
            return true;
        }
    return choice_unexpected(node, choices, otherwise);
}

bool yaml_as_choice(const struct yaml_node *node, int *out, const char *const *choices)
{
    *out = 0;
    return read_choice(node, out, choices, NULL);
}

bool yaml_get_choice(struct yaml_node *map, const char *key, int *out, const char *const *choices,
                     int otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);
    *out = otherwise;
    return node == NULL || read_choice(node, out, choices, choices[otherwise]);
}

bool yaml_need_choice(struct yaml_node *map, const char *key, int *out, const char *const *choices)
{
    const struct yaml_node *node = yaml_need(map, key);
    *out = 0;
    return node != NULL && yaml_as_choice(node, out, choices);
}
