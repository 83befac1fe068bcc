#include "proxy/upstream_error.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "http/json_tree.h"

enum { MESSAGE_BYTES_MOST = 2000, WORD_BYTES_MOST = 100 };

/* The first of the paths that is a text with something in it; NULL when none is. */
static const char *first_text(struct json_value root, const char *const *paths)
{
    for (; *paths != NULL; paths++) {
        const char *text = json_value_text(root, *paths);
        if (text != NULL && text[0] != '\0')
            return text;
    }
    return NULL;
}

/* {"detail":[{"msg":"..."}, ...]}: of the first. */
static const char *first_detail(struct json_value root)
{
    struct json_items items = json_items_begin(root, "detail");
    return json_items_next(&items) ? json_value_text(items.value, "msg") : NULL;
}

static const char *type_of_status(int status)
{
    return status == 429   ? "rate_limit_error"
           : status >= 500 ? "server_error"
                           : "invalid_request_error";
}

static void write_error(int status, struct json_value root, struct buffer *out)
{
    static const char *const messages[] = {"error.message", "message",      "error",
                                           "detail",        "error.detail", NULL};
    static const char *const codes[] = {"code", "error_type", "error.type", "type", NULL};
    static const char *const params[] = {"param", "error.param", NULL};
    const char *message = first_text(root, messages);
    const char *code = first_text(root, codes);
    char fallback[64];
    snprintf(fallback, sizeof fallback, "The cluster answered %d.", status);
    if (message == NULL)
        message = first_detail(root);
    struct json json;
    json_init(&json, out);
    json_object_begin(&json);
    json_key(&json, "error");
    json_object_begin(&json);
    json_key(&json, "message");
    json_slice_capped(&json, slice_of(message != NULL ? message : fallback), MESSAGE_BYTES_MOST);
    json_kv_string(&json, "type", type_of_status(status));
    json_key(&json, "param");
    const char *param = first_text(root, params);
    if (param != NULL)
        json_slice_capped(&json, slice_of(param), WORD_BYTES_MOST);
    else
        json_null(&json);
    json_key(&json, "code");
    json_slice_capped(&json, slice_of(code != NULL ? code : "upstream_error"), WORD_BYTES_MOST);
    json_object_end(&json);
    json_object_end(&json);
}

bool upstream_error_write(int status, struct slice body, struct buffer *out)
{
    const char *why;
    struct json_tree *tree = body.len > 0 ? json_tree_parse(body.ptr, body.len, &why) : NULL;
    const struct json_value root =
        tree != NULL ? json_tree_root(tree) : (struct json_value){{0, 0}};
    const bool fine = json_value_type(json_value_at(root, "error")) == JSON_OBJECT &&
                      json_value_text(root, "error.message") != NULL;
    if (!fine)
        write_error(status, root, out);
    json_tree_destroy(&tree);
    return !fine;
}
