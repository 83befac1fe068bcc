/*
 * The tree: libyaml's events become nodes in the caller's arena.  Events, not
 * libyaml's document API, because the latter hides anchors and would resolve
 * aliases for us.  The typed readers are in yaml_value.c.
 */
#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yaml.h>

#include "base/buffer.h"
#include "base/suggest.h"

struct yaml_file {
    const char *name;
    struct arena *arena;
    struct config_problems *problems;
};

/* A key that a reader asked for: what "unknown key" may suggest. */
struct yaml_known {
    const char *key;
    struct yaml_known *next;
};

struct build {
    struct yaml_file *file;
    yaml_parser_t parser;
    unsigned depth;
};

static void write_path(const struct yaml_node *node, struct buffer *out)
{
    if (node->parent == NULL)
        return;
    write_path(node->parent, out);
    if (node->key == NULL)
        buffer_printf(out, "[%zu]", node->index);
    else
        buffer_printf(out, "%s%.100s", buffer_len(out) > 0 ? "." : "", node->key);
}

const char *yaml_path(const struct yaml_node *node)
{
    struct buffer path = {0};
    write_path(node, &path);
    const struct slice copy =
        arena_printf(node->file->arena, "%.*s", SLICE_ARG(buffer_slice(&path)));
    buffer_release(&path);
    return copy.ptr;
}

const char *yaml_place(const struct yaml_node *node)
{
    return arena_printf(node->file->arena, "%s:%u:%u", node->file->name, node->line, node->column)
        .ptr;
}

const char *yaml_keep(const struct yaml_node *node, struct slice text)
{
    return arena_printf(node->file->arena, "%.*s", SLICE_ARG(text)).ptr;
}

/* Control bytes of the file must not reach a terminal or a log. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void problem_at(struct yaml_file *file, unsigned line, unsigned column, const char *path,
                       const char *format, va_list args)
{
    char *what;
    CHECK(vasprintf(&what, format, args) >= 0);
    char *text = memory_printf("%s:%u:%u: %s%s%s", file->name, line, column, path,
                               *path != '\0' ? ": " : "", what);
    free(what);
    make_printable(text);
    config_problems_take(file->problems, line, column, text);
}

bool yaml_problem(const struct yaml_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_at(node->file, node->line, node->column, yaml_path(node), format, args);
    va_end(args);
    return false;
}

/* About the key itself, so at its place. */
static void key_problem(const struct yaml_node *node, const char *format, ...) ISO_PRINTF(2, 3);

static void key_problem(const struct yaml_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_at(node->file, node->key_line, node->key_column, yaml_path(node), format, args);
    va_end(args);
}

static void syntax_problem(struct yaml_file *file, unsigned line, unsigned column,
                           const char *format, ...) ISO_PRINTF(4, 5);

static void syntax_problem(struct yaml_file *file, unsigned line, unsigned column,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_at(file, line, column, "", format, args);
    va_end(args);
}

static unsigned mark_line(yaml_mark_t mark)
{
    return (unsigned)mark.line + 1;
}

static unsigned mark_column(yaml_mark_t mark)
{
    return (unsigned)mark.column + 1;
}

static void report_syntax(struct build *build)
{
    const yaml_parser_t *parser = &build->parser;
    const char *problem = parser->problem ? parser->problem : "cannot be read as YAML";
    const unsigned line = mark_line(parser->problem_mark);
    const unsigned column = mark_column(parser->problem_mark);
    if (parser->error == YAML_READER_ERROR)
        syntax_problem(build->file, mark_line(parser->mark), mark_column(parser->mark),
                       "%s at byte %zu; the file must be UTF-8 text", problem,
                       parser->problem_offset);
    else if (parser->context != NULL)
        syntax_problem(build->file, line, column, "%s %s", problem, parser->context);
    else
        syntax_problem(build->file, line, column, "%s", problem);
}

static bool next_event(struct build *build, yaml_event_t *event)
{
    if (yaml_parser_parse(&build->parser, event))
        return true;
    report_syntax(build);
    return false;
}

static const char *event_anchor(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static const char *event_tag(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.tag;
    default:
        return NULL;
    }
}

static void refuse_features(struct build *build, const yaml_event_t *event)
{
    const unsigned line = mark_line(event->start_mark);
    const unsigned column = mark_column(event->start_mark);
    if (event_anchor(event) != NULL)
        syntax_problem(build->file, line, column,
                       "anchor \"&%.64s\" is not allowed; write the value out where it is needed",
                       event_anchor(event));
    if (event_tag(event) != NULL)
        syntax_problem(build->file, line, column,
                       "tag \"%.64s\" is not allowed; the key decides the type", event_tag(event));
}

static struct yaml_node *node_new(struct build *build, const yaml_event_t *event,
                                  enum yaml_kind kind)
{
    struct yaml_node *node = arena_zalloc(build->file->arena, sizeof *node);
    node->file = build->file;
    node->kind = kind;
    node->line = mark_line(event->start_mark);
    node->column = mark_column(event->start_mark);
    return node;
}

