#include "policy/option.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

#define HELP_MAX 200
#define TEXT_SHOWN 64 /* of an operator's text, in a sentence */

static const struct type_row {
    const char *name;
    size_t size, alignment;
    bool ranged;
} types[] = {
    [ISO_TYPE_BOOL] = {"bool", sizeof(bool), sizeof(bool), false},
    [ISO_TYPE_INT] = {"int", sizeof(int64_t), sizeof(int64_t), true},
    [ISO_TYPE_NUMBER] = {"number", sizeof(double), sizeof(double), true},
    [ISO_TYPE_DURATION] = {"duration", sizeof(double), sizeof(double), true},
    [ISO_TYPE_CHOICE] = {"choice", sizeof(int32_t), sizeof(int32_t), false},
    [ISO_TYPE_TEXT] = {"text", ISO_TEXT_BYTES, 1, false},
};

const char *option_type_name(uint32_t type)
{
    return type < COUNT_OF(types) ? types[type].name : NULL;
}

const struct iso_option *option_at(const struct iso_policy *policy, uint32_t k)
{
    return (const struct iso_option *)(const void *)((const char *)policy->options +
                                                     (size_t)k * policy->option_size);
}

static void choices_text(const struct iso_option *option, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; option->choices[i] && at < size; i++) {
        const char *between = i == 0 ? "" : option->choices[i + 1] ? ", " : " or ";
        at += (size_t)snprintf(out + at, size - at, "%s%s", between, option->choices[i]);
    }
}

void option_allowed(const struct iso_option *option, char *out, size_t size)
{
    if (option->type == ISO_TYPE_BOOL)
        snprintf(out, size, "on or off");
    else if (option->type == ISO_TYPE_CHOICE)
        choices_text(option, out, size);
    else if (option->type == ISO_TYPE_TEXT)
        snprintf(out, size, "a text of at most %d bytes", ISO_TEXT_BYTES - 1);
    else if (option->min && option->max)
        snprintf(out, size, "%s to %s", option->min, option->max);
    else if (option->min)
        snprintf(out, size, "%s or more", option->min);
    else if (option->max)
        snprintf(out, size, "at most %s", option->max);
    else
        snprintf(out, size, option->type == ISO_TYPE_DURATION ? "0s or more" : "any");
}

const char *option_default(const struct iso_option *option)
{
    return !option->def ? "" : option->def[0] ? option->def : "\"\"";
}

/* "90m is out of range; it may be 100ms to 10m, default 5s" */
static bool refuse(const struct iso_option *option, struct error *error, const char *text,
                   const char *fault)
{
    char allowed[320];
    option_allowed(option, allowed, sizeof allowed);
    return error_set(error, "%.*s %s; it may be %s%s%.64s", TEXT_SHOWN, text, fault, allowed,
                     option->def ? ", default " : "", option_default(option));
}

static bool refuse_quoted(const struct iso_option *option, struct error *error, const char *text,
                          const char *fault)
{
    char quoted[TEXT_SHOWN];
    snprintf(quoted, sizeof quoted, "\"%.*s\"", TEXT_SHOWN - 3, text);
    return refuse(option, error, quoted, fault);
}

static bool duration_parse(const char *text, double *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1.0}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}};
    size_t digits = strlen(text);
    while (digits > 0 && isalpha((unsigned char)text[digits - 1]))
        digits--;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcmp(text + digits, units[i].unit) == 0) {
            double number;
            if (!slice_to_double(slice_make(text, digits), &number))
                return false;
            *ms = number * units[i].ms;
            return isfinite(*ms);
        }
    }
    return false;
}

static bool choice_parse(const struct iso_option *option, const char *text, int32_t *choice)
{
    for (int32_t i = 0; option->choices[i]; i++) {
        if (strcmp(text, option->choices[i]) == 0) {
            *choice = i;
            return true;
        }
    }
    return false;
}

