/*
 * A strict typed reader of YAML files: libyaml parses, this keeps a tree with
 * line and column of every value and turns values into numbers, durations and
 * so on, one function a type.  Every problem is written down with place, path,
 * what was found and what is allowed, and reading goes on, so that one run
 * reports them all.
 *
 *     struct yaml_node *root = yaml_load_file(path, YAML_FILE_MAX, &arena, &problems);
 *     if (root && yaml_as_map(root)) {
 *         struct yaml_node *list = yaml_need_list(root, "clusters");
 *         YAML_EACH (item, list)
 *             if (yaml_as_map(item)) {
 *                 yaml_need_name(item, "name", &name);
 *                 yaml_get_int(item, "weight", &weight, 0, 1000, 100);
 *                 yaml_get_duration(item, "timeout", &ms, "10ms", "1m", "2s");
 *                 yaml_finish_map(item);              // now the unknown keys are known
 *             }
 *         yaml_finish_map(root);
 *     }
 *     failed = problems.count > 0;
 *
 * Three forms of each type:  as  reads this node;  get  reads a key that may
 * be absent (the default then);  need  reads a key that must be there.  All
 * write *out in every case (the default or nothing after a problem) and return
 * false after a problem.  Texts live as long as the arena and end with a NUL.
 *
 * Refused: anchors, aliases, tags, several documents, keys given twice, keys
 * that are not plain text, control bytes, nesting beyond YAML_DEPTH_MAX.
 * Scalars are text until a type reads them: `no` is not false by surprise.
 *
 * [control] only.  Used by config/, the agent, isosim and isobench.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slice.h"
#include "config/problems.h"

#define YAML_FILE_MAX (4u << 20) /* bytes; 1,000 clusters are about half a megabyte */
#define YAML_DEPTH_MAX 32
#define YAML_NAME_MAX 64

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_file;
struct yaml_known;

struct yaml_node {
    struct yaml_file *file;
    enum yaml_kind kind;
    unsigned line, column; /* of the value, from 1 */
    unsigned key_line, key_column;
    struct yaml_node *parent; /* NULL: the root */
    struct yaml_node *next;   /* sibling */
    struct yaml_node *first;  /* child */
    size_t count;             /* children */
    size_t index;             /* in its list */
    const char *key;          /* in its map, else NULL */
    const char *text;         /* scalar, NUL-terminated */
    size_t text_len;
    bool quoted;
    bool used;                /* a reader asked for it */
    struct yaml_known *known; /* map: the keys that readers asked for */
};

/* NULL after a problem that leaves nothing to read (no file, bad syntax). */
struct yaml_node *yaml_load_file(const char *path, size_t most_bytes, struct arena *arena,
                                 struct config_problems *problems);
/* `name` stands in messages as the file's. */
struct yaml_node *yaml_load_text(const char *name, struct slice text, struct arena *arena,
                                 struct config_problems *problems);

/* "file:line:col: path: " and the sentence.  Always false. */
bool yaml_problem(const struct yaml_node *node, const char *format, ...) ISO_PRINTF(2, 3);
/* "expected WHAT, found what is there"; always false. */
bool yaml_unexpected(const struct yaml_node *node, const char *what);
/* "file:line:col", for messages of later stages; in the arena. */
const char *yaml_place(const struct yaml_node *node);
/* "clusters[1].name"; in the arena. */
const char *yaml_path(const struct yaml_node *node);

/* A copy with a NUL behind it, as long-lived as the tree. */
const char *yaml_keep(const struct yaml_node *node, struct slice text);

/* Children of a list or map; `list` may be NULL. */
#define YAML_EACH(item, list)                                                               \
    for (struct yaml_node *item##_of = (list), *item = item##_of ? item##_of->first : NULL; \
         item != NULL; item = item->next)

/* Any kind; NULL when absent.  The key counts as known from now on. */
struct yaml_node *yaml_get(struct yaml_node *map, const char *key);
struct yaml_node *yaml_need(struct yaml_node *map, const char *key);
/* Reports the keys of the map that nobody asked for, with a suggestion. */
void yaml_finish_map(struct yaml_node *map);
/* All of its keys are the reader's own affair (a map of free names). */
void yaml_use_all(struct yaml_node *map);

