/* isoctl policy: what is loaded, asked beside and in force; load, shadow, promote, rollback. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

static void add_loaded(struct table *table, struct json_value plugin)
{
    double faults = 0;
    struct json_items kinds = json_items_begin(plugin, "faults");
    while (json_items_next(&kinds))
        faults += json_value_number(kinds.value, "");
    const char *hash = json_value_text(plugin, "hash");
    table_text(table, json_value_text(plugin, "name"));
    table_text(table, json_value_text(plugin, "version"));
    table_text(table, json_value_text(plugin, "kind"));
    table_cell(table, "%.12s", hash != NULL ? hash : "-");
    table_number(table, json_value_number(plugin, "decisions"), 0);
    table_number(table, json_value_number(plugin, "took_us_p50"), 1);
    table_number(table, json_value_number(plugin, "took_us_p99"), 1);
    table_number(table, json_value_number(plugin, "overruns"), 0);
    table_number(table, faults, 0);
    table_text(table, json_value_text(plugin, "summary"));
}

static void print_loaded(struct json_value root)
{
    struct table table;
    table_init(&table);
    table_column(&table, "POLICY", TABLE_LEFT);
    table_column(&table, "VERSION", TABLE_LEFT);
    table_column(&table, "KIND", TABLE_LEFT);
    table_column(&table, "HASH", TABLE_LEFT);
    table_column(&table, "DECISIONS", TABLE_RIGHT);
    table_column(&table, "us p50", TABLE_RIGHT);
    table_column(&table, "p99", TABLE_RIGHT);
    table_column(&table, "OVERRUNS", TABLE_RIGHT);
    table_column(&table, "FAULTS", TABLE_RIGHT);
    table_column(&table, "SUMMARY", TABLE_LEFT);
    struct json_items loaded = json_items_begin(root, "loaded");
    while (json_items_next(&loaded))
        add_loaded(&table, loaded.value);
    table_print(&table, stdout);
    table_finish(&table);
}

static void chain_text(struct json_value chain, char *out, size_t size)
{
    size_t len = 0;
    struct json_items links = json_items_begin(chain, "");
    out[0] = '\0';
    while (json_items_next(&links) && len < size) {
        const char *name = json_value_text(links.value, "");
        len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? " + " : "",
                                name != NULL ? name : "?");
    }
}

static void print_routes(struct json_value root)
{
    struct table table;
    char text[512];
    table_init(&table);
    table_column(&table, "ROUTE", TABLE_LEFT);
    table_column(&table, "CHAIN", TABLE_LEFT);
    struct json_items routes = json_items_begin(root, "routes");
    while (json_items_next(&routes)) {
        chain_text(json_value_at(routes.value, "chain"), text, sizeof text);
        table_text(&table, json_value_text(routes.value, "route"));
        table_text(&table, text);
    }
    putchar('\n');
    table_print(&table, stdout);
    table_finish(&table);
}

static void print_shadows(struct json_value root)
{
    struct table table;
    table_init(&table);
    table_column(&table, "SHADOW", TABLE_LEFT);
    table_column(&table, "FROM", TABLE_LEFT);
    table_column(&table, "DECISIONS", TABLE_RIGHT);
    table_column(&table, "DIFFER", TABLE_RIGHT);
    table_column(&table, "%", TABLE_RIGHT);
    table_column(&table, "GAIN ms", TABLE_RIGHT);
    table_column(&table, "LOSS ms", TABLE_RIGHT);
    struct json_items shadows = json_items_begin(root, "shadows");
    while (json_items_next(&shadows)) {
        table_text(&table, json_value_text(shadows.value, "policy"));
        table_text(&table, json_value_text(shadows.value, "from"));
        table_number(&table, json_value_number(shadows.value, "decisions"), 0);
        table_number(&table, json_value_number(shadows.value, "differed"), 0);
        table_number(&table, 100 * json_value_number(shadows.value, "differed_share"), 2);
        table_number(&table, json_value_number(shadows.value, "gain_ms_mean"), 1);
        table_number(&table, json_value_number(shadows.value, "loss_ms_mean"), 1);
    }
    putchar('\n');
    table_print(&table, stdout);
    table_finish(&table);
}

/* What is in force and what may follow, on a few lines. */
static void print_life(struct json_value root)
{
    const char *in_force = json_value_text(root, "in_force");
    const char *file = json_value_text(root, "file");
    const char *candidate = json_value_text(root, "candidate");
    const size_t promoted = json_value_count(root, "promoted");
    printf("in force: %s", in_force != NULL ? in_force : "?");
    if (promoted > 0)
        printf(" (promoted; the file says %s)", file != NULL ? file : "?");
    printf("\n");
    if (candidate != NULL)
        printf("candidate: %s\n", candidate);
    if (json_value_count(root, "shadows") > 0)
        print_shadows(root);
}

