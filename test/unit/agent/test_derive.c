#include "agent/derive.h"

#include <math.h>

#include "base/clock.h"
#include "unit.h"

static int64_t at_s(double seconds)
{
    return NS_PER_S + (int64_t)(seconds * 1e9);
}

static struct engine_sample nothing(void)
{
    struct engine_sample sample = {.engines = 1};
    for (unsigned i = 0; i < ENGINE_METRIC_COUNT; i++)
        sample.values[i] = NAN;
    return sample;
}

/* An engine that finished `n` requests of 1,000 computed tokens in 0.25 s of prefill each. */
static struct engine_sample after(double n)
{
    struct engine_sample s = nothing();
    s.values[ENGINE_running] = 5;
    s.values[ENGINE_waiting] = 0;
    s.values[ENGINE_kv_used] = 0.4;
    s.values[ENGINE_finished] = n;
    s.values[ENGINE_computed_tokens] = 1000 * n;
    s.values[ENGINE_prefill_sum] = 0.25 * n;
    s.values[ENGINE_prefill_count] = n;
    s.values[ENGINE_ttft_sum] = 0.4 * n;
    s.values[ENGINE_ttft_count] = n;
    s.values[ENGINE_queue_sum] = 0.1 * n;
    s.values[ENGINE_queue_count] = n;
    s.values[ENGINE_e2e_sum] = 3.1 * n;
    s.values[ENGINE_e2e_count] = n;
    s.values[ENGINE_itl_sum] = 0.02 * 100 * n;
    s.values[ENGINE_itl_count] = 100 * n;
    return s;
}

struct scene {
    struct derive *derive;
    struct report report;
};

static int scene_open(void **state)
{
    static struct scene scene;
    const struct derive_settings settings = {.instances = NAN, .slots = NAN};
    scene.derive = derive_create(&settings);
    report_init(&scene.report);
    *state = &scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    derive_destroy(&scene->derive);
    return 0;
}

static void sample(struct scene *scene, unsigned endpoint, double seconds,
                   struct engine_sample sample)
{
    derive_sample(scene->derive, endpoint, &sample, at_s(seconds));
}

static const struct report *report(struct scene *scene, double seconds)
{
    derive_report(scene->derive, at_s(seconds), &scene->report);
    return &scene->report;
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 0.01 * fabs(expected)))
        fail_msg("found %g, expected %g", found, expected);
}

static void nothing_known_is_all_unknown(void **state)
{
    const struct report *r = report(*state, 0);
#define IS_UNKNOWN(name, ...) assert_true(isnan(r->name));
    REPORT_NUMBERS(IS_UNKNOWN)
#undef IS_UNKNOWN
}

static void one_sample_has_gauges_only(void **state)
{
    sample(*state, 0, 0, after(100));
    const struct report *r = report(*state, 0);
    near(r->instances, 1);
    near(r->running, 5);
    assert_true(r->waiting == 0 && r->waiting_tokens == 0);
    near(r->kv_used, 0.4);
    assert_true(isnan(r->prefill_tps_one) && isnan(r->utilisation) && isnan(r->done_per_s));
    assert_true(isnan(r->slots));
}

static void two_samples_have_it_all(void **state)
{
    sample(*state, 0, 0, after(100));
    sample(*state, 0, 10, after(120));
    const struct report *r = report(*state, 10);
    near(r->prefill_tps_one, 4000);
    near(r->prefill_tps, 4000);
    near(r->utilisation, 0.5);
    near(r->mean_tokens, 1000);
    near(r->hold_ms, 3000);
    near(r->itl_ms, 20);
    near(r->itl_idle_ms, 20);
    near(r->done_per_s, 2);
    near(r->ttft_ms, 400);
}

static void engines_multiply_capacity(void **state)
{
    struct engine_sample first = after(100), second = after(120);
    first.engines = second.engines = 8;
    sample(*state, 0, 0, first);
    sample(*state, 0, 10, second);
    const struct report *r = report(*state, 10);
    near(r->instances, 8);
    near(r->prefill_tps_one, 4000);
    near(r->prefill_tps, 32000);
    near(r->utilisation, 0.5 / 8);
}

static void idle_keeps_what_it_can_do(void **state)
{
    sample(*state, 0, 0, after(100));
    sample(*state, 0, 10, after(120));
    for (int i = 1; i <= 1800; i++)
        sample(*state, 0, 10 + 2 * i, after(120));
    const struct report *r = report(*state, 3610);
    near(r->prefill_tps_one, 4000);
    near(r->mean_tokens, 1000);
    near(r->hold_ms, 3000);
    assert_true(r->utilisation < 1e-6 && r->done_per_s < 1e-6);
}

