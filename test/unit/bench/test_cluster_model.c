/* The cluster model against arithmetic done by hand.  Time is ours to turn. */
#include "unit.h"

#include <math.h>

#include "base/clock.h"
#include "base/random.h"
#include "cluster/cluster_model.h"

/* 1000 tokens/s; 10 ms per token, 1 ms more per sequence. */
static struct cluster_setup setup(uint32_t instances, uint32_t batch)
{
    return (struct cluster_setup){
        .type = {.prefill_tps_one = 1000,
                 .itl_base_s = 0.010,
                 .itl_per_seq_s = 0.001,
                 .batch = batch,
                 .cache_tokens = 1000},
        .instances = instances,
        .efficiency = 1,
        .speed = 1,
    };
}

static struct cluster_model *model_of(uint32_t instances, uint32_t batch)
{
    const struct cluster_setup s = setup(instances, batch);
    return cluster_model_create(&s, 0);
}

static uint64_t submit(struct cluster_model *model, uint64_t id, uint32_t prompt, uint32_t output,
                       int64_t now_ms)
{
    const struct cluster_request r = {.id = id, .prompt_tokens = prompt, .output_tokens = output};
    return cluster_model_submit(model, &r, now_ms * NS_PER_MS);
}

static void expect(struct cluster_model *model, enum cluster_event_kind kind, uint64_t id,
                   double at_ms)
{
    struct cluster_event event;
    assert_true(cluster_model_take_event(model, &event));
    assert_int_equal(event.kind, kind);
    assert_int_equal(event.id, id);
    assert_true(fabs(ns_to_ms(event.at_ns) - at_ms) < 0.001);
}

static void expect_nothing(struct cluster_model *model)
{
    struct cluster_event event;
    assert_false(cluster_model_take_event(model, &event));
}

static void one_request_takes_prefill_and_decode(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 4);
    assert_true(cluster_model_next_ns(m) == INT64_MAX);
    submit(m, 5, 90, 11, 0);
    cluster_model_advance(m, 10 * NS_PER_S);
    expect(m, CLUSTER_STARTED, 5, 0);
    expect(m, CLUSTER_FIRST_TOKEN, 5, 100);    /* 10 + 90/1000 */
    expect(m, CLUSTER_FINISHED, 5, 100 + 110); /* 10 more tokens at 10 + 1 ms */
    expect_nothing(m);
    cluster_model_destroy(&m);
    assert_null(m);
}

static void efficiency_and_speed_scale_it(void **state)
{
    (void)state;
    struct cluster_setup s = setup(1, 4);
    s.efficiency = 0.5;
    s.speed = 10;
    struct cluster_model *m = cluster_model_create(&s, 0);
    submit(m, 1, 90, 11, 0);
    cluster_model_advance(m, NS_PER_S);
    expect(m, CLUSTER_STARTED, 1, 0);
    expect(m, CLUSTER_FIRST_TOKEN, 1, 19); /* (10 + 180) / 10 */
    expect(m, CLUSTER_FINISHED, 1, 19 + 22);
    cluster_model_destroy(&m);
}

static void a_lane_takes_one_prefill_at_a_time(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(2, 4);
    for (uint64_t id = 1; id <= 3; id++)
        submit(m, id, 90, 1, 0);
    expect(m, CLUSTER_STARTED, 1, 0);
    expect(m, CLUSTER_STARTED, 2, 0);
    expect_nothing(m);
    cluster_model_advance(m, cluster_model_next_ns(m));
    expect(m, CLUSTER_FIRST_TOKEN, 1, 100);
    expect(m, CLUSTER_FINISHED, 1, 100); /* one token is all */
    expect(m, CLUSTER_STARTED, 3, 100);
    expect(m, CLUSTER_FIRST_TOKEN, 2, 100);
    expect(m, CLUSTER_FINISHED, 2, 100);
    cluster_model_destroy(&m);
}

static void a_request_waits_for_a_slot(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 1);
    submit(m, 1, 90, 11, 0);
    submit(m, 2, 90, 0, 0);
    cluster_model_advance(m, 205 * NS_PER_MS);
    expect(m, CLUSTER_STARTED, 1, 0);
    expect(m, CLUSTER_FIRST_TOKEN, 1, 100);
    expect_nothing(m);
    struct cluster_state s;
    cluster_model_state(m, &s);
    assert_int_equal(s.waiting, 1);
    assert_int_equal(s.waiting_tokens, 90);
    assert_int_equal(s.slots, 1);
    cluster_model_advance(m, NS_PER_S);
    expect(m, CLUSTER_FINISHED, 1, 210);
    expect(m, CLUSTER_STARTED, 2, 210);
    expect(m, CLUSTER_FINISHED, 2, 310); /* no output: ends with its prefill */
    cluster_model_destroy(&m);
}