static struct yaml_node *scalar_new(struct build *build, const yaml_event_t *event)
{
    struct yaml_node *node = node_new(build, event, YAML_SCALAR);
    node->text_len = event->data.scalar.length;
    char *copy = arena_alloc(build->file->arena, node->text_len + 1);
    memcpy(copy, event->data.scalar.value, node->text_len);
    copy[node->text_len] = '\0';
    node->text = copy;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static void child_append(struct yaml_node *parent, struct yaml_node *child,
                         struct yaml_node ***tail)
{
    child->parent = parent;
    child->index = parent->count++;
    **tail = child;
    *tail = &child->next;
}

static bool build_children(struct build *build, struct yaml_node *parent);

/* The node that this event begins; NULL after a problem that ends everything. */
static struct yaml_node *build_node(struct build *build, const yaml_event_t *event)
{
    refuse_features(build, event);
    if (event->type == YAML_ALIAS_EVENT) {
        syntax_problem(build->file, mark_line(event->start_mark), mark_column(event->start_mark),
                       "alias \"*%.64s\" is not allowed; write the value out where it is needed",
                       (const char *)event->data.alias.anchor);
        return NULL;
    }
    if (event->type == YAML_SCALAR_EVENT)
        return scalar_new(build, event);
    struct yaml_node *node =
        node_new(build, event, event->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST);
    if (build->depth == YAML_DEPTH_MAX) {
        syntax_problem(build->file, node->line, node->column,
                       "nested deeper than %d levels, which nothing here needs", YAML_DEPTH_MAX);
        return NULL;
    }
    build->depth++;
    const bool built = build_children(build, node);
    build->depth--;
    return built ? node : NULL;
}

static bool key_has_control(const yaml_event_t *event)
{
    for (size_t i = 0; i < event->data.scalar.length; i++)
        if (event->data.scalar.value[i] < 0x20 || event->data.scalar.value[i] == 0x7f)
            return true;
    return false;
}

static bool build_pair(struct build *build, struct yaml_node *map, const yaml_event_t *key_event,
                       struct yaml_node ***tail)
{
    if (key_event->type != YAML_SCALAR_EVENT || key_has_control(key_event)) {
        syntax_problem(build->file, mark_line(key_event->start_mark),
                       mark_column(key_event->start_mark), "a key must be plain text");
        return false;
    }
    refuse_features(build, key_event);
    const struct yaml_node *key = scalar_new(build, key_event);
    yaml_event_t event;
    if (!next_event(build, &event))
        return false;
    struct yaml_node *value = build_node(build, &event);
    yaml_event_delete(&event);
    if (value == NULL)
        return false;
    value->key = key->text;
    value->key_line = key->line;
    value->key_column = key->column;
    child_append(map, value, tail);
    return true;
}

static bool build_children(struct build *build, struct yaml_node *parent)
{
    struct yaml_node **tail = &parent->first;
    for (;;) {
        yaml_event_t event;
        if (!next_event(build, &event))
            return false;
        bool more = event.type != YAML_SEQUENCE_END_EVENT && event.type != YAML_MAPPING_END_EVENT;
        bool good = true;
        if (more && parent->kind == YAML_MAP) {
            good = build_pair(build, parent, &event, &tail);
        } else if (more) {
            struct yaml_node *item = build_node(build, &event);
            good = item != NULL;
            if (good)
                child_append(parent, item, &tail);
        }
        yaml_event_delete(&event);
        if (!more || !good)
            return good;
    }
}

/* The first document; a second one is a problem, none at all as well. */
static struct yaml_node *build_file(struct build *build)
{
    struct yaml_node *root = NULL;
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!next_event(build, &event))
            return NULL;
        const yaml_event_type_t type = event.type;
        more = type != YAML_STREAM_END_EVENT;
        if (type == YAML_DOCUMENT_START_EVENT && root != NULL) {
            syntax_problem(build->file, mark_line(event.start_mark), mark_column(event.start_mark),
                           "a second document begins here; one file is one document");
            more = false;
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                   type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
            root = build_node(build, &event);
            more = root != NULL;
        }
        yaml_event_delete(&event);
    }
    if (root == NULL && build->file->problems->count == 0)
        syntax_problem(build->file, 1, 1, "the file is empty");
    return root;
}

static int by_key(const void *left, const void *right)
{
    const struct yaml_node *a = *(struct yaml_node *const *)left;
    const struct yaml_node *b = *(struct yaml_node *const *)right;
    const int order = strcmp(a->key, b->key);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* libyaml lets a key stand twice. */
static void report_twice(const struct yaml_node *map)
{
    if (map->count < 2)
        return;
    struct yaml_node **sorted = memory_alloc(map->count * sizeof(struct yaml_node *));
    size_t count = 0;
    for (struct yaml_node *child = map->first; child != NULL; child = child->next)
        sorted[count++] = child;
    qsort(sorted, count, sizeof(struct yaml_node *), by_key);
    const struct yaml_node *first = sorted[0];
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i]->key, first->key) == 0)
            key_problem(sorted[i], "key given twice (first at line %u)", first->key_line);
        else
            first = sorted[i];
    }
    free(sorted);
}

