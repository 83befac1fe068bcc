/*
 * Requests that wait for the fleet, driven end to end: one cluster that runs
 * one sequence at a time, as its agent says, and everybody wants it.
 */
#include <math.h>

#include "base/clock.h"
#include "ways.h"

static struct call calls[5];
static uint64_t reports;

enum { HOLD_MS = 100000000 }; /* longer than any class may wait */

static const char body[] = "{\"model\":\"a\",\"messages\":[],\"stream\":true}";

/* The agent of `near` says so; the picture is taken at once. */
static void report(double slots, double hold_ms)
{
    struct report report;
    report_init(&report);
    report.epoch = 1;
    report.seq = ++reports;
    report.ttl_ms = 6000;
    report.interval_ms = 2000;
    report.instances = 1;
    report.prefill_tps = report.prefill_tps_one = 10000;
    report.slots = slots;
    report.hold_ms = hold_ms;
    assert_int_equal(fleet_apply_report(edge.fleet, SLICE("near"), SLICE("default"), &report, 0,
                                        clock_monotonic_ns()),
                     REPORT_TAKEN);
    edge_tick(&edge);
    proxy_turn(edge.proxy);
}

static void open_stage(void)
{
    open_all(", protocol: h2", "", true);
    near.on_complete = wait_for_ever;
}

static void open_one_slot(void)
{
    open_stage();
    report(1, HOLD_MS);
}

static void close_stage(void)
{
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        call_finish(&calls[i]);
    close_all();
}

static void begin(size_t i, const char *class)
{
    char path[64];
    const char *const fields[] = {"content-type", "application/json", "x-isochrone-class", class,
                                  NULL};
    snprintf(path, sizeof path, "/v1/chat/completions?%zu", i);
    call_begin(&calls[i], &caller, "POST", path, fields, body);
}

static bool heads_are(void *arg)
{
    return near.heads == *(const size_t *)arg && near.completes == near.heads;
}

static void await_heads(size_t count)
{
    kit_run_until(loop, heads_are, &count);
}

static bool depth_is(void *arg)
{
    return edge.proxy->queue.admission.count == *(const uint32_t *)arg;
}

static void await_depth(uint32_t count)
{
    kit_run_until(loop, depth_is, &count);
}

/* The first is under way, `waiting` others of these classes wait behind it. */
static void fill(const char *const *classes, size_t waiting)
{
    begin(0, "interactive");
    await_heads(1);
    for (size_t i = 1; i <= waiting; i++) {
        begin(i, classes[i - 1]);
        await_depth((uint32_t)i);
    }
    assert_int_equal(near.heads, 1);
}

static void finish_one(void)
{
    engine_begin(engine_last(&near), 200, "text/event-stream");
    engine_say(engine_last(&near), "data: {}\n\ndata: [DONE]\n\n");
    engine_end(engine_last(&near));
}

static uint64_t outcomes(uint32_t class, enum queue_outcome outcome)
{
    return counter_get(&edge.proxy->queue.outcomes[class][outcome]);
}

static int64_t depth(uint32_t class)
{
    return level_get(&edge.proxy->queue.depth[class]);
}

static void refused(size_t i, const char *code)
{
    call_wait(&calls[i]);
    assert_int_equal(calls[i].status, 503);
    assert_non_null(strstr(call_text(&calls[i]), code));
    const char *seconds = call_field(&calls[i], "retry-after");
    assert_non_null(seconds);
    assert_in_range(atoi(seconds), 1, 5);
    assert_in_range(atoi(call_field(&calls[i], "retry-after-ms")), 1000, 5000);
    assert_null(call_field(&calls[i], "x-should-retry"));
}

/* ----------------------------------------------------------------------- */

static void the_highest_class_goes_first(void **state)
{
    (void)state;
    static const char *const classes[] = {"batch", "interactive", "priority", "interactive"};
    static const size_t order[] = {0, 3, 2, 4, 1};
    open_one_slot();
    fill(classes, COUNT_OF(classes));
    assert_int_equal(depth(ISO_INTERACTIVE), 2);
    for (size_t n = 0; n < COUNT_OF(order); n++) {
        await_heads(n + 1);
        char path[64];
        snprintf(path, sizeof path, "/v1/chat/completions?%zu", order[n]);
        assert_string_equal(engine_last(&near)->path, path);
        finish_one();
        call_wait(&calls[order[n]]);
        assert_int_equal(calls[order[n]].status, 200);
    }
    assert_int_equal(outcomes(ISO_INTERACTIVE, QUEUE_LET_IN), 2);
    assert_int_equal(outcomes(ISO_PRIORITY, QUEUE_LET_IN), 1);
    assert_int_equal(depth(ISO_BATCH), 0);
    double route, waited;
    const char *timing = call_field(&calls[1], "server-timing");
    assert_int_equal(sscanf(timing, "route;dur=%lf, queue;dur=%lf", &route, &waited), 2);
    assert_true(waited > 0 && route < 50);
    close_stage();
}

static void a_deadline_is_told_when_it_is_worth_while_again(void **state)
{
    (void)state;
    static const char *const classes[] = {"interactive"};
    open_one_slot();
    edge.tables->face.classes[ISO_INTERACTIVE].queue_ms = 40;
    fill(classes, 1);
    refused(1, "overloaded");
    assert_non_null(strstr(call_text(&calls[1]), "\"type\":\"server_error\""));
    assert_string_equal(call_field(&calls[1], "retry-after"), "5"); /* the slot is held for long */
    assert_null(call_field(&calls[1], "x-isochrone-cluster"));
    assert_int_equal(outcomes(ISO_INTERACTIVE, QUEUE_EXPIRED), 1);
    assert_int_equal(faults(FAULT_OVERLOAD), 1);
    assert_int_equal(near.heads, 1);
    close_stage();
}

