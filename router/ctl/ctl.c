#include "ctl/ctl.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ctl/admin_client.h"

/* {"error":{"message":...}}, {"problems":[...]}, or whatever text there is. */
static void tell_refusal(const struct ctl_answer *answer)
{
    const struct json_value root = ctl_answer_root(answer);
    const char *message = json_value_text(root, "error.message");
    struct json_items problems = json_items_begin(root, "problems");
    if (message != NULL) {
        fprintf(stderr, "isoctl: %s\n", message);
    } else if (json_items_next(&problems)) {
        do
            fprintf(stderr, "%s\n", json_value_text(problems.value, ""));
        while (json_items_next(&problems));
    } else {
        fprintf(stderr, "isoctl: the router answered %d: %.*s\n", answer->status,
                SLICE_ARG(slice_trim(buffer_slice(&answer->body))));
    }
}

int ctl_ask(const struct ctl *ctl, const char *method, const char *path, struct slice body,
            struct ctl_answer *answer)
{
    *answer = (struct ctl_answer){0};
    struct error error;
    if (!admin_client_ask(&ctl->address, method, slice_of(path), body, &answer->status,
                          &answer->body, &error)) {
        fprintf(stderr, "isoctl: no answer from a router's admin interface at %s: %s\n",
                ctl->address_text, error.text);
        return CTL_UNREACHABLE;
    }
    const char *why = "";
    const struct slice text = buffer_slice(&answer->body);
    answer->tree = json_tree_parse(text.ptr, text.len, &why);
    if (answer->status < 200 || answer->status > 299) {
        if (ctl->json)
            ctl_answer_print(answer);
        tell_refusal(answer);
        return CTL_REFUSED;
    }
    if (answer->tree == NULL) {
        fprintf(stderr,
                "isoctl: what answers at %s is no router: its answer to %s %s is no JSON: %s\n",
                ctl->address_text, method, path, why);
        return CTL_UNREACHABLE;
    }
    return CTL_OK;
}

void ctl_answer_finish(struct ctl_answer *answer)
{
    json_tree_destroy(&answer->tree);
    buffer_release(&answer->body);
}

struct json_value ctl_answer_root(const struct ctl_answer *answer)
{
    return answer->tree != NULL ? json_tree_root(answer->tree) : (struct json_value){{0, 0}};
}

void ctl_answer_print(const struct ctl_answer *answer)
{
    const struct slice text = buffer_slice(&answer->body);
    fwrite(text.ptr, 1, text.len, stdout);
}

/* RFC 3986 2.3: what needs no encoding anywhere. */
void ctl_add_segment(struct buffer *path, const char *segment)
{
    for (const unsigned char *c = (const unsigned char *)segment; *c != '\0'; c++) {
        if (isalnum(*c) || strchr("-._~", *c) != NULL)
            buffer_append_byte(path, (char)*c);
        else
            buffer_printf(path, "%%%02X", *c);
    }
}

void ctl_add_query(struct buffer *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    const struct slice so_far = buffer_slice(path);
    buffer_append_byte(path, slice_find(so_far, '?') < 0 ? '?' : '&');
    buffer_append_slice(path, slice_of(name));
    buffer_append_byte(path, '=');
    ctl_add_segment(path, value);
}