static bool text_parse(const struct iso_option *option, const char *text, char *out,
                       struct error *error)
{
    const size_t len = strlen(text);
    if (len >= ISO_TEXT_BYTES)
        return refuse_quoted(option, error, text, "is too long");
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return refuse(option, error, "what is given", "has a control byte");
    memcpy(out, text, len + 1);
    return true;
}

/* Form only; the range is option_parse's. */
static bool form_parse(const struct iso_option *option, const char *text, union option_value *value,
                       struct error *error)
{
    memset(value, 0, sizeof *value);
    switch (option->type) {
    case ISO_TYPE_BOOL:
        value->bool_value = strcmp(text, "on") == 0;
        if (!value->bool_value && strcmp(text, "off") != 0)
            return refuse_quoted(option, error, text, "is not a switch");
        return true;
    case ISO_TYPE_INT:
        if (!slice_to_i64(slice_of(text), &value->int_value))
            return refuse_quoted(option, error, text, "is not a whole number");
        return true;
    case ISO_TYPE_NUMBER:
        if (!slice_to_double(slice_of(text), &value->number))
            return refuse_quoted(option, error, text, "is not a number");
        return true;
    case ISO_TYPE_DURATION:
        if (!duration_parse(text, &value->number))
            return refuse_quoted(option, error, text,
                                 "is not a duration with its unit, such as 250ms, 5s, 10m or 1h");
        return true;
    case ISO_TYPE_CHOICE:
        if (!choice_parse(option, text, &value->choice))
            return refuse_quoted(option, error, text, "is not one of its choices");
        return true;
    case ISO_TYPE_TEXT:
        return text_parse(option, text, value->text, error);
    default:
        return error_set(error, "type is %u; it may be 1 to %zu (enum iso_type)", option->type,
                         COUNT_OF(types) - 1);
    }
}

/* -1, 0, 1 */
static int value_compare(uint32_t type, union option_value a, union option_value b)
{
    if (type == ISO_TYPE_INT)
        return (a.int_value > b.int_value) - (a.int_value < b.int_value);
    return (a.number > b.number) - (a.number < b.number);
}

static bool in_range(const struct iso_option *option, union option_value value)
{
    union option_value bound;
    struct error unused;
    if (!types[option->type].ranged)
        return true;
    if (option->min && form_parse(option, option->min, &bound, &unused) &&
        value_compare(option->type, value, bound) < 0)
        return false;
    if (option->max && form_parse(option, option->max, &bound, &unused) &&
        value_compare(option->type, value, bound) > 0)
        return false;
    return option->type != ISO_TYPE_DURATION || value.number >= 0;
}

bool option_parse(const struct iso_option *option, const char *text, union option_value *value,
                  struct error *error)
{
    if (!form_parse(option, text, value, error))
        return false;
    return in_range(option, *value) || refuse(option, error, text, "is out of range");
}

/* --- the table, when the plugin is loaded --- */

static bool place_check(const struct iso_policy *policy, uint32_t k, struct error *error)
{
    const struct iso_option *option = option_at(policy, k);
    const size_t size = types[option->type].size, alignment = types[option->type].alignment;
    if (option->offset % alignment != 0)
        return error_set(error, "offset is %u; a %s stands at a multiple of %zu: use offsetof()",
                         option->offset, types[option->type].name, alignment);
    if (size > policy->settings_size || option->offset > policy->settings_size - size)
        return error_set(error,
                         "offset is %u and the value takes %zu bytes, but settings_size is %u",
                         option->offset, size, policy->settings_size);
    for (uint32_t other = 0; other < k; other++) {
        const struct iso_option *earlier = option_at(policy, other);
        if (strcmp(earlier->name, option->name) == 0)
            return error_set(error, "name is there twice; each option has its own");
        if (option->offset < earlier->offset + types[earlier->type].size &&
            earlier->offset < option->offset + size)
            return error_set(error, "offset is %u, inside the value of option %s at %u",
                             option->offset, earlier->name, earlier->offset);
    }
    return true;
}

