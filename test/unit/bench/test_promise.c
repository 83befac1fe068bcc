/* Promises that answers are held to, tenants by weight, and whether every event came. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "load/promise.h"
#include "load/sequence.h"
#include "load/tenant.h"
#include "sim/words.h"

#define MS INT64_C(1000000)

static struct error error;

static struct promise promise(const char *text)
{
    struct promise out;
    if (!promise_parse(slice_of(text), &out, &error))
        fail_msg("%s", error.text);
    return out;
}

static void promises_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "ttft",     "ttft=",
                                      "ttft=1", "head=1s",  "slow:e2e=1s",
                                      "flex:",  "ttft=1s,", "ttft=1s;itl=2s"};
    const struct promise one = promise("ttft=1s,itl=100ms"), flex = promise("flex:e2e=2m");
    assert_int_equal(one.traffic_class, CLASS_NONE);
    assert_true(one.ttft_ms == 1000 && one.itl_request_ms == 100 && isinf(one.e2e_ms));
    assert_int_equal(flex.traffic_class, CLASS_FLEX);
    assert_true(flex.e2e_ms == 120e3 && isinf(flex.ttft_ms));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct promise out;
        if (promise_parse(slice_of(bad[i]), &out, &error))
            fail_msg("\"%s\" was read", bad[i]);
        assert_non_null(strstr(error.text, "such as ttft=1s,itl=100ms"));
    }
}

static void promises_are_judged(void **state)
{
    (void)state;
    const struct promise list[] = {promise("ttft=1s,itl=100ms"), promise("flex:ttft=9s")};
    struct sample sample = {.intended_ns = 500 * MS,
                            .first_ns = 1500 * MS,
                            .last_ns = 1700 * MS,
                            .end_ns = 1800 * MS,
                            .events = 3};
    assert_int_equal(promise_judge(list, 2, &sample), PROMISE_KEPT);
    assert_int_equal(promise_judge(list, 0, &sample), PROMISE_NONE);
    assert_int_equal(promise_judge(list + 1, 1, &sample), PROMISE_NONE);
    sample.first_ns += MS;
    assert_int_equal(promise_judge(list, 2, &sample), PROMISE_BROKEN);
    sample.traffic_class = CLASS_FLEX; /* has one of its own */
    assert_int_equal(promise_judge(list, 2, &sample), PROMISE_KEPT);
    sample.outcome = OUTCOME_STATUS;
    assert_int_equal(promise_judge(list, 2, &sample), PROMISE_BROKEN);
    sample.outcome = OUTCOME_UNFINISHED;
    assert_int_equal(promise_judge(list, 2, &sample), PROMISE_NONE);
    sample = (struct sample){.first_ns = 100 * MS, .last_ns = 301 * MS, .events = 3};
    assert_int_equal(promise_judge(list, 2, &sample), PROMISE_BROKEN); /* 100.5 ms between events */
}

static bool read_tenants(const char *text, struct arena *arena, struct tenants *out)
{
    char name[] = "tenants-XXXXXX";
    const int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    const bool good = tenants_read(name, arena, out, &error);
    unlink(name);
    return good;
}

static void tenants_have_their_weight(void **state)
{
    (void)state;
    struct tenants tenants;
    struct arena arena;
    arena_init(&arena);
    assert_true(read_tenants("# who\nacme key-1 3\n\n  other\tkey-2\n", &arena, &tenants));
    assert_int_equal(tenants.count, 2);
    assert_true(slice_eq(tenants.list[0].authorization, SLICE("Bearer key-1")));
    assert_string_equal(tenants.list[1].name, "other");
    assert_int_equal(tenants_pick(&tenants, 0), 0);
    assert_int_equal(tenants_pick(&tenants, 0.74), 0);
    assert_int_equal(tenants_pick(&tenants, 0.76), 1);
    assert_int_equal(tenants_pick(&tenants, 0.999999), 1);
    static const char *const bad[] = {"acme\n", "a k 0\n", "a k 1 more\n", "a k\na j\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (read_tenants(bad[i], &arena, &tenants))
            fail_msg("\"%s\" was read", bad[i]);
    arena_finish(&arena);
}

/* Says some tokens by number as isosim does, and judges. */
static enum outcome judge(const int *tokens, size_t count, uint32_t asked)
{
    struct sequence sequence = {0};
    for (size_t i = 0; i < count; i++) {
        char event[96];
        snprintf(event, sizeof event, "{\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}",
                 tokens[i] < 0 ? "" : sim_word((uint32_t)tokens[i]));
        sequence_feed(&sequence, slice_of(event));
    }
    return sequence_judge(&sequence, asked);
}

static void every_event_comes_once(void **state)
{
    (void)state;
    static const int good[] = {-1, 0, 1, 2, 3, -1}, lost[] = {0, 1, 3, 4}, twice[] = {0, 1, 1, 2};
    static const int late[] = {15, 16, 17};
    assert_int_equal(judge(good, COUNT_OF(good), 4), OUTCOME_ANSWERED);
    assert_int_equal(judge(good, COUNT_OF(good), 0), OUTCOME_ANSWERED);
    assert_int_equal(judge(good, COUNT_OF(good), 5), OUTCOME_LOST_EVENT);
    assert_int_equal(judge(good, COUNT_OF(good), 3), OUTCOME_DUPLICATE_EVENT);
    assert_int_equal(judge(lost, COUNT_OF(lost), 5), OUTCOME_LOST_EVENT);
    assert_int_equal(judge(twice, COUNT_OF(twice), 3), OUTCOME_DUPLICATE_EVENT);
    assert_int_equal(judge(late, COUNT_OF(late), 18), OUTCOME_LOST_EVENT);
    struct sequence other = {0};
    sequence_feed(&other, SLICE("{\"choices\":[{\"text\":\"whatever\"}]}"));
    assert_int_equal(sequence_judge(&other, 9), OUTCOME_ANSWERED); /* not isosim's */
}

UNIT_MAIN(promises_are_read, promises_are_judged, tenants_have_their_weight, every_event_comes_once)
