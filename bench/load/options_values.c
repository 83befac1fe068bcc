#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"
#include "load/duration.h"
#include "load/options_reader.h"

bool options_count(struct options_reader *r, const char *text, uint64_t least, uint64_t most,
                   uint64_t *out)
{
    if (slice_to_u64(slice_of(text), out) && *out >= least && *out <= most)
        return true;
    return error_set(r->error, "expected a whole number, %llu to %llu, found %s",
                     (unsigned long long)least, (unsigned long long)most, text);
}

bool options_count32(struct options_reader *r, const char *text, uint32_t least, uint32_t most,
                     uint32_t *out)
{
    uint64_t value = 0;
    if (!options_count(r, text, least, most, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool options_duration(struct options_reader *r, const char *text, double *out_ms)
{
    if (duration_parse(slice_of(text), out_ms) && *out_ms <= 7 * 86400e3)
        return true;
    return error_set(r->error,
                     "expected a duration such as 500ms, 30s or 5m, at most 168h, found %s", text);
}

bool options_choice(struct options_reader *r, const char *text, const char *const *choices,
                    unsigned *out)
{
    struct buffer list = {0};
    for (*out = 0; choices[*out] != NULL; ++*out) {
        if (strcmp(choices[*out], text) == 0) {
            buffer_release(&list);
            return true;
        }
        buffer_printf(&list, "%s%s", *out > 0 ? ", " : "", choices[*out]);
    }
    error_set(r->error, "expected one of %.*s, found %s", SLICE_ARG(buffer_slice(&list)), text);
    buffer_release(&list);
    return false;
}

bool options_rate(struct options_reader *r, const char *text)
{
    if (slice_to_double(slice_of(text), &r->out->schedule.rate) && r->out->schedule.rate >= 0.001 &&
        r->out->schedule.rate <= 1e6)
        return true;
    return error_set(r->error, "expected requests a second, 0.001 to 1000000, found %s", text);
}

bool options_target(struct options_reader *r, const char *text)
{
    if (r->out->target_count == OPTIONS_TARGETS_MOST)
        return error_set(r->error, "at most %d", OPTIONS_TARGETS_MOST);
    return target_read(slice_of(text), r->arena, &r->out->targets[r->out->target_count++],
                       r->error);
}

/* NAME=IP[@URL] */
bool options_place(struct options_reader *r, const char *text)
{
    struct options *out = r->out;
    struct slice rest = slice_of(text), name, source;
    if (out->place_count == OPTIONS_PLACES_MOST)
        return error_set(r->error, "at most %d", OPTIONS_PLACES_MOST);
    if (!slice_split(&rest, '=', &name) || name.len == 0 || name.len >= TALLY_NAME_BYTES ||
        !slice_split(&rest, '@', &source))
        return error_set(r->error, "expected NAME=IP or NAME=IP@URL, found %s", text);
    struct options_place *place = &out->places[out->place_count];
    place->name = arena_copy(r->arena, name).ptr;
    for (uint32_t i = 0; i < out->place_count; i++)
        if (strcmp(out->places[i].name, place->name) == 0)
            return error_set(r->error, "there are two places named %s", place->name);
    if (!address_parse_ip(source, &place->source))
        return error_set(r->error, "%s: %.*s is no IP address", text, SLICE_ARG(source));
    place->has_target = rest.ptr != NULL;
    out->place_count++;
    return !place->has_target || target_read(rest, r->arena, &place->target, r->error);
}

bool options_header(struct options_reader *r, const char *text)
{
    struct slice rest = slice_of(text), name;
    if (r->out->header_count == OPTIONS_HEADERS_MOST)
        return error_set(r->error, "at most %d", OPTIONS_HEADERS_MOST);
    if (!slice_split(&rest, ':', &name) || rest.ptr == NULL || !field_name_valid(name) ||
        !field_value_valid(slice_trim(rest)))
        return error_set(r->error, "expected 'NAME: VALUE', found %s", text);
    char *lower = arena_alloc(r->arena, name.len);
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    r->out->headers[r->out->header_count++] =
        (struct field){slice_make(lower, name.len), slice_trim(rest)};
    return true;
}

bool options_assertion(struct options_reader *r, const char *text)
{
    if (r->out->assertion_count == OPTIONS_ASSERTIONS_MOST)
        return error_set(r->error, "at most %d", OPTIONS_ASSERTIONS_MOST);
    return assertion_parse(slice_of(text), &r->out->assertions[r->out->assertion_count++],
                           r->error);
}

bool options_promise(struct options_reader *r, const char *text)
{
    if (r->out->promise_count == OPTIONS_PROMISES_MOST)
        return error_set(r->error, "at most %d", OPTIONS_PROMISES_MOST);
    return promise_parse(slice_of(text), &r->out->promises[r->out->promise_count++], r->error);
}

bool options_model(struct options_reader *r, const char *text)
{
    struct buffer quoted = {0};
    struct json json;
    if (text[0] == '\0' || strlen(text) > 128)
        return error_set(r->error, "expected a name of 1 to 128 bytes");
    json_init(&json, &quoted);
    json_slice(&json, slice_of(text));
    r->out->model = text;
    r->out->prompt.model = arena_copy(r->arena, buffer_slice(&quoted));
    buffer_release(&quoted);
    return true;
}

/* NAME[=WEIGHT][,...] */
bool options_class(struct options_reader *r, const char *text)
{
    struct options *out = r->out;
    struct slice rest = slice_of(text), part, name;
    out->class_count = 0;
    out->class_weight = 0;
    while (slice_split(&rest, ',', &part)) {
        double weight = 1;
        const bool weighted = slice_split(&part, '=', &name) && part.ptr != NULL;
        const enum traffic_class found = traffic_class_find(name);
        if (out->class_count == OPTIONS_CLASSES_MOST || found == CLASS_COUNT ||
            (weighted && (!slice_to_double(part, &weight) || !(weight > 0 && weight <= 1e6))))
            return error_set(r->error,
                             "expected NAME or NAME=WEIGHT,... with names of priority, "
                             "interactive, flex, batch and weights above 0, found %s",
                             text);
        out->classes[out->class_count++] = (struct options_class){found, weight};
        out->class_weight += weight;
    }
    return true;
}

static bool is_file(const char *text)
{
    return access(text, F_OK) == 0;
}

/* ":A[,B,C]" behind the kind; `least` and `most` values. */
static bool read_parameters(const char *text, double *out, size_t least, size_t most)
{
    struct slice rest = slice_of(text), part;
    size_t count = 0;
    if (text[0] == '\0')
        return least == 0;
    if (text[0] != ':')
        return false;
    rest = slice_make(text + 1, rest.len - 1);
    while (slice_split(&rest, ',', &part)) {
        double ms;
        if (count == most)
            return false;
        if (!slice_to_double(part, &out[count])) {
            if (!duration_parse(part, &ms))
                return false;
            out[count] = ms / 1e3;
        }
        count++;
    }
    return count >= least;
}

static bool read_ramp(struct options_reader *r, const char *text)
{
    struct schedule_settings *schedule = &r->out->schedule;
    schedule->arrivals = ARRIVALS_RAMP;
    schedule->from_rate = 0;
    return (read_parameters(text, &schedule->from_rate, 0, 1) && schedule->from_rate >= 0 &&
            schedule->from_rate <= 1e6) ||
           error_set(r->error, "expected ramp or ramp:FROM with requests a second, found ramp%s",
                     text);
}

static bool read_burst(struct options_reader *r, const char *text)
{
    struct schedule_settings *schedule = &r->out->schedule;
    double values[3] = {5, 2, 20};
    const bool good = read_parameters(text, values, 0, 3);
    schedule->arrivals = ARRIVALS_BURST;
    schedule->burst_factor = values[0];
    schedule->burst_s = values[1];
    schedule->period_s = values[2];
    return (good && values[0] > 0 && values[0] <= 1e6 && values[1] > 0 && values[1] < values[2]) ||
           error_set(r->error,
                     "expected burst:FACTOR,LASTS,EVERY such as burst:5,2s,20s with LASTS less "
                     "than EVERY, found burst%s",
                     text);
}

bool options_arrivals(struct options_reader *r, const char *text)
{
    struct schedule_settings *schedule = &r->out->schedule;
    r->out->arrivals_text = text;
    if (strcmp(text, "poisson") == 0 || strcmp(text, "constant") == 0) {
        schedule->arrivals = text[0] == 'p' ? ARRIVALS_POISSON : ARRIVALS_CONSTANT;
        return true;
    }
    if (!is_file(text) && strncmp(text, "ramp", 4) == 0)
        return read_ramp(r, text + 4);
    if (!is_file(text) && strncmp(text, "burst", 5) == 0)
        return read_burst(r, text + 5);
    if (!is_file(text))
        return error_set(r->error,
                         "expected poisson, constant, ramp[:FROM], burst[:FACTOR,LASTS,EVERY] or "
                         "a file, found %s",
                         text);
    schedule->arrivals = ARRIVALS_TRACE;
    return true;
}

bool options_yes(struct options_reader *r, const char *text, const char *yes, const char *no,
                 bool *out)
{
    const char *const choices[] = {yes, no, NULL};
    unsigned choice = 0;
    const bool good = options_choice(r, text, choices, &choice);
    *out = choice == 0;
    return good;
}