static void who_goes_away_waits_no_more(void **state)
{
    (void)state;
    static const char *const classes[] = {"interactive", "flex"};
    open_one_slot();
    fill(classes, 2);
    call_finish(&calls[1]);
    await_depth(1);
    assert_int_equal(outcomes(ISO_INTERACTIVE, QUEUE_GONE), 1);
    caller_close(&caller);
    await_depth(0);
    assert_int_equal(outcomes(ISO_FLEX, QUEUE_GONE), 1);
    assert_int_equal(near.heads, 1);
    close_stage();
}

static void a_full_queue_has_room_for_the_higher(void **state)
{
    (void)state;
    static const char *const classes[] = {"flex"};
    open_one_slot();
    edge.tables->face.limits.queue = 1;
    fill(classes, 1);
    begin(2, "flex");
    refused(2, "overloaded");
    assert_int_equal(outcomes(ISO_FLEX, QUEUE_FULL), 1);
    begin(3, "priority");
    refused(1, "overloaded");
    assert_non_null(strstr(call_text(&calls[1]), "It gave way"));
    assert_int_equal(outcomes(ISO_FLEX, QUEUE_DISPLACED), 1);
    assert_int_equal(edge.proxy->queue.admission.count, 1);
    finish_one();
    await_heads(2);
    finish_one();
    call_wait(&calls[3]);
    assert_int_equal(calls[3].status, 200);
    close_stage();
}

static void a_new_picture_of_the_fleet_lets_in(void **state)
{
    (void)state;
    static const char *const classes[] = {"interactive", "interactive"};
    open_one_slot();
    fill(classes, 2);
    report(8, HOLD_MS);
    await_heads(3);
    assert_int_equal(edge.proxy->queue.admission.count, 0);
    close_stage();
}

static void what_is_no_longer_served_waits_no_more(void **state)
{
    (void)state;
    static const char *const classes[] = {"interactive"};
    open_one_slot();
    fill(classes, 1);
    char *other = memory_printf("policies: [{plugin: nearest}]\nclusters:\n"
                                "  - {name: far, models: [m], endpoints: [{url: \"%s\"}]}\n",
                                far.url);
    edge_reload(&edge, other);
    free(other);
    call_wait(&calls[1]);
    assert_int_equal(calls[1].status, 404);
    assert_int_equal(edge.proxy->queue.admission.count, 0);
    close_stage();
}

static void draining_waits_only_where_there_is_time(void **state)
{
    (void)state;
    static const char *const classes[] = {"interactive", "batch"};
    open_one_slot();
    fill(classes, 2);
    queue_drain(edge.proxy, 60000);
    refused(2, "draining");
    assert_int_equal(edge.proxy->queue.admission.count, 1);
    begin(3, "flex"); /* came late */
    refused(3, "draining");
    finish_one();
    await_heads(2);
    close_stage();
}

/* Short waits are the cluster's own affair, and guesses hold up nobody. */
static void only_measured_work_of_others_makes_wait(void **state)
{
    (void)state;
    static const double hold_ms[] = {100, NAN};
    for (size_t h = 0; h < COUNT_OF(hold_ms); h++) {
        open_stage();
        report(1, hold_ms[h]);
        for (size_t i = 0; i < COUNT_OF(calls); i++)
            begin(i, "interactive");
        await_heads(COUNT_OF(calls));
        assert_true(edge.proxy->decision.estimates[0].wait_slot_ms > 300);
        close_stage();
    }
}

/* It will be late wherever it goes and whenever: let it begin. */
static void a_long_prompt_does_not_wait_for_itself(void **state)
{
    (void)state;
    open_stage();
    report(8, HOLD_MS);
    edge.tables->face.classes[ISO_INTERACTIVE] = (struct class_promise){0.001, 1};
    begin(0, "interactive");
    await_heads(1);
    assert_true(edge.proxy->decision.estimates[0].ttft_ms > 1.001);
    close_stage();
}

static void nothing_waits_where_nothing_may(void **state)
{
    (void)state;
    open_one_slot();
    edge.tables->face.limits.queue = 0;
    for (size_t i = 0; i < 5; i++)
        begin(i, "interactive");
    await_heads(5);
    assert_int_equal(outcomes(ISO_INTERACTIVE, QUEUE_FULL), 0);
    close_stage();

    open_one_slot();
    edge.tables->face.classes[ISO_INTERACTIVE].queue_ms = 0;
    begin(0, "interactive");
    await_heads(1);
    begin(1, "interactive");
    refused(1, "overloaded");
    assert_int_equal(outcomes(ISO_INTERACTIVE, QUEUE_FULL), 1);
    close_stage();
}

UNIT_MAIN(the_highest_class_goes_first, a_deadline_is_told_when_it_is_worth_while_again,
          who_goes_away_waits_no_more, a_full_queue_has_room_for_the_higher,
          a_new_picture_of_the_fleet_lets_in, what_is_no_longer_served_waits_no_more,
          draining_waits_only_where_there_is_time, only_measured_work_of_others_makes_wait,
          a_long_prompt_does_not_wait_for_itself, nothing_waits_where_nothing_may)