static void decoding_together_is_slower_and_prefill_disturbs(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 4);
    submit(m, 1, 90, 101, 0);
    submit(m, 2, 90, 2, 0);
    cluster_model_advance(m, 100 * NS_PER_MS);
    /* Until 200 ms request 1 decodes alone beside a busy lane: 11 x 1.3 ms a token. */
    cluster_model_advance(m, 200 * NS_PER_MS);
    struct cluster_state s;
    cluster_model_state(m, &s);
    assert_int_equal(s.decoding, 2);
    assert_true(fabs(s.itl_s - 0.012) < 1e-9);
    expect(m, CLUSTER_STARTED, 1, 0);
    expect(m, CLUSTER_FIRST_TOKEN, 1, 100);
    expect(m, CLUSTER_STARTED, 2, 100);
    expect(m, CLUSTER_FIRST_TOKEN, 2, 200);
    cluster_model_advance(m, 100 * NS_PER_S);
    expect(m, CLUSTER_FINISHED, 2, 212);
    /* 100 tokens: 100/14.3 in the first 100 ms, one until 212 ms, the rest at 11 ms. */
    expect(m, CLUSTER_FINISHED, 1, 212 + (100 - 100 / 14.3 - 1) * 11);
    cluster_model_destroy(&m);
}

static void tokens_tell_the_progress(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 4);
    const uint64_t handle = submit(m, 1, 90, 11, 0);
    cluster_model_advance(m, 99 * NS_PER_MS);
    assert_int_equal(cluster_model_tokens(m, handle), 0);
    cluster_model_advance(m, 100 * NS_PER_MS);
    assert_int_equal(cluster_model_tokens(m, handle), 1);
    cluster_model_advance(m, 110 * NS_PER_MS);
    assert_int_equal(cluster_model_tokens(m, handle), 1);
    cluster_model_advance(m, 111 * NS_PER_MS);
    assert_int_equal(cluster_model_tokens(m, handle), 2);
    cluster_model_advance(m, 209 * NS_PER_MS);
    assert_int_equal(cluster_model_tokens(m, handle), 10);
    cluster_model_advance(m, 211 * NS_PER_MS);
    assert_int_equal(cluster_model_tokens(m, handle), 0);
    cluster_model_destroy(&m);
}

static void a_conversation_finds_its_prefix(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 4);
    struct cluster_request r = {.id = 1,
                                .conversation = 77,
                                .prompt_tokens = 90,
                                .reusable_tokens = 90,
                                .output_tokens = 10};
    cluster_model_submit(m, &r, 0);
    cluster_model_advance(m, NS_PER_S);
    r.id = 2;
    r.prompt_tokens = r.reusable_tokens = 200;
    cluster_model_submit(m, &r, NS_PER_S);
    cluster_model_advance(m, 2 * NS_PER_S);
    r.id = 3;
    r.reusable_tokens = 50;
    cluster_model_submit(m, &r, 2 * NS_PER_S);
    struct cluster_event event;
    uint32_t cached[4] = {0};
    while (cluster_model_take_event(m, &event))
        if (event.kind == CLUSTER_STARTED)
            cached[event.id] = event.cached_tokens;
    assert_int_equal(cached[1], 0);
    assert_int_equal(cached[2], 100); /* prompt and output of the first */
    assert_int_equal(cached[3], 50);
    cluster_model_advance(m, 3 * NS_PER_S);
    cluster_model_forget_prefixes(m);
    r.id = 4;
    cluster_model_submit(m, &r, 3 * NS_PER_S);
    assert_int_equal(cluster_model_metrics(m)->prefix_hits, 150);
    cluster_model_destroy(&m);
}

static void abort_frees_place_and_handle(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 1);
    const uint64_t first = submit(m, 1, 90, 11, 0);
    const uint64_t second = submit(m, 2, 90, 11, 0);
    const uint64_t third = submit(m, 3, 90, 11, 0);
    assert_true(cluster_model_abort(m, second, 10 * NS_PER_MS)); /* waiting */
    assert_true(cluster_model_abort(m, first, 20 * NS_PER_MS));  /* in prefill */
    assert_false(cluster_model_abort(m, first, 20 * NS_PER_MS));
    expect(m, CLUSTER_STARTED, 1, 0);
    expect(m, CLUSTER_STARTED, 3, 20);
    cluster_model_advance(m, 150 * NS_PER_MS);
    expect(m, CLUSTER_FIRST_TOKEN, 3, 120);
    assert_true(cluster_model_abort(m, third, 150 * NS_PER_MS)); /* decoding */
    assert_true(cluster_model_next_ns(m) == INT64_MAX);
    assert_int_equal(cluster_model_metrics(m)->aborted, 3);
    struct engine_gauges gauges;
    cluster_model_gauges(m, &gauges);
    assert_true(gauges.running == 0 && gauges.waiting == 0 && gauges.kv_used == 0);
    cluster_model_destroy(&m);
}

