/* histogram: exact when small, within 1 % when large, merging is adding. */
#include "unit.h"

#include <math.h>

#include "base/histogram.h"
#include "base/random.h"

static struct histogram one, two;

static void is_nothing_when_empty(void **state)
{
    (void)state;
    histogram_clear(&one);
    assert_true(isnan(histogram_percentile(&one, 50)));
    assert_true(isnan(histogram_mean(&one)));
    assert_true(isnan(histogram_share_below(&one, 1)));
}

static void is_exact_when_small(void **state)
{
    (void)state;
    histogram_clear(&one);
    for (uint64_t i = 1; i <= 50; i++)
        histogram_add(&one, i);
    assert_true(histogram_percentile(&one, 0) == 1);
    assert_true(histogram_percentile(&one, 50) == 25);
    assert_true(histogram_percentile(&one, 98) == 49);
    assert_true(histogram_percentile(&one, 100) == 50);
    assert_true(histogram_mean(&one) == 25.5);
    assert_true(histogram_share_below(&one, 10) == 0.2);
    assert_int_equal(one.least, 1);
    assert_int_equal(one.most, 50);
}

static void every_value_comes_back_within_a_percent(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    for (int i = 0; i < 20000; i++) {
        const uint64_t value = random_u64(&random) >> (14 + i % 50);
        histogram_clear(&two);
        histogram_add(&two, value);
        two.least = 0; /* so that the bucket itself answers */
        two.most = UINT64_MAX;
        two.count = 2;
        const double back = histogram_percentile(&two, 50);
        assert_true(fabs(back - (double)value) <= 0.01 * (double)value);
    }
}

static void takes_the_extremes(void **state)
{
    (void)state;
    histogram_clear(&one);
    histogram_add(&one, 0);
    histogram_add(&one, UINT64_MAX);
    histogram_add_many(&one, 7, 0);
    assert_int_equal(one.count, 2);
    assert_true(histogram_percentile(&one, 50) == 0);
    assert_true(histogram_percentile(&one, 100) == (double)UINT64_MAX);
}

static void merges_by_adding(void **state)
{
    (void)state;
    static struct histogram all, none;
    struct random random;
    random_seed(&random, 3);
    histogram_clear(&one);
    histogram_clear(&two);
    histogram_clear(&all);
    for (int i = 0; i < 10000; i++) {
        const uint64_t value = (uint64_t)(random_exponential(&random) * 1e6);
        histogram_add(i % 3 ? &one : &two, value);
        histogram_add(&all, value);
    }
    histogram_merge(&one, &two);
    histogram_merge(&one, &none);
    assert_int_equal(one.count, all.count);
    assert_int_equal(one.least, all.least);
    assert_int_equal(one.most, all.most);
    assert_memory_equal(one.buckets, all.buckets, sizeof all.buckets);
    assert_true(fabs(histogram_percentile(&one, 50) / (1e6 * log(2)) - 1) < 0.05);
    histogram_merge(&none, &all);
    assert_int_equal(none.least, all.least);
}

/* What is written as (first value, count) is the same histogram when it is read. */
static void a_bucket_is_named_by_its_first_value(void **state)
{
    (void)state;
    histogram_clear(&one);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        histogram_add(&one, histogram_bucket_from(i));
        assert_int_equal(one.buckets[i], 1);
        assert_true(i == 0 || histogram_bucket_from(i) > histogram_bucket_from(i - 1));
    }
}

UNIT_MAIN(is_nothing_when_empty, is_exact_when_small, every_value_comes_back_within_a_percent,
          takes_the_extremes, merges_by_adding, a_bucket_is_named_by_its_first_value)
