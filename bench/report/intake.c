#include "report/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/intake_parts.h"

static struct measure measure_unknown(void)
{
    struct measure measure = {.load = NAN, .runs = 1};
    distribution_init(&measure.ttft);
    distribution_init(&measure.itl);
    distribution_init(&measure.e2e);
    measure.promise_ms = measure.kept = measure.prefix_hit = measure.flex_price = NAN;
    measure.own_cpu = measure.slip_p99 = NAN;
    measure.added = (struct added){NAN, NAN, NAN, NAN};
    return measure;
}

static bool measure_add(struct study *study, const struct subject *key, struct measure *measure,
                        struct error *error)
{
    if (isnan(measure->load))
        measure->load = 0;
    return study_add(study, key, measure) ||
           error_set(error, "too much to compare: at most %d runs of %d loads", STUDY_SUBJECTS_MOST,
                     STUDY_MEASURES_MOST);
}

/* What `load --direct` sent past the router is a run of its own. */
static bool direct_read(struct study *study, struct subject key, struct json_value value,
                        struct error *error)
{
    struct measure measure = measure_unknown();
    if (json_value_type(json_value_at(value, "direct")) != JSON_OBJECT)
        return true;
    key.given =
        arena_printf(&study->arena, "%s, direct", key.given != NULL ? key.given : key.file).ptr;
    intake_direct(&study->arena, value, &key, &measure);
    return measure_add(study, &key, &measure, error);
}

/* A result of `simulate --goodput`: shares in time by load, and nothing else. */
static bool goodput_read(struct study *study, struct subject key, struct json_value value,
                         struct error *error)
{
    struct json_items items = json_items_begin(value, "curve");
    intake_goodput(&study->arena, value, &key);
    bool fine = true;
    while (fine && json_items_next(&items)) {
        struct measure measure = measure_unknown();
        measure.promise_ms = intake_number(value, "slo_ms", 1e-3, 1e9);
        if (intake_goodput_point(items.value, &measure))
            fine = measure_add(study, &key, &measure, error);
    }
    return fine;
}

/* One result of any kind. */
static bool result_read(struct study *study, struct subject key, struct json_value value,
                        struct error *error)
{
    struct measure measure = measure_unknown();
    key.routers = key.report_interval_ms = key.started_ms = key.goodput = NAN;
    if (json_value_type(json_value_at(value, "curve")) == JSON_ARRAY)
        return goodput_read(study, key, value, error);
    if (json_value_type(json_value_at(value, "total")) == JSON_OBJECT)
        intake_load(&study->arena, value, &key, &measure);
    else if (json_value_type(json_value_at(value, "decisions")) == JSON_NUMBER)
        intake_replay(&study->arena, value, &key, &measure);
    else if (json_value_text(value, "policy") != NULL)
        intake_simulate(&study->arena, value, &key, &measure);
    else
        return error_set(error, "no result of isobench load, simulate or replay: expected an "
                                "object with `total`, `policy` or `decisions`");
    return measure_add(study, &key, &measure, error) && direct_read(study, key, value, error);
}

static bool tree_read(struct study *study, const struct subject *key, struct slice text,
                      struct error *error)
{
    const char *why;
    struct json_tree *tree = json_tree_parse(text.ptr, text.len, &why);
    if (tree == NULL)
        return error_set(error, "%s", why);
    struct json_value root = json_tree_root(tree);
    bool fine = true;
    if (json_value_type(root) == JSON_ARRAY) {
        struct json_items items = json_items_begin(root, "");
        while (fine && json_items_next(&items))
            fine = result_read(study, *key, items.value, error);
    } else {
        fine = result_read(study, *key, root, error);
    }
    json_tree_destroy(&tree);
    return fine;
}

/* Is the first line a whole value, so that every line is one? */
static bool text_is_lines(struct slice text)
{
    struct slice first;
    const char *why;
    if (!slice_split(&text, '\n', &first) || slice_trim(text).len == 0)
        return false;
    struct json_tree *tree = json_tree_parse(first.ptr, first.len, &why);
    const bool whole = tree != NULL;
    json_tree_destroy(&tree);
    return whole;
}

static bool lines_read(struct study *study, const struct subject *key, struct slice text,
                       struct error *error)
{
    struct slice line;
    for (unsigned number = 1; slice_split(&text, '\n', &line); number++)
        if (slice_trim(line).len > 0 && !tree_read(study, key, line, error))
            return error_prefix(error, "line %u", number);
    return true;
}

bool intake_text(struct study *study, const char *name, const char *given, struct slice text,
                 struct error *error)
{
    const struct subject key = {
        .file = intake_cut(&study->arena, name),
        .given = given != NULL ? intake_cut(&study->arena, given) : NULL,
    };
    return (text_is_lines(text) ? lines_read : tree_read)(study, &key, text, error) ||
           error_prefix(error, "%s", name);
}

/* --- files --- */

/* run.json of /var/tmp/run.json, and of that, run */
static struct slice file_stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct slice name = slice_of(slash != NULL ? slash + 1 : path);
    if (slice_ends(name, SLICE(".json")) && name.len > 5)
        name.len -= 5;
    return name;
}

static bool file_map(const char *path, struct slice *out, struct error *error)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool fine = fd >= 0 && fstat(fd, &status) == 0;
    if (!fine)
        error_set(error, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode) || status.st_size == 0)
        fine = error_set(error, "%s: expected a file with results, found %s", path,
                         S_ISREG(status.st_mode) ? "an empty one" : "no file");
    else if (status.st_size > INTAKE_FILE_BYTES_MOST)
        fine = error_set(error, "%s: larger than %d MiB", path, INTAKE_FILE_BYTES_MOST >> 20);
    if (fine) {
        out->len = (size_t)status.st_size;
        out->ptr = mmap(NULL, out->len, PROT_READ, MAP_PRIVATE, fd, 0);
        fine = out->ptr != MAP_FAILED || error_set(error, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return fine;
}

bool intake_file(struct study *study, const char *argument, struct error *error)
{
    const char *equals = strchr(argument, '=');
    const char *path = equals != NULL ? equals + 1 : argument;
    struct slice text;
    if (equals == argument)
        return error_set(error, "%s: expected NAME=RUN.json, found no name", argument);
    if (!file_map(path, &text, error))
        return false;
    const struct slice stem = file_stem(path);
    const char *name = arena_printf(&study->arena, "%.*s", SLICE_ARG(stem)).ptr;
    const char *given =
        equals != NULL ? arena_printf(&study->arena, "%.*s", (int)(equals - argument), argument).ptr
                       : NULL;
    const bool fine = intake_text(study, name, given, text, error);
    munmap((void *)(uintptr_t)text.ptr, text.len);
    return fine;
}
