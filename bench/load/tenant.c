#include "load/tenant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/fields.h"

enum { NAME_BYTES_MOST = 64, KEY_BYTES_MOST = 512 };

/* The next word of a line; len 0: there is none. */
static struct slice word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
        len++;
    const struct slice found = slice_make(rest->ptr, len);
    *rest = slice_make(rest->ptr + len, rest->len - len);
    return found;
}

static bool read_line(struct slice line, struct arena *arena, struct tenants *out,
                      struct error *error)
{
    double weight = 1;
    const struct slice name = word(&line), key = word(&line), share = word(&line);
    if (name.len == 0 || name.ptr[0] == '#')
        return true;
    if (out->count == TENANTS_MOST)
        return error_set(error, "at most %d tenants", TENANTS_MOST);
    if (name.len > NAME_BYTES_MOST || key.len == 0 || key.len > KEY_BYTES_MOST ||
        !field_value_valid(key) || slice_trim(line).len > 0 ||
        (share.len > 0 && !(slice_to_double(share, &weight) && weight > 0 && weight <= 1e6)))
        return error_set(error, "expected NAME KEY [WEIGHT] with a weight above 0");
    for (uint32_t i = 0; i < out->count; i++)
        if (slice_eq(slice_of(out->list[i].name), name))
            return error_set(error, "there are two tenants named %.*s", SLICE_ARG(name));
    out->list[out->count++] =
        (struct tenant){.name = arena_copy(arena, name).ptr,
                        .authorization = arena_printf(arena, "Bearer %.*s", SLICE_ARG(key)),
                        .weight = weight};
    out->weight += weight;
    return true;
}

bool tenants_read(const char *file, struct arena *arena, struct tenants *out, struct error *error)
{
    FILE *in = fopen(file, "re");
    char *text = NULL;
    size_t size = 0;
    bool good = true;
    if (in == NULL)
        return error_set(error, "%s: %s", file, strerror(errno));
    *out = (struct tenants){.list = arena_alloc(arena, TENANTS_MOST * sizeof *out->list)};
    unsigned number = 1;
    for (ssize_t len; good && (len = getline(&text, &size, in)) >= 0; number++) {
        while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
            len--;
        good = read_line(slice_make(text, (size_t)len), arena, out, error) ||
               error_prefix(error, "%s:%u", file, number);
    }
    free(text);
    fclose(in);
    return good && (out->count > 0 || error_set(error, "%s: there is no tenant in it", file));
}

uint32_t tenants_pick(const struct tenants *tenants, double share)
{
    double rest = share * tenants->weight;
    uint32_t i = 0;
    while (i + 1 < tenants->count && (rest -= tenants->list[i].weight) >= 0)
        i++;
    return i;
}
