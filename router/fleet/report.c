#include "fleet/report.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct number {
    size_t offset;
    double least, most;
} numbers[] = {
#define X(name, least, most) [REPORT_FIELD_##name] = {offsetof(struct report, name), least, most},
    REPORT_NUMBERS(X)
#undef X
};

static const struct text {
    enum report_field field;
    size_t offset;
    size_t size;
} texts[] = {
#define X(name, size) {REPORT_FIELD_##name, offsetof(struct report, name), size},
    REPORT_TEXTS(X)
#undef X
};

static const char *const field_names[] = {
#define X(name, ...) [REPORT_FIELD_##name] = #name,
    REPORT_NUMBERS(X) REPORT_TEXTS(X)
#undef X
        [REPORT_FIELD_epoch] = "epoch",
    [REPORT_FIELD_seq] = "seq",
    [REPORT_FIELD_ts_ms] = "ts_ms",
    [REPORT_FIELD_state] = "state",
};

static const char *const state_names[] = {
    [REPORT_OPEN] = "open",
    [REPORT_EXISTING_ONLY] = "existing_only",
    [REPORT_CLOSED] = "closed",
};

static double *number_at(struct report *report, enum report_field field)
{
    return (double *)(void *)((char *)report + numbers[field].offset);
}

void report_init(struct report *report)
{
    memset(report, 0, sizeof *report);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        *number_at(report, (enum report_field)i) = NAN;
}

const char *report_field_name(enum report_field field)
{
    return field < REPORT_FIELD_COUNT ? field_names[field] : "?";
}

const char *report_state_name(enum report_state state)
{
    return state <= REPORT_CLOSED ? state_names[state] : "?";
}

/* Decimal digits first: no sign, no blank, no ".5", no word. */
static bool number_read(struct slice value, const struct number *number, double *out)
{
    if (value.len == 0 || value.len > REPORT_VALUE_MAX || value.ptr[0] < '0' || value.ptr[0] > '9')
        return false;
    double read;
    if (!slice_to_double(value, &read) || read < number->least || read > number->most)
        return false;
    *out = read;
    return true;
}

static bool text_read(struct slice value, char *out, size_t size)
{
    if (value.len >= size)
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
            return false;
    if (value.len > 0)
        memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
    return true;
}

static bool state_read(struct slice value, enum report_state *out)
{
    for (size_t i = 0; i < COUNT_OF(state_names); i++) {
        if (slice_eq(value, slice_of(state_names[i]))) {
            *out = (enum report_state)i;
            return true;
        }
    }
    return false;
}

static enum report_field field_find(struct slice name)
{
    for (size_t i = 0; i < REPORT_FIELD_COUNT; i++)
        if (slice_eq(name, slice_of(field_names[i])))
            return (enum report_field)i;
    return REPORT_FIELD_COUNT;
}

static bool field_read(struct report *report, enum report_field field, struct slice value)
{
    switch (field) {
    case REPORT_FIELD_epoch:
        return slice_to_u64(value, &report->epoch);
    case REPORT_FIELD_seq:
        return slice_to_u64(value, &report->seq);
    case REPORT_FIELD_ts_ms:
        return slice_to_u64(value, &report->ts_ms);
    case REPORT_FIELD_state:
        return state_read(value, &report->state);
    default:
        break;
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].field == field)
            return text_read(value, (char *)report + texts[i].offset, texts[i].size);
    return number_read(value, &numbers[field], number_at(report, field));
}

/* A name that comes twice: the first stands, the second is refused. */
static void pair_read(struct report *report, struct slice name, struct slice value,
                      struct report_refusals *refusals)
{
    const enum report_field field = field_find(name);
    if (field == REPORT_FIELD_COUNT) {
        refusals->unknown++;
        return;
    }
    const uint64_t bit = UINT64_C(1) << field;
    const bool again = ((report->present | report->refused) & bit) != 0;
    if (!again && field_read(report, field, value)) {
        report->present |= bit;
        return;
    }
    report->refused |= again ? 0 : bit;
    refusals->fields[field]++;
}

static bool report_is_useful(const struct report *report)
{
    const uint64_t order = UINT64_C(1) << REPORT_FIELD_epoch | UINT64_C(1) << REPORT_FIELD_seq;
    return (report->present & order) == order &&
           __builtin_popcountll(report->refused) <= __builtin_popcountll(report->present);
}

bool report_parse(const struct slice *pairs, size_t count, struct report *report,
                  struct report_refusals *refusals)
{
    report_init(report);
    bool sound = count % 2 == 0 && count / 2 <= REPORT_FIELDS_MAX;
    if (sound) {
        for (size_t i = 0; i < count; i += 2)
            pair_read(report, pairs[i], pairs[i + 1], refusals);
        sound = report_is_useful(report);
    }
    refusals->whole += !sound;
    return sound;
}
