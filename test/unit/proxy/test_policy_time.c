/* A policy's time is counted; it is held to account only for what it did itself. */
#include <poll.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "proxy/policy_time.h"
#include "unit.h"

static struct plugin plugin = {.number = 7};
static struct policy_time *times;

static int setup(void **state)
{
    (void)state;
    times = calloc(1, sizeof *times);
    return times == NULL;
}

static int teardown(void **state)
{
    (void)state;
    policy_time_finish(times);
    free(times);
    return 0;
}

static void nothing(void)
{
}

static void work(void)
{
    struct timespec began, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - began.tv_sec) * NS_PER_S + now.tv_nsec - began.tv_nsec <
           2 * POLICY_HARD_NS);
}

/* Waits in the kernel, as a policy that asks a file or a lock would. */
static void block(void)
{
    poll(NULL, 0, 1);
}

static const struct policy_metrics *decide(int64_t now_ns, int64_t took_ns, void (*do_it)(void))
{
    struct decision decision;
    decision_init(&decision);
    decision.now_ns = now_ns;
    decision.policy_count = 1;
    decision.policies[0] = (struct decision_policy){.plugin = &plugin, .took_ns = took_ns};
    policy_time_begin(times, now_ns);
    do_it();
    policy_time_end(times, &decision);
    return policy_time_of(times, plugin.number);
}

static void every_decision_is_in_the_histogram(void **state)
{
    (void)state;
    assert_null(policy_time_of(times, plugin.number));
    decide(1, 900, nothing);
    const struct policy_metrics *metrics = decide(2, POLICY_SOFT_NS, nothing);
    struct distribution_total took = {0};
    distribution_sum(&took, &metrics->took_s);
    assert_int_equal(took.count, 2);
    assert_int_equal(counter_get(&metrics->overruns), 0);
    decide(3, POLICY_SOFT_NS + 1, nothing);
    assert_int_equal(counter_get(&metrics->overruns), 1);
    assert_int_equal(counter_get(&metrics->strikes), 0);
}

static void a_first_overrun_is_only_a_suspicion(void **state)
{
    (void)state;
    const struct policy_metrics *metrics = decide(1, POLICY_HARD_NS + 1, work);
    assert_int_equal(counter_get(&metrics->strikes), 0);
    decide(2, POLICY_HARD_NS + 1, work);
    assert_int_equal(counter_get(&metrics->strikes), 1);
    decide(3, POLICY_HARD_NS + 1, block);
    assert_int_equal(counter_get(&metrics->strikes), 2);
    /* It took long by the clock, but neither worked nor slept: others had the processor. */
    decide(4, POLICY_HARD_NS + 1, nothing);
    assert_int_equal(counter_get(&metrics->strikes), 2);
}

static void a_suspicion_is_forgotten(void **state)
{
    (void)state;
    const struct policy_metrics *metrics = decide(1, POLICY_HARD_NS + 1, nothing);
    decide(2 + POLICY_STRIKE_NS, POLICY_HARD_NS + 1, work);
    assert_int_equal(counter_get(&metrics->strikes), 0);
    assert_int_equal(counter_get(&metrics->overruns), 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_decision_is_in_the_histogram),
        CASE(a_first_overrun_is_only_a_suspicion),
        CASE(a_suspicion_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
