/* isoctl status and watch: the fleet as this router sees it now. */
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

struct picture {
    struct ctl_answer clusters;
    struct ctl_answer routers;
};

/* The pool only where a cluster has pools of its own. */
static void add_name(struct table *table, struct json_value target)
{
    const char *pool = json_value_text(target, "pool");
    const bool plain = pool != NULL && strcmp(pool, "default") == 0;
    table_text(table, json_value_text(target, plain ? "cluster" : "name"));
}

/* "open", or what speaks against it. */
static void add_state(struct table *table, struct json_value target)
{
    const char *gate = json_value_text(target, "gate");
    const char *health = json_value_text(target, "health.state");
    if (!json_value_true(target, "usable"))
        table_text(table, gate);
    else if (health != NULL && strcmp(health, "healthy") != 0)
        table_cell(table, "open (%s)", health);
    else
        table_text(table, "open");
}

static void add_columns(struct table *table)
{
    table_column(table, "CLUSTER", TABLE_LEFT);
    table_column(table, "REGION", TABLE_LEFT);
    table_column(table, "STATE", TABLE_LEFT);
    table_column(table, "RTT ms", TABLE_RIGHT);
    table_column(table, "WAIT ms", TABLE_RIGHT);
    table_column(table, "TTFT ms", TABLE_RIGHT);
    table_column(table, "IN FLIGHT", TABLE_RIGHT);
    table_column(table, "OWN", TABLE_RIGHT);
    table_column(table, "SLOTS", TABLE_RIGHT);
    table_column(table, "USED %", TABLE_RIGHT);
    table_column(table, "REPORT", TABLE_RIGHT);
}

static void add_cluster(struct table *table, struct json_value target)
{
    const bool rtt_known = json_value_true(target, "inputs.rtt_ms.known");
    const bool slots_known = json_value_true(target, "inputs.slots.known");
    const bool used_known = json_value_true(target, "inputs.utilisation.known");
    add_name(table, target);
    table_text(table, json_value_text(target, "region"));
    add_state(table, target);
    table_number(table, rtt_known ? json_value_number(target, "inputs.rtt_ms.value") : NAN, 1);
    table_number(table, json_value_number(target, "estimate.wait_ms"), 1);
    table_number(table, json_value_number(target, "estimate.ttft_ms"), 1);
    table_number(table, json_value_number(target, "estimate.inflight"), 1);
    table_number(table, json_value_number(target, "estimate.own_inflight"), 0);
    table_number(table, slots_known ? json_value_number(target, "inputs.slots.value") : NAN, 0);
    table_number(table,
                 used_known ? 100 * json_value_number(target, "inputs.utilisation.value") : NAN, 0);
    table_span(table, json_value_number(target, "report.age_ms"));
}

static const char *own_name(struct json_value routers)
{
    struct json_items items = json_items_begin(routers, "routers");
    while (json_items_next(&items))
        if (json_value_true(items.value, "own"))
            return json_value_text(items.value, "name");
    return NULL;
}

static void print_headline(const struct picture *picture)
{
    const struct json_value routers = ctl_answer_root(&picture->routers);
    const struct json_value fleet = ctl_answer_root(&picture->clusters);
    const struct json_value redis = json_value_at(routers, "redis_connected");
    const char *name = own_name(routers);
    char age[SPAN_TEXT_BYTES];
    printf("%s: %.0f router%s live, ", name != NULL ? name : "this router",
           json_value_number(routers, "live"), json_value_number(routers, "live") == 1 ? "" : "s");
    if (json_value_type(redis) == JSON_NONE)
        printf("no Redis");
    else if (json_value_true(redis, ""))
        printf("Redis connected, last exchange %s ago",
               span_text(json_value_number(routers, "exchange_age_ms"), age));
    else
        printf("Redis NOT connected, last exchange %s ago",
               span_text(json_value_number(routers, "exchange_age_ms"), age));
    printf("%s\n\n", json_value_true(fleet, "panic")
                         ? "; PANIC: too few clusters are healthy, all are used"
                         : "");
}

static void print_picture(const struct picture *picture)
{
    const struct json_value fleet = ctl_answer_root(&picture->clusters);
    print_headline(picture);
    struct table table;
    table_init(&table);
    add_columns(&table);
    struct json_items items = json_items_begin(fleet, "clusters");
    while (json_items_next(&items))
        add_cluster(&table, items.value);
    table_print(&table, stdout);
    table_finish(&table);
}

static int take_picture(const struct ctl *ctl, struct picture *picture)
{
    *picture = (struct picture){0};
    const int code = ctl_ask(ctl, "GET", "/clusters", SLICE_NONE, &picture->clusters);
    if (code != CTL_OK || ctl->json)
        return code;
    return ctl_ask(ctl, "GET", "/routers", SLICE_NONE, &picture->routers);
}

int ctl_status(const struct ctl *ctl)
{
    struct picture picture;
    const int code = take_picture(ctl, &picture);
    if (code == CTL_OK && ctl->json)
        ctl_answer_print(&picture.clusters);
    else if (code == CTL_OK)
        print_picture(&picture);
    ctl_answer_finish(&picture.clusters);
    ctl_answer_finish(&picture.routers);
    return code;
}

/* A router that is away for a while is no reason to leave. */
int ctl_watch(const struct ctl *ctl)
{
    const struct timespec pause = {.tv_sec = (time_t)ctl->interval_s,
                                   .tv_nsec = (long)(fmod(ctl->interval_s, 1) * 1e9)};
    int code = CTL_OK;
    for (uint64_t n = 0; ctl->count == 0 || n < ctl->count; n++) {
        if (n > 0)
            nanosleep(&pause, NULL);
        if (isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        else if (n > 0 && !ctl->json)
            putchar('\n');
        code = ctl_status(ctl);
        fflush(stdout);
    }
    return code;
}