static void slowdown_is_seen_within_seconds(void **state)
{
    double n = 0;
    for (int i = 0; i <= 30; i++)
        sample(*state, 0, 2 * i, after(n += 4));
    struct engine_sample s = after(n);
    for (int i = 1; i <= 15; i++) { /* 1 s of prefill for 1,000 tokens: a quarter of the speed */
        s.values[ENGINE_computed_tokens] += 1000;
        s.values[ENGINE_prefill_sum] += 1;
        s.values[ENGINE_finished]++;
        sample(*state, 0, 60 + 2 * i, s);
    }
    const struct report *r = report(*state, 90);
    assert_true(r->prefill_tps_one > 1000 && r->prefill_tps_one < 1200);
}

static void restart_is_not_a_step_back(void **state)
{
    sample(*state, 0, 0, after(1000));
    sample(*state, 0, 10, after(1020));
    sample(*state, 0, 12, after(1)); /* counters begin anew */
    sample(*state, 0, 14, after(5));
    const struct report *r = report(*state, 14);
    near(r->prefill_tps_one, 4000);
    assert_true(r->done_per_s > 1.9 && r->done_per_s < 2.1);
}

static void lost_endpoint_is_not_counted_now(void **state)
{
    for (unsigned i = 0; i < 2; i++) {
        sample(*state, i, 0, after(100));
        sample(*state, i, 10, after(120));
    }
    near(report(*state, 10)->instances, 2);
    near(report(*state, 10)->running, 10);
    near(report(*state, 10)->prefill_tps, 8000);
    struct scene *scene = *state;
    derive_lost(scene->derive, 1);
    const struct report *r = report(*state, 12);
    near(r->instances, 1);
    near(r->running, 5);
    near(r->done_per_s, 2);
    near(r->prefill_tps, 4000);
    derive_lost(scene->derive, 0);
    r = report(*state, 14);
    assert_true(isnan(r->instances) && isnan(r->running) && isnan(r->utilisation));
    near(r->prefill_tps_one, 4000);
}

static void time_away_is_no_flow(void **state)
{
    struct scene *scene = *state;
    sample(scene, 0, 0, after(100));
    sample(scene, 0, 10, after(120));
    derive_lost(scene->derive, 0);
    sample(scene, 0, 100, after(9000)); /* whatever it did meanwhile */
    assert_true(isnan(report(scene, 100)->done_per_s));
    sample(scene, 0, 110, after(9020));
    near(report(scene, 110)->done_per_s, 2);
}

static struct engine_sample running(double running, double waiting)
{
    struct engine_sample s = after(1);
    s.values[ENGINE_running] = running;
    s.values[ENGINE_waiting] = waiting;
    return s;
}

/* Five samples in which so many run and something waits. */
static void full(struct scene *scene, double from_s, double runs)
{
    for (int i = 0; i < 5; i++)
        sample(scene, 0, from_s + 2 * i, running(runs, 1));
}

static void slots_are_what_runs_again_and_again_while_something_waits(void **state)
{
    sample(*state, 0, 0, running(90, 0)); /* nothing waited: says nothing of slots */
    sample(*state, 0, 2, running(70, 1));
    for (double at_s = 4; at_s < 12; at_s += 2) {
        sample(*state, 0, at_s, running(80, 3));
        assert_true(isnan(report(*state, at_s)->slots)); /* that may be chance */
    }
    sample(*state, 0, 12, running(80, 1));
    near(report(*state, 12)->slots, 80);
    sample(*state, 0, 14, running(96, 3)); /* there are more after all */
    assert_true(isnan(report(*state, 14)->slots));
    full(*state, 16, 96);
    near(report(*state, 26)->slots, 96);
}

static void waiting_for_prefill_says_nothing_of_slots(void **state)
{
    for (int i = 0; i < 200; i++)
        sample(*state, 0, 2 * i, running(40 + i * 37 % 60, 2));
    assert_true(isnan(report(*state, 400)->slots));
}

static void slots_of_unseen_endpoints_are_like_the_others(void **state)
{
    full(*state, 0, 80);
    sample(*state, 1, 8, running(20, 0));
    near(report(*state, 10)->slots, 160);
}

static void settings_stand_until_seen(void **state)
{
    (void)state;
    const struct derive_settings settings = {.instances = 4, .slots = 512};
    struct scene scene = {.derive = derive_create(&settings)};
    report_init(&scene.report);
    sample(&scene, 0, 0, running(40, 2));
    near(report(&scene, 0)->slots, 512);
    near(report(&scene, 0)->instances, 4);
    full(&scene, 2, 50);
    near(report(&scene, 10)->slots, 50);
    derive_destroy(&scene.derive);
}

