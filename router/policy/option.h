/*
 * Option tables of policies: the operator's text becomes values in a policy's
 * settings struct.  Defaults and bounds are text too and take the same way,
 * when the plugin is loaded, so a table that contradicts itself is refused
 * then and not at the first use.
 *
 * Called by the loader (tables), settings (texts) and describe.
 */
#ifndef POLICY_OPTION_H
#define POLICY_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "isochrone/policy.h"

#define OPTION_NAME_MAX 48
#define OPTION_CHOICES_MAX 64

/* One value, as its type says; `bool_value` for ISO_TYPE_BOOL and so on. */
union option_value {
    bool bool_value;
    int64_t int_value;
    double number; /* ISO_TYPE_NUMBER; ISO_TYPE_DURATION in milliseconds */
    int32_t choice;
    char text[ISO_TEXT_BYTES];
};

/* "on" "off" | 42 | 0.5 | 250ms 5s 10m 1h | one of choices, in range | a
 * text.  On false the error says what was found and what is allowed: "90m is out of
 * range; it may be 100ms to 10m, default 5s".  [control] */
bool option_parse(const struct iso_option *option, const char *text, union option_value *value,
                  struct error *error) ISO_MUST_USE;

/* The k-th option of a table; the plugin's own stride. */
const struct iso_option *option_at(const struct iso_policy *policy, uint32_t k);

/* Names, types, offsets, alignment, defaults and bounds of the whole table.  [control] */
bool option_table_check(const struct iso_policy *policy, struct error *error) ISO_MUST_USE;

/* What an operator may write: "on or off", "100ms to 10m", "any".  */
void option_allowed(const struct iso_option *option, char *out, size_t size);

/* As shown to an operator: an empty text in quotes; "" when there is none. */
const char *option_default(const struct iso_option *option);

/* lower_snake_case, at most OPTION_NAME_MAX bytes. */
bool option_name_valid(const char *name);

/* "bool" "int" "number" "duration" "choice" "text"; NULL when there is no such type. */
const char *option_type_name(uint32_t type);

#endif