static bool choices_check(const struct iso_option *option, struct error *error)
{
    if (option->type != ISO_TYPE_CHOICE)
        return !option->choices ||
               error_set(error, "choices is set, but the type is %s; only a choice has them",
                         types[option->type].name);
    if (!option->choices || !option->choices[0])
        return error_set(error, "choices is empty; a choice needs at least one");
    for (size_t i = 0; option->choices[i]; i++) {
        if (i == OPTION_CHOICES_MAX)
            return error_set(error, "choices has more than %d entries, or no NULL at its end",
                             OPTION_CHOICES_MAX);
        if (!option->choices[i][0])
            return error_set(error, "choices[%zu] is empty", i);
    }
    return true;
}

static bool bound_check(const struct iso_option *option, const char *field, const char *text,
                        struct error *error)
{
    union option_value value;
    if (!text)
        return true;
    if (!types[option->type].ranged)
        return error_set(error, "%s is set, but a %s has no range; leave it NULL", field,
                         types[option->type].name);
    return form_parse(option, text, &value, error) || error_prefix(error, "%s", field);
}

static bool values_check(const struct iso_option *option, struct error *error)
{
    union option_value min, max, value;
    if (!bound_check(option, "min", option->min, error) ||
        !bound_check(option, "max", option->max, error))
        return false;
    if (option->min && option->max && form_parse(option, option->min, &min, error) &&
        form_parse(option, option->max, &max, error) && value_compare(option->type, min, max) > 0)
        return error_set(error, "min is %.64s and max is %.64s; min may not be larger", option->min,
                         option->max);
    return !option->def || option_parse(option, option->def, &value, error) ||
           error_prefix(error, "def");
}

bool option_name_valid(const char *name)
{
    size_t i = 0;
    if (!(name[0] >= 'a' && name[0] <= 'z'))
        return false;
    while (name[i] == '_' || (name[i] >= 'a' && name[i] <= 'z') ||
           (name[i] >= '0' && name[i] <= '9'))
        if (++i > OPTION_NAME_MAX)
            return false;
    return name[i] == '\0';
}

static bool tail_check(const struct iso_policy *policy, const struct iso_option *option,
                       struct error *error)
{
    const char *bytes = (const char *)option;
    for (size_t i = sizeof *option; i < policy->option_size; i++)
        if (bytes[i])
            return error_set(error,
                             "byte %zu is set; this router knows the first %zu bytes of "
                             "an option and takes the rest only when it is zero",
                             i, sizeof *option);
    return true;
}

static bool option_check(const struct iso_policy *policy, uint32_t k, struct error *error)
{
    const struct iso_option *option = option_at(policy, k);
    if (!option->help || !option->help[0] || strlen(option->help) > HELP_MAX ||
        strchr(option->help, '\n'))
        return error_set(error, "help is %s; one line of 1 to %d bytes is needed",
                         option->help ? "empty or too long" : "NULL", HELP_MAX);
    if (!option_type_name(option->type))
        return error_set(error, "type is %u; it may be 1 to %zu (enum iso_type)", option->type,
                         COUNT_OF(types) - 1);
    return place_check(policy, k, error) && choices_check(option, error) &&
           values_check(option, error) && tail_check(policy, option, error);
}

bool option_table_check(const struct iso_policy *policy, struct error *error)
{
    for (uint32_t k = 0; k < policy->option_count; k++) {
        const struct iso_option *option = option_at(policy, k);
        if (!option->name || !option_name_valid(option->name))
            return error_set(error,
                             "options[%u].name is %s%.64s%s; a lower_snake_case name of at most %d "
                             "bytes is needed",
                             k, option->name ? "\"" : "", option->name ? option->name : "NULL",
                             option->name ? "\"" : "", OPTION_NAME_MAX);
        if (!option_check(policy, k, error))
            return error_prefix(error, "options[%u] (%s)", k, option->name);
    }
    return true;
}
