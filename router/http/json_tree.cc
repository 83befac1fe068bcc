#include "http/json_tree.h"

#include <cmath>
#include <new>
#include <type_traits>

#include <simdjson.h>

using namespace simdjson;

struct json_tree {
    dom::parser parser;
    dom::element root;
};

namespace
{

/* Elements and iterators of simdjson are a document and a place in it; C sees two words. */
template <typename T> constexpr bool fits_two_words()
{
    return std::is_trivially_copyable<T>::value && sizeof(T) == 2 * sizeof(uint64_t);
}

static_assert(fits_two_words<dom::element>(), "a value is two words");
static_assert(fits_two_words<dom::array::iterator>(), "a place in an array is two words");
static_assert(fits_two_words<dom::object::iterator>(), "a place in an object is two words");

template <typename T> T from_words(const uint64_t words[2])
{
    T out;
    memcpy(static_cast<void *>(&out), words, sizeof out);
    return out;
}

template <typename T> void to_words(const T &in, uint64_t words[2])
{
    memcpy(words, static_cast<const void *>(&in), sizeof in);
}

json_value value_of(const dom::element &element)
{
    json_value value;
    to_words(element, value.words);
    return value;
}

bool is_none(json_value value)
{
    return value.words[0] == 0;
}

} // namespace

extern "C" json_tree *json_tree_parse(const char *text, size_t len, const char **why)
{
    json_tree *tree = new (std::nothrow) json_tree;
    if (tree == nullptr) {
        *why = "there is no memory to read it";
        return nullptr;
    }
    const error_code code = tree->parser.parse(len > 0 ? text : "", len, true).get(tree->root);
    if (code == SUCCESS)
        return tree;
    *why = error_message(code);
    delete tree;
    return nullptr;
}

extern "C" void json_tree_destroy(json_tree **tree)
{
    delete *tree;
    *tree = nullptr;
}

extern "C" json_value json_tree_root(const json_tree *tree)
{
    return value_of(tree->root);
}

extern "C" json_type json_value_type(json_value value)
{
    if (is_none(value))
        return JSON_NONE;
    switch (from_words<dom::element>(value.words).type()) {
    case dom::element_type::ARRAY:
        return JSON_ARRAY;
    case dom::element_type::OBJECT:
        return JSON_OBJECT;
    case dom::element_type::STRING:
        return JSON_TEXT;
    case dom::element_type::BOOL:
        return JSON_BOOL;
    case dom::element_type::NULL_VALUE:
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

extern "C" json_value json_value_at(json_value value, const char *path)
{
    const json_value none = {{0, 0}};
    std::string_view rest = path;
    while (!rest.empty()) {
        const size_t dot = rest.find('.');
        const std::string_view name = rest.substr(0, dot);
        rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
        dom::element member;
        if (json_value_type(value) != JSON_OBJECT ||
            from_words<dom::element>(value.words).at_key(name).get(member))
            return none;
        value = value_of(member);
    }
    return value;
}

extern "C" const char *json_value_text(json_value value, const char *path)
{
    const json_value found = json_value_at(value, path);
    const char *text;
    if (is_none(found) || from_words<dom::element>(found.words).get_c_str().get(text))
        return nullptr;
    return text;
}

extern "C" double json_value_number(json_value value, const char *path)
{
    const json_value found = json_value_at(value, path);
    double number;
    if (is_none(found) || from_words<dom::element>(found.words).get_double().get(number))
        return std::nan("");
    return number;
}

extern "C" bool json_value_true(json_value value, const char *path)
{
    const json_value found = json_value_at(value, path);
    bool truth = false;
    return !is_none(found) && !from_words<dom::element>(found.words).get_bool().get(truth) && truth;
}

extern "C" size_t json_value_count(json_value value, const char *path)
{
    size_t count = 0;
    json_items items = json_items_begin(value, path);
    while (json_items_next(&items))
        count++;
    return count;
}

extern "C" json_items json_items_begin(json_value value, const char *path)
{
    const json_value found = json_value_at(value, path);
    json_items items = {};
    items.type = json_value_type(found);
    const dom::element element = from_words<dom::element>(found.words);
    dom::array array;
    dom::object object;
    if (items.type == JSON_ARRAY && !element.get_array().get(array)) {
        to_words(array.begin(), items.at);
        to_words(array.end(), items.end);
    } else if (items.type == JSON_OBJECT && !element.get_object().get(object)) {
        to_words(object.begin(), items.at);
        to_words(object.end(), items.end);
    }
    return items;
}

extern "C" bool json_items_next(json_items *items)
{
    if (memcmp(items->at, items->end, sizeof items->at) == 0)
        return false;
    if (items->type == JSON_ARRAY) {
        auto at = from_words<dom::array::iterator>(items->at);
        items->value = value_of(*at);
        to_words(++at, items->at);
        return true;
    }
    auto at = from_words<dom::object::iterator>(items->at);
    items->key = at.key_c_str();
    items->value = value_of(at.value());
    to_words(++at, items->at);
    return true;
}
