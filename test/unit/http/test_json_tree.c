/* JSON read by path: what is there, what is not, and what is no JSON. */
#include <math.h>

#include "base/check.h"
#include "http/json_tree.h"
#include "unit.h"

static struct json_tree *parse(const char *text)
{
    const char *why = NULL;
    struct json_tree *tree = json_tree_parse(text, strlen(text), &why);
    assert_non_null(tree);
    return tree;
}

static void test_paths(void **state)
{
    (void)state;
    struct json_tree *tree = parse(
        "{\"a\": {\"b\": {\"n\": 1.5, \"i\": -3}, \"t\": \"x\\ny\", \"yes\": true, \"no\": null}}");
    const struct json_value root = json_tree_root(tree);
    assert_true(json_value_number(root, "a.b.n") == 1.5);
    assert_true(json_value_number(root, "a.b.i") == -3);
    assert_string_equal(json_value_text(root, "a.t"), "x\ny");
    assert_true(json_value_true(root, "a.yes"));
    assert_int_equal(json_value_type(json_value_at(root, "a.no")), JSON_NULL);
    assert_int_equal(json_value_type(json_value_at(root, "")), JSON_OBJECT);
    json_tree_destroy(&tree);
    assert_null(tree);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    struct json_tree *tree = parse("{\"a\": {\"t\": \"x\", \"n\": 1}}");
    const struct json_value root = json_tree_root(tree);
    static const char *const paths[] = {"b", "a.b", "a.t.u", "a.n.u", "b.c.d"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_int_equal(json_value_type(json_value_at(root, paths[i])), JSON_NONE);
        assert_null(json_value_text(root, paths[i]));
        assert_true(isnan(json_value_number(root, paths[i])));
        assert_false(json_value_true(root, paths[i]));
        assert_int_equal(json_value_count(root, paths[i]), 0);
    }
    assert_true(isnan(json_value_number(root, "a.t")));
    assert_null(json_value_text(root, "a.n"));
    json_tree_destroy(&tree);
}

static void test_items(void **state)
{
    (void)state;
    struct json_tree *tree =
        parse("{\"list\": [1, [2, 3], {\"x\": 4}], \"map\": {\"k\": 5, \"l\": 6},"
              " \"none\": [], \"empty\": {}}");
    const struct json_value root = json_tree_root(tree);
    static const enum json_type types[] = {JSON_NUMBER, JSON_ARRAY, JSON_OBJECT};
    struct json_items list = json_items_begin(root, "list");
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        assert_true(json_items_next(&list));
        assert_null(list.key);
        assert_int_equal(json_value_type(list.value), types[i]);
    }
    assert_false(json_items_next(&list));
    struct json_items map = json_items_begin(root, "map");
    assert_true(json_items_next(&map));
    assert_string_equal(map.key, "k");
    assert_true(json_value_number(map.value, "") == 5);
    assert_true(json_items_next(&map));
    assert_string_equal(map.key, "l");
    assert_false(json_items_next(&map));
    assert_int_equal(json_value_count(root, "list"), 3);
    assert_int_equal(json_value_count(root, "none"), 0);
    assert_int_equal(json_value_count(root, "empty"), 0);
    json_tree_destroy(&tree);
}

static void test_what_is_no_json(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "{\"a\":}", "nul", "[1,]", "{} {}", "\"\x01\""};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *why = NULL;
        struct json_tree *tree = json_tree_parse(texts[i], strlen(texts[i]), &why);
        assert_null(tree);
        assert_non_null(why);
        json_tree_destroy(&tree);
    }
}

UNIT_MAIN(test_paths, test_what_is_not_there, test_items, test_what_is_no_json)
