/* isoctl explain: what would be decided now, and why. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

/* --- the clusters in the order of preference --- */

struct order {
    struct json_value *items;
    size_t count;
};

/* Without a total it was not eligible, and comes last. */
static int compare(const void *left, const void *right)
{
    const double a = json_value_number(*(const struct json_value *)left, "total_ms");
    const double b = json_value_number(*(const struct json_value *)right, "total_ms");
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

static struct order order_make(struct json_value record)
{
    struct order order = {0};
    const size_t most = json_value_count(record, "clusters");
    order.items = memory_zalloc((most + 1) * sizeof *order.items);
    struct json_items items = json_items_begin(record, "clusters");
    while (order.count < most && json_items_next(&items))
        order.items[order.count++] = items.value;
    qsort(order.items, order.count, sizeof *order.items, compare);
    return order;
}

/* --- the costs --- */

/* The first that was priced names the columns: policies and their parts. */
static struct json_value first_priced(const struct order *order)
{
    const bool any = order->count > 0 && !isnan(json_value_number(order->items[0], "total_ms"));
    return json_value_at(any ? order->items[0] : (struct json_value){{0, 0}}, "ms");
}

/* "network", and behind the first policy "prefer.region". */
static void add_part_columns(struct table *table, struct json_value ms)
{
    const bool several = json_value_count(ms, "") > 1;
    struct json_items policies = json_items_begin(ms, "");
    while (json_items_next(&policies)) {
        struct json_items parts = json_items_begin(policies.value, "");
        while (json_items_next(&parts)) {
            char title[160];
            snprintf(title, sizeof title, "%s%s%s", several ? policies.key : "", several ? "." : "",
                     parts.key);
            table_column(table, title, TABLE_RIGHT);
        }
    }
}

/* As many cells as there are part columns, whatever this cluster has. */
static void add_parts(struct table *table, struct json_value columns, struct json_value ms)
{
    struct json_items policies = json_items_begin(columns, "");
    while (json_items_next(&policies)) {
        const struct json_value policy = json_value_at(ms, policies.key);
        struct json_items parts = json_items_begin(policies.value, "");
        while (json_items_next(&parts))
            table_number(table, json_value_number(policy, parts.key), 1);
    }
}

static const char *mark_of(struct json_value record, const char *name)
{
    const char *chosen = json_value_text(record, "chosen");
    const char *next = json_value_text(record, "runner_up");
    if (chosen != NULL && strcmp(chosen, name) == 0)
        return ">";
    return next != NULL && strcmp(next, name) == 0 ? "2" : " ";
}

static void add_verdict(struct table *table, struct json_value cluster)
{
    const char *reason = json_value_text(cluster, "reason");
    const char *by = json_value_text(cluster, "by");
    if (reason == NULL)
        table_text(table, json_value_text(cluster, "verdict"));
    else
        table_cell(table, "%s: %s (%s)", json_value_text(cluster, "verdict"), reason,
                   by != NULL ? by : "?");
}

static void print_costs(struct json_value record, const struct order *order)
{
    const struct json_value columns = first_priced(order);
    struct table table;
    table_init(&table);
    table_column(&table, " ", TABLE_LEFT);
    table_column(&table, "CLUSTER", TABLE_LEFT);
    table_column(&table, "VERDICT", TABLE_LEFT);
    table_column(&table, "TOTAL ms", TABLE_RIGHT);
    add_part_columns(&table, columns);
    for (size_t i = 0; i < order->count; i++) {
        const struct json_value cluster = order->items[i];
        const char *name = json_value_text(cluster, "name");
        table_text(&table, mark_of(record, name != NULL ? name : ""));
        table_text(&table, name);
        add_verdict(&table, cluster);
        table_number(&table, json_value_number(cluster, "total_ms"), 1);
        add_parts(&table, columns, json_value_at(cluster, "ms"));
    }
    table_print(&table, stdout);
    table_finish(&table);
}

/* --- the inputs --- */

static const struct {
    const char *title;
    const char *path;
    unsigned decimals;
} inputs[] = {
    {"RTT ms", "inputs.rtt_ms", 1},
    {"km", "inputs.distance_km", 0},
    {"TTFT ms", "inputs.ttft_ms", 1},
    {"WAIT ms", "inputs.wait_ms", 1},
    {"PREFILL WAIT", "inputs.wait_prefill_ms", 1},
    {"SLOT WAIT", "inputs.wait_slot_ms", 1},
    {"SERVICE ms", "inputs.service_ms", 1},
    {"CACHED", "inputs.cached_tokens", 0},
    {"IN FLIGHT", "inputs.inflight", 1},
    {"BACKLOG tok", "inputs.backlog_tokens", 0},
    {"SLOTS", "inputs.slots", 0},
    {"HOLD ms", "inputs.hold_ms", 0},
    {"PREFILL tok/s", "inputs.prefill_tokens_per_s", 0},
    {"OF ONE", "inputs.prefill_tokens_per_s_one", 0},
    {"ITL ms", "inputs.itl_ms", 1},
    {"USED", "inputs.utilisation", 2},
    {"CORRECTION", "inputs.correction", 2},
    {"PRICE", "inputs.price_ratio", 2},
};

static void add_known(struct table *table, struct json_value cluster)
{
    char text[256] = "";
    size_t len = 0;
    struct json_items known = json_items_begin(cluster, "inputs.known");
    while (json_items_next(&known) && len < sizeof text) {
        const char *word = json_value_text(known.value, "");
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? " " : "",
                                word != NULL ? word : "?");
    }
    table_text(table, text[0] != '\0' ? text : "nothing");
}