int ctl_policy_list(const struct ctl *ctl)
{
    struct ctl_answer answer;
    const int code = ctl_ask(ctl, "GET", "/policies", SLICE_NONE, &answer);
    if (code == CTL_OK && ctl->json) {
        ctl_answer_print(&answer);
    } else if (code == CTL_OK) {
        print_loaded(ctl_answer_root(&answer));
        print_routes(ctl_answer_root(&answer));
        putchar('\n');
        print_life(ctl_answer_root(&answer));
    }
    ctl_answer_finish(&answer);
    return code;
}

/* --- changes --- */

static int post(const struct ctl *ctl, const char *path, struct buffer *body)
{
    struct ctl_answer answer;
    const int code = ctl_ask(ctl, "POST", path, buffer_slice(body), &answer);
    if (code == CTL_OK && ctl->json)
        ctl_answer_print(&answer);
    else if (code == CTL_OK)
        print_life(ctl_answer_root(&answer));
    ctl_answer_finish(&answer);
    buffer_release(body);
    return code;
}

/* A file is where this program stands, a name where the router looks. */
static void write_plugin(struct json *json, const char *word)
{
    char path[4096];
    const bool is_path = strchr(word, '/') != NULL && realpath(word, path) != NULL;
    json_kv_string(json, "plugin", is_path ? path : word);
}

/* Words from `at` on: PLUGIN [NAME=VALUE ...]; returns where the next policy begins. */
static int write_policy(const struct ctl *ctl, struct json *json, int at)
{
    json_object_begin(json);
    write_plugin(json, ctl->arguments[at++]);
    json_key(json, "settings");
    json_object_begin(json);
    for (; at < ctl->argument_count; at++) {
        const char *word = ctl->arguments[at];
        const char *equals = strchr(word, '=');
        char name[128];
        if (equals == NULL)
            break;
        snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
        json_kv_string(json, name, equals + 1);
    }
    json_object_end(json);
    json_object_end(json);
    return at;
}

static void write_chain(const struct ctl *ctl, struct buffer *body)
{
    struct json json;
    json_init(&json, body);
    json_object_begin(&json);
    json_key(&json, "policies");
    json_array_begin(&json);
    for (int at = 0; at < ctl->argument_count;)
        at = write_policy(ctl, &json, at);
    json_array_end(&json);
    json_object_end(&json);
}

static void write_word(struct buffer *body, const char *key, const char *word)
{
    struct json json;
    json_init(&json, body);
    json_object_begin(&json);
    json_kv_string(&json, key, word);
    json_object_end(&json);
}

int ctl_policy_load(const struct ctl *ctl)
{
    struct buffer body = {0};
    write_chain(ctl, &body);
    return post(ctl, "/policies/load", &body);
}

int ctl_policy_shadow(const struct ctl *ctl)
{
    struct buffer body = {0};
    if (ctl->stop != NULL)
        write_word(&body, "stop", ctl->stop);
    else if (ctl->argument_count > 0)
        write_chain(ctl, &body);
    return post(ctl, "/policies/shadow", &body);
}

int ctl_policy_promote(const struct ctl *ctl)
{
    struct buffer body = {0};
    if (ctl->argument_count > 0)
        write_word(&body, "policy", ctl->arguments[0]);
    return post(ctl, "/policies/promote", &body);
}

int ctl_policy_rollback(const struct ctl *ctl)
{
    struct buffer body = {0};
    return post(ctl, "/policies/rollback", &body);
}
