#include "http/facts_scan.h"

#include <string.h>

#include <simdjson.h>

using namespace simdjson;

static_assert(FACTS_SCAN_PADDING >= SIMDJSON_PADDING, "what the caller leaves must be enough");

namespace
{

/* One a thread: its buffers grow to the largest body seen. */
thread_local ondemand::parser thread_parser;

enum key {
    KEY_OTHER,
    KEY_MODEL,
    KEY_STREAM,
    KEY_STREAM_OPTIONS,
    KEY_SERVICE_TIER,
    KEY_USER,
    KEY_SAFETY_IDENTIFIER,
    KEY_PROMPT_CACHE_KEY,
    KEY_MAX_TOKENS,
    KEY_MAX_COMPLETION_TOKENS,
    KEY_MAX_OUTPUT_TOKENS,
    KEY_MESSAGES,
    KEY_PROMPT,
    KEY_INPUT,
    KEY_COUNT,
};

const char *const key_names[KEY_COUNT] = {
    "",
    "model",
    "stream",
    "stream_options",
    "service_tier",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "messages",
    "prompt",
    "input",
};

key key_of(std::string_view text)
{
    for (int i = KEY_MODEL; i < KEY_COUNT; i++) {
        if (text == key_names[i])
            return static_cast<key>(i);
    }
    return KEY_OTHER;
}

bool is_null(ondemand::value &value)
{
    bool null = false;
    return !value.is_null().get(null) && null;
}

/* take(name, value) for each member, until one is not FACTS_OK.  Inlined into each use: they run
 * once a request, and a loop of their own is what they are. */
template <typename taker>
[[gnu::always_inline]] inline facts_scan_result each_member(ondemand::object &object, taker &&take)
{
    for (auto item : object) {
        ondemand::field field;
        std::string_view name;
        if (std::move(item).get(field) || field.unescaped_key().get(name))
            return FACTS_BAD_JSON;
        const facts_scan_result result = take(name, field.value());
        if (result != FACTS_OK)
            return result;
    }
    return FACTS_OK;
}

/* The bytes of a scalar as they stand in the body. */
facts_span token_span(const char *body, ondemand::value &value)
{
    std::string_view token = value.raw_json_token();
    while (!token.empty() && strchr(" \t\r\n", token.back()) != nullptr)
        token.remove_suffix(1);
    return {static_cast<size_t>(token.data() - body), token.size()};
}

bool read_text(ondemand::value &value, facts_raw *raw, facts_text *out)
{
    if (is_null(value))
        return true;
    std::string_view text;
    if (value.get_string().get(text) || text.size() > FACTS_SCAN_TEXT ||
        memchr(text.data(), '\0', text.size()) != nullptr)
        return false;
    char *room = raw->room + raw->room_used;
    memcpy(room, text.data(), text.size());
    raw->room_used += text.size();
    *out = {room, text.size()};
    return true;
}

bool read_bool(ondemand::value &value, bool *out)
{
    return is_null(value) || !value.get_bool().get(*out);
}

/* -1 is some clients' word for no limit. */
bool read_max_tokens(ondemand::value &value, int64_t *largest)
{
    if (is_null(value))
        return true;
    int64_t tokens;
    if (value.get_int64().get(tokens) || tokens < -1)
        return false;
    if (tokens > *largest)
        *largest = tokens;
    return true;
}

facts_scan_result read_stream_options(ondemand::value &value, facts_raw *out)
{
    if (is_null(value))
        return FACTS_OK;
    ondemand::object object;
    if (value.get_object().get(object))
        return FACTS_BAD_FIELD;
    bool seen = false;
    return each_member(object, [&](std::string_view name, ondemand::value &inner) {
        if (name != "include_usage")
            return FACTS_OK;
        if (seen)
            return FACTS_DUPLICATE_KEY;
        seen = true;
        return read_bool(inner, &out->include_usage) ? FACTS_OK : FACTS_BAD_FIELD;
    });
}

facts_scan_result read_prompt(const char *body, ondemand::value &value, facts_raw *out)
{
    ondemand::json_type type;
    if (value.type().get(type))
        return FACTS_BAD_JSON;
    facts_span span;
    if (type == ondemand::json_type::array) {
        ondemand::array array;
        std::string_view raw;
        if (value.get_array().get(array) || array.raw_json().get(raw))
            return FACTS_BAD_JSON;
        span = {static_cast<size_t>(raw.data() - body), raw.size()};
    } else if (type == ondemand::json_type::object) {
        ondemand::object object;
        std::string_view raw;
        if (value.get_object().get(object) || object.raw_json().get(raw))
            return FACTS_BAD_JSON;
        span = {static_cast<size_t>(raw.data() - body), raw.size()};
    } else {
        span = token_span(body, value);
    }
    if (span.len > out->prompt.len)
        out->prompt = span;
    return FACTS_OK;
}

facts_scan_result read_field(const char *body, key key, ondemand::value &value, facts_raw *out)
{
    bool ok = true;
    switch (key) {
    case KEY_MODEL:
        out->model_span = token_span(body, value);
        ok = read_text(value, out, &out->model);
        break;
    case KEY_STREAM:
        ok = read_bool(value, &out->stream);
        break;
    case KEY_STREAM_OPTIONS:
        return read_stream_options(value, out);
    case KEY_SERVICE_TIER:
        ok = read_text(value, out, &out->service_tier);
        break;
    case KEY_USER:
        ok = read_text(value, out, &out->user);
        break;
    case KEY_SAFETY_IDENTIFIER:
        ok = read_text(value, out, &out->safety_identifier);
        break;
    case KEY_PROMPT_CACHE_KEY:
        ok = read_text(value, out, &out->prompt_cache_key);
        break;
    case KEY_MAX_TOKENS:
    case KEY_MAX_COMPLETION_TOKENS:
    case KEY_MAX_OUTPUT_TOKENS:
        ok = read_max_tokens(value, &out->max_tokens);
        break;
    case KEY_MESSAGES:
    case KEY_PROMPT:
    case KEY_INPUT:
        return read_prompt(body, value, out);
    case KEY_OTHER:
    case KEY_COUNT:
        break;
    }
    return ok ? FACTS_OK : FACTS_BAD_FIELD;
}

bool open_object(const char *json, size_t len, ondemand::document *document,
                 ondemand::object *object)
{
    return !thread_parser.iterate(padded_string_view(json, len, len + FACTS_SCAN_PADDING))
                .get(*document) &&
           !document->get_object().get(*object);
}

/* Nothing but blanks may follow the object. */
bool at_end(ondemand::document &document)
{
    const char *rest;
    return document.current_location().get(rest) == OUT_OF_BOUNDS;
}

int64_t read_count(ondemand::value &value)
{
    const int64_t most = int64_t{1} << 40;
    int64_t count;
    if (value.get_int64().get(count) || count < 0 || count > most)
        return -1;
    return count;
}

/* Of a value that is an object; what is none, or breaks off, has told what it told. */
template <typename taker> void each_usage_member(ondemand::value &value, taker &&take)
{
    ondemand::object object;
    if (value.get_object().get(object))
        return;
    each_member(object, [&](std::string_view name, ondemand::value &inner) {
        take(name, inner);
        return FACTS_OK;
    });
}

/* {"cached_tokens": n, ...} */
void read_details(ondemand::value &value, facts_usage *out)
{
    each_usage_member(value, [&](std::string_view name, ondemand::value &inner) {
        if (name == "cached_tokens")
            out->cached_tokens = read_count(inner);
    });
}

/* The words of chat/completions, of responses, and of messages. */
void read_usage(ondemand::value &value, facts_usage *out)
{
    each_usage_member(value, [&](std::string_view name, ondemand::value &inner) {
        if (name == "prompt_tokens" || name == "input_tokens")
            out->prompt_tokens = read_count(inner);
        else if (name == "completion_tokens" || name == "output_tokens")
            out->completion_tokens = read_count(inner);
        else if (name == "cache_read_input_tokens")
            out->cached_tokens = read_count(inner);
        else if (name == "prompt_tokens_details" || name == "input_tokens_details")
            read_details(inner, out);
    });
}

/* `usage` here, or in the `response` or `message` that a stream's event wraps. */
void find_usage(ondemand::object &object, facts_usage *out, bool nested)
{
    each_member(object, [&](std::string_view name, ondemand::value &value) {
        ondemand::object inner;
        if (name == "usage")
            read_usage(value, out);
        else if (!nested && (name == "response" || name == "message") &&
                 !value.get_object().get(inner))
            find_usage(inner, out, true);
        return FACTS_OK;
    });
}

} // namespace

extern "C" facts_scan_result facts_scan(const char *body, size_t len, facts_raw *out)
{
    memset(out, 0, offsetof(facts_raw, room));
    out->max_tokens = -1;
    ondemand::document document;
    ondemand::object object;
    if (!open_object(body, len, &document, &object))
        return FACTS_BAD_JSON;
    unsigned seen = 0;
    const auto take = [&](std::string_view name, ondemand::value &value) {
        const key key = key_of(name);
        if (key == KEY_OTHER)
            return FACTS_OK;
        out->param = key_names[key];
        if (seen & 1u << key)
            return FACTS_DUPLICATE_KEY;
        seen |= 1u << key;
        return read_field(body, key, value, out);
    };
    const facts_scan_result result = each_member(object, take);
    if (result != FACTS_OK)
        return result;
    out->param = nullptr;
    return at_end(document) ? FACTS_OK : FACTS_BAD_JSON;
}

extern "C" void facts_scan_usage(const char *json, size_t len, facts_usage *out)
{
    *out = {-1, -1, -1};
    ondemand::document document;
    ondemand::object object;
    if (open_object(json, len, &document, &object))
        find_usage(object, out, false);
}