static void check_keys(const struct yaml_node *node)
{
    if (node->kind == YAML_MAP)
        report_twice(node);
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next)
        check_keys(child);
}

struct yaml_node *yaml_load_text(const char *name, struct slice text, struct arena *arena,
                                 struct config_problems *problems)
{
    struct build build = {.file = arena_zalloc(arena, sizeof *build.file)};
    build.file->name = arena_printf(arena, "%s", name).ptr;
    build.file->arena = arena;
    build.file->problems = problems;
    CHECK(yaml_parser_initialize(&build.parser));
    yaml_parser_set_input_string(&build.parser, (const unsigned char *)(text.ptr ? text.ptr : ""),
                                 text.len);
    struct yaml_node *root = build_file(&build);
    yaml_parser_delete(&build.parser);
    if (root != NULL)
        check_keys(root);
    return root;
}

static bool read_all(int file, struct buffer *out, size_t most)
{
    ssize_t got;
    do {
        got = read(file, buffer_reserve(out, 65536), 65536);
        if (got > 0)
            buffer_commit(out, (size_t)got);
    } while ((got > 0 && buffer_len(out) <= most) || (got < 0 && errno == EINTR));
    return got >= 0;
}

struct yaml_node *yaml_load_file(const char *path, size_t most_bytes, struct arena *arena,
                                 struct config_problems *problems)
{
    struct buffer text = {0};
    struct yaml_node *root = NULL;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || !read_all(file, &text, most_bytes))
        config_problems_add(problems, "%s: cannot be read: %s", path, strerror(errno));
    else if (buffer_len(&text) > most_bytes)
        config_problems_add(problems, "%s: is larger than %zu bytes, the most that is read", path,
                            most_bytes);
    else
        root = yaml_load_text(path, buffer_slice(&text), arena, problems);
    if (file >= 0)
        close(file);
    buffer_release(&text);
    return root;
}

static void know(struct yaml_node *map, const char *key)
{
    for (const struct yaml_known *known = map->known; known != NULL; known = known->next)
        if (strcmp(known->key, key) == 0)
            return;
    struct yaml_known *known = arena_alloc(map->file->arena, sizeof *known);
    *known = (struct yaml_known){key, NULL};
    struct yaml_known **tail = &map->known;
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = known;
}

struct yaml_node *yaml_get(struct yaml_node *map, const char *key)
{
    CHECK(map->kind == YAML_MAP);
    know(map, key);
    struct yaml_node *first = NULL;
    for (struct yaml_node *child = map->first; child != NULL; child = child->next)
        if (strcmp(child->key, key) == 0) {
            child->used = true; /* a second one is reported as given twice, no more */
            first = first ? first : child;
        }
    return first;
}

struct yaml_node *yaml_need(struct yaml_node *map, const char *key)
{
    struct yaml_node *node = yaml_get(map, key);
    if (node == NULL)
        yaml_problem(map, "missing required key \"%s\"", key);
    return node;
}

struct yaml_node *yaml_get_section(struct yaml_node *map, const char *key)
{
    struct yaml_node *node = yaml_get(map, key);
    if (node != NULL && yaml_as_map(node))
        return node;
    struct yaml_node *empty = arena_zalloc(map->file->arena, sizeof *empty);
    empty->file = map->file;
    empty->kind = YAML_MAP;
    empty->line = node ? node->line : map->line;
    empty->column = node ? node->column : map->column;
    empty->parent = map;
    empty->key = key;
    return empty;
}

void yaml_use_all(struct yaml_node *map)
{
    for (struct yaml_node *child = map->first; child != NULL; child = child->next)
        child->used = true;
}

static const char *known_suggestion(const struct yaml_node *map, const char *found)
{
    const char *best = NULL;
    unsigned least = suggest_limit(found) + 1;
    for (const struct yaml_known *known = map->known; known != NULL; known = known->next)
        if (suggest_distance(found, known->key) < least) {
            least = suggest_distance(found, known->key);
            best = known->key;
        }
    return best;
}

static void report_unknown(const struct yaml_node *map, const struct yaml_node *child)
{
    const char *near = known_suggestion(map, child->key);
    struct buffer allowed = {0};
    if (near != NULL)
        buffer_printf(&allowed, "did you mean \"%s\"?", near);
    else
        buffer_printf(&allowed, "allowed here:");
    for (const struct yaml_known *known = near ? NULL : map->known; known; known = known->next)
        buffer_printf(&allowed, " %s%s", known->key, known->next ? "," : "");
    key_problem(child, "unknown key; %.*s", SLICE_ARG(buffer_slice(&allowed)));
    buffer_release(&allowed);
}

void yaml_finish_map(struct yaml_node *map)
{
    for (const struct yaml_node *child = map->first; child != NULL; child = child->next)
        if (!child->used)
            report_unknown(map, child);
}
