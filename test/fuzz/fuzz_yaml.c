/*
 * Any text as a configuration file: the tree is read or problems are written
 * down, and a tree without problems reads the same through every typed reader.
 */
#include <math.h>

#include "config/yaml.h"

#include "fuzz.h"

static void read_node(const struct yaml_node *node)
{
    double number = 0;
    int64_t whole = 0;
    uint64_t bytes = 0;
    bool flag = false;
    if (yaml_as_number(node, &number, -1e9, 1e9))
        must(isfinite(number) && number >= -1e9 && number <= 1e9);
    if (yaml_as_int(node, &whole, -10, 10))
        must(whole >= -10 && whole <= 10);
    (void)yaml_as_duration(node, &number, "1ms", "1h");
    (void)yaml_as_size(node, &bytes, "1B", "1GiB");
    (void)yaml_as_bool(node, &flag);
    (void)yaml_path(node);
}

/* Depth is bounded by the reader itself. */
static void walk(struct yaml_node *node)
{
    read_node(node);
    YAML_EACH(child, node)
    walk(child);
    if (node->kind == YAML_MAP)
        yaml_finish_map(node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct config_problems problems;
    arena_init(&arena);
    config_problems_init(&problems);
    struct slice text = {(const char *)data, size};
    struct yaml_node *root = yaml_load_text("fuzz.yaml", text, &arena, &problems);
    must(root != NULL || problems.count > 0);
    if (root)
        walk(root);
    config_problems_sort(&problems);
    config_problems_finish(&problems);
    arena_finish(&arena);
    return 0;
}