/* Kinds; NULL or false, and a problem, when it is something else. */
bool yaml_as_map(const struct yaml_node *node);
bool yaml_as_list(const struct yaml_node *node);
struct yaml_node *yaml_get_map(struct yaml_node *map, const char *key);
struct yaml_node *yaml_need_map(struct yaml_node *map, const char *key);
struct yaml_node *yaml_get_list(struct yaml_node *map, const char *key);
/* Never NULL: an empty map when it is absent or something else, so that a
 * section that is left out takes the same defaults as one left empty. */
struct yaml_node *yaml_get_section(struct yaml_node *map, const char *key);
struct yaml_node *yaml_need_list(struct yaml_node *map, const char *key); /* not empty */

/* Decimal, finite, every byte belongs to it; bounds inclusive. */
bool yaml_as_number(const struct yaml_node *node, double *out, double min, double max);
bool yaml_get_number(struct yaml_node *map, const char *key, double *out, double min, double max,
                     double otherwise); /* NAN: unknown */
bool yaml_need_number(struct yaml_node *map, const char *key, double *out, double min, double max);

bool yaml_as_int(const struct yaml_node *node, int64_t *out, int64_t min, int64_t max);
bool yaml_get_int(struct yaml_node *map, const char *key, int64_t *out, int64_t min, int64_t max,
                  int64_t otherwise);
bool yaml_need_int(struct yaml_node *map, const char *key, int64_t *out, int64_t min, int64_t max);

/* true, on; false, off. */
bool yaml_as_bool(const struct yaml_node *node, bool *out);
bool yaml_get_bool(struct yaml_node *map, const char *key, bool *out, bool otherwise);

/* Milliseconds.  A number and one of ms, s, m, h; bounds and default are
 * written the same way; default NULL: NAN, unknown.  0 needs no unit. */
bool yaml_as_duration(const struct yaml_node *node, double *out_ms, const char *min,
                      const char *max);
bool yaml_get_duration(struct yaml_node *map, const char *key, double *out_ms, const char *min,
                       const char *max, const char *otherwise);
bool yaml_need_duration(struct yaml_node *map, const char *key, double *out_ms, const char *min,
                        const char *max);

/* Bytes.  A whole number and one of B, KiB, MiB, GiB; a bare number is bytes. */
bool yaml_as_size(const struct yaml_node *node, uint64_t *out_bytes, const char *min,
                  const char *max);
bool yaml_get_size(struct yaml_node *map, const char *key, uint64_t *out_bytes, const char *min,
                   const char *max, const char *otherwise);

/* 1 to `most` bytes, no control bytes.  `otherwise` may be NULL. */
bool yaml_as_text(const struct yaml_node *node, const char **out, size_t most);
bool yaml_get_text(struct yaml_node *map, const char *key, const char **out, size_t most,
                   const char *otherwise);
bool yaml_need_text(struct yaml_node *map, const char *key, const char **out, size_t most);

/* 1 to YAML_NAME_MAX of a-z 0-9 . _ - : what may stand in a Redis key, a
 * metric label and a path. */
bool yaml_as_name(const struct yaml_node *node, const char **out);
bool yaml_get_name(struct yaml_node *map, const char *key, const char **out, const char *otherwise);
bool yaml_need_name(struct yaml_node *map, const char *key, const char **out);

/* An index of `choices`, which ends with NULL. */
bool yaml_as_choice(const struct yaml_node *node, int *out, const char *const *choices);
bool yaml_get_choice(struct yaml_node *map, const char *key, int *out, const char *const *choices,
                     int otherwise);
bool yaml_need_choice(struct yaml_node *map, const char *key, int *out, const char *const *choices);

/* What of `names` (ends with NULL) may have been meant; NULL when nothing is near. */
const char *yaml_suggestion(const char *found, const char *const *names);

#endif