static void slow_and_stall_reach_what_is_under_way(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 4);
    submit(m, 1, 90, 11, 0);
    cluster_model_slow(m, 5, 50 * NS_PER_MS);
    cluster_model_stall(m, true, 100 * NS_PER_MS); /* 60 of 100 ms of work done */
    expect(m, CLUSTER_STARTED, 1, 0);
    assert_true(cluster_model_next_ns(m) == INT64_MAX);
    cluster_model_slow(m, 1, 200 * NS_PER_MS);
    cluster_model_stall(m, false, 300 * NS_PER_MS);
    cluster_model_advance(m, NS_PER_S);
    expect(m, CLUSTER_FIRST_TOKEN, 1, 340);
    expect(m, CLUSTER_FINISHED, 1, 450);
    cluster_model_destroy(&m);
}

static void a_liar_publishes_less(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(1, 10);
    cluster_model_lie(m, 5);
    for (uint64_t id = 1; id <= 11; id++)
        submit(m, id, 90, 1, 0);
    struct engine_gauges gauges;
    cluster_model_gauges(m, &gauges);
    assert_true(gauges.waiting == 2);
    cluster_model_advance(m, 100 * NS_PER_MS);
    assert_true(fabs(cluster_model_metrics(m)->prefill.sum - 0.020) < 1e-6);
    cluster_model_destroy(&m);
}

static void counters_add_up(void **state)
{
    (void)state;
    struct cluster_model *m = model_of(2, 8);
    struct random random;
    random_seed(&random, 11);
    double prompt = 0, output = 0;
    for (uint64_t id = 1; id <= 2000; id++) {
        const uint32_t p = 1 + (uint32_t)(random_u64(&random) % 300);
        const uint32_t o = 1 + (uint32_t)(random_u64(&random) % 40);
        prompt += p;
        output += o;
        submit(m, id, p, o, (int64_t)id * 50);
    }
    cluster_model_advance(m, 10000 * NS_PER_S);
    const struct engine_metrics *x = cluster_model_metrics(m);
    assert_int_equal(x->finished, 2000);
    assert_true(x->prompt_tokens == prompt);
    assert_true(fabs(x->generation_tokens - output) < 0.5);
    assert_true(fabs(x->itl.count + 2000 - output) < 0.5);
    assert_true(x->request_generation.sum == output);
    assert_true(fabs(x->e2e.sum - x->queue.sum - x->inference.sum) < 1e-3);
    assert_true(fabs(x->inference.sum - x->prefill.sum - x->decode.sum) < 1e-3);
    struct cluster_event event, last = {0};
    uint32_t finished = 0;
    while (cluster_model_take_event(m, &event)) {
        assert_true(event.at_ns >= last.at_ns);
        finished += event.kind == CLUSTER_FINISHED;
        last = event;
    }
    assert_int_equal(finished, 2000);
    cluster_model_destroy(&m);
}

/* However finely time is cut, the same things happen at the same times. */
static void time_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct cluster_model *coarse = model_of(2, 4);
    struct cluster_model *fine = model_of(2, 4);
    for (uint64_t id = 1; id <= 50; id++) {
        submit(coarse, id, (uint32_t)(id * 7 % 100), (uint32_t)(id * 13 % 40), (int64_t)id * 30);
        for (int64_t ms = (int64_t)id * 30 - 29; ms < (int64_t)id * 30; ms++)
            cluster_model_advance(fine, ms * NS_PER_MS);
        submit(fine, id, (uint32_t)(id * 7 % 100), (uint32_t)(id * 13 % 40), (int64_t)id * 30);
    }
    cluster_model_advance(coarse, 100 * NS_PER_S);
    while (cluster_model_next_ns(fine) != INT64_MAX) {
        struct cluster_event a, b;
        cluster_model_advance(fine, cluster_model_next_ns(fine));
        while (cluster_model_take_event(fine, &b)) {
            assert_true(cluster_model_take_event(coarse, &a));
            assert_int_equal(a.kind, b.kind);
            assert_int_equal(a.id, b.id);
            assert_true(llabs(a.at_ns - b.at_ns) < 1000);
        }
    }
    expect_nothing(coarse);
    cluster_model_destroy(&coarse);
    cluster_model_destroy(&fine);
}

UNIT_MAIN(one_request_takes_prefill_and_decode, efficiency_and_speed_scale_it,
          a_lane_takes_one_prefill_at_a_time, a_request_waits_for_a_slot,
          decoding_together_is_slower_and_prefill_disturbs, tokens_tell_the_progress,
          a_conversation_finds_its_prefix, abort_frees_place_and_handle,
          slow_and_stall_reach_what_is_under_way, a_liar_publishes_less, counters_add_up,
          time_may_be_cut_anywhere)
