#include "agent/prometheus.h"

static bool name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static size_t name_len(struct slice s)
{
    size_t len = 0;
    while (len < s.len &&
           (name_start(s.ptr[len]) || (len > 0 && s.ptr[len] >= '0' && s.ptr[len] <= '9')))
        len++;
    return len;
}

static void skip(struct slice *s, size_t len)
{
    s->ptr += len;
    s->len -= len;
}

static void skip_blanks(struct slice *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t'))
        skip(s, 1);
}

static bool take(struct slice *s, char c)
{
    skip_blanks(s);
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    skip(s, 1);
    return true;
}

/* name="value" with \\ \" \n inside; takes it off the front. */
static bool take_label(struct slice *s, struct slice *name, struct slice *value)
{
    skip_blanks(s);
    *name = slice_make(s->ptr, name_len(*s));
    if (name->len == 0)
        return false;
    skip(s, name->len);
    if (!take(s, '=') || !take(s, '"'))
        return false;
    size_t len = 0;
    while (len < s->len && s->ptr[len] != '"')
        len += s->ptr[len] == '\\' && len + 1 < s->len ? 2 : 1;
    if (len >= s->len)
        return false;
    *value = slice_make(s->ptr, len);
    skip(s, len + 1);
    return true;
}

/* Takes { ... } off the front, if it is there; false when it is not well-formed. */
static bool take_labels(struct slice *s, struct slice *labels)
{
    *labels = slice_make(s->ptr, 0);
    if (!take(s, '{'))
        return true;
    const char *start = s->ptr;
    struct slice name, value;
    while (!take(s, '}')) {
        if (!take_label(s, &name, &value))
            return false;
        if (!take(s, ',')) {
            if (!take(s, '}'))
                return false;
            break;
        }
    }
    *labels = slice_make(start, (size_t)(s->ptr - start) - 1);
    return true;
}

static bool sample_read(struct slice line, struct prometheus_sample *out)
{
    out->name = slice_make(line.ptr, name_len(line));
    if (out->name.len == 0)
        return false;
    skip(&line, out->name.len);
    if (!take_labels(&line, &out->labels))
        return false;
    skip_blanks(&line);
    size_t len = 0; /* a timestamp may follow the value */
    while (len < line.len && line.ptr[len] != ' ' && line.ptr[len] != '\t')
        len++;
    return slice_to_double(slice_make(line.ptr, len), &out->value);
}

bool prometheus_next(struct prometheus *prometheus, struct prometheus_sample *out)
{
    struct slice line;
    while (slice_split(&prometheus->rest, '\n', &line)) {
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        line = slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (sample_read(line, out))
            return true;
        prometheus->malformed++;
    }
    return false;
}

struct slice prometheus_label(struct slice labels, struct slice name)
{
    struct slice found, value;
    while (take_label(&labels, &found, &value)) {
        if (slice_eq(found, name))
            return value;
        if (!take(&labels, ','))
            break;
    }
    return SLICE_NONE;
}