/* What is not measured is a prior; the last column says what is measured, the age how long ago. */
static void print_inputs(const struct order *order)
{
    struct table table;
    table_init(&table);
    table_column(&table, "CLUSTER", TABLE_LEFT);
    table_column(&table, "AGE", TABLE_RIGHT);
    for (size_t i = 0; i < COUNT_OF(inputs); i++)
        table_column(&table, inputs[i].title, TABLE_RIGHT);
    table_column(&table, "MEASURED", TABLE_LEFT);
    for (size_t n = 0; n < order->count; n++) {
        table_text(&table, json_value_text(order->items[n], "name"));
        table_span(&table, json_value_number(order->items[n], "inputs.age_ms"));
        for (size_t i = 0; i < COUNT_OF(inputs); i++)
            table_number(&table, json_value_number(order->items[n], inputs[i].path),
                         inputs[i].decimals);
        add_known(&table, order->items[n]);
    }
    putchar('\n');
    table_print(&table, stdout);
    table_finish(&table);
}

/* --- the command --- */

static void print_headline(struct json_value record)
{
    const struct json_value request = json_value_at(record, "request");
    const char *route = json_value_text(record, "route");
    const char *country = json_value_text(request, "country");
    printf("%s request for %s, %.0f prompt tokens", json_value_text(request, "class"),
           json_value_text(request, "model"), json_value_number(request, "prompt_tokens"));
    if (country != NULL && country[0] != '\0')
        printf(", from %s", country);
    printf("; route %s: ", route != NULL ? route : "?");
    struct json_items policies = json_items_begin(record, "policies");
    for (bool first = true; json_items_next(&policies); first = false)
        printf("%s%s", first ? "" : " + ", json_value_text(policies.value, "name"));
    printf("\n\n");
}

static void print_record(const struct ctl *ctl, struct json_value record)
{
    struct order order = order_make(record);
    print_headline(record);
    print_costs(record, &order);
    if (ctl->verbose)
        print_inputs(&order);
    if (json_value_text(record, "chosen") == NULL)
        printf("\nno cluster will do: such a request would be refused\n");
    free(order.items);
}

int ctl_explain(const struct ctl *ctl)
{
    struct buffer path = {0};
    buffer_append_slice(&path, SLICE("/explain"));
    ctl_add_query(&path, "ip", ctl->ip);
    ctl_add_query(&path, "model", ctl->model);
    ctl_add_query(&path, "class", ctl->class_text);
    ctl_add_query(&path, "prompt_tokens", ctl->prompt_tokens);
    ctl_add_query(&path, "output_tokens", ctl->output_tokens);
    ctl_add_query(&path, "session", ctl->session);
    ctl_add_query(&path, "tenant", ctl->tenant);
    ctl_add_query(&path, "path", ctl->path);
    buffer_append_byte(&path, '\0');
    struct ctl_answer answer;
    const int code = ctl_ask(ctl, "GET", path.memory + path.start, SLICE_NONE, &answer);
    if (code == CTL_OK && ctl->json)
        ctl_answer_print(&answer);
    else if (code == CTL_OK)
        print_record(ctl, ctl_answer_root(&answer));
    ctl_answer_finish(&answer);
    buffer_release(&path);
    return code;
}
