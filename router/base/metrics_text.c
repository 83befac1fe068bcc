#include "base/metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

static const char *const type_words[] = {"counter", "gauge", "histogram"};

void metrics_begin(struct metrics_text *metrics, struct buffer *out, enum metrics_format format)
{
    *metrics = (struct metrics_text){.out = out, .format = format, .seen_size = 256};
    metrics->seen = memory_zalloc(metrics->seen_size * sizeof *metrics->seen);
}

void metrics_end(struct metrics_text *metrics)
{
    if (metrics->format == METRICS_OPENMETRICS)
        buffer_printf(metrics->out, "# EOF\n");
    free(metrics->seen);
    metrics->seen = NULL;
}

const char *metrics_content_type(enum metrics_format format)
{
    return format == METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

/* FNV-1a; 0 marks an empty place of the table. */
static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static bool seen_put(uint64_t *seen, size_t size, uint64_t hash)
{
    size_t at = hash & (size - 1);
    while (seen[at] != 0) {
        if (seen[at] == hash)
            return false;
        at = (at + 1) & (size - 1);
    }
    seen[at] = hash;
    return true;
}

static void seen_grow(struct metrics_text *metrics)
{
    const size_t size = metrics->seen_size * 2;
    uint64_t *seen = memory_zalloc(size * sizeof *seen);
    for (size_t i = 0; i < metrics->seen_size; i++)
        if (metrics->seen[i] != 0)
            seen_put(seen, size, metrics->seen[i]);
    free(metrics->seen);
    metrics->seen = seen;
    metrics->seen_size = size;
}

/* Once each: Prometheus drops the whole page for a series given twice. */
static void seen_once(struct metrics_text *metrics, const char *kind, const char *bytes, size_t len)
{
    if (metrics->seen_count * 2 >= metrics->seen_size)
        seen_grow(metrics);
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), kind, strlen(kind));
    hash = hash_bytes(hash, bytes, len);
    CHECK(seen_put(metrics->seen, metrics->seen_size, hash == 0 ? 1 : hash));
    metrics->seen_count++;
}

static bool name_valid(const char *name, bool colon)
{
    if (!(*name == '_' || (colon && *name == ':') || (*name >= 'a' && *name <= 'z') ||
          (*name >= 'A' && *name <= 'Z')))
        return false;
    for (; *name != '\0'; name++)
        if (!(*name == '_' || (colon && *name == ':') || (*name >= 'a' && *name <= 'z') ||
              (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9')))
            return false;
    return true;
}

/* OpenMetrics names a counter's family without the ending of its samples. */
static int family_len(const struct metrics_text *metrics, const char *name)
{
    const size_t len = strlen(name);
    const bool cut = metrics->format == METRICS_OPENMETRICS && metrics->type == METRIC_COUNTER;
    return (int)(cut ? len - strlen("_total") : len);
}

static void write_escaped(struct buffer *out, const char *text, size_t len, bool quotes)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            buffer_append(out, "\\n", 2);
        else if (text[i] == '\\')
            buffer_append(out, "\\\\", 2);
        else if (text[i] == '"' && quotes)
            buffer_append(out, "\\\"", 2);
        else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            buffer_append_byte(out, '?');
        else
            buffer_append_byte(out, text[i]);
    }
}

void metrics_family(struct metrics_text *metrics, enum metric_type type, const char *name,
                    const char *help)
{
    CHECK(name_valid(name, true));
    CHECK((type == METRIC_COUNTER) == slice_ends(slice_of(name), SLICE("_total")));
    metrics->type = type;
    metrics->name = name;
    seen_once(metrics, "family ", name, strlen(name));
    const int len = family_len(metrics, name);
    buffer_printf(metrics->out, "# HELP %.*s ", len, name);
    write_escaped(metrics->out, help, strlen(help), metrics->format == METRICS_OPENMETRICS);
    buffer_printf(metrics->out, "\n# TYPE %.*s %s\n", len, name, type_words[type]);
}

/* Not past the limit, and not through the middle of a UTF-8 character. */
static size_t capped_len(const char *value)
{
    size_t len = strlen(value);
    if (len > METRIC_LABEL_BYTES_MAX) {
        len = METRIC_LABEL_BYTES_MAX;
        while (len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80)
            len--;
    }
    return len;
}

/* "name_suffix{labels} ": the series is checked and the value may follow. */
static void write_series(struct metrics_text *metrics, const char *suffix,
                         const struct metric_label *labels, const char *bound)
{
    struct buffer *out = metrics->out;
    CHECK(metrics->name != NULL);
    const size_t start = buffer_len(out);
    buffer_printf(out, "%s%s", metrics->name, suffix);
    char mark = '{';
    for (; labels->name != NULL; labels++) {
        CHECK(name_valid(labels->name, false));
        const char *value = labels->value ? labels->value : "";
        buffer_printf(out, "%c%s=\"", mark, labels->name);
        write_escaped(out, value, capped_len(value), true);
        buffer_append_byte(out, '"');
        mark = ',';
    }
    if (bound != NULL) {
        buffer_printf(out, "%cle=\"%s\"", mark, bound);
        mark = ',';
    }
    if (mark == ',')
        buffer_append_byte(out, '}');
    const struct slice all = buffer_slice(out);
    seen_once(metrics, "series ", all.ptr + start, all.len - start);
    buffer_append_byte(out, ' ');
}

void metrics_uint(struct metrics_text *metrics, uint64_t value, const struct metric_label *labels)
{
    CHECK(metrics->type != METRIC_HISTOGRAM);
    write_series(metrics, "", labels, NULL);
    buffer_printf(metrics->out, "%llu\n", (unsigned long long)value);
}

static void write_number(struct buffer *out, double value)
{
    if (isinf(value))
        buffer_printf(out, "%s\n", value > 0 ? "+Inf" : "-Inf");
    else
        buffer_printf(out, "%.15g\n", value);
}

void metrics_number(struct metrics_text *metrics, double value, const struct metric_label *labels)
{
    CHECK(metrics->type != METRIC_HISTOGRAM);
    if (isnan(value))
        return;
    write_series(metrics, "", labels, NULL);
    write_number(metrics->out, value);
}

void metrics_histogram(struct metrics_text *metrics, const struct distribution_total *total,
                       const struct metric_label *labels)
{
    CHECK(metrics->type == METRIC_HISTOGRAM);
    if (total->bounds == NULL)
        return;
    uint64_t below = 0;
    for (size_t i = 0; i <= total->bounds->count; i++) {
        char bound[32] = "+Inf";
        if (i < total->bounds->count) {
            const double upper = total->bounds->upper[i];
            /* OpenMetrics wants 1.0 where the older format takes 1. */
            snprintf(bound, sizeof bound, upper == floor(upper) && upper < 1e6 ? "%.1f" : "%.10g",
                     upper);
        }
        below += total->buckets[i];
        write_series(metrics, "_bucket", labels, bound);
        buffer_printf(metrics->out, "%llu\n", (unsigned long long)below);
    }
    write_series(metrics, "_sum", labels, NULL);
    write_number(metrics->out, total->sum);
    write_series(metrics, "_count", labels, NULL);
    buffer_printf(metrics->out, "%llu\n", (unsigned long long)total->count);
}