static void tokens_by_difference_where_the_engine_does_not_count_them(void **state)
{
    struct engine_sample first = after(0), second = after(10);
    first.values[ENGINE_computed_tokens] = second.values[ENGINE_computed_tokens] = NAN;
    first.values[ENGINE_prompt_tokens] = first.values[ENGINE_cached_tokens] = 0;
    second.values[ENGINE_prompt_tokens] = 15000;
    second.values[ENGINE_cached_tokens] = 5000;
    sample(*state, 0, 0, first);
    sample(*state, 0, 10, second);
    near(report(*state, 10)->prefill_tps_one, 4000);
    near(report(*state, 10)->mean_tokens, 1000);
}

static void prefill_is_ttft_minus_queue_where_it_is_not_measured(void **state)
{
    struct engine_sample first = after(0), second = after(10);
    first.values[ENGINE_prefill_sum] = second.values[ENGINE_prefill_sum] = NAN;
    first.values[ENGINE_prefill_count] = second.values[ENGINE_prefill_count] = NAN;
    sample(*state, 0, 0, first);
    sample(*state, 0, 10, second);
    near(report(*state, 10)->prefill_tps_one, 1000 / 0.3);
    assert_true(isnan(report(*state, 10)->utilisation));
}

/* `count` more requests of so many computed tokens, by an engine that takes 10 ms and then reads
 * 8,000 tokens a second. */
static struct engine_sample read_more(struct engine_sample s, double count, double tokens)
{
    s.values[ENGINE_finished] += count;
    s.values[ENGINE_computed_tokens] += count * tokens;
    s.values[ENGINE_prefill_count] += count;
    s.values[ENGINE_prefill_sum] += count * (0.010 + tokens / 8000);
    return s;
}

static void short_prompts_do_not_make_an_engine_slow(void **state)
{
    struct engine_sample s = after(0);
    sample(*state, 0, 0, s);
    for (int i = 1; i <= 30; i++)
        sample(*state, 0, 2 * i, s = read_more(s, 20, 9));
    const struct report *r = report(*state, 60);
    assert_true(isnan(r->prefill_tps_one) && isnan(r->prefill_tps)); /* it may be any */
    near(r->mean_tokens, 9);
    near(r->done_per_s, 10);
    for (int i = 1; i <= 5; i++)
        sample(*state, 0, 60 + 2 * i, s = read_more(s, 20, 2000));
    r = report(*state, 70);
    assert_true(r->prefill_tps_one > 7000 && r->prefill_tps_one < 8000);
    const double known = r->prefill_tps_one;
    for (int i = 1; i <= 1000; i++)
        sample(*state, 0, 70 + 2 * i, s = read_more(s, 20, 9));
    r = report(*state, 2070);
    assert_true(r->prefill_tps_one > 0.6 * known); /* what was told stands */
}

static void waiting_tokens_need_a_mean(void **state)
{
    sample(*state, 0, 0, running(5, 3));
    assert_true(isnan(report(*state, 0)->waiting_tokens));
    struct engine_sample s = after(11);
    s.values[ENGINE_waiting] = 3;
    sample(*state, 0, 10, s);
    near(report(*state, 10)->waiting_tokens, 3000);
}

static void idle_itl_is_the_low_of_the_hour(void **state)
{
    struct engine_sample s = after(0);
    sample(*state, 0, 0, s);
    for (int i = 1; i <= 100; i++) { /* 30 ms mostly, 15 ms for a fifth of the time */
        s.values[ENGINE_itl_count] += 100;
        s.values[ENGINE_itl_sum] += 100 * (i % 5 == 0 ? 0.015 : 0.03);
        sample(*state, 0, 10 * i, s);
    }
    near(report(*state, 1000)->itl_idle_ms, 15);
    assert_true(report(*state, 1000)->itl_ms > 20);
    assert_true(isnan(report(*state, 1000 + 3700)->itl_idle_ms));
}

#define IN_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(nothing_known_is_all_unknown),
        IN_SCENE(one_sample_has_gauges_only),
        IN_SCENE(two_samples_have_it_all),
        IN_SCENE(engines_multiply_capacity),
        IN_SCENE(idle_keeps_what_it_can_do),
        IN_SCENE(slowdown_is_seen_within_seconds),
        IN_SCENE(restart_is_not_a_step_back),
        IN_SCENE(lost_endpoint_is_not_counted_now),
        IN_SCENE(time_away_is_no_flow),
        IN_SCENE(slots_are_what_runs_again_and_again_while_something_waits),
        IN_SCENE(waiting_for_prefill_says_nothing_of_slots),
        IN_SCENE(slots_of_unseen_endpoints_are_like_the_others),
        IN_SCENE(settings_stand_until_seen),
        IN_SCENE(tokens_by_difference_where_the_engine_does_not_count_them),
        IN_SCENE(prefill_is_ttft_minus_queue_where_it_is_not_measured),
        IN_SCENE(short_prompts_do_not_make_an_engine_slow),
        IN_SCENE(waiting_tokens_need_a_mean),
        IN_SCENE(idle_itl_is_the_low_of_the_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
