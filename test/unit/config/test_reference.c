/*
 * The reference in router/config/README.md against the reader: every row names
 * a key that is known, of that type, range and default; every known key has a
 * row; and "required" is true.  Asked through the reader's own messages.
 */
#include "unit.h"

#include "base/buffer.h"
#include "base/slice.h"
#include "config/config.h"
#include "folder.h"

#define ROWS_MAX 300

struct row {
    struct slice key, type, otherwise;
};

static struct row rows[ROWS_MAX];
static size_t row_count;
static char text[65536];

static void read_row(struct slice line)
{
    struct slice cell[6];
    size_t cells = 0;
    while (cells < COUNT_OF(cell) && slice_split(&line, '|', &cell[cells]))
        cells++;
    if (cells < 5 || !slice_starts(slice_trim(cell[1]), SLICE("`")))
        return;
    const struct slice key = slice_trim(cell[1]);
    assert_true(row_count < ROWS_MAX);
    rows[row_count++] = (struct row){slice_make(key.ptr + 1, key.len - 2), slice_trim(cell[2]),
                                     slice_trim(cell[3])};
}

static int read_reference(void **state)
{
    (void)state;
    folder_enter();
    FILE *file = fopen(SOURCE_ROOT "/router/config/README.md", "r");
    assert_non_null(file);
    struct slice rest = slice_make(text, fread(text, 1, sizeof text - 1, file));
    fclose(file);
    for (struct slice line; slice_split(&rest, '\n', &line);)
        read_row(line);
    assert_true(row_count > 100);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    folder_leave();
    return 0;
}

/* "a.b[].c" around a value is {a: {b: [{c: value}]}}; "" is the value itself. */
static void wrap(struct slice key, const char *value, struct buffer *out)
{
    struct buffer closing = {0};
    for (struct slice rest = key, part; key.len > 0 && slice_split(&rest, '.', &part);) {
        const bool list = slice_ends(part, SLICE("[]"));
        part.len -= list ? 2 : 0;
        buffer_printf(out, "{%.*s: %s", SLICE_ARG(part), list ? "[" : "");
        const char *end = list ? "]}" : "}";
        const struct slice old = buffer_slice(&closing);
        struct buffer longer = {0};
        buffer_printf(&longer, "%s%.*s", end, SLICE_ARG(old));
        buffer_release(&closing);
        closing = longer;
    }
    buffer_printf(out, "%s%.*s\n", value, SLICE_ARG(buffer_slice(&closing)));
    buffer_append_byte(out, '\0');
    buffer_release(&closing);
}

/* As messages write it: [0] for []. */
static void shown(struct slice key, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < key.len && len + 3 < size; i++) {
        out[len++] = key.ptr[i];
        if (key.ptr[i] == '[')
            out[len++] = '0';
    }
    out[len] = '\0';
}

/* The first problem that contains `part`, copied; false when there is none. */
static bool complaint(struct slice key, const char *value, const char *part, char *out, size_t size)
{
    struct buffer yaml = {0};
    struct config_problems problems;
    struct config *config;
    bool found = false;
    config_problems_init(&problems);
    wrap(key, value, &yaml);
    folder_write("r.yaml", buffer_slice(&yaml).ptr);
    assert_false(config_load("r.yaml", &config, &problems));
    for (size_t i = 0; i < problems.count && !found; i++) {
        found = strstr(problems.items[i].text, part) != NULL;
        if (found)
            snprintf(out, size, "%s", problems.items[i].text);
    }
    config_problems_finish(&problems);
    buffer_release(&yaml);
    return found;
}

static bool is_map(const struct row *row)
{
    return slice_starts(row->type, SLICE("a map"));
}

static void types_and_defaults_are_true(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_count; i++) {
        const struct row *row = &rows[i];
        char path[128], part[512], found[2048];
        const bool plain =
            slice_eq(row->otherwise, SLICE("required")) || slice_eq(row->otherwise, SLICE("-"));
        shown(row->key, path, sizeof path);
        snprintf(part, sizeof part, ": %s: expected %.*s%s%.*s%s, found ", path,
                 SLICE_ARG(row->type), plain ? "" : " (default ",
                 plain ? 0 : (int)row->otherwise.len, row->otherwise.ptr, plain ? "" : ")");
        if (!complaint(row->key, is_map(row) ? "zz" : "{zz: 1}", part, found, sizeof found) &&
            !complaint(row->key, "zz", part, found, sizeof found))
            fail_msg("the reader does not say \"%s\"", part);
    }
}

static struct slice parent_of(struct slice key)
{
    while (key.len > 0 && key.ptr[key.len - 1] != '.')
        key.len--;
    key.len -= key.len > 0;
    return key;
}

static void required_is_true(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_count; i++) {
        char part[128], found[2048];
        const struct slice parent = parent_of(rows[i].key);
        const size_t skip = parent.len > 0 ? parent.len + 1 : 0;
        snprintf(part, sizeof part, "missing required key \"%.*s\"", (int)(rows[i].key.len - skip),
                 rows[i].key.ptr + skip);
        char path[160], whole[320];
        shown(parent, path, sizeof path);
        snprintf(whole, sizeof whole, ": %s%s%s", path, parent.len > 0 ? ": " : "", part);
        const bool required = slice_eq(rows[i].otherwise, SLICE("required"));
        if (complaint(parent, "{}", whole, found, sizeof found) != required)
            fail_msg("%s in the reference, but \"%s\" %s", required ? "required" : "not required",
                     whole, required ? "is not said" : "is said");
    }
}

static size_t children_of(struct slice parent)
{
    size_t count = 0;
    for (size_t i = 0; i < row_count; i++)
        count += slice_eq(parent_of(rows[i].key), parent);
    return count;
}

/* What "unknown key; allowed here: a, b, c" lists must be the rows below this map. */
static void compare_keys(struct slice parent)
{
    char found[2048], path[128];
    shown(parent, path, sizeof path);
    if (!complaint(parent, "{zzzzzzzzzzzz: 1}", "zzzzzzzzzzzz: unknown key; allowed here: ", found,
                   sizeof found))
        fail_msg("an unknown key in %s is not reported", path);
    struct slice rest = slice_of(strstr(found, "allowed here: ") + strlen("allowed here: "));
    size_t count = 0;
    for (struct slice key; slice_split(&rest, ',', &key); count++) {
        char whole[160];
        key = slice_trim(key);
        snprintf(whole, sizeof whole, "%.*s%s%.*s", SLICE_ARG(parent), parent.len > 0 ? "." : "",
                 SLICE_ARG(key));
        bool has = false;
        for (size_t i = 0; i < row_count && !has; i++)
            has = slice_eq(rows[i].key, slice_of(whole));
        if (!has)
            fail_msg("%s is known to the reader and missing in the reference", whole);
    }
    assert_int_equal(count, children_of(parent));
}

static void keys_are_the_same(void **state)
{
    (void)state;
    compare_keys(SLICE_NONE);
    for (size_t i = 0; i < row_count; i++) {
        const struct slice parent = parent_of(rows[i].key);
        const bool first = i == 0 || !slice_eq(parent_of(rows[i - 1].key), parent);
        if (parent.len > 0 && first)
            compare_keys(parent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(types_and_defaults_are_true),
                                       cmocka_unit_test(required_is_true),
                                       cmocka_unit_test(keys_are_the_same)};
    return cmocka_run_group_tests(tests, read_reference, leave);
}
