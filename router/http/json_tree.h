/*
 * Small JSON texts read whole, for tools and the admin interface: parse once,
 * then ask by path.  What is absent or of another type reads as NULL, NAN or
 * false, so a reader says only what it wants.  Request bodies are
 * read by facts.h, which does not look at what it does not need.
 *
 * Values point into their tree and live as long as it does.
 */
#ifndef HTTP_JSON_TREE_H
#define HTTP_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Plain C types only: behind it is C++. */
struct json_tree;

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json_value {
    uint64_t words[2]; /* all 0: none */
};

/* NULL and *why, what is wrong with it.  `text` is not needed afterwards. */
struct json_tree *json_tree_parse(const char *text, size_t len, const char **why);
void json_tree_destroy(struct json_tree **tree);
struct json_value json_tree_root(const struct json_tree *tree);

enum json_type json_value_type(struct json_value value);
/* "inputs.rtt_ms": members of members; "" is the value itself. */
struct json_value json_value_at(struct json_value value, const char *path);

/* The value at a path, as what it should be. */
const char *json_value_text(struct json_value value, const char *path);
double json_value_number(struct json_value value, const char *path);
bool json_value_true(struct json_value value, const char *path);
size_t json_value_count(struct json_value value, const char *path); /* of items or members */

/* Items of an array, members of an object, in their order; of anything else none. */
struct json_items {
    uint64_t at[2];
    uint64_t end[2];
    enum json_type type;
    const char *key;         /* of the present member; NULL in an array */
    struct json_value value; /* the present one */
};

struct json_items json_items_begin(struct json_value value, const char *path);
/* False when there are no more. */
bool json_items_next(struct json_items *items);

#ifdef __cplusplus
}
#endif

#endif
