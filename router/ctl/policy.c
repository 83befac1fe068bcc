/* isoctl policy: what is loaded, and which route asks it. */
#include <math.h>
#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

static void print_loaded(struct json_value root)
{
    struct table table;
    table_init(&table);
    table_column(&table, "POLICY", TABLE_LEFT);
    table_column(&table, "VERSION", TABLE_LEFT);
    table_column(&table, "KIND", TABLE_LEFT);
    table_column(&table, "FAULTS", TABLE_RIGHT);
    table_column(&table, "HASH", TABLE_LEFT);
    table_column(&table, "SUMMARY", TABLE_LEFT);
    struct json_items loaded = json_items_begin(root, "loaded");
    while (json_items_next(&loaded)) {
        double faults = 0;
        struct json_items kinds = json_items_begin(loaded.value, "faults");
        while (json_items_next(&kinds))
            faults += json_value_number(kinds.value, "");
        const char *hash = json_value_text(loaded.value, "hash");
        table_text(&table, json_value_text(loaded.value, "name"));
        table_text(&table, json_value_text(loaded.value, "version"));
        table_text(&table, json_value_text(loaded.value, "kind"));
        table_number(&table, faults, 0);
        table_cell(&table, "%.12s", hash != NULL ? hash : "-");
        table_text(&table, json_value_text(loaded.value, "summary"));
    }
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

int ctl_policy_list(const struct ctl *ctl)
{
    struct ctl_answer answer;
    const int code = ctl_ask(ctl, "GET", "/policies", SLICE_NONE, &answer);
    if (code == CTL_OK && ctl->json) {
        ctl_answer_print(&answer);
    } else if (code == CTL_OK) {
        print_loaded(ctl_answer_root(&answer));
        print_routes(ctl_answer_root(&answer));
    }
    ctl_answer_finish(&answer);
    return code;
}
